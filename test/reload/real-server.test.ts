/** Each change of a configuration is told as nats-server tells it, or refused as there. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { makeCertificates } from '../support/certificates.ts'
import { program, skipReason } from '../support/peers.ts'
import { ACCOUNT_NKEY, USER_NKEY } from './option-variants.ts'
import { ReloadProcess } from './reload-process.ts'

const [sable, natsServer] = [program('sable'), program('nats-server')]
const folder = mkdtempSync(join(tmpdir(), 'reload-'))
after(() => rmSync(folder, { recursive: true }))
const { server: certificate, selfSigned, ca } = makeCertificates(folder)

const TLS = `cert_file: "${certificate.certFile}", key_file: "${certificate.keyFile}"`
const OTHER_TLS = `cert_file: "${selfSigned.certFile}", key_file: "${selfSigned.keyFile}"`
const PIN = '7f83b1657ff1fc53b92dc18148a1d65dfc2d4b1fa3d677284addd200126d9069'

/** Marks begin with `#`, to the end of the line: pairs put something in their place. */
const BASE = `
server_name: home
http: "127.0.0.1:-1"
tls { ${TLS} #tls
}
accounts {
  A { users [ { user: anna, password: x #anna
    } #users
  ] #account
  }
  B { users [ { user: bert, password: x } ] }
  SYS { users [ { user: sys, password: x } ] }
}
system_account: SYS
no_auth_user: bert
leafnodes {
  port: -1
  host: "127.0.0.1"
  #leaf
  tls { ${TLS} #leaftls
  }
  authorization { users [ { user: leaf, password: x, account: A } #leafusers
  ] }
  remotes [
    { url: "nats://127.0.0.1:1", account: A, disabled: true #one
    }
    { urls: ["tls://u:p@127.0.0.1:2", "tls://127.0.0.1:3"], account: B, disabled: true
      tls { ${TLS} #twotls
      } }
    { url: "ws://127.0.0.1:4", disabled: true
      proxy { url: "http://127.0.0.1:5", username: u, password: p #proxy
      } }
    #remotes
  ]
}
websocket {
  port: -1, host: "127.0.0.1", allowed_origins: ["http://b.com", "http://a.com"]
  headers { b: c, a: d } #websocket
  tls { ${TLS} #wstls
  }
}
proxies { trusted [ { key: ${USER_NKEY} } #trusted
] }
#
`

/** Something in place of a mark, or in place of a text. */
type Change = readonly [from: string, to: string]

const added = (line: string): Change => ['#\n', `${line}\n`]

