/**
 * Errors of configured exports and imports. With NATS_SERVER set, the same accounts are put to
 * nats-server as a file, and its words compared.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import type {
  AccountExport,
  AccountImport,
  AccountOptions,
} from '../../../src/config/account-types.ts'
import { checkConfiguredAccounts } from '../../../src/router/accounts/configured-imports.ts'
import { AccountGraph } from '../../../src/router/accounts/import-graph.ts'
import { program, skipReason } from '../../support/peers.ts'
import {
  account,
  serviceExport,
  serviceImport,
  streamExport,
  streamImport,
} from './account-builders.ts'

const CYCLE = 'import forms a cycle'

interface Case {
  readonly name: string
  readonly accounts: readonly AccountOptions[]
  /** Undefined: all is well. */
  readonly error: string | undefined
  readonly noSystemAccount?: true
}

function ofTwo(
  name: string,
  exported: AccountExport,
  imported: AccountImport,
  error: string | undefined,
): Case {
  return { name, accounts: [account('A', [exported]), account('B', [], [imported])], error }
}

function transformError(kind: string, from: string, to: string, error: string): string {
  return (
    `failed to create mapping transform for ${kind} import subject from "${from}" to "${to}": ` +
    `invalid mapping destination: ${error}`
  )
}

const CASES: readonly Case[] = [
  {
    name: 'an export for an account that is not there',
    accounts: [account('A', [streamExport('foo', { accounts: ['X'] })])],
    error: '"X" account not defined for stream export',
  },
  {
    name: 'a service export for an account that is not there',
    accounts: [account('A', [serviceExport('foo', { accounts: ['A', 'X'] })])],
    error: '"X" account not defined for service export',
  },
  {
    name: 'a position of the name without wildcard',
    accounts: [account('A', [streamExport('foo.bar', { tokenPosition: 2 })])],
    error: 'Error adding stream export "foo.bar": sublist: invalid subject',
  },
  {
    name: 'a position of the name behind the subject',
    accounts: [account('A', [serviceExport('foo.*', { tokenPosition: 3 })])],
    error: 'Error adding service export "foo.*": sublist: invalid subject',
  },
  {
    name: 'figures on a subject of the service itself',
    accounts: [
      account('A', [serviceExport('foo.*', { latency: { sampling: 100, subject: 'foo.x' } })]),
    ],
    error:
      'Error adding service latency sampling for "foo.*" on subject "foo.x": invalid publish subject',
  },
  {
    name: 'figures on a wildcard',
    accounts: [account('A', [serviceExport('foo', { latency: { sampling: 1, subject: '*' } })])],
    error:
      'Error adding service latency sampling for "foo" on subject "*": invalid publish subject',
  },
  {
    name: 'figures of a stream of answers',
    accounts: [
      account('A', [
        serviceExport('foo', {
          responseType: 'stream',
          latency: { sampling: 100, subject: 'lat' },
        }),
      ]),
    ],
    error:
      'Error adding service latency sampling for "foo" on subject "lat": bad service response type',
  },
  {
    name: 'figures without a system account',
    accounts: [
      account('A', [serviceExport('foo', { latency: { sampling: 100, subject: 'lat' } })]),
    ],
    error: 'Error adding service latency sampling for "foo": system account not setup',
    noSystemAccount: true,
  },
  {
    name: 'figures with a system account',
    accounts: [account('A', [serviceExport('foo', { latency: { sampling: 0, subject: 'lat' } })])],
    error: undefined,
  },
  {
    name: 'a stream import from an account that is not there',
    accounts: [account('B', [], [streamImport('$G', 'foo')])],
    error: '"$G" account not defined for stream import',
  },
  {
    name: 'a service import from an account that is not there',
    accounts: [account('B', [], [serviceImport('X', 'foo')])],
    error: '"X" account not defined for service import',
  },
  ofTwo(
    'a stream import that is wider than the export',
    streamExport('foo.bar'),
    streamImport('A', 'foo.*'),
    'Error adding stream import "foo.*": stream import not authorized',
  ),
  ofTwo(
    'a stream import that is narrower',
    streamExport('foo.>'),
    streamImport('A', 'foo.*.x'),
    undefined,
  ),
  ofTwo(
    'a stream import of a service',
    serviceExport('foo'),
    streamImport('A', 'foo'),
    'Error adding stream import "foo": stream import not authorized',
  ),
  ofTwo(
    'a service import of an export for others',
    serviceExport('foo.*', { accounts: ['A'] }),
    serviceImport('A', 'foo.*'),
    'Error adding service import "foo.*": service import not authorized',
  ),
  ofTwo(
    'a service import of an export for this account',
    serviceExport('foo.*', { accounts: ['A', 'B'] }),
    serviceImport('A', 'foo.x'),
    undefined,
  ),
  ofTwo(
    'the name of the importer at the position of the name',
    streamExport('foo.*.>', { tokenPosition: 2 }),
    streamImport('A', 'foo.B.>'),
    undefined,
  ),
  ofTwo(
    'another name at the position of the name',
    streamExport('foo.*.>', { tokenPosition: 2 }),
    streamImport('A', 'foo.C.>'),
    'Error adding stream import "foo.C.>": stream import not authorized',
  ),
  ofTwo(
    'all names at the position of the name',
    streamExport('foo.*', { tokenPosition: 2 }),
    streamImport('A', 'foo.*'),
    'Error adding stream import "foo.*": stream import not authorized',
  ),
  ofTwo(
    'a prefix with a wildcard',
    streamExport('foo.*'),
    streamImport('A', 'foo.*', { prefix: 'bar.*' }),
    'Error adding stream import "foo.*": stream import prefix can not contain wildcard tokens',
  ),
  ofTwo('a prefix', streamExport('foo.*'), streamImport('A', 'foo.*', { prefix: 'p' }), undefined),
  ofTwo(
    'a stream import with wildcards as they are',
    streamExport('foo.*'),
    streamImport('A', 'foo.*', { to: 'bar.*' }),
    undefined,
  ),
  ofTwo(
    'a stream import to a wildcard that is not there',
    streamExport('foo.*'),
    streamImport('A', 'foo.*', { to: 'bar.$2' }),
    'Error adding stream import "foo.*": ' +
      transformError('stream', 'foo.*', 'bar.$2', 'wildcard index out of range in $2: [2]'),
  ),
  ofTwo(
    'a stream import that drops a wildcard',
    streamExport('foo.*.*'),
    streamImport('A', 'foo.*.*', { to: 'bar.$1' }),
    'Error adding stream import "foo.*.*": ' +
      transformError(
        'stream',
        'foo.*.*',
        'bar.$1',
        'not using all of the token wildcard(s) in bar.$1',
      ),
  ),
  ofTwo(
    'a stream import with a function',
    streamExport('foo.*'),
    streamImport('A', 'foo.*', { to: 'bar.{{partition(3,1)}}' }),
    'Error adding stream import "foo.*": ' +
      transformError(
        'stream',
        'foo.*',
        'bar.{{partition(3,1)}}',
        'the only mapping function allowed for import transforms is {{Wildcard()}}' +
          ' in {{partition(3,1)}}',
      ),
  ),
  ofTwo(
    'a service import that drops a wildcard',
    serviceExport('foo.*.*'),
    serviceImport('A', 'foo.*.*', { to: 'bar.$1' }),
    'Error adding service import "foo.*.*": ' +
      transformError(
        'service',
        'bar.$1',
        'foo.*.*',
        'not using all of the token wildcard(s) in bar.$1',
      ),
  ),
  ofTwo(
    'a service import with a wildcard twice',
    serviceExport('foo.*'),
    serviceImport('A', 'foo.*', { to: 'bar.$1.$1' }),
    undefined,
  ),
  ofTwo(
    'a service import on a broken subject',
    serviceExport('foo.*'),
    serviceImport('A', 'foo.*', { to: 'bar..x' }),
    'Error adding service import "foo.*": sublist: invalid subject',
  ),
  {
    name: 'a stream imported twice',
    accounts: [
      account('A', [streamExport('foo.*')]),
      account('B', [], [streamImport('A', 'foo.*'), streamImport('A', 'foo.*', { prefix: 'p' })]),
    ],
    error: 'Error adding stream import "foo.*": stream import already exists',
  },
  {
    name: 'one local subject for services of two accounts',
    accounts: [
      account('A', [serviceExport('foo')]),
      account('B', [], [serviceImport('A', 'foo'), serviceImport('C', 'foo')]),
      account('C', [serviceExport('foo')]),
    ],
    error: undefined,
  },
  {
    name: 'services of each other',
    accounts: [
      account('A', [serviceExport('help')], [serviceImport('B', 'help')]),
      account('B', [serviceExport('help')], [serviceImport('A', 'help')]),
    ],
    error: `Error adding service import "help": ${CYCLE}`,
  },
  {
    name: 'a cycle of services over three accounts, by a wildcard',
    accounts: [
      account('A', [serviceExport('*')], [serviceImport('B', 'help')]),
      account('B', [serviceExport('help')], [serviceImport('C', 'help')]),
      account('C', [serviceExport('*')], [serviceImport('A', 'help')]),
    ],
    error: `Error adding service import "help": ${CYCLE}`,
  },
  {
    name: 'no cycle of services: a link carries something else',
    accounts: [
      account('A', [serviceExport('*')], [serviceImport('B', 'help')]),
      account('B', [serviceExport('help')], [serviceImport('C', 'nohelp')]),
      account('C', [serviceExport('*')], [serviceImport('A', '*')]),
    ],
    error: undefined,
  },
  {
    name: 'no cycle of services: a chain',
    accounts: [
      account('A', [serviceExport('help')], [serviceImport('B', 'help')]),
      account('B', [serviceExport('help')], [serviceImport('C', 'help')]),
      account('C', [serviceExport('help')]),
    ],
    error: undefined,
  },
  {
    name: 'no cycle of services: other local subjects',
    accounts: [
      account('A', [serviceExport('a.*')], [serviceImport('B', 'a.*', { to: 'b.*' })]),
      account('B', [serviceExport('a.*')], [serviceImport('A', 'a.foo', { to: 'c.foo' })]),
    ],
    error: undefined,
  },
  {
    name: 'streams of each other',
    accounts: [
      account('A', [streamExport('strm')], [streamImport('B', 'strm')]),
      account('B', [streamExport('strm')], [streamImport('A', 'strm')]),
    ],
    error: `Error adding stream import "strm": ${CYCLE}`,
  },
  {
    name: 'no cycle of streams: renamed to what is not exported',
    accounts: [
      account('A', [streamExport('foo')], [streamImport('B', 'bar')]),
      account('B', [streamExport('bar')], [streamImport('C', 'baz', { to: 'bar' })]),
      account('C', [streamExport('baz')], [streamImport('A', 'foo', { to: 'bar' })]),
    ],
    error: undefined,
  },
  {
    name: 'an account that imports of itself',
    accounts: [account('A', [serviceExport('foo')], [serviceImport('A', 'foo', { to: 'bar' })])],
    error: undefined,
  },
]

