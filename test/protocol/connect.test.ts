import assert from 'node:assert/strict'
import test from 'node:test'
import { CONNECT_DEFAULTS, decodeConnect, encodeLeafConnect } from '../../src/protocol/connect.ts'
import { redactConnect } from '../../src/protocol/redact-connect.ts'

test('an empty CONNECT leaves the defaults: verbose, pedantic, echo', () => {
  const decoded = decodeConnect('{}', CONNECT_DEFAULTS)
  assert.deepEqual(decoded, { ok: true, options: CONNECT_DEFAULTS })
  const { verbose, pedantic, echo, headers, protocol } = CONNECT_DEFAULTS
  assert.deepEqual(
    { verbose, pedantic, echo, headers, protocol },
    {
      ...{ verbose: true, pedantic: true, echo: true, headers: false, protocol: 0 },
    },
  )
})

test('CONNECT is merged into what was said before', () => {
  const first = decodeConnect(
    '{"verbose":false,"user":"a","pass":"b","name":"n"}',
    CONNECT_DEFAULTS,
  )
  assert.ok(first.ok)
  const second = decodeConnect('{"User":"c","pass":null,"protocol":1}', first.options)
  assert.deepEqual(second, {
    ok: true,
    options: { ...CONNECT_DEFAULTS, verbose: false, user: 'c', pass: 'b', name: 'n', protocol: 1 },
  })
  assert.equal(first.options.user, 'a', 'the earlier options are not changed')
})

test('CONNECT reads every member of a client', () => {
  const decoded = decodeConnect(
    '{"echo":false,"verbose":false,"pedantic":false,"tls_required":true,"nkey":"1","jwt":"2",' +
      '"sig":"3",' +
      '"auth_token":"4","user":"5","pass":"6","name":"7","lang":"8","version":"9","protocol":1,' +
      '"account":"a","new_account":true,"headers":true,"no_responders":true,' +
      '"remote_account":"b","proxy_sig":"c"}',
    CONNECT_DEFAULTS,
  )
  assert.deepEqual(decoded, {
    ok: true,
    options: {
      ...CONNECT_DEFAULTS,
      ...{ echo: false, verbose: false, pedantic: false, tlsRequired: true, nkey: '1', jwt: '2' },
      ...{ sig: '3', authToken: '4', user: '5', pass: '6', name: '7', lang: '8', version: '9' },
      ...{ protocol: 1, account: 'a', newAccount: true, headers: true, noResponders: true },
      ...{ remoteAccount: 'b', proxySig: 'c' },
    },
  })
})

test('members of leaf nodes are read on leaf connections and unknown on client connections', () => {
  const text = '{"cluster":"c","deny_pub":["a"],"is_hub":true,"compress_mode":"off"}'
  assert.deepEqual(decodeConnect(text, CONNECT_DEFAULTS, 'leaf'), {
    ok: true,
    options: {
      ...CONNECT_DEFAULTS,
      ...{ cluster: 'c', denyPub: ['a'], isHub: true, compressMode: 'off' },
    },
  })
  assert.deepEqual(decodeConnect(text, CONNECT_DEFAULTS), { ok: true, options: CONNECT_DEFAULTS })
  assert.equal(decodeConnect('{"cluster":5}', CONNECT_DEFAULTS).ok, true)
  assert.equal(decodeConnect('{"cluster":5}', CONNECT_DEFAULTS, 'leaf').ok, false)
})

test('CONNECT that is no JSON or has a wrong type is refused', () => {
  for (const text of ['{bad', '', '\r', '{"user":1}', '{"protocol":1.5}', '{"headers":"yes"}']) {
    assert.equal(decodeConnect(text, CONNECT_DEFAULTS).ok, false, text)
  }
})

test('the CONNECT of a leaf node has nats-server’s order and leaves out what is empty', () => {
  const line = encodeLeafConnect({
    ...{ protocol: 3, remoteAccount: 'A', gateway: '', compressMode: 's2_fast', isolate: true },
    ...{ denyPub: ['x', 'y'], jetstream: true, headers: true, cluster: 'c', isHub: true },
    ...{ name: 'n', domain: 'd', serverId: 'N', authToken: 't', pass: 'p', user: 'u' },
    ...{ sig: 's', jwt: 'j', nkey: 'U', version: '2.15.1' },
  })
  assert.equal(
    line,
    'CONNECT {"version":"2.15.1","nkey":"U","jwt":"j","sig":"s","user":"u","pass":"p",' +
      '"auth_token":"t",' +
      '"server_id":"N","domain":"d","name":"n","is_hub":true,"cluster":"c","headers":true,' +
      '"jetstream":true,' +
      '"deny_pub":["x","y"],"isolate":true,"compress_mode":"s2_fast",' +
      '"remote_account":"A","protocol":3}\r\n',
  )
  assert.equal(
    encodeLeafConnect({ name: 'a<b', denyPub: [], protocol: 0, headers: false }),
    'CONNECT {"name":"a\\u003cb"}\r\n',
  )
})

const REDACTED: readonly (readonly [text: string, redacted: string])[] = [
  ['{"user":"me","pass":"s3cr3t"}', '{"user":"me","pass":"[REDACTED]"}'],
  ['{"auth_token":"s3cr3t","x":1}', '{"auth_token":"[REDACTED]","x":1}'],
  ['{"nkey":"s3cr3t","sig":"s3cr3t"}', '{"nkey":"[REDACTED]","sig":"[REDACTED]"}'],
  ['{"proxy_sig":"s3cr3t"}', '{"proxy_sig":"[REDACTED]"}'],
  ['{"pass" : "s3cr3t"}', '{"pass" : "[REDACTED]"}'],
  ['{"password":"s3cr3t"}', '{"password":"[REDACTED]"}'],
  ['{pass:s3cr3t,user:x}', '{pass:[REDACTED],user:x}'],
  ['{"pass":12}', '{"pass":[REDACTED]}'],
  ['{"design":"x","signal":"y"}', '{"design":"x","signal":"y"}'],
  ['{"user":"pass","lang":"go"}', '{"user":"pass","lang":"go"}'],
  ['{"jwt":"eyJ","name":"n"}', '{"jwt":"eyJ","name":"n"}'],
  // Where nats-server logs a part of the secret, or all of it.
  ['{"pass":"s3,cr}3t","user":"u"}', '{"pass":"[REDACTED]","user":"u"}'],
  ['{"pass":"s3\\"cr3t","user":"u"}', '{"pass":"[REDACTED]","user":"u"}'],
  ['{"PASS":"s3cr3t"}', '{"PASS":"[REDACTED]"}'],
  ['{"p\\u0061ss":"s3cr3t"}', '{"pass":"[REDACTED]"}'],
  ['{"pa\u017fs":"s3cr3t"}', '{"pa\u017fs":"[REDACTED]"}'],
]

for (const [text, redacted] of REDACTED) {
  test(`${text} is traced as ${redacted}`, () => {
    assert.equal(redactConnect(text), redacted)
  })
}