const CHANGES: Readonly<Record<string, Change>> = {
  nothing: added(''),
  'several options at once': added(`
    debug: true, ping_interval: "30s", ping_max: 4, write_deadline: "1500ms"
    max_control_line: 2048, max_payload: 1000, max_connections: 10
    client_advertise: "elsewhere:44", server_tags: [a, b], server_metadata { x: y }
    connect_error_reports: 4, reconnect_error_reports: 7, max_traced_msg_len: 10
    no_fast_producer_stall: true, trace_verbose: true`),
  'trace headers': added('trace_headers: true'),
  'nobody may connect': added('max_connections: 0'),
  mappings: added('mappings { a: b }'),
  'a directory of streams': added('store_dir: "/tmp/none"'),
  syslog: added('syslog: false, remote_syslog: ""'),
  max_subs: added('max_subs: 10'),
  max_sub_tokens: added('max_sub_tokens: 10'),
  max_pending: added('max_pending: 10MB'),
  server_name: ['server_name: home', 'server_name: away'],
  'no server_name': ['server_name: home', ''],
  lame_duck_duration: added('lame_duck_duration: "1m"'),
  lame_duck_grace_period: added('lame_duck_grace_period: "1s"'),
  no_header_support: added('no_header_support: true'),
  no_sublist_cache: added('no_sublist_cache: true'),
  write_timeout: added('write_timeout: close'),
  max_closed_clients: added('max_closed_clients: 4'),
  feature_flags: added('feature_flags { js_ack_fc_v2: true }'),
  log_size_limit: added('log_size_limit: 1000'),
  log_max_num: added('log_max_num: 3'),
  proxy_protocol: added('proxy_protocol: true'),
  'http host': ['"127.0.0.1:-1"', '"127.0.0.2:-1"'],
  'http port': ['http: "127.0.0.1:-1"', 'http: "127.0.0.1:9999"'],
  http_base_path: added('http_base_path: "base"'),
  prof_port: added('prof_port: 5000'),
  allow_non_tls: added('allow_non_tls: true'),
  proxy_required: added('authorization { proxy_required: true }'),
  auth_callout: added(`authorization { auth_callout { issuer: ${ACCOUNT_NKEY}
    account: A, auth_users: [anna] } }`),
  'authorization timeout': added('authorization { timeout: 0.25 }'),
  no_auth_user: ['no_auth_user: bert', 'no_auth_user: anna'],
  'no no_auth_user': ['no_auth_user: bert', ''],
  system_account: ['system_account: SYS', 'system_account: B'],
  'no system_account': ['system_account: SYS', ''],
  'a user more': ['#users', `{ nkey: ${USER_NKEY} }`],
  'another password': ['anna, password: x', 'anna, password: y'],
  permissions: ['#anna', ', permissions { publish: a }'],
  'exports and imports': ['#account', 'exports: [ { stream: s } ]'],
  'a trusted proxy more': ['#trusted', `{ key: ${ACCOUNT_NKEY} }`],
  'another trusted proxy': [`{ key: ${USER_NKEY} }`, `{ key: ${ACCOUNT_NKEY} }`],
  'other tls files': [TLS, OTHER_TLS],
  'more of tls': [
    '#tls',
    `, ca_file: "${ca.certFile}", verify: true, timeout: 5.5, pinned_certs: ["${PIN}"]
    handshake_first: "300ms", min_version: "1.3"`,
  ],
  'no tls': [`tls { ${TLS} #tls\n}`, ''],
  'tls verify_and_map': ['#tls', `, ca_file: "${ca.certFile}", verify_and_map: true`],
  'tls rate': ['#tls', ', connection_rate_limit: 5'],
  'a tls file that is not there': [certificate.certFile, `${folder}/none.pem`],
  'leaf host': ['host: "127.0.0.1"\n', 'host: "127.0.0.2"\n'],
  'no leaf port': ['port: -1\n', ''],
  'leaf compression': ['#leaf\n', 'compression: s2_fast\n'],
  'leaf compression by time': [
    '#leaf\n',
    'compression { mode: s2_auto, rtt_thresholds: [1ms, 2ms] }\n',
  ],
  'leaf advertise': ['#leaf\n', 'advertise: "a:4"\n'],
  'leaf no_advertise': ['#leaf\n', 'no_advertise: true\n'],
  'leaf reconnect': ['#leaf\n', 'reconnect: 4\n'],
  'leaf min_version': ['#leaf\n', 'min_version: 2.9.0\n'],
  'leaf write_timeout': ['#leaf\n', 'write_timeout: retry\n'],
  'leaf write_deadline': ['#leaf\n', 'write_deadline: 3s\n'],
  'leaf dial_timeout': ['#leaf\n', 'dial_timeout: 3s\n'],
  'leaf isolation': ['#leaf\n', 'isolate: true\n'],
  'leaf tls files': [`tls { ${TLS} #leaftls`, `tls { ${OTHER_TLS}`],
  'leaf tls first': ['#leaftls', ', handshake_first: auto'],
  'leaf tls timeout': ['#leaftls', ', timeout: 9'],
  'leaf tls mapping': ['#leaftls', `, ca_file: "${ca.certFile}", verify_and_map: true`],
  'leaf tls pins': [
    '#leaftls',
    `, verify: true, ca_file: "${ca.certFile}", pinned_certs: ["${PIN}"]`,
  ],
  'no leaf tls': [`tls { ${TLS} #leaftls\n  }`, ''],
  'a leaf user more': ['#leafusers', ', { user: other, password: y, account: A }'],
  'password of a leaf user': ['leaf, password: x', 'leaf, password: y'],
  'no leaf users': ['authorization { users [ { user: leaf', 'leftover { users [ { user: leaf'],
  'a remote enabled': [', account: A, disabled: true', ', account: A'],
  'compression of a remote': ['#one', ', compression: s2_better'],
  'no_randomize of a remote': ['#one', ', no_randomize: true'],
  'hub of a remote': ['#one', ', hub: true'],
  'deny lists of a remote': ['#one', ', deny_exports: [a, b], deny_imports: c'],
  'first_info_timeout of a remote': ['#one', ', first_info_timeout: 4s'],
  'dial_timeout of a remote': ['#one', ', dial_timeout: 1500ms'],
  'ws_compression of a remote': ['#one', ', ws_compression: true'],
  'isolation of a remote': ['#one', ', isolate: true'],
  'request_isolation of a remote': ['#one', ', request_isolation: true'],
  'discovered servers of a remote': ['#one', ', ignore_discovered_servers: true'],
  'migration of a remote': ['#one', ', jetstream_cluster_migrate: true'],
  'account of a remote': ['"nats://127.0.0.1:1", account: A', '"nats://127.0.0.1:1", account: B'],
  'tls first of a remote': ['#twotls', ', handshake_first: true'],
  'tls timeout of a remote': ['#twotls', ', timeout: 4'],
  'proxy of a remote': ['#proxy', ', timeout: 4s'],
  'a remote more': ['#remotes', '{ url: "nats://127.0.0.1:7", account: B, disabled: true }'],
  'a remote with credentials': [
    '#remotes',
    '{ url: "nats://127.0.0.1:7", credentials: "/none.creds", disabled: true }',
  ],
  'a websocket option': ['#websocket', 'compression: true, handshake_timeout: 3s'],
  'order of websocket origins': [
    '"http://b.com", "http://a.com"',
    '"http://a.com", "http://b.com"',
  ],
  'websocket port': ['port: -1, host', 'port: 5444, host'],
  'websocket tls files': [`tls { ${TLS} #wstls`, `tls { ${OTHER_TLS}`],
  'websocket tls mapping': ['#wstls', `, ca_file: "${ca.certFile}", verify_and_map: true`],
  'an unknown field': added('foo: 1'),
  'a value of the wrong kind': added('max_payload: [1]'),
  'a broken file': added('foo {'),
  'an unset variable': added('max_payload: $NONE_SUCH'),
  'limits that contradict each other': added('max_payload: 100MB'),
  'an address that is none': added('client_advertise: "a:b:c"'),
  'a grace period that is too long': added('lame_duck_grace_period: "3m"'),
  'an import of oneself': [
    '#account',
    'exports: [{ service: x }], imports: [{ service: { account: A, subject: x } }]',
  ],
  'a circle of imports': added(`accounts {
    C { exports: [{ service: x }], imports: [{ service: { account: D, subject: x } }] }
    D { exports: [{ service: x }], imports: [{ service: { account: C, subject: x } }] }
  }`),
}

