import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Resolver, ResolverServices } from '../../../src/auth/resolver/account-resolver.ts'
import type { ResolverOptions } from '../../../src/config/account-types.ts'
import { FakeSystem } from './fake-bus.ts'
import { FakeTime, settle } from './fake-time.ts'
import { cacheOptions, fullOptions, newDirectory, ResolverBench } from './resolver-bench.ts'
import { accountJwt, deleteJwt, forged, NOW_S, newKey, operator, signingKey } from './tokens.ts'

const [A, B] = [newKey(), newKey()]
const LOOKUP = `$SYS.REQ.ACCOUNT.${A}.CLAIMS.LOOKUP`
const UPDATE = `$SYS.REQ.ACCOUNT.${A}.CLAIMS.UPDATE`

interface Running {
  readonly bench: ResolverBench
  readonly time: FakeTime
  readonly resolver: Resolver
  readonly directory: string
}

async function run(
  context: TestContext,
  net: FakeSystem,
  optionsOf: (directory: string) => ResolverOptions,
  others: Partial<ResolverServices> = {},
  otherServers = 0,
): Promise<Running> {
  const directory = newDirectory(context)
  const time = new FakeTime()
  const bench = new ResolverBench({ nowMs: time.nowMs, after: time.after })
  const resolver = await bench.create(optionsOf(directory))
  context.after(() => resolver.close())
  await resolver.start(bench.services(net.bus(otherServers), others))
  return { bench, time, resolver, directory }
}

