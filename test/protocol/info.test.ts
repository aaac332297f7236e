import assert from 'node:assert/strict'
import test from 'node:test'
import {
  decodeInfo,
  encodeInfo,
  type ServerInfo,
  withConnectInfo,
} from '../../src/protocol/info.ts'

const CLIENT_INFO: ServerInfo = {
  serverId: 'NABC',
  serverName: 'one',
  version: '2.15.1',
  proto: 1,
  go: 'go1.25',
  host: '0.0.0.0',
  port: 4222,
  headers: true,
  maxPayload: 1_048_576,
  clientId: 5,
  clientIp: '127.0.0.1',
  apiLevel: 5,
  xkey: 'XABC',
  sable: '0.1.0',
}

const START =
  'INFO {"server_id":"NABC","server_name":"one","version":"2.15.1","proto":1,"go":"go1.25",' +
  '"host":"0.0.0.0","port":4222,"headers":true,'

test('INFO to a client has nats-server’s order, our key last, a space before the line end', () => {
  assert.equal(
    encodeInfo(CLIENT_INFO),
    `${START}"max_payload":1048576,"client_id":5,"client_ip":"127.0.0.1",` +
      '"api_lvl":5,"xkey":"XABC","sable":"0.1.0"} \r\n',
  )
})

test('INFO leaves out what is empty, but never the members clients rely on', () => {
  assert.equal(
    encodeInfo({
      ...CLIENT_INFO,
      ...{ serverName: '', proto: 0, port: 0, headers: false, maxPayload: 0, clientId: 0 },
      ...{ authRequired: false, cluster: '', connectUrls: [], apiLevel: 0, xkey: '', sable: '' },
      clientIp: undefined,
    }),
    'INFO {"server_id":"NABC","server_name":"","version":"2.15.1","proto":0,"go":"go1.25",' +
      '"host":"0.0.0.0","port":0,"headers":false,"max_payload":0} \r\n',
  )
})

test('INFO that answers CONNECT names the account', () => {
  const info = withConnectInfo(CLIENT_INFO, { remoteAccount: '$SYS', isSystemAccount: true })
  assert.equal(
    encodeInfo(info),
    `${START}"max_payload":1048576,"client_id":5,"client_ip":"127.0.0.1","connect_info":true,` +
      '"remote_account":"$SYS","acc_is_sys":true,"api_lvl":5,"xkey":"XABC","sable":"0.1.0"} \r\n',
  )
})

test('INFO with every member keeps one order for clients and leaf nodes', () => {
  const line = encodeInfo({
    ...CLIENT_INFO,
    ...{ gitCommit: 'abc', authRequired: true, tlsRequired: true, tlsVerify: true },
    ...{ tlsAvailable: true, jetstream: true, ip: 'ip', nonce: 'n', cluster: 'c' },
    ...{ clusterDynamic: true, domain: 'd', connectUrls: ['a:1'], wsConnectUrls: ['b:2'] },
    ...{ lameDuckMode: true, compression: 's2_auto', infoOnConnect: true, leafnodeUrls: ['l:1'] },
    ...{ connectInfo: true, remoteAccount: 'A', isSystemAccount: true },
    import: { allow: ['<a>'], deny: [] },
    export: {},
  })
  const keys = Object.keys(JSON.parse(line.slice('INFO '.length)) as object)
  assert.equal(
    keys.join(' '),
    'server_id server_name version proto git_commit go host port headers auth_required ' +
      'tls_required tls_verify tls_available max_payload jetstream ip client_id client_ip ' +
      'nonce cluster cluster_dynamic domain connect_urls ws_connect_urls ldm ' +
      'compression connect_info remote_account acc_is_sys ' +
      'api_lvl import export info_on_connect leafnode_urls xkey sable',
  )
  assert.match(line, /"import":\{"allow":\["\\u003ca\\u003e"\]\},"export":\{\}/)
})

test('INFO is read back as it was written', () => {
  const decoded = decodeInfo(encodeInfo(CLIENT_INFO).slice('INFO '.length, -2))
  assert.deepEqual(decoded, { ok: true, info: CLIENT_INFO })
})

test('an almost empty INFO has zero values, and tells no leafnode_urls from an empty list', () => {
  const none = decodeInfo('{"compression":"s2_auto"}')
  const empty = decodeInfo('{"leafnode_urls":[],"import":{"deny":["a b"]}}')
  assert.ok(none.ok && empty.ok)
  assert.equal(none.info.serverId, '')
  assert.equal(none.info.maxPayload, 0)
  assert.equal(none.info.compression, 's2_auto')
  assert.equal(none.info.leafnodeUrls, undefined)
  assert.deepEqual(empty.info.leafnodeUrls, [])
  assert.deepEqual(empty.info.import, { deny: ['a b'] })
})

test('INFO with a wrong type or bad JSON is refused', () => {
  for (const text of ['', '{', '{"port":"x"}', '{"leafnode_urls":"x"}', '{"max_payload":1e6}']) {
    assert.equal(decodeInfo(text).ok, false, text)
  }
})