for (const { name, accounts, error, noSystemAccount } of CASES) {
  test(`${name}: ${error ?? 'is fine'}`, () => {
    const hasSystemAccount = noSystemAccount !== true
    assert.equal(checkConfiguredAccounts(accounts, { hasSystemAccount }), error)
    if (error !== undefined) return
    const graph = new AccountGraph()
    for (const options of accounts) graph.set(options)
    const imported = accounts.flatMap((each) => each.imports).length
    const resolved = accounts.flatMap((each) => [
      ...graph.streamImports(each.name),
      ...graph.serviceImports(each.name),
    ])
    assert.equal(resolved.length, imported)
  })
}

test('a renaming import is part of a cycle', () => {
  const accounts = [
    account('A', [serviceExport('*')], [serviceImport('B', 'foo')]),
    account('B', [serviceExport('foo')], [serviceImport('A', '*', { to: '$1' })]),
  ]
  const error = checkConfiguredAccounts(accounts, { hasSystemAccount: true })
  assert.equal(error, `Error adding service import "*": ${CYCLE}`)
  const streams = [
    account('A', [streamExport('*')], [streamImport('B', 'bar')]),
    account('B', [streamExport('bar')], [streamImport('A', 'foo', { to: 'bar' })]),
  ]
  const streamError = checkConfiguredAccounts(streams, { hasSystemAccount: true })
  assert.equal(streamError, `Error adding stream import "foo": ${CYCLE}`)
})

