import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, type ListenOptions, Server } from 'node:net'
import { test } from 'node:test'
import { isWildcard, listenOn, plainAddress } from '../../src/base/addresses.ts'

test('an IPv4 address is one, however the system writes it', () => {
  assert.equal(plainAddress('::ffff:10.1.2.3'), '10.1.2.3')
  assert.equal(plainAddress('::FFFF:10.1.2.3'), '10.1.2.3')
  for (const address of ['10.1.2.3', '::1', 'fe80::ffff:1', '::ffff:0:1', '']) {
    assert.equal(plainAddress(address), address)
  }
  assert.equal(plainAddress(undefined), '')
})

test('two hosts stand for every address', () => {
  const hosts = ['0.0.0.0', '::', '::1', '127.0.0.1', 'localhost', '']
  assert.deepEqual(hosts.filter(isWildcard), ['0.0.0.0', '::'])
})

/** A system that refuses `::`, and notes what it was asked for. */
class OtherSystem extends Server {
  readonly asked: unknown[] = []
  readonly #code: string

  constructor(code: string) {
    super()
    this.#code = code
  }

  override listen(...args: unknown[]): this {
    const [options, onListening] = args as [ListenOptions, () => void]
    this.asked.push(options.host)
    if (options.host !== '::') return super.listen(options, onListening)
    process.nextTick(() => this.emit('error', Object.assign(new Error(), { code: this.#code })))
    return this
  }
}

test('without IPv6 every address is every IPv4 address', async () => {
  for (const code of ['EAFNOSUPPORT', 'EADDRNOTAVAIL']) {
    const server = new OtherSystem(code)
    await listenOn(server, { host: '0.0.0.0', port: 0 })
    assert.deepEqual(server.asked, ['::', '0.0.0.0'])
    assert.equal((server.address() as AddressInfo).address, '0.0.0.0')
    assert.equal(server.listenerCount('error'), 0)
    server.close()
    await once(server, 'close')
  }
})

test('any other refusal is told, and one address is one', async () => {
  const taken = new OtherSystem('EADDRINUSE')
  await assert.rejects(listenOn(taken, { host: '0.0.0.0', port: 0 }), { code: 'EADDRINUSE' })
  assert.deepEqual(taken.asked, ['::'])
  const server = new OtherSystem('')
  await listenOn(server, { host: '127.0.0.1', port: 0 })
  assert.deepEqual(server.asked, ['127.0.0.1'])
  server.close()
  await once(server, 'close')
})
