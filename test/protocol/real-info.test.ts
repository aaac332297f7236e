import assert from 'node:assert/strict'
import test, { after, before } from 'node:test'
import { noResponders } from '../../src/protocol/headers.ts'
import { decodeInfo, encodeInfo } from '../../src/protocol/info.ts'
import {
  errorLine,
  publishPermissionText,
  subscriptionPermissionText,
} from '../../src/protocol/violations.ts'
import { program, skipReason } from '../support/peers.ts'
import { RawClient } from '../support/raw-client.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'
import { until } from '../support/wait.ts'

const natsServer = program('nats-server')
const skip = skipReason(natsServer)
let server: ServerProcess
let leafPort = 0

before(async () => {
  if (skip) return
  server = await startServer(natsServer, {
    config: `leafnodes { listen: "127.0.0.1:-1" }
      server_name: "a<b>&c"
      authorization {
        users: [{
          user: u, password: p
          permissions: { publish: { deny: "no.>" }, subscribe: { deny: "no.>" } }
        }]
      }
      no_auth_user: u`,
  })
  const pattern = /leafnode connections on 127\.0\.0\.1:(\d+)/
  leafPort = await until('the leaf node port in the log', () => {
    const found = pattern.exec(server.log)
    return found !== null && Number(found[1])
  })
})
after(async () => {
  await server?.stop()
})

/** Decodes and encodes a real line again; every byte has to come back. */
function assertSameInfo(line: string): void {
  assert.match(line, /^INFO /)
  const decoded = decodeInfo(line.slice('INFO '.length, -2))
  assert.ok(decoded.ok)
  assert.equal(encodeInfo(decoded.info), line)
}

function infoLines(client: RawClient): string[] {
  return client.received.toString('latin1').match(/^INFO .*\r\n/gm) ?? []
}

test('INFO lines to a real client come out of our encoder unchanged', { skip }, async () => {
  await using client = await RawClient.connect(server.port)
  await client.send('CONNECT {"protocol":1,"verbose":false}\r\nPING\r\n')
  await client.readUntil('"connect_info":true')
  await client.readUntil('PONG\r\n')
  await client.waitFor('the second INFO', () => infoLines(client).length === 2)
  for (const line of infoLines(client)) assertSameInfo(line)
})

test('INFO lines to a real leaf node come out of our encoder unchanged', { skip }, async () => {
  await using client = await RawClient.connect(leafPort)
  await client.readUntil('\r\n')
  await client.send('CONNECT {"user":"u","pass":"p"}\r\n')
  await client.waitFor('the second INFO', () => infoLines(client).length === 2)
  for (const line of infoLines(client)) assertSameInfo(line)
  assert.match(infoLines(client)[1]!, /"import":\{/)
})

test('permission texts and no responders are those of a real server', { skip }, async () => {
  await using client = await RawClient.connect(server.port)
  await client.send(
    'CONNECT {"verbose":false,"pedantic":false,"headers":true,"no_responders":true}\r\n' +
      'SUB r.* 7\r\nPUB no."\\\x01\xff 0\r\n\r\nSUB no.é q 1\r\nPUB \xffx r.1 0\r\n\r\nPING\r\n',
  )
  await client.readUntil('PONG\r\n')
  const wanted = Buffer.concat([
    Buffer.from(errorLine(publishPermissionText(Buffer.from('no."\\\x01\xff', 'latin1')))),
    Buffer.from(
      errorLine(subscriptionPermissionText(Buffer.from('no.é', 'latin1'), Buffer.from('q'))),
    ),
    noResponders(Buffer.from('r.1'), Buffer.from('7'), Buffer.from('\xffx', 'latin1')),
    Buffer.from('PONG\r\n'),
  ])
  const text = client.received.toString('latin1')
  assert.equal(text.slice(text.indexOf('\r\n') + 2), wanted.toString('latin1'))
})
