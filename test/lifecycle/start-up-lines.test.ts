import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { type AddressInfo, createServer } from 'node:net'
import { describe, it } from 'node:test'
import { NATS_VERSION, SABLE_VERSION } from '../../src/base/version.ts'
import {
  type ClientTlsWord,
  listenerLines,
  listenFailureText,
} from '../../src/lifecycle/listener-lines.ts'
import { type StartUpLine, startUpLines } from '../../src/lifecycle/start-up-lines.ts'
import { program, skipReason } from '../support/peers.ts'
import { startServer } from '../support/server-process.ts'
import { until } from '../support/wait.ts'

const FACTS = {
  serverName: 'my-server',
  serverId: 'NABC',
  clusterName: '',
  configPath: '',
  configDigest: '',
  hasPlaintextPassword: false,
  maxPayloadBytes: 1024 * 1024,
  operators: [],
  hasSystemAccount: false,
  featureFlags: [],
  profPort: 0,
}
const LABELS = { info: 'INF', warn: 'WRN', error: 'ERR', fatal: 'FTL', debug: 'DBG', trace: 'TRC' }

const texts = (lines: readonly StartUpLine[]): string[] =>
  lines.map(({ level, text }) => `[${LABELS[level]}] ${text}`)

describe('start-up lines', () => {
  it('name program, versions, name and id', () => {
    assert.deepEqual(texts(startUpLines(FACTS)), [
      '[INF] Starting nats-server',
      `[INF]   Version:  ${NATS_VERSION}`,
      `[INF]   Sable:    ${SABLE_VERSION}`,
      '[INF]   Git:      [not set]',
      `[DBG]   Node.js:  ${process.version}`,
      '[INF]   Name:     my-server',
      '[INF]   ID:       NABC',
    ])
  })

  it('tell of feature flags, which are none of ours, and of a port for profiles', () => {
    const facts = { ...FACTS, featureFlags: ['b', 'a'], profPort: -1 }
    assert.deepEqual(texts(startUpLines(facts)).slice(7), [
      '[INF]   Feature flags:',
      '[INF]     Configured:    none',
      '[INF]     Unsupported:   a, b',
      '[WRN] Profiling port -1 is not opened: only Go has such profiles',
    ])
  })

  it('tell of operators and advise a system account', () => {
    const operator = { audience: 'a', name: 'n "x"', issuedAt: 1_700_000_000, expires: 0 }
    const operators = [operator, { ...operator, expires: 1_800_000_000 }]
    assert.deepEqual(texts(startUpLines({ ...FACTS, operators })).slice(7), [
      '[INF] Trusted Operators',
      '[INF]   System  : "a"',
      '[INF]   Operator: "n \\"x\\""',
      '[INF]   Issued  : 2023-11-14 22:13:20 +0000 UTC',
      '[INF]   Expires : Never',
      '[INF]   System  : "a"',
      '[INF]   Operator: "n \\"x\\""',
      '[INF]   Issued  : 2023-11-14 22:13:20 +0000 UTC',
      '[INF]   Expires : 2027-01-15 08:00:00 +0000 UTC',
      '[WRN] Trusted Operators should utilize a System Account',
    ])
    const quiet = texts(startUpLines({ ...FACTS, operators, hasSystemAccount: true }))
    assert.match(quiet.at(-1) ?? '', /Expires : 2027/)
  })

  it('tell a time beyond all dates as the number it is', () => {
    const operators = [{ audience: '', name: '', issuedAt: 1e300, expires: 0 }]
    assert.equal(texts(startUpLines({ ...FACTS, operators }))[10], '[INF]   Issued  : 1e+300')
  })

  it('warn of a max_payload over 8 MiB, not of 8 MiB', () => {
    const lines = (maxPayloadBytes: number): string[] =>
      texts(startUpLines({ ...FACTS, maxPayloadBytes }))
    assert.equal(lines(8 * 1024 * 1024).length, 7)
    assert.equal(
      lines(8 * 1024 * 1024 + 1).at(-1),
      '[WRN] Maximum payloads over 8.00 MB are generally discouraged and could lead to poor performance',
    )
  })
})

/** Lines that differ on purpose: versions, and the three that only one of the two writes. */
const OWN_LINE = /\] {3}(?:Version|Sable|Go build|Node\.js): /

