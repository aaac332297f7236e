import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import bcrypt from 'bcryptjs'
import { isBcrypt } from '../../src/auth/password.ts'
import { sable } from './sable-tool.ts'

const passwd = (args: readonly string[], input = '') => sable(['passwd', ...args], input)
const HASH = /bcrypt hash: (\$2a\$(\d\d)\$[\w./]{53})\n$/

describe('sable passwd', () => {
  it('makes up a password, and shows it with its hash', () => {
    const { code, stdout, stderr } = passwd(['-c', '4'])
    assert.deepEqual([code, stderr], [0, ''])
    const [, password = ''] = /^pass: (\S{22})\n/.exec(stdout) ?? []
    const [, hash = '', cost] = HASH.exec(stdout) ?? []
    assert.equal(cost, '04')
    assert.equal(bcrypt.compareSync(password, hash), true)
    assert.equal(isBcrypt(hash), true)
    assert.notEqual(passwd(['-c', '4']).stdout, stdout)
  })

  it('hashes at a cost of 11 unless it is told another', () => {
    assert.equal(HASH.exec(passwd([]).stdout)?.[2], '11')
  })

  it('-p takes the password from stdin and does not show it', () => {
    for (const input of ['s3cr3t é\n', 's3cr3t é', 's3cr3t é\r\nanother line\n']) {
      const { code, stdout } = passwd(['-p', '-c=4'], input)
      const [, hash = ''] = HASH.exec(stdout) ?? []
      assert.equal(code, 0)
      assert.equal(bcrypt.compareSync('s3cr3t é', hash), true)
      assert.equal(stdout.includes('s3cr3t'), false)
    }
  })

  it('refuses what bcrypt would not look at', () => {
    assert.equal(passwd(['-p', '-c', '4'], 'x'.repeat(72)).code, 0)
    const { code, stdout, stderr } = passwd(['-p', '-c', '4'], 'x'.repeat(73))
    assert.deepEqual([code, stdout.includes('hash')], [1, false])
    const why = 'bcrypt: password length exceeds 72 bytes'
    assert.equal(stderr, `Error producing bcrypt hash: ${why}\n`)
  })

  it('refuses flags that make no sense', () => {
    const outside = (cost: number) =>
      `Error producing bcrypt hash: crypto/bcrypt: cost ${cost} is outside allowed inclusive range 4..31\n`
    for (const cost of [3, 32]) {
      const { code, stdout, stderr } = passwd(['-c', String(cost)])
      assert.deepEqual([code, stdout, stderr], [1, '', outside(cost)])
    }
    for (const args of [['-x'], ['-c', 'x'], ['-c'], ['extra']]) {
      const { code, stdout, stderr } = passwd(args)
      assert.deepEqual([code, stdout], [1, ''])
      assert.match(stderr, /Usage: sable passwd \[-p\] \[-c COST\]\n/)
    }
    assert.equal(passwd(['-h']).code, 0)
  })
})
