/** What a reload means, as the options table tells it and as it is planned. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { OptionEntry } from '../../src/config/option-entry.ts'
import { OPTION_SECTIONS, type SectionName } from '../../src/config/option-table.ts'
import {
  defaultOptions,
  type Options,
  optionsFromObject,
  type PartialOptions,
} from '../../src/config/options.ts'
import {
  planReload,
  RELOAD_FIELDS,
  type ReloadPlan,
  withListenPorts,
} from '../../src/config/reload/reload-plan.ts'
import {
  asOptions,
  type Draft,
  different,
  fullOptions,
  part,
  SECTION_PATHS,
} from './option-variants.ts'

type Row = OptionEntry<Record<string, unknown>, string>

/** Rows that are a block: one can be reloaded as soon as anything in it can. */
const BLOCKS: Readonly<Record<string, SectionName>> = {
  authorization: 'authorization',
  leafnodes: 'leafnodes',
  'leafnodes.authorization': 'leafnodes.authorization',
  'leafnodes.remotes': 'leafnodes.remotes',
  'leafnodes.tls': 'tls',
  websocket: 'websocket',
  'websocket.authorization': 'websocket.authorization',
  'websocket.tls': 'tls',
}

function plan(old: Draft, next: Draft): ReloadPlan {
  return planReload({ old: asOptions(old), next: asOptions(next), isCertificateNew: false })
}

function planned(old: Options, next: Options): Exclude<ReloadPlan, { refusal: string }> {
  const result = planReload({ old, next, isCertificateNew: false })
  if ('refusal' in result) assert.fail(result.refusal)
  return result
}

/** The options with what the row is for changed; undefined: objects do not have it. */
function withChange(section: SectionName, row: Row): Draft | undefined {
  const key = row.objectKey ?? row.option
  if (key === '') return undefined
  const options = fullOptions()
  if (section === 'proxies' || section === 'proxies.trusted') {
    options['trustedProxies'] = different(options['trustedProxies'])
    return options
  }
  const path = [...SECTION_PATHS[section], ...key.split('.')]
  const last = path.pop()!
  const holder = part(options, ...path)
  holder[last] = different(holder[last])
  return options
}

function pathOf(section: SectionName, row: Row): string {
  return section === '' ? row.key : `${section}.${row.key}`
}

const rows = Object.entries(OPTION_SECTIONS).flatMap(([section, table]) =>
  (table as readonly Row[]).map((row) => ({ section: section as SectionName, row })),
)

test('the table of options says what can be reloaded, row by row', () => {
  const wrong = rows.filter(({ section, row }) => {
    const block = BLOCKS[pathOf(section, row)]
    if (block !== undefined) {
      return row.reloadable !== OPTION_SECTIONS[block].some(({ reloadable }) => reloadable)
    }
    const next = withChange(section, row)
    return next !== undefined && row.reloadable === 'refusal' in plan(fullOptions(), next)
  })
  assert.deepEqual(
    wrong.map(({ section, row }) => `${section} ${row.key} reloadable: ${!row.reloadable}`),
    [],
  )
})

test('what can be reloaded is told as changed, and nothing else is', () => {
  const silent = rows.filter(({ section, row }) => {
    const isBlock = pathOf(section, row) in BLOCKS
    const next = isBlock ? undefined : withChange(section, row)
    const result = next === undefined ? undefined : plan(fullOptions(), next)
    return result !== undefined && 'changed' in result && result.changed.length === 0
  })
  assert.deepEqual(
    silent.map(({ section, row }) => `${section} ${row.key}`),
    [],
  )
  const same = plan(fullOptions(), fullOptions())
  assert.deepEqual('changed' in same && same.changed, [])
})

test('every option is looked at', () => {
  const seen = new Set(RELOAD_FIELDS.flatMap(({ options }) => options))
  assert.deepEqual(
    Object.keys(defaultOptions()).filter((option) => !seen.has(option as keyof Options)),
    [],
  )
})

