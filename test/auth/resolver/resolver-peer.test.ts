import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import {
  connect,
  jwtAuthenticator,
  type NatsConnection,
  RequestError,
} from '@nats-io/transport-node'
import { NkeyPair } from '../../../src/auth/nkeys.ts'
import type { SystemBus } from '../../../src/auth/resolver/system-bus.ts'
import type { ResolverOptions } from '../../../src/config/account-types.ts'
import { program, skipReason } from '../../support/peers.ts'
import { type ServerProcess, startServer } from '../../support/server-process.ts'
import { DEADLINE_MS, until } from '../../support/wait.ts'
import { type ClaimsRequest, claimsRequests, withoutServer } from './claims-requests.ts'
import { FakeSystem, matches } from './fake-bus.ts'
import { cacheOptions, fullOptions, newDirectory, ResolverBench } from './resolver-bench.ts'
import {
  accountJwt,
  deleteJwt,
  NOW_S,
  newKey,
  operator,
  operatorJwt,
  signingKey,
  userJwt,
} from './tokens.ts'

const NOBODY = 'nobody answers'

const peer = program('nats-server')
const skip = skipReason(peer)

const system = newKey()
const used = newKey()
/** Signs users of both: under a strict operator the accounts themselves must not. */
const signer = NkeyPair.generate('account')

type Kind = ResolverOptions['kind']

interface Terms {
  readonly kind: Exclude<Kind, 'url'>
  readonly directory: string
  readonly isStrict?: boolean
  readonly allowDelete?: boolean
}

/** Accounts must not be signed by the operator itself when that is strict. */
function preloadOf(isStrict: boolean): Record<string, string> {
  const issuer = isStrict ? signingKey : operator
  const terms = { issuer, nats: { signing_keys: [signer.publicKey] } }
  return { [system]: accountJwt(system, terms), [used]: accountJwt(used, terms) }
}

function peerConfig({ kind, directory, isStrict = false, allowDelete = true }: Terms): string {
  const resolver = {
    memory: 'MEMORY',
    full: `{ type: full, dir: "${directory}", allow_delete: ${allowDelete}, interval: "1h" }`,
    cache: `{ type: cache, dir: "${directory}" }`,
  }[kind]
  const signing = { signing_keys: [signingKey.publicKey], strict_signing_key_usage: isStrict }
  const preload = Object.entries(preloadOf(isStrict)).map(([key, jwt]) => `${key}: ${jwt}`)
  return [
    `operator: ${operatorJwt(signing)}`,
    `system_account: ${system}`,
    `resolver: ${resolver}`,
    `resolver_preload: { ${preload.join(', ')} }`,
  ].join('\n')
}

async function logIn(server: ServerProcess, account: string): Promise<NatsConnection> {
  const user = NkeyPair.generate('user')
  const authenticator = jwtAuthenticator(
    userJwt(user.publicKey, signer, account),
    new TextEncoder().encode(user.seed()),
  )
  return connect({ servers: server.url, authenticator, noEcho: true })
}

/** What the real server answers; the account `used` is in use. */
async function answersOfPeer(terms: Terms, requests: readonly ClaimsRequest[]): Promise<string[]> {
  await using server = await startServer(peer, { config: peerConfig(terms) })
  const user = await logIn(server, used)
  const admin = await logIn(server, system)
  const answers: string[] = []
  for (const { subject, payload } of requests) {
    try {
      const answer = await admin.request(subject, payload, { timeout: DEADLINE_MS })
      answers.push(withoutServer(answer.string()))
    } catch (error) {
      if (!(error instanceof RequestError && error.isNoResponders())) throw error
      answers.push(NOBODY)
    }
  }
  await user.close()
  await admin.close()
  return answers
}