/** Waits for disk and promises; the JWTs here are few and small. */
async function untilIs<T>(read: () => Promise<T> | T, wanted: T): Promise<void> {
  for (let turn = 0; turn < 2000; turn++) {
    if (JSON.stringify(await read()) === JSON.stringify(wanted)) return
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  assert.deepEqual(await read(), wanted)
}

test('subscribes to what its kind serves, and to nothing after close', async (context) => {
  const both = [
    '$SYS.ACCOUNT.*.CLAIMS.UPDATE',
    '$SYS.REQ.ACCOUNT.*.CLAIMS.UPDATE',
    '$SYS.REQ.CLAIMS.DELETE',
    '$SYS.REQ.CLAIMS.LIST',
    '$SYS.REQ.CLAIMS.UPDATE',
  ]
  const served = async (kind: 'full' | 'cache'): Promise<string[]> => {
    const net = new FakeSystem()
    const running = await run(context, net, kind === 'full' ? fullOptions : cacheOptions)
    const subjects = net.subjects.filter((subject) => !subject.startsWith('$SYS._INBOX.'))
    assert.equal(net.subjects.length - subjects.length, kind === 'full' ? 2 : 1)
    const which = kind === 'full' ? 'all' : 'some'
    assert.deepEqual(running.bench.notices, [
      `info Managing ${which} jwt in exclusive directory ${running.directory}`,
    ])
    await running.resolver.close()
    assert.deepEqual(net.subjects, [])
    assert.equal(running.time.timerCount, 0)
    return subjects
  }
  assert.deepEqual(await served('cache'), both)
  const full = [...both, '$SYS.REQ.ACCOUNT.*.CLAIMS.LOOKUP', '$SYS.REQ.CLAIMS.PACK']
  assert.deepEqual(await served('full'), full.sort())
})

test('does not start without operator or system account', async (context) => {
  const bench = new ResolverBench()
  const resolver = await bench.create(fullOptions(newDirectory(context)))
  context.after(() => resolver.close())
  const bus = new FakeSystem().bus()
  await assert.rejects(resolver.start(bench.services(bus, { operator: undefined })), {
    message: 'no operator key found',
  })
  await assert.rejects(resolver.start(bench.services(undefined)), {
    message: 'error setting up update handling: system account not setup',
  })
})

test('an account in use takes its update, another one waits for its first login', async (context) => {
  const net = new FakeSystem()
  const { bench, resolver } = await run(context, net, fullOptions)
  await net.ask(UPDATE, accountJwt(A))
  assert.deepEqual(bench.updated, [])
  assert.equal(await resolver.fetch(A), accountJwt(A))
  bench.loaded.add(A)
  await net.ask(UPDATE, accountJwt(A, { issuedAt: NOW_S + 1 }))
  assert.deepEqual(bench.updated, [A])
  await net.ask(UPDATE, accountJwt(A, { issuedAt: NOW_S + 1 }))
  assert.deepEqual(bench.updated, [A], 'the same once more changes nothing')
})

test('an update without reply subject is stored, and only the log tells', async (context) => {
  const net = new FakeSystem()
  const { bench, resolver } = await run(context, net, fullOptions)
  net.publish(UPDATE, accountJwt(A))
  net.publish(UPDATE, 'x')
  await untilIs(() => bench.lines.includes(`debug jwt updated - ${A}`), true)
  assert.equal(await resolver.fetch(A), accountJwt(A))
  assert.ok(bench.lines.includes('error jwt update resulted in error - n/a - expected 3 chunks'))
})

/** Message or description of an answer. */
function wordsOf(answer: string | undefined): string {
  const { data, error } = JSON.parse(answer!) as {
    data?: { message: string }
    error?: { description: string }
  }
  return data?.message ?? error!.description
}

test('under a strict operator only its signing keys change and delete accounts', async (context) => {
  for (const [optionsOf, words] of [
    [fullOptions, ['jwt update resulted in error', 'jwt updated']],
    [cacheOptions, ['jwt update cache resulted in error', 'jwt updated cache']],
  ] as const) {
    const net = new FakeSystem()
    const { publicKey } = operator
    const keys = new Set([signingKey.publicKey])
    const { bench } = await run(context, net, optionsOf, {
      operator: { publicKey, keys, isStrict: true },
    })
    bench.loaded.add(A)
    for (const subject of [UPDATE, '$SYS.REQ.CLAIMS.UPDATE']) {
      const [refused] = await net.ask(subject, accountJwt(A))
      assert.equal(wordsOf(refused), `${words[0]} - operator requires issuer to be a signing key`)
      const [taken] = await net.ask(subject, accountJwt(A, { issuer: signingKey }))
      assert.equal(wordsOf(taken), words[1])
    }
    const [refused] = await net.ask('$SYS.REQ.CLAIMS.DELETE', deleteJwt([A]))
    assert.equal(wordsOf(refused), `delete accounts request by ${publicKey} failed - not trusted`)
    const [deleted] = await net.ask('$SYS.REQ.CLAIMS.DELETE', deleteJwt([A], signingKey))
    assert.equal(wordsOf(deleted), 'deleted 1 accounts')
    assert.deepEqual(bench.deleted, [A])
  }
})

test('a cache takes no updates of accounts that are not in use', async (context) => {
  const net = new FakeSystem()
  const { directory } = await run(context, net, cacheOptions)
  for (const subject of [UPDATE, '$SYS.REQ.CLAIMS.UPDATE']) {
    const [answer] = await net.ask(subject, accountJwt(A))
    assert.equal(wordsOf(answer), 'jwt update cache skipped')
  }
  assert.deepEqual(readdirSync(directory), [])
})

test('numbers the server object of every answer anew', async (context) => {
  const net = new FakeSystem()
  let seq = 0
  await run(context, net, fullOptions, { serverInfo: () => ({ name: 'a<b', seq: ++seq }) })
  assert.deepEqual(await net.ask('$SYS.REQ.CLAIMS.LIST'), [
    '{"data":[],"server":{"name":"a\\u003cb","seq":1}}',
  ])
  const [answer] = await net.ask(UPDATE, accountJwt(A))
  assert.equal(
    answer,
    `{"server":{"name":"a\\u003cb","seq":2},"data":{"account":"${A}","code":200,"message":"jwt updated"}}`,
  )
})

test('tells of deleted accounts, once, and of none that was not there', async (context) => {
  const net = new FakeSystem()
  const { bench, directory } = await run(context, net, fullOptions)
  await net.ask(UPDATE, accountJwt(A))
  await net.ask('$SYS.REQ.CLAIMS.DELETE', deleteJwt([A, newKey()], signingKey))
  assert.deepEqual(bench.deleted, [A])
  assert.deepEqual(readdirSync(directory), [`${A}.jwt.deleted`])
  await net.ask('$SYS.REQ.CLAIMS.DELETE', deleteJwt([A], signingKey))
  assert.deepEqual(bench.deleted, [A])
})

test('hostile requests change nothing and stop nothing', async (context) => {
  const net = new FakeSystem()
  const { resolver, directory } = await run(context, net, fullOptions)
  await net.ask(UPDATE, accountJwt(A))
  const bomb = Buffer.from(`{"nats":${'['.repeat(200_000)}`).toString('base64url')
  const hostile = [
    Buffer.alloc(2 * 1024 * 1024, 'a'),
    `${'a.'.repeat(300_000)}`,
    `eyJ0eXAiOiJKV1QiLCJhbGciOiJlZDI1NTE5LW5rZXkifQ.${bomb}.AAAA`,
    Uint8Array.from({ length: 4096 }, (_, at) => at & 0xff),
    forged(accountJwt(A, { issuedAt: NOW_S + 9 })),
  ]
  for (const payload of hostile) {
    for (const subject of [UPDATE, '$SYS.REQ.CLAIMS.UPDATE', '$SYS.REQ.CLAIMS.DELETE']) {
      const [answer] = await net.ask(subject, payload)
      assert.match(answer!, /^\{"server":\{\},"error":\{.*"code":500,/)
      assert.ok(answer!.length < 1000, 'what was sent is not sent back')
    }
    net.publish('$SYS.REQ.CLAIMS.PACK', payload)
    await net.ask('$SYS.REQ.CLAIMS.PACK', payload, 2)
  }
  const long = `$SYS.REQ.ACCOUNT.${'A'.repeat(1000)}.CLAIMS.LOOKUP`
  net.publish(long, '', 'nobody')
  net.publish('$SYS.REQ.ACCOUNT...CLAIMS.LOOKUP', '', 'nobody')
  assert.equal(await resolver.fetch(A), accountJwt(A))
  assert.deepEqual(readdirSync(directory), [`${A}.jwt`])
})

test('what stands in a token does not break a line of the log', async (context) => {
  const net = new FakeSystem()
  const { bench } = await run(context, net, fullOptions)
  const sly = deleteJwt([A], signingKey, 'x\n[1] [ERR] y')
  const [answer] = await net.ask('$SYS.REQ.CLAIMS.DELETE', sly)
  assert.match(
    answer!,
    /"description":"delete accounts request by x\\n\[1\] \[ERR\] y failed - not self/,
  )
  assert.equal(
    bench.notices.at(-1),
    'error delete accounts request by x [1] [ERR] y failed - not self signed',
  )
})

test('a failed write is told to who sends the update', async (context) => {
  const net = new FakeSystem()
  const { directory } = await run(context, net, fullOptions)
  // A directory in the place of the file: nothing can be renamed over it.
  mkdirSync(join(directory, `${A}.jwt`))
  const [answer] = await net.ask(UPDATE, accountJwt(A))
  const path = join(directory, `${A}.jwt`)
  const why = `jwt update resulted in error - write ${path}: is a directory`
  assert.equal(answer, `{"server":{},"error":{"account":"${A}","code":500,"description":"${why}"}}`)
  const limited = await run(context, net, (path) => ({ ...fullOptions(path), limit: 1 }))
  await limited.resolver.store(A, accountJwt(A))
  await assert.rejects(limited.resolver.store(B, accountJwt(B)), { message: 'jwt store is full' })
})

test('finds an account at another server and keeps it', async (context) => {
  for (const optionsOf of [fullOptions, cacheOptions]) {
    const net = new FakeSystem()
    const first = await run(context, net, fullOptions)
    const second = await run(context, net, optionsOf, {}, 1)
    await first.resolver.store(A, accountJwt(A))
    assert.equal(await second.resolver.fetch(A), accountJwt(A))
    assert.deepEqual(readdirSync(second.directory), [`${A}.jwt`])
    await first.resolver.close()
    assert.equal(await second.resolver.fetch(A), accountJwt(A), 'without asking again')
  }
})

test('logins that wait for the same account share one search', async (context) => {
  const net = new FakeSystem()
  const { resolver } = await run(context, net, cacheOptions, {}, 1)
  const asked: string[] = []
  const other = net.bus()
  other.subscribe('$SYS.REQ.ACCOUNT.*.CLAIMS.LOOKUP', undefined, ({ subject, reply }) => {
    asked.push(subject)
    setImmediate(() => other.publish(reply, '', Buffer.from(accountJwt(A))))
  })
  const found = await Promise.all(Array.from({ length: 100 }, () => resolver.fetch(A)))
  assert.deepEqual(new Set(found), new Set([accountJwt(A)]))
  assert.deepEqual(asked, [LOOKUP])
})

/** A server that has nothing, and one that answers when told to. */
async function lookupBench(context: TestContext, otherServers: number) {
  const net = new FakeSystem()
  const running = await run(context, net, cacheOptions, {}, otherServers)
  const other = net.bus()
  const replies: string[] = []
  other.subscribe('$SYS.REQ.ACCOUNT.*.CLAIMS.LOOKUP', undefined, ({ reply }) => {
    replies.push(reply)
  })
  const fetched = running.resolver.fetch(A)
  await untilIs(() => replies.length, 1)
  const say = (payload: string): void => other.publish(replies[0]!, '', Buffer.from(payload))
  return { ...running, fetched, say }
}

test('a JWT counts as not found when every known server says so', async (context) => {
  const { bench, fetched, say } = await lookupBench(context, 2)
  say('')
  await settle()
  assert.deepEqual(bench.notices.slice(1), [])
  say('')
  assert.equal(await fetched, undefined)
  assert.deepEqual(bench.notices.slice(1), ['warn Account fetch failed: account jwt not found'])
  say(accountJwt(A))
})

test('the first answer that is not empty counts', async (context) => {
  const { fetched, say } = await lookupBench(context, 2)
  say('')
  say(accountJwt(A))
  assert.equal(await fetched, accountJwt(A))
})

test('a forged answer is not taken', async (context) => {
  const { bench, directory, fetched, say } = await lookupBench(context, 1)
  say(forged(accountJwt(A)))
  assert.equal(await fetched, undefined)
  assert.deepEqual(bench.notices.slice(1), [
    'warn Account fetch failed: claim failed V2 signature verification',
  ])
  assert.deepEqual(readdirSync(directory), [])
})

test('gives up when nobody answers in time', async (context) => {
  const { bench, time, fetched } = await lookupBench(context, 1)
  await time.pass(1900)
  assert.equal(await fetched, undefined)
  assert.deepEqual(bench.notices.slice(1), [
    `warn Account [${A}] fetch took 1.9s`,
    'warn Account fetch failed: fetching jwt timed out',
  ])
})

test('a fetch ends with the server', async (context) => {
  const { bench, resolver, fetched } = await lookupBench(context, 1)
  await resolver.close()
  assert.equal(await fetched, undefined)
  assert.deepEqual(bench.notices.slice(1), [
    'warn Account fetch failed: fetching jwt failed due to shutdown',
  ])
})

test('asks nobody for what is no account', async (context) => {
  const net = new FakeSystem()
  const { bench, resolver } = await run(context, net, cacheOptions)
  for (const name of ['', '*', '>', '../x', signingKey.publicKey, `${A}x`]) {
    assert.equal(await resolver.fetch(name), undefined)
  }
  const reason = 'warn Account fetch failed: will only fetch valid account keys'
  assert.deepEqual(bench.notices.slice(1), Array(6).fill(reason))
})

test('full resolvers become alike', async (context) => {
  const net = new FakeSystem()
  const servers = await Promise.all([1, 2, 3].map(() => run(context, net, fullOptions, {}, 2)))
  const keys = Array.from({ length: 30 }, newKey)
  for (const [at, key] of keys.entries()) {
    await servers[at % 3]!.resolver.store(key, accountJwt(key))
    // An older one elsewhere, which must give way.
    const older = accountJwt(key, { issuedAt: NOW_S - 1 })
    await servers[(at + 1) % 3]!.resolver.store(key, older)
  }
  const finished = (bench: ResolverBench): number =>
    bench.lines.filter((line) => line.includes('Merging finished')).length
  const hashes = (): Set<string | undefined> =>
    new Set(servers.map(({ bench }) => bench.lines.findLast((line) => line.includes('resulting'))))
  for (let round = 0; round < 20 && (round === 0 || hashes().size > 1); round++) {
    for (const { time, bench } of servers) {
      const before = finished(bench)
      await time.pass(3_600_000)
      await untilIs(() => finished(bench), before + 1)
    }
  }
  const files = servers.map(({ directory }) => readdirSync(directory).sort())
  assert.deepEqual(files, Array(3).fill(keys.map((key) => `${key}.jwt`).sort()))
  for (const { resolver } of servers) {
    for (const key of keys) assert.equal(await resolver.fetch(key), accountJwt(key))
  }
  const { bench, time } = servers[0]!
  bench.lines.length = 0
  await time.pass(3_600_000)
  await untilIs(() => finished(bench), 1)
  assert.ok(!bench.lines.some((line) => line.includes('Merging succeeded')), 'equal hashes')
})

test('answers a pack request with a line for each JWT and an empty end', async (context) => {
  const net = new FakeSystem()
  const { resolver } = await run(context, net, fullOptions)
  const keys = [newKey(), newKey()].sort()
  for (const key of keys) await resolver.store(key, accountJwt(key))
  const lines = keys.map((key) => `${key}|${accountJwt(key)}`)
  assert.deepEqual(await net.ask('$SYS.REQ.CLAIMS.PACK', Buffer.alloc(32), 3), [...lines, ''])
})

test('preloads are stored unless a newer one is there', async (context) => {
  const directory = newDirectory(context)
  writeFileSync(join(directory, `${A}.jwt`), accountJwt(A, { issuedAt: NOW_S + 5 }))
  const bench = new ResolverBench()
  const preload = { [A]: accountJwt(A), [B]: accountJwt(B) }
  const resolver = await bench.create(fullOptions(directory), preload)
  assert.equal(await resolver.fetch(A), accountJwt(A, { issuedAt: NOW_S + 5 }))
  assert.equal(await resolver.fetch(B), accountJwt(B))
  await resolver.close()
  await assert.rejects(bench.create(fullOptions(directory), { [A]: 'x' }), {
    message: `preload account error for "${A}": expected 3 chunks`,
  })
  assert.deepEqual(bench.notices, [])
})

test('a reload takes over what was changed by hand', async (context) => {
  const net = new FakeSystem()
  const { bench, resolver, directory } = await run(context, net, fullOptions)
  bench.loaded.add(A)
  await resolver.store(A, accountJwt(A))
  writeFileSync(join(directory, `${A}.jwt`), accountJwt(A, { issuedAt: NOW_S + 1 }))
  await resolver.reload({})
  assert.deepEqual(bench.updated, [A, A])
  const untrusted = accountJwt(A, { issuer: signingKey, expires: NOW_S - 1 })
  writeFileSync(join(directory, `${A}.jwt`), untrusted)
  await resolver.reload({})
  assert.deepEqual(bench.updated, [A, A])
  assert.equal(
    bench.notices.at(-1),
    `error DirResolver - Update for account "${A}" resulted in error account validation failed`,
  )
})
