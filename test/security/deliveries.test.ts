/**
 * Random accounts, users, permissions, imports and subscriptions in a running broker: who gets what
 * is compared with a plain reference that looks at every subscription for every message.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { program, skipReason } from '../support/peers.ts'
import { startServer } from '../support/server-process.ts'
import { type Delivered, LoggedIn } from './logged-in.ts'

const TOKENS = ['a', 'b', 'c'] as const
const ACCOUNTS = ['A', 'B', 'C'] as const
type AccountName = (typeof ACCOUNTS)[number]

const literal = fc
  .array(fc.constantFrom(...TOKENS), { minLength: 1, maxLength: 3 })
  .map((tokens) => tokens.join('.'))
const pattern = fc
  .tuple(
    fc.array(fc.constantFrom(...TOKENS, '*'), { minLength: 0, maxLength: 2 }),
    fc.constantFrom('a', 'b', 'c', '*', '>'),
  )
  .map(([tokens, last]) => [...tokens, last].join('.'))

const permission = fc.record({
  allow: fc.array(pattern, { minLength: 1, maxLength: 3 }),
  deny: fc.array(pattern, { maxLength: 2 }),
})

interface Allowed {
  readonly allow: readonly string[]
  readonly deny: readonly string[]
}

interface User {
  readonly account: AccountName
  readonly publish: Allowed | undefined
  readonly subscribe: Allowed | undefined
}

/** Every account exports everything; importers see it below their own prefix. */
interface Import {
  readonly importer: AccountName
  readonly exporter: AccountName
  readonly subject: string
}

interface Subscription {
  readonly user: number
  readonly subject: string
  readonly queue: string
}

interface Scene {
  readonly users: readonly User[]
  readonly imports: readonly Import[]
  readonly subscriptions: readonly Subscription[]
  readonly publishes: readonly { readonly user: number; readonly subject: string }[]
}

const scene: fc.Arbitrary<Scene> = fc.record({
  users: fc.array(
    fc.record({
      account: fc.constantFrom(...ACCOUNTS),
      publish: fc.option(permission, { nil: undefined }),
      subscribe: fc.option(permission, { nil: undefined }),
    }),
    { minLength: 2, maxLength: 5 },
  ),
  imports: fc.uniqueArray(
    fc
      .record({
        importer: fc.constantFrom(...ACCOUNTS),
        exporter: fc.constantFrom(...ACCOUNTS),
        subject: pattern,
      })
      .filter(({ importer, exporter }) => importer < exporter),
    { maxLength: 3, selector: ({ importer, exporter }) => `${importer}${exporter}` },
  ),
  subscriptions: fc.array(
    fc.record({
      user: fc.nat(4),
      subject: fc.oneof(
        pattern,
        fc.tuple(fc.constantFrom('from_B', 'from_C', '*'), pattern).map((parts) => parts.join('.')),
      ),
      queue: fc.constantFrom('', '', '', 'q', 'r'),
    }),
    { minLength: 1, maxLength: 12 },
  ),
  publishes: fc.array(fc.record({ user: fc.nat(4), subject: literal }), {
    minLength: 1,
    maxLength: 10,
  }),
})

// ── the reference ───────────────────────────────────────────────────────────────────────────

function matches(wanted: string, subject: string): boolean {
  const tokens = subject.split('.')
  const parts = wanted.split('.')
  for (const [i, part] of parts.entries()) {
    if (part === '>') return tokens.length > i
    if (i >= tokens.length) return false
    if (part !== '*' && part !== tokens[i]) return false
  }
  return parts.length === tokens.length
}

function isAllowed(rules: Allowed | undefined, subject: string): boolean {
  if (rules === undefined) return true
  const isIn = (list: readonly string[]) => list.some((one) => matches(one, subject))
  return isIn(rules.allow) && !isIn(rules.deny)
}

/** The subjects by which an account sees a message of another one, or of its own. */
function seenAs(
  { imports }: Scene,
  from: AccountName,
  by: AccountName,
  subject: string,
): readonly string[] {
  if (from === by) return [subject]
  return imports
    .filter(({ importer, exporter }) => importer === by && exporter === from)
    .filter((one) => matches(one.subject, subject))
    .map(({ exporter }) => `from_${exporter}.${subject}`)
}