async function answersOfOurs(
  context: TestContext,
  terms: Terms,
  requests: readonly ClaimsRequest[],
): Promise<string[]> {
  const { kind, directory, isStrict = false, allowDelete = true } = terms
  const bench = new ResolverBench()
  bench.loaded.add(used).add(system)
  const options: ResolverOptions =
    kind === 'memory'
      ? { kind }
      : kind === 'full'
        ? { ...fullOptions(directory), allowDelete }
        : cacheOptions(directory)
  const resolver = await bench.create(options, preloadOf(isStrict))
  context.after(() => resolver.close())
  const net = new FakeSystem()
  const keys = isStrict ? [signingKey] : [operator, signingKey]
  const services = bench.services(net.bus(), {
    systemAccount: system,
    operator: {
      publicKey: operator.publicKey,
      keys: new Set(keys.map(({ publicKey }) => publicKey)),
      isStrict,
    },
  })
  await resolver.start(services)
  const answers: string[] = []
  for (const { subject, payload } of requests) {
    const isServed = net.subjects.some((pattern) => matches(pattern.split('.'), subject))
    const [answer] = isServed ? await net.ask(subject, payload) : [NOBODY]
    answers.push(withoutServer(answer!))
  }
  return answers
}

const RUNS: readonly Omit<Terms, 'directory'>[] = [
  { kind: 'full' },
  { kind: 'full', isStrict: true },
  { kind: 'full', allowDelete: false },
  { kind: 'cache' },
  { kind: 'cache', isStrict: true },
  { kind: 'memory' },
]

for (const run of RUNS) {
  const title = `${run.isStrict === true ? 'strict ' : ''}${run.kind}`
  const ending = run.allowDelete === false ? ' without deletes' : ''
  test(`a ${title} resolver${ending} answers like nats-server`, { skip }, async (context) => {
    const requests = claimsRequests({ system, used, unused: newKey() })
    const theirs = await answersOfPeer({ ...run, directory: newDirectory(context) }, requests)
    const ours = await answersOfOurs(
      context,
      { ...run, directory: newDirectory(context) },
      requests,
    )
    const paired = (answers: readonly string[]): string[] =>
      requests.map(({ title: what, subject }, at) => `${what} (${subject}): ${answers[at]}`)
    assert.deepEqual(paired(ours), paired(theirs))
  })
}

test('a directory changes hands: nats-server, Sable, nats-server', { skip }, async (context) => {
  const directory = newDirectory(context)
  const [first, second, third] = [newKey(), newKey(), newKey()]
  const push = async (admin: NatsConnection, key: string): Promise<void> => {
    const answer = await admin.request('$SYS.REQ.CLAIMS.UPDATE', accountJwt(key))
    assert.match(answer.string(), /"message":"jwt updated"/)
  }
  const listOf = async (admin: NatsConnection): Promise<string[]> => {
    const answer = await admin.request('$SYS.REQ.CLAIMS.LIST')
    return answer.json<{ data: string[] }>().data
  }
  {
    await using server = await startServer(peer, {
      config: peerConfig({ kind: 'full', directory }),
    })
    const admin = await logIn(server, system)
    await push(admin, first)
    await push(admin, second)
    await admin.close()
  }
  const net = new FakeSystem()
  const bench = new ResolverBench()
  const resolver = await bench.create(fullOptions(directory))
  await resolver.start(bench.services(net.bus()))
  assert.equal(await resolver.fetch(first), accountJwt(first))
  const kept = [system, used, first, second].sort()
  const [list] = await net.ask('$SYS.REQ.CLAIMS.LIST')
  assert.deepEqual((JSON.parse(list!) as { data: unknown }).data, kept)
  await net.ask('$SYS.REQ.CLAIMS.UPDATE', accountJwt(third))
  await net.ask('$SYS.REQ.CLAIMS.DELETE', deleteJwt([first]))
  await resolver.close()
  {
    await using server = await startServer(peer, {
      config: peerConfig({ kind: 'full', directory }),
    })
    const admin = await logIn(server, system)
    assert.deepEqual((await listOf(admin)).sort(), [system, used, second, third].sort())
    await admin.close()
  }
  const names = readdirSync(directory).filter((name) => name.startsWith(first))
  assert.deepEqual(names, [`${first}.jwt.deleted`])
  assert.equal(readFileSync(join(directory, `${third}.jwt`), 'utf8'), accountJwt(third))
})

