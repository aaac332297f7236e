import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isSourceAllowed, parseNetwork } from '../../../src/auth/jwt/source-networks.ts'

describe('the networks of a user', () => {
  it('are open if there are none', () => {
    for (const host of ['10.1.2.3', '::1', '', 'nonsense']) {
      assert.equal(isSourceAllowed([], host), true)
    }
  })

  it('hold the addresses that are in one of them', () => {
    const networks = ['10.0.0.0/8', '192.168.1.17/32', 'fd00::/8', '172.16.5.4/12']
    for (const host of ['10.255.1.2', '192.168.1.17', 'fd12::1', '::ffff:10.1.1.1', '172.31.0.1']) {
      assert.equal(isSourceAllowed(networks, host), true, host)
    }
    const others = ['11.0.0.1', '192.168.1.18', 'fe80::1', '::1', '::ffff:11.1.1.1', '172.32.0.1']
    for (const host of [...others, '', 'fd00::1%eth0', 'x']) {
      assert.equal(isSourceAllowed(networks, host), false, host)
    }
  })

  it('keep both kinds of address apart', () => {
    assert.equal(isSourceAllowed(['0.0.0.0/0'], '::1'), false)
    assert.equal(isSourceAllowed(['::/0'], 'fd00::1'), true)
    assert.equal(isSourceAllowed(['0.0.0.0/0'], '1.2.3.4'), true)
  })

  it('that are none let nobody in', () => {
    for (const cidr of ['10.0.0.0', '10.0.0.0/33', '::1/129', 'fe80::1%e/64', '01.2.3.4/8', '/8']) {
      assert.equal(parseNetwork(cidr), undefined, cidr)
      assert.equal(isSourceAllowed([cidr, '0.0.0.0/0'], '10.0.0.1'), false, cidr)
    }
  })
})