/** What plain subscriptions get, and for each message which queue groups get it once. */
function expectedOf(scene: Scene) {
  const plain = new Set<string>()
  const groups: { message: number; queue: string; members: Set<number> }[] = []
  const { users, subscriptions, publishes } = scene
  const active = subscriptions.map(({ user, subject }) =>
    isAllowed(users[user % users.length]!.subscribe, subject),
  )
  for (const [message, { user, subject }] of publishes.entries()) {
    const sender = users[user % users.length]!
    if (!isAllowed(sender.publish, subject)) continue
    const byQueue = new Map<string, Set<number>>()
    for (const [sid, subscription] of subscriptions.entries()) {
      const receiver = users[subscription.user % users.length]!
      if (!active[sid]) continue
      for (const seen of seenAs(scene, sender.account, receiver.account, subject)) {
        if (!matches(subscription.subject, seen)) continue
        if (receiver.subscribe?.deny.some((one) => matches(one, seen))) continue
        if (subscription.queue === '') plain.add(`${message} ${sid} ${seen}`)
        else {
          const members = byQueue.get(subscription.queue) ?? new Set()
          members.add(sid)
          byQueue.set(subscription.queue, members)
        }
      }
    }
    for (const [queue, members] of byQueue) groups.push({ message, queue, members })
  }
  return { plain, groups }
}

// ── the run ─────────────────────────────────────────────────────────────────────────────────

function configOf({ users, imports }: Scene): string {
  const list = (subjects: readonly string[]) => JSON.stringify(subjects)
  const rules = (name: string, one: Allowed | undefined) =>
    one === undefined ? '' : `${name}: { allow: ${list(one.allow)}, deny: ${list(one.deny)} }`
  const userLine = ({ publish, subscribe }: User, index: number) =>
    `{ user: u${index}, password: p, permissions: {
      ${rules('publish', publish)}
      ${rules('subscribe', subscribe)}
    } }`
  const blocks = ACCOUNTS.map((name) => {
    const own = users.flatMap((user, i) => (user.account === name ? [userLine(user, i)] : []))
    const imported = imports
      .filter(({ importer }) => importer === name)
      .map(
        ({ exporter, subject }) =>
          `{ stream: { account: ${exporter}, subject: "${subject}" }, prefix: from_${exporter} }`,
      )
    return `${name}: {
      users: [ ${own.join(', ')} ]
      exports: [ { stream: ">" } ]
      imports: [ ${imported.join(', ')} ]
    }`
  })
  return `accounts { ${blocks.join('\n')} }`
}

async function run(target: ReturnType<typeof program>, scene: Scene): Promise<void> {
  await using server = await startServer(target, { config: configOf(scene) })
  const { users, subscriptions, publishes } = scene
  const clients = await Promise.all(users.map((_, i) => LoggedIn.as(server.port, `u${i}`)))
  try {
    for (const [sid, { user, subject, queue }] of subscriptions.entries()) {
      clients[user % users.length]!.send(`SUB ${subject} ${queue} ${sid}\r\n`)
    }
    await Promise.all(clients.map((client) => client.flush()))
    for (const [message, { user, subject }] of publishes.entries()) {
      const client = clients[user % users.length]!
      client.publish(subject, `${message}`)
      await client.flush()
    }
    await Promise.all(clients.map((client) => client.flush()))
    check(
      scene,
      clients.flatMap((client) => client.messages),
    )
  } finally {
    for (const client of clients) client.raw.close()
  }
}

function check(scene: Scene, delivered: readonly Delivered[]): void {
  const { plain, groups } = expectedOf(scene)
  const keyOf = ({ payload, sid, subject }: Delivered) => `${payload} ${sid} ${subject}`
  const isPlain = ({ sid }: Delivered) => scene.subscriptions[Number(sid)]!.queue === ''
  const seen = delivered.filter(isPlain).map(keyOf).sort()
  assert.deepEqual(seen, [...plain].sort(), 'plain subscriptions')
  const inGroups = delivered.filter((one) => !isPlain(one))
  for (const { message, queue, members } of groups) {
    const got = inGroups.filter(
      ({ payload, sid }) =>
        Number(payload) === message && scene.subscriptions[Number(sid)]!.queue === queue,
    )
    assert.equal(got.length, 1, `message ${message} in group ${queue}: ${got.map(keyOf)}`)
    assert.ok(members.has(Number(got[0]!.sid)), `message ${message} in group ${queue}`)
  }
  assert.equal(inGroups.length, groups.length, 'messages of queue groups')
}

const RUNS: Readonly<Record<string, number>> = { sable: 25, 'nats-server': 10 }

for (const name of ['sable', 'nats-server'] as const) {
  const target = program(name)
  test(
    `${name}: everybody gets what accounts, imports and permissions say`,
    { skip: skipReason(target), timeout: 180_000 },
    () =>
      fc.assert(
        fc.asyncProperty(scene, (each) => run(target, each)),
        { numRuns: RUNS[name]!, interruptAfterTimeLimit: 90_000, endOnFailure: true },
      ),
  )
}