/** A client of the system account in place of the server's own: what it asks, a server answers. */
function busOver(client: NatsConnection): SystemBus {
  return {
    subscribe(subject, queue, handler) {
      const subscription = client.subscribe(subject, {
        ...(queue === undefined ? {} : { queue }),
        callback: (_, message) =>
          handler({
            subject: message.subject,
            reply: message.reply ?? '',
            headers: new Uint8Array(0),
            payload: message.data,
          }),
      })
      return () => subscription.unsubscribe()
    },
    publish: (subject, reply, payload) =>
      client.publish(subject, payload, reply === '' ? {} : { reply }),
    otherServers: () => 1,
  }
}

test('a full resolver and that of nats-server become alike', { skip }, async (context) => {
  const directory = newDirectory(context)
  const config = peerConfig({ kind: 'full', directory }).replace('"1h"', '"200ms"')
  await using server = await startServer(peer, { config })
  const client = await logIn(server, system)
  const [theirs, ours, both, looked] = [newKey(), newKey(), newKey(), newKey()]
  const push = (jwt: string): Promise<unknown> => client.request('$SYS.REQ.CLAIMS.UPDATE', jwt)
  await push(accountJwt(theirs))
  await push(accountJwt(both, { issuedAt: NOW_S + 1 }))

  const own = newDirectory(context)
  const bench = new ResolverBench()
  const resolver = await bench.create({ ...fullOptions(own), intervalMs: 200 })
  await resolver.store(ours, accountJwt(ours))
  await resolver.store(both, accountJwt(both))
  await resolver.start(bench.services(busOver(client)))
  const names = [theirs, ours, both, system, used].map((key) => `${key}.jwt`).sort()
  for (const path of [directory, own]) {
    await until(
      () => `all JWTs in ${path}\n${bench.lines.slice(-20).join('\n')}\n${server.logTail}`,
      () => readdirSync(path).sort().join() === names.join(),
    )
  }
  for (const name of names) {
    const [one, other] = [directory, own].map((path) => readFileSync(join(path, name), 'utf8'))
    assert.equal(one, other)
  }
  assert.equal(await resolver.fetch(both), accountJwt(both, { issuedAt: NOW_S + 1 }))
  const matches = (): boolean => bench.lines.some((line) => line.includes('Pack request matches'))
  await until(() => `the same hash\n${bench.lines.slice(-20).join('\n')}`, matches)
  await resolver.close()
  assert.deepEqual(bench.notices.slice(1), [])

  // A cache asks the same server for what it has not.
  const cache = await bench.create(cacheOptions(newDirectory(context)))
  await cache.start(bench.services(busOver(client)))
  assert.equal(await cache.fetch(theirs), accountJwt(theirs))
  assert.equal(await cache.fetch(looked), undefined)
  assert.equal(bench.notices.at(-1), 'warn Account fetch failed: account jwt not found')
  await cache.close()
  await client.close()
})

test('nats-server finds an account at a full resolver', { skip }, async (context) => {
  await using server = await startServer(peer, {
    config: peerConfig({ kind: 'cache', directory: newDirectory(context) }),
  })
  const client = await logIn(server, system)
  const bench = new ResolverBench()
  const resolver = await bench.create(fullOptions(newDirectory(context)))
  await resolver.start(bench.services(busOver(client)))
  const account = newKey()
  await resolver.store(account, accountJwt(account, { nats: { signing_keys: [signer.publicKey] } }))
  const user = await logIn(server, account)
  await user.flush()
  await user.close()
  await resolver.close()
  await client.close()
})
