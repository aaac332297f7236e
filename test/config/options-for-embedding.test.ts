import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  defaultOptions,
  type Options,
  OptionsError,
  optionsFromObject,
  type PartialOptions,
} from '../../src/config/options.ts'

/** Every option, by the type; the compiler refuses this when one is missing. */
const EVERY_OPTION = {
  host: true,
  port: true,
  serverName: true,
  clientAdvertise: true,
  maxPayload: true,
  maxPending: true,
  maxControlLine: true,
  maxConnections: true,
  maxSubscriptions: true,
  maxSubTokens: true,
  pingIntervalMs: true,
  pingMax: true,
  writeDeadlineMs: true,
  noFastProducerStall: true,
  noHeaderSupport: true,
  noSublistCache: true,
  debug: true,
  trace: true,
  traceVerbose: true,
  logtime: true,
  logtimeUtc: true,
  logFile: true,
  logSizeLimit: true,
  logMaxNum: true,
  logFormat: true,
  maxTracedMsgLen: true,
  pidFile: true,
  portsFileDir: true,
  connectErrorReports: true,
  reconnectErrorReports: true,
  authorization: true,
  leafnodes: true,
  workers: true,
  sharedMemory: true,
} as const satisfies Record<keyof Options, true>

test('the table of options fills every property of the options object, and no other', () => {
  assert.deepEqual(Object.keys(defaultOptions()).sort(), Object.keys(EVERY_OPTION).sort())
})

test('nothing given is all defaults', () => {
  assert.deepEqual(optionsFromObject({}), defaultOptions())
})

test('defaults are a fresh object each time, down to the nested ones', () => {
  const [one, other] = [defaultOptions(), defaultOptions()]
  assert.notEqual(one.leafnodes.authorization, other.leafnodes.authorization)
  assert.notEqual(one.leafnodes.remotes, other.leafnodes.remotes)
})

test('defaults are those of nats-server', () => {
  const { host, port, maxPayload, maxPending, pingIntervalMs, pingMax } = defaultOptions()
  assert.deepEqual(
    { host, port, maxPayload, maxPending, pingIntervalMs, pingMax },
    {
      host: '0.0.0.0',
      port: 4222,
      maxPayload: 1_048_576,
      maxPending: 67_108_864,
      pingIntervalMs: 120_000,
      pingMax: 2,
    },
  )
})

test('what is given replaces the default, at any depth', () => {
  const options = optionsFromObject({
    port: -1,
    authorization: { token: 't' },
    leafnodes: { port: 7422, remotes: [{ urls: ['nats://u:p@hub'] }] },
  })
  assert.equal(options.port, -1)
  assert.deepEqual(options.authorization, { user: '', pass: '', token: 't', timeoutMs: 2_000 })
  assert.equal(options.leafnodes.reconnectMs, 1_000)
  assert.deepEqual(options.leafnodes.remotes, [
    {
      urls: [{ scheme: 'nats', host: 'hub', port: 7422, user: 'u', pass: 'p' }],
      account: '$G',
      compression: 'off',
    },
  ])
})

test('options can be given again as they came out', () => {
  const options = optionsFromObject({ leafnodes: { remotes: [{ urls: ['nats://a@hub:1'] }] } })
  assert.deepEqual(optionsFromObject(options), options)
})

test('0 stands for the default where it means nothing of its own', () => {
  const zeros = {
    port: 0,
    maxPayload: 0,
    pingIntervalMs: 0,
    workers: 0,
    sharedMemory: 0,
    maxSubscriptions: 0,
    authorization: { timeoutMs: 0 },
  }
  assert.deepEqual(optionsFromObject(zeros), defaultOptions())
})

test('undefined is as good as left out', () => {
  const given: object = { port: undefined, leafnodes: undefined }
  assert.deepEqual(optionsFromObject(given), defaultOptions())
})

const REFUSED: readonly (readonly [given: unknown, text: string])[] = [
  [{ prot: 1 }, 'option prot is not an option'],
  [{ serverTags: ['a'] }, 'option serverTags is not an option'],
  [{ leafnodes: { tls: {} } }, 'option leafnodes.tls is not an option'],
  [{ port: 70_000 }, 'option port has the value 70000: must be at most 65535'],
  [{ port: -2 }, 'option port has the value -2: must be at least -1'],
  [{ port: '4222' }, 'option port has the value "4222": must be a number'],
  [{ port: Number.NaN }, 'option port has the value NaN: must be a number'],
  [{ maxPayload: 1.5 }, 'option maxPayload has the value 1.5: must be a whole number'],
  [{ host: 5 }, 'option host has the value 5: must be a text'],
  [{ debug: 1 }, 'option debug has the value 1: must be true or false'],
  [{ logFormat: 'xml' }, 'option logFormat has the value "xml": must be one of text, json'],
  [{ authorization: 'x' }, 'option authorization has the value "x": must be an object'],
  [{ authorization: { pass: 5 } }, 'option authorization.pass must be a text'],
  [{ pingMax: -1 }, 'option pingMax has the value -1: must be at least 1'],
  [{ workers: 32 }, 'option workers has the value 32: must be at most 31'],
  [
    { sharedMemory: 2 ** 31 + 1 },
    'option sharedMemory has the value 2147483649: must be at most 2147483648',
  ],
  [{ sharedMemory: 1 }, 'option sharedMemory has the value 1: must be at least 268435456'],
  [{ sharedMemory: -1 }, 'option sharedMemory has the value -1: must be at least 268435456'],
  [{ leafnodes: { remotes: {} } }, 'option leafnodes.remotes must be an array'],
  [
    { leafnodes: { remotes: [{ urls: [] }] } },
    'option leafnodes.remotes[0].urls must not be empty',
  ],
  [
    { leafnodes: { remotes: [{ urls: ['a://h', 'a://u:pw@h:x'] }] } },
    'option leafnodes.remotes[0].urls[1] has the value "a://u:xxxxx@h:x": is no URL',
  ],
  [
    { leafnodes: { remotes: [{ urls: ['a://h:70000'] }] } },
    'option leafnodes.remotes[0].urls[0].port has the value 70000: must be at most 65535',
  ],
  ['port', 'options must be an object'],
  [null, 'options must be an object'],
  [{ serverName: 'a b' }, 'server name cannot contain spaces'],
  [
    { maxPayload: 2_000, maxPending: 1_000 },
    'max_payload (2000) cannot be higher than max_pending (1000)',
  ],
  [
    { leafnodes: { authorization: { account: 'A' } } },
    'cannot find local account "A" specified in leafnode authorization',
  ],
  [
    { leafnodes: { remotes: [{ urls: ['a://h'], account: '$SYS' }] } },
    'cannot find local account "$SYS" specified in leafnode remote',
  ],
  [{ leafnodes: { compression: 's2_fast' } }, 'unsupported compression mode "s2_fast"'],
  [
    { leafnodes: { remotes: [{ urls: ['wss://h'] }] } },
    'leafnode remote url scheme "wss" is not supported by this version of Sable',
  ],
]

for (const [given, text] of REFUSED) {
  test(`refuses ${JSON.stringify(given)}`, () => {
    assert.throws(
      () => optionsFromObject(given as PartialOptions),
      (error) => error instanceof OptionsError && error.message === text,
    )
  })
}

test('the option to blame is told apart from the text', () => {
  assert.throws(() => optionsFromObject({ port: 70_000 }), {
    code: 'BRK_BAD_OPTION',
    context: { option: 'port' },
  })
})