function configOf([from, to]: Change): string {
  assert.ok(BASE.includes(from), `no ${from} in the configuration`)
  return BASE.replace(from, to)
}

/**
 * What differs from run to run, or is not told by ours: addresses in memory, ports, folders; what
 * goes on beside; a cluster of which the system account became known after the start.
 */
function comparable(lines: readonly string[], { server }: ReloadProcess): readonly string[] {
  return withSortedRemotes(lines)
    .filter((line) => !/Error trying to connect|Reloaded: cluster|\[TRC\]/.test(line))
    .map((line) =>
      line
        .replaceAll(server.folder, 'FOLDER')
        .replace(/0x[0-9a-f]+/g, '{...}')
        .replace(/\b[1-9]\d{4}\b(?=[ ,])/g, 'PORT'),
    )
}

/** nats-server goes through the remotes of its leafs in no order. */
function withSortedRemotes(lines: readonly string[]): readonly string[] {
  const isRemote = (line: string) => line.includes('LeafNode Remote')
  const sorted = lines.filter(isRemote).sort()
  return lines.map((line) => (isRemote(line) ? sorted.shift()! : line))
}

describe('a reload, beside nats-server', { skip: skipReason(sable, natsServer) }, () => {
  test('says or refuses the same', async () => {
    await using ours = await ReloadProcess.start(sable, BASE)
    await using theirs = await ReloadProcess.start(natsServer, BASE)
    const both = (config: string) => Promise.all([ours.reload(config), theirs.reload(config)])
    const differences: Record<string, unknown> = {}
    // What was accepted stays until the next change, which so takes it back.
    for (const [name, change] of Object.entries(CHANGES)) {
      const [mine, real] = await both(configOf(change))
      const [got, wanted] = [comparable(mine, ours), comparable(real, theirs)]
      if (!isDeepStrictEqual(got, wanted)) differences[name] = { got, wanted }
    }
    // A user who is gone may cease to be it; there is no way back.
    const gone = BASE.replace('no_auth_user: bert', '').replaceAll('bert', 'carl')
    const [mine, real] = await both(gone)
    assert.deepEqual(comparable(mine, ours), comparable(real, theirs))
    const [back, realBack] = await both(BASE)
    assert.deepEqual(comparable(back, ours), comparable(realBack, theirs))
    assert.deepEqual(differences, {})
  })
})