describe('start-up lines beside those of nats-server', () => {
  const peer = program('nats-server')

  it('are the same, listeners included', { skip: skipReason(peer) }, async () => {
    const config = `
      server_name: my-server
      http: "127.0.0.1:-1"
      max_payload: 9mb
      feature_flags { other: true }
      authorization { user: a, password: b }
      cluster { name: c1, listen: "127.0.0.1:-1" }
      websocket { listen: "127.0.0.1:-1", no_tls: true }
      leafnodes { listen: "127.0.0.1:-1" }`
    await using server = await startServer(peer, { config, flags: ['-T=false', '-D'] })
    await until('the log to be ready', () => server.log.includes('Server is ready\n'))
    const ready = server.log.slice(0, server.log.indexOf('[INF] Server is ready'))
    const real = ready
      .split('\n')
      .map((line) => line.replace(/^\[\d+\] /, ''))
      .filter((line) => line.startsWith('[') && !OWN_LINE.test(line))
      .filter((line) => !line.startsWith('[DBG] Created system account'))

    const part = (pattern: RegExp): string => pattern.exec(ready)?.[1] ?? assert.fail(`${pattern}`)
    const port = (pattern: RegExp): number => Number(part(pattern))
    const host = '127.0.0.1'
    const ours = [
      ...startUpLines({
        serverName: 'my-server',
        serverId: part(/ID: {7}(N\w+)/),
        clusterName: 'c1',
        configPath: part(/configuration file: (\S+) /),
        configDigest: part(/\((sha256:\w+)\)/),
        hasPlaintextPassword: true,
        maxPayloadBytes: 9 * 1024 * 1024,
        operators: [],
        hasSystemAccount: true,
        featureFlags: ['other'],
        profPort: 0,
      }),
      ...listenerLines({
        kind: 'monitor',
        host,
        port: port(/http monitor on .*:(\d+)/),
        isTls: false,
      }),
      ...listenerLines({ kind: 'websocket', host, port: port(/ws:.*:(\d+)/), isTls: false }),
      ...listenerLines({
        kind: 'leaf',
        host,
        port: port(/leafnode connections on .*:(\d+)/),
        advertise: '',
        isInsecure: false,
      }),
      ...listenerLines({ kind: 'client', host, port: server.port, isProxied: false, tls: 'off' }),
    ]
    assert.deepEqual(
      texts(ours).filter((line) => !OWN_LINE.test(line)),
      real,
    )
  })
})

describe('listener lines', () => {
  it('tell whether TLS is needed', () => {
    const lines = (tls: ClientTlsWord, isProxied = false): string[] =>
      texts(listenerLines({ kind: 'client', host: '::', port: 4222, isProxied, tls }))
    const opened = '[INF] Listening for client connections on [::]:4222'
    assert.deepEqual(lines('off'), [opened])
    assert.deepEqual(lines('available'), [opened, '[INF] TLS available for client connections'])
    const proxied = '[INF] PROXY protocol enabled for client connections'
    assert.deepEqual(lines('off', true), [opened, proxied])
    const required = [opened, '[INF] TLS required for client connections']
    assert.deepEqual(lines('required'), required)
    assert.deepEqual(lines('required', true), [opened, proxied, ...required.slice(1)])
    assert.deepEqual(lines('handshakeFirst'), [
      ...required,
      '[WRN] Clients that are not using "TLS Handshake First" option will fail to connect',
    ])
  })

  it('name the schemes of TLS, and do not warn then', () => {
    const place = { host: '0.0.0.0', port: 8080, isTls: true } as const
    assert.deepEqual(texts(listenerLines({ kind: 'websocket', ...place })), [
      '[INF] Listening for websocket clients on wss://0.0.0.0:8080',
    ])
    assert.deepEqual(texts(listenerLines({ kind: 'monitor', ...place })), [
      '[INF] Starting https monitor on 0.0.0.0:8080',
    ])
  })

  it('name the port of routes', () => {
    assert.deepEqual(texts(listenerLines({ kind: 'route', host: '0.0.0.0', port: 6222 })), [
      '[INF] Listening for route connections on 0.0.0.0:6222',
    ])
  })
})

describe('a listener that cannot be opened', () => {
  const peer = program('nats-server')
  const host = '127.0.0.1'

  it('is reported as by nats-server', { skip: skipReason(peer) }, async () => {
    const taken = createServer()
    await new Promise<void>((resolve) => taken.listen(0, host, resolve))
    const { port } = taken.address() as AddressInfo
    const error = await new Promise((resolve) => {
      createServer().once('error', resolve).listen(port, host)
    })
    const flags = { client: ['-p', `${port}`], monitor: ['-p', '-1', '-m', `${port}`] }
    try {
      for (const kind of ['client', 'monitor'] as const) {
        const args = ['-a', host, '-T=false', ...flags[kind]]
        const { stderr, status } = spawnSync(peer.path, args, { encoding: 'utf8', timeout: 10_000 })
        const last = stderr.trimEnd().split('\n').at(-1)
        const ours = listenFailureText(kind, host, port, error)
        assert.equal(last?.replace(/^\[\d+\] /, ''), `[FTL] ${ours}`)
        assert.equal(status, 1)
      }
    } finally {
      taken.close()
    }
    const reason = `listen tcp ${host}:${port}: bind: address already in use`
    assert.equal(
      listenFailureText('websocket', host, port, error),
      `Unable to listen for websocket connections: ${reason}`,
    )
    assert.equal(
      listenFailureText('leaf', host, port, error),
      `Error listening on leafnode port: ${port} - ${reason}`,
    )
  })
})
