import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import type { CertificateOnDisk } from '../support/certificates.ts'
import { withLog } from '../support/failure-text.ts'
import { notHonouredReason } from '../support/not-yet-honoured.ts'
import { programsUnderTest, skipReason } from '../support/peers.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'
import { WsClient } from '../websocket/ws-client.ts'
import { certificates, connectSecure, identity, shown, tlsConfig, trust } from './tls-bench.ts'

const { ca, client } = certificates
const byName = ca.issue('by-name', { dns: ['host.example.com'], subject: ['CN=nobody'] })
const bySubject = ca.issue('by-subject', { subject: ['O=Example', 'CN=subject'] })
const stranger = ca.issue('stranger', { subject: ['CN=stranger'] })

const MAPPED = [trust, 'verify_and_map: true']
const USERS = `authorization { users: [
  { user: "derek@example.com", permissions: { publish: "by.email", subscribe: ">" } }
  { user: "host.example.com", permissions: { publish: "by.name", subscribe: ">" } }
  { user: "CN=subject,O=Example", permissions: { publish: "by.subject", subscribe: ">" } }
] }
`
const CONFIG = `${tlsConfig(MAPPED, USERS)}
websocket { listen: "127.0.0.1:-1", tls { ${[identity(certificates.server), ...MAPPED].join(', ')} } }
`
/** Each user may publish to a subject of its own only, which shows who somebody is taken for. */
const SUBJECTS = ['by.email', 'by.name', 'by.subject'] as const

const LINES = [
  'CONNECT {"verbose":false,"user":"somebody else"}\r\n',
  ...SUBJECTS.map((subject) => `PUB ${subject} 0\r\n\r\n`),
  'PING\r\n',
].join('')

type Enter = (server: ServerProcess, one: CertificateOnDisk) => Promise<string>

const overTcp: Enter = async ({ port }, one) => {
  await using connection = await connectSecure(port, 'INFO first', shown(one))
  await connection.raw.send(LINES)
  const { raw } = connection
  const isAnswered = () => /PONG\r\n|Authorization Violation/.test(raw.received.toString('latin1'))
  await raw.waitFor('an answer', isAnswered)
  return raw.received.toString('latin1')
}

const overWebsocket: Enter = async ({ websocketPort }, one) => {
  const tls = { ...shown(one), ca: readFileSync(ca.certFile) }
  await using ws = await WsClient.connect(`wss://localhost:${websocketPort}`, tls)
  ws.send(LINES)
  // Whoever is refused is closed.
  await Promise.race([ws.readUntil('PONG\r\n').catch(() => {}), ws.closed])
  return ws.text
}

for (const under of programsUnderTest()) {
  describe(`verify_and_map, ${under.name}`, {
    skip: skipReason(under) || notHonouredReason(under, CONFIG),
  }, () => {
    for (const [transport, enter] of [
      ['TCP', overTcp],
      ['WebSocket', overWebsocket],
    ] as const) {
      test(`the certificate names the user, over ${transport}`, { timeout: 60_000 }, async () => {
        await using server = await startServer(under, { config: CONFIG })
        try {
          for (const [one, own] of [
            [client, 'by.email'],
            [byName, 'by.name'],
            [bySubject, 'by.subject'],
          ] as const) {
            const answer = await enter(server, one)
            const refused = SUBJECTS.filter((subject) => answer.includes(`Publish to "${subject}"`))
            assert.deepEqual(
              refused,
              SUBJECTS.filter((subject) => subject !== own),
              answer,
            )
          }
          assert.match(await enter(server, stranger), /-ERR 'Authorization Violation'/)
        } catch (error) {
          throw withLog(error, [server])
        }
      })
    }
  })
}
