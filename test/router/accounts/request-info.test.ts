import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { goTime } from '../../../src/protocol/go-time.ts'
import { encodeHeaders, isHeaderBlock } from '../../../src/protocol/headers.ts'
import {
  type ClientInfo,
  decodeClientInfo,
  encodeClientInfo,
} from '../../../src/router/accounts/client-info.ts'
import {
  headerValue,
  readHeaders,
  setHeader,
} from '../../../src/router/accounts/message-headers.ts'
import {
  type RequestInfoInput,
  renameRequestAccount,
  withRequestInfo,
} from '../../../src/router/accounts/request-info.ts'

const NONE = new Uint8Array(0)

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString()
}

// ── headers ──────────────────────────────────────────────────────────────────────────────────

/** Block before, block after `Key: new` was set. */
const SET: readonly (readonly [string, string])[] = [
  ['', 'NATS/1.0\r\nKey: new\r\n\r\n'],
  ['NATS/1.0\r\n\r\n', 'NATS/1.0\r\nKey: new\r\n\r\n'],
  ['NATS/1.0\r\nKey: old\r\n\r\n', 'NATS/1.0\r\nKey: new\r\n\r\n'],
  ['NATS/1.0 503\r\nKey:old\r\n\r\n', 'NATS/1.0 503\r\nKey: new\r\n\r\n'],
  [
    'NATS/1.0\r\nKey: old\r\nOther: x\r\nKey: older\r\nkey: y\r\n\r\n',
    'NATS/1.0\r\nOther: x\r\nkey: y\r\nKey: new\r\n\r\n',
  ],
  [
    'NATS/1.0\r\nX-Key: a\r\nKeys: b\r\n\r\n',
    'NATS/1.0\r\nX-Key: a\r\nKeys: b\r\nKey: new\r\n\r\n',
  ],
]

for (const [before, after] of SET) {
  test(`a header is set in ${JSON.stringify(before)}`, () => {
    const block = Buffer.from(before)
    assert.equal(text(setHeader(block, 'Key', 'new')), after)
    assert.equal(block.toString(), before)
  })
}

test('bytes that are no text stay as they are, line breaks in a value do not', () => {
  const block = Buffer.from('NATS/1.0\r\nA: \xff\xfe\r\n\r\n', 'latin1')
  const made = setHeader(block, 'Key', ' a\r\nb ä ')
  assert.equal(
    Buffer.from(made).toString('latin1'),
    'NATS/1.0\r\nA: \xff\xfe\r\nKey: a  b \xc3\xa4\r\n\r\n',
  )
})

test('a header that was set is found, whatever was there', () => {
  const name = fc.constantFrom('Key', 'key', 'Keys', 'A')
  const value = fc.string({ unit: fc.constantFrom('a', 'ä', ' ', ':', '"'), maxLength: 6 })
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value)), value, (headers, wanted) => {
      const before = encodeHeaders(headers)
      const made = setHeader(before, 'Key', wanted)
      assert.ok(isHeaderBlock(made, 0, made.length))
      assert.equal(text(headerValue(made, 'Key') ?? NONE), wanted.trim())
      assert.equal(readHeaders(made).get('Keys')?.length, readHeaders(before).get('Keys')?.length)
      const names = text(made).match(/^Key:/gm) ?? []
      assert.equal(names.length, 1)
    }),
  )
})

test('headers are read as Go reads them', () => {
  const block = encodeHeaders([
    ['foo-bar', ' a '],
    ['FOO-BAR', 'b'],
    ['Long', 'first'],
    [' next', 'part'],
  ])
  assert.deepEqual(
    [...readHeaders(block)],
    [
      ['Foo-Bar', ['a', 'b']],
      ['Long', ['first next: part']],
    ],
  )
  assert.equal(readHeaders(Buffer.from('NATS/1.0\r\nno colon\r\n\r\n')).size, 0)
  assert.equal(readHeaders(Buffer.from('NATS/1.0\r\n: x\r\n\r\n')).size, 0)
})

// ── who asks ─────────────────────────────────────────────────────────────────────────────────

const EVERYTHING: Required<ClientInfo> = {
  start: '2026-08-21T13:50:11.1Z',
  host: '127.0.0.1',
  id: 7,
  account: 'A',
  service: 'S',
  user: 'bob',
  name: 'app',
  lang: 'go',
  version: '1.51.0',
  rttNs: 412_000,
  server: 'n1',
  cluster: 'C1',
  alternates: ['C2'],
  stop: '2026-08-21T13:50:12Z',
  jwt: 'ey',
  issuerKey: 'AB',
  nameTag: 'tag',
  tags: ['a', 'b'],
  kind: 'Client',
  clientType: 'nats',
  mqttClient: 'm',
  nonce: 'n',
  reply: 'r',
}