test('refusals and lines tell no secret', () => {
  const secrets = rows.filter(({ row }) => row.isSecret)
  assert.ok(secrets.length > 8)
  for (const { section, row } of secrets) {
    const change = (value: string): Draft => {
      const options = withChange(section, row)!
      const path = [...SECTION_PATHS[section], ...(row.objectKey ?? row.option).split('.')]
      const last = path.pop()!
      part(options, ...path)[last] = value
      return options
    }
    const result = plan(change('s3cret-old'), change('s3cret-new'))
    assert.doesNotMatch(JSON.stringify(result), /s3cret/, `${section} ${row.key}`)
  }
  const sentinel = fullOptions()
  part(sentinel, 'operator')['defaultSentinel'] = 's3cret'
  assert.doesNotMatch(JSON.stringify(plan(fullOptions(), sentinel)), /s3cret/)
})

test('the port in use stays where any free port is asked for', () => {
  const ports = { client: 4333, leaf: 7333, websocket: 0 }
  const any = optionsFromObject({ port: -1, leafnodes: { port: -1 } })
  const real = withListenPorts(any, ports)
  assert.deepEqual([real.port, real.leafnodes.port, real.websocket.port], [4333, 7333, 0])
  const same = optionsFromObject({ port: 4333, leafnodes: { port: 7333 } })
  planned(real, withListenPorts(same, ports))
  const listening = optionsFromObject({
    port: -1,
    leafnodes: { port: -1 },
    websocket: { port: -1, noTls: true },
  })
  const result = planReload({
    old: real,
    next: withListenPorts(listening, ports),
    isCertificateNew: false,
  })
  assert.match('refusal' in result ? result.refusal : '', /not supported for Websocket: old=\{ 0/)
})

test('remotes are told apart by addresses, account and credentials', () => {
  const [one, two, three] = [1, 2, 3].map((port) => ({ urls: [`nats://127.0.0.1:${port}`] }))
  const old = optionsFromObject({ leafnodes: { remotes: [one!, two!] } })
  const next = optionsFromObject({
    leafnodes: { remotes: [three!, { ...two!, disabled: true }, { ...one!, account: '$G' }] },
  })
  const { kept, removed, added } = planned(old, next).changes.leaf
  assert.deepEqual([removed, added], [[], [0]])
  const same = { isCompressionChanged: false, isTlsChanged: false }
  assert.deepEqual(kept, [
    { oldIndex: 0, newIndex: 2, isDisabledChanged: false, ...same },
    { oldIndex: 1, newIndex: 1, isDisabledChanged: true, ...same },
  ])
  const back = planned(next, old).changes.leaf
  assert.deepEqual([back.removed, back.added], [[0], []])
})

test('what threads have to do follows from what differs', () => {
  const changes = (next: Parameters<typeof optionsFromObject>[0], old = {}) => {
    const { leaf: _, ...flags } = planned(optionsFromObject(old), optionsFromObject(next)).changes
    return Object.entries(flags).flatMap(([name, value]) =>
      value === true || (Array.isArray(value) && value.length > 0) ? [name] : [],
    )
  }
  assert.deepEqual(changes({}), [])
  assert.deepEqual(changes({ pingMax: 5 }), [])
  assert.deepEqual(changes({ trace: true }), ['isLogChanged'])
  assert.deepEqual(changes({ maxPayload: 100 }), ['isInfoChanged'])
  assert.deepEqual(changes({ authorization: { timeoutMs: 5000 } }), [])
  const user = { users: [{ user: 'a', pass: 'b' }] }
  assert.deepEqual(changes(user), ['isAuthChanged', 'isInfoChanged'])
  assert.deepEqual(changes(user, user), [])
  assert.deepEqual(changes({ accounts: [{ name: 'A' }] }), ['isAuthChanged', 'isInfoChanged'])
})

/** Texts of nats-server 2.15.2. */
test('the system account is named as the file names it', () => {
  const accounts = [{ name: 'S' }]
  const refusal = (old: PartialOptions, next: PartialOptions) => {
    const [before, after] = [old, next].map((given) => optionsFromObject({ accounts, ...given }))
    const result = planReload({ old: before!, next: after!, isCertificateNew: false })
    return 'refusal' in result ? result.refusal : ''
  }
  const unsupported = 'config reload not supported for'
  const named = { systemAccount: 'S' }
  assert.equal(refusal({}, named), `${unsupported} SystemAccount: old=, new=S`)
  assert.equal(refusal(named, {}), `${unsupported} SystemAccount: old=S, new=`)
  const none = { noSystemAccount: true }
  assert.equal(refusal(none, {}), `${unsupported} NoSystemAccount: old=true, new=false`)
  assert.equal(refusal({}, none), `${unsupported} NoSystemAccount: old=false, new=true`)
})
