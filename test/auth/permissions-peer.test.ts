import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { createPublishPermission, createSubscribePermission } from '../../src/auth/permissions.ts'
import type { SubjectPermission } from '../../src/protocol/go-json-decode.ts'
import { subjectMatches } from '../../src/protocol/subjects.ts'
import { publishPermissionText, subscriptionPermissionText } from '../../src/protocol/violations.ts'
import { program, skipReason } from '../support/peers.ts'
import { RawClient } from '../support/raw-client.ts'
import { startServer } from '../support/server-process.ts'
import {
  LITERALS,
  literals,
  patterns,
  publishPermissions,
  queues,
  subscribePermissions,
} from './permission-reference.ts'

const USERS = 60
const peer = program('nats-server')

const cases = fc.record({
  subscribe: subscribePermissions,
  publish: publishPermissions,
  subscriptions: fc.array(fc.tuple(patterns, fc.option(queues, { nil: '' })), {
    minLength: 6,
    maxLength: 6,
  }),
  publishes: fc.array(fc.oneof(literals, patterns), { minLength: 4, maxLength: 4 }),
})
type Case = typeof cases extends fc.Arbitrary<infer T> ? T : never

function userText({ subscribe, publish }: Case, index: number): string {
  const permissions = { subscribe: configured(subscribe), publish: configured(publish) }
  return `{ user: u${index}, password: p, permissions: ${JSON.stringify(permissions)} }`
}

/** An empty list in the configuration is none, of publishing too; so are the lists here. */
function configured({ allow, deny }: SubjectPermission): SubjectPermission {
  return {
    ...(allow?.length ? { allow } : {}),
    ...(deny?.length ? { deny } : {}),
  }
}

async function login(port: number, user: string): Promise<RawClient> {
  const client = await RawClient.connect(port)
  await client.send(`CONNECT {"verbose":false,"pedantic":false,"user":"${user}","pass":"p"}\r\n`)
  await answers(client, '')
  return client
}

/** What comes in answer to commands, up to PONG. */
async function answers(
  client: RawClient,
  commands: string,
  before = client.receivedBytes,
): Promise<string> {
  await client.send(`${commands}PING\r\n`)
  const after = () => client.received.subarray(before).toString()
  await client.waitFor('PONG', () => after().includes('PONG\r\n'))
  return after().replace(/^INFO .*\r\n/, '')
}

describe('permissions and those of nats-server', { skip: skipReason(peer) }, () => {
  it('are the same for subscribing, delivering and publishing', async () => {
    const sampled = fc.sample(cases, { numRuns: USERS, seed: 4 })
    const users = [...sampled.map(userText), '{ user: admin, password: p }']
    const config = `authorization { users = [\n${users.join('\n')}\n] }`
    await using server = await startServer(peer, { config })
    await using admin = await login(server.port, 'admin')
    const everything = LITERALS.map((subject) => `PUB ${subject} 0\r\n\r\n`).join('')
    let refusals = 0
    let filtered = 0
    for (const [index, sample] of sampled.entries()) {
      await using client = await login(server.port, `u${index}`)
      const subscribe = createSubscribePermission(configured(sample.subscribe))
      let isFiltered = false
      for (const [sid, [subject, queue]] of sample.subscriptions.entries()) {
        const about = `${JSON.stringify(sample)} SUB ${subject} ${queue}`
        const isAllowed = subscribe.verdict(subject, queue) === 'allowed'
        const text = subscriptionPermissionText(subject, queue === '' ? undefined : queue)
        const refusal = isAllowed ? '' : `-ERR '${text}'\r\n`
        const answer = await answers(client, `SUB ${subject} ${queue} ${sid}\r\n`)
        assert.equal(answer, `${refusal}PONG\r\n`, about)
        if (!isAllowed) {
          refusals++
          continue
        }
        isFiltered ||= subscribe.needsFilter(subject, queue)
        const before = client.receivedBytes
        await answers(admin, everything)
        const delivered = [...(await answers(client, '', before)).matchAll(/MSG (\S+) \d+ 0\r\n/g)]
        const covered = LITERALS.filter((literal) => subjectMatches(subject, literal))
        const expected = covered.filter((one) => !isFiltered || subscribe.delivers(one, queue))
        filtered += covered.length - expected.length
        assert.deepEqual(
          delivered.map(([, literal]) => literal),
          expected,
          about,
        )
        await answers(client, `UNSUB ${sid}\r\n`)
      }
      const publish = createPublishPermission(configured(sample.publish))
      for (const subject of sample.publishes) {
        const text = publishPermissionText(subject)
        const refusal = publish.isAllowed(subject) ? '' : `-ERR '${text}'\r\n`
        const answer = await answers(client, `PUB ${subject} 0\r\n\r\n`)
        assert.equal(answer, `${refusal}PONG\r\n`, `${JSON.stringify(sample)} PUB ${subject}`)
        if (refusal !== '') refusals++
      }
    }
    assert.ok(refusals > USERS && filtered > USERS, 'enough of it was of interest')
  })
})