test('a cycle is found behind an import that narrows the subject', () => {
  const accounts = [
    account('A', [serviceExport('*')], [serviceImport('C', 'narrow'), serviceImport('D', 'other')]),
    account('C', [serviceExport('narrow')]),
    account('D', [serviceExport('other')], [serviceImport('E', 'other')]),
    account('E', [serviceExport('*')], [serviceImport('A', '*')]),
  ]
  const error = checkConfiguredAccounts(accounts, { hasSystemAccount: true })
  assert.equal(error, `Error adding service import "*": ${CYCLE}`)
})

test('two ways to one account are not a cycle', () => {
  const accounts = [
    account('A', [], [serviceImport('B', 'foo')]),
    account('B', [serviceExport('foo')], [serviceImport('C', 'foo'), serviceImport('D', 'foo')]),
    account('C', [serviceExport('foo')], [serviceImport('E', 'foo')]),
    account('D', [serviceExport('foo')], [serviceImport('E', 'foo')]),
    account('E', [serviceExport('foo')], [serviceImport('F', 'foo')]),
    account('F', [serviceExport('foo')]),
  ]
  assert.equal(checkConfiguredAccounts(accounts, { hasSystemAccount: true }), undefined)
})

test('a service imported twice is told with what was there', () => {
  const accounts = [
    account('A', [serviceExport('foo.*')]),
    account(
      'B',
      [],
      [serviceImport('A', 'foo.*', { to: 'bar.$1' }), serviceImport('A', 'foo.*', { to: 'bar.*' })],
    ),
  ]
  assert.equal(
    checkConfiguredAccounts(accounts, { hasSystemAccount: true }),
    'Error adding service import "foo.*": duplicate service import subject "bar.*", ' +
      'previously used in import for account "A", subject "foo.*"',
  )
})

