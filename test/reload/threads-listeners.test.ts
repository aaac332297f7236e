import assert from 'node:assert/strict'
import { it } from 'node:test'
import { eachServer } from '../operator/each-server.ts'
import type { ServerProgram } from '../support/peers.ts'
import { until } from '../support/wait.ts'
import { certificates, connectSecure, shown, tlsConfig, trust } from '../tls/tls-bench.ts'
import { WsClient } from '../websocket/ws-client.ts'
import { Client, closedWith, Reloading } from './reloading.ts'

const TIMEOUT_MS = 60_000
const STAYS = ''

const one = certificates.ca.issue('pinned-one')
const two = certificates.ca.issue('pinned-two')

eachServer('reload, listeners', (program) => {
  it('TLS comes, changes and goes', { timeout: TIMEOUT_MS }, () => tlsChanges(program))
  it('WebSocket clients are judged, too', { timeout: TIMEOUT_MS }, () => websocket(program))
})

function pinned(...pins: readonly string[]): string {
  const list = pins.map((pin) => `"${pin}"`).join(', ')
  return tlsConfig([trust, 'verify: true', `pinned_certs: [ ${list} ]`])
}

async function tlsChanges(program: ServerProgram): Promise<void> {
  await using server = await Reloading.start(program, '')
  const { port } = server.server
  const plain = await server.client({})
  await server.reload(tlsConfig())
  assert.equal(await plain.say(), STAYS)
  assert.equal((await server.client(undefined)).info['tls_required'], true)
  await using first = await connectSecure(port, 'INFO first')
  const secure = Client.over(first.raw)
  assert.equal(await secure.say('CONNECT {"verbose":false}'), STAYS)

  // Who has shown no certificate stays, as long as none are pinned.
  await server.reload(tlsConfig([trust, 'verify: true']))
  assert.equal(await secure.say(), STAYS)
  await using withOne = await connectSecure(port, 'INFO first', shown(one))
  const clientOne = Client.over(withOne.raw)
  assert.equal(await clientOne.say('CONNECT {"verbose":false}'), STAYS)
  await using withTwo = await connectSecure(port, 'INFO first', shown(two))
  const clientTwo = Client.over(withTwo.raw)
  assert.equal(await clientTwo.say('CONNECT {"verbose":false}'), STAYS)

  await server.reload(pinned(one.pin))
  assert.equal(await clientOne.say(), STAYS)
  if (program.name === 'sable') {
    // nats-server looks at the certificates that were pinned before: at none.
    assert.equal(await clientTwo.say(), closedWith())
    assert.match(server.server.log, /Disconnect \d clients due to pinned certs reload/)
  }

  await server.reload('')
  assert.equal(await clientOne.say(), STAYS)
  const last = await server.client({})
  assert.notEqual(last.info['tls_required'], true)
}

async function websocket(program: ServerProgram): Promise<void> {
  const listener = 'websocket { listen: "127.0.0.1:-1", no_tls: true }\n'
  const users = (pass: string) => `authorization { users: [ { user: ann, password: ${pass} } ] }\n`
  await using server = await Reloading.start(program, listener + users('first'))
  await using client = await WsClient.connect(`ws://127.0.0.1:${server.server.websocketPort}`)
  const login = { verbose: false, user: 'ann', pass: 'first' }
  client.send(`CONNECT ${JSON.stringify(login)}\r\nPING\r\n`)
  await until('the login', () => client.text.includes('PONG'))
  await server.reload(`${listener + users('first')}max_payload: 2`)
  client.send('PING\r\n')
  await until('another PONG', () => client.text.split('PONG').length > 2)
  await server.reload(listener + users('second'))
  await client.closed
  assert.match(client.text, /-ERR 'Authorization Violation'\r\n$/)
}