test('a client is told in the order of nats-server', () => {
  assert.equal(
    encodeClientInfo(EVERYTHING),
    '{"start":"2026-08-21T13:50:11.1Z","host":"127.0.0.1","id":7,"acc":"A","svc":"S","user":"bob",' +
      '"name":"app","lang":"go","ver":"1.51.0","rtt":412000,"server":"n1","cluster":"C1",' +
      '"alts":["C2"],"stop":"2026-08-21T13:50:12Z","jwt":"ey","issuer_key":"AB","name_tag":"tag",' +
      '"tags":["a","b"],"kind":"Client","client_type":"nats","client_id":"m","nonce":"n","reply":"r"}',
  )
  assert.deepEqual(decodeClientInfo(encodeClientInfo(EVERYTHING)), EVERYTHING)
})

test('what is empty is left out', () => {
  assert.equal(encodeClientInfo({ account: 'A', rttNs: 0, name: '', tags: [] }), '{"acc":"A"}')
  assert.equal(encodeClientInfo({}), '{}')
})

test('what Go would not take is not taken', () => {
  assert.equal(decodeClientInfo('{"acc":1}'), undefined)
  assert.equal(decodeClientInfo('{"start":"yesterday"}'), undefined)
  assert.equal(decodeClientInfo('{"acc":"A"'), undefined)
  assert.deepEqual(decodeClientInfo('{"ACC":"A","more":[1]}'), { account: 'A' })
})

test('times are written without zeros at their end', () => {
  assert.equal(goTime(0n), '1970-01-01T00:00:00Z')
  assert.equal(goTime(1_700_000_000_120_000_000n), '2023-11-14T22:13:20.12Z')
  assert.equal(goTime(1_700_000_000_000_000_001n), '2023-11-14T22:13:20.000000001Z')
  assert.equal(goTime(-1n), '1969-12-31T23:59:59.999999999Z')
})

const ASKER: ClientInfo = {
  start: '2026-08-21T13:50:11.1Z',
  host: '127.0.0.1',
  id: 7,
  account: 'B',
  user: 'bob',
  rttNs: 1000,
  server: 'n1',
  cluster: 'C1',
  kind: 'Client',
  clientType: 'nats',
}
const SHORT = { account: 'B', rttNs: 1000 }
const WITH_SERVER = { ...SHORT, server: 'n1', cluster: 'C1' }
const FORGED = encodeHeaders([['Nats-Request-Info', '{"acc":"OTHER","user":"eve","reply":"x"}']])
const TOLD = encodeHeaders([['Nats-Request-Info', '{"acc":"Z","rtt":5}']])

function input(more: Partial<RequestInfoInput>): RequestInfoInput {
  return {
    requester: ASKER,
    isLeaf: false,
    share: false,
    isSystem: false,
    importer: 'M',
    previous: undefined,
    ...more,
  }
}

const hop = (share: boolean) => ({ previous: { share } })

/** Name, headers before, what is known, what is told. */
const FORMS: readonly (readonly [string, Uint8Array, Partial<RequestInfoInput>, ClientInfo])[] = [
  ['without sharing', NONE, {}, SHORT],
  ['with sharing', NONE, { share: true }, ASKER],
  ['to the system account', NONE, { isSystem: true }, WITH_SERVER],
  ['to the system account with sharing', NONE, { isSystem: true, share: true }, ASKER],
  ['what a client says of itself is not told', FORGED, {}, SHORT],
  ['what a leaf says is not told', FORGED, { isLeaf: true }, SHORT],
  [
    'what a leaf says is not told to the system account',
    FORGED,
    { isLeaf: true, isSystem: true },
    WITH_SERVER,
  ],
  ['chained', TOLD, hop(false), { account: 'Z', rttNs: 5, service: 'M' }],
  [
    'chained into an import that shares',
    TOLD,
    { ...hop(false), share: true },
    { account: 'Z', rttNs: 5, service: 'M', server: 'n1', cluster: 'C1' },
  ],
  [
    'chained into the system account',
    TOLD,
    { ...hop(false), isSystem: true },
    { account: 'Z', rttNs: 5, service: 'M', server: 'n1', cluster: 'C1' },
  ],
  [
    'chained behind one that shares',
    TOLD,
    { ...hop(true), isSystem: true },
    { account: 'Z', rttNs: 5, service: 'M' },
  ],
  ['chained, but nothing was told', NONE, hop(true), ASKER],
  ['chained from a leaf', TOLD, { ...hop(false), isLeaf: true }, { ...SHORT, service: 'M' }],
  [
    'chained from a leaf, with sharing before',
    FORGED,
    { ...hop(true), isLeaf: true },
    { ...ASKER, service: 'M', reply: 'x' },
  ],
]

for (const [name, headers, known, told] of FORMS) {
  test(`a forwarded request tells who asks: ${name}`, () => {
    const made = withRequestInfo(headers, input(known))
    assert.equal(text(made), `NATS/1.0\r\nNats-Request-Info: ${encodeClientInfo(told)}\r\n\r\n`)
  })
}

test('a leaf peer is told the account by its own name for it', () => {
  const rename = (account: string): string | undefined => (account === 'Z' ? 'REMOTE' : undefined)
  const renamed = renameRequestAccount(TOLD, rename)
  assert.equal(text(renamed), 'NATS/1.0\r\nNats-Request-Info: {"acc":"REMOTE","rtt":5}\r\n\r\n')
  assert.equal(renameRequestAccount(FORGED, rename), FORGED)
  assert.equal(renameRequestAccount(NONE, rename), NONE)
})