for (const kind of ['service', 'stream'] as const) {
  test(`a chain of more than 1024 ${kind} imports is not followed to its end`, () => {
    const exported = kind === 'service' ? serviceExport('foo') : streamExport('foo')
    const importOf = kind === 'service' ? serviceImport : streamImport
    const chain = Array.from({ length: 1025 }, (_, i) =>
      account(`ACC-${i}`, [exported], i === 0 ? [] : [importOf(`ACC-${i - 1}`, 'foo')]),
    )
    const options = { hasSystemAccount: true }
    // Added from its end, so that each step but the one that counts is a short search.
    const backward = chain.toReversed()
    const error = `Error adding ${kind} import "foo": search cycle depth exhausted`
    assert.equal(checkConfiguredAccounts(backward, options), undefined)
    assert.equal(
      checkConfiguredAccounts([...backward.slice(1), ...backward.slice(0, 1)], options),
      error,
    )
  })
}

// ── against nats-server ──────────────────────────────────────────────────────────────────────

const nats = program('nats-server')
const skip = skipReason(nats) ?? false

function exportText(exported: AccountExport): string {
  const parts = [`${exported.kind}: "${exported.subject}"`]
  if (exported.accounts !== undefined) parts.push(`accounts: [${exported.accounts.join(', ')}]`)
  if (exported.tokenPosition > 0) parts.push(`account_token_position: ${exported.tokenPosition}`)
  if (exported.kind === 'service') {
    parts.push(`response: ${exported.responseType}`)
    const { latency } = exported
    if (latency !== undefined) {
      const sampling = latency.sampling === 0 ? 'headers' : `${latency.sampling}`
      parts.push(`latency: { sampling: ${sampling}, subject: "${latency.subject}" }`)
    }
  }
  return `{ ${parts.join(', ')} }`
}

function importText(imported: AccountImport): string {
  const { kind, account: exporter, subject, to } = imported
  const parts = [`${kind}: { account: "${exporter}", subject: "${subject}" }`]
  if (to !== '') parts.push(`to: "${to}"`)
  if (imported.kind === 'stream' && imported.prefix !== '')
    parts.push(`prefix: "${imported.prefix}"`)
  return `{ ${parts.join(', ')} }`
}

function configText({ accounts }: Case): string {
  const blocks = accounts.map(
    ({ name, exports, imports }) =>
      `  ${name} { exports: [${exports.map(exportText).join(', ')}]` +
      `, imports: [${imports.map(importText).join(', ')}] }`,
  )
  return `accounts {\n${blocks.join('\n')}\n}\n`
}

/** What `-t` says, without the place in the file. */
function verdict(file: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(nats.path, ['-t', '-c', file], (_error, out, err) => {
      const found = /nats-server: .*\.conf:\d+:\d+: (.*)/.exec(out + err)?.[1]
      resolve(found)
    })
  })
}

test('nats-server says the same of each of these', { skip }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sable-imports-'))
  try {
    // nats-server reads a file in random order, and no_system_account counts if it comes first.
    const stable = CASES.filter((each) => each.noSystemAccount !== true)
    for (const [i, each] of stable.entries()) {
      const file = join(folder, `case-${i}.conf`)
      await writeFile(file, configText(each))
      assert.equal(await verdict(file), each.error, each.name)
    }
  } finally {
    await rm(folder, { recursive: true })
  }
})
