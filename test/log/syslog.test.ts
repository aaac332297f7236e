import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { createSocket, type Socket as DatagramSocket } from 'node:dgram'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { BrokerError } from '../../src/base/errors.ts'
import type { LogLevel } from '../../src/base/log-line.ts'
import { createLogSink, type LogSink } from '../../src/monitor/log/log-sink.ts'
import {
  localSyslogTarget,
  parseSyslogTarget,
  Syslog,
  type SyslogTarget,
} from '../../src/monitor/log/syslog.ts'
import { until } from '../support/wait.ts'

const PID = 42
const AT_MS = new Date(2026, 10, 3, 9, 8, 7).getTime()

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'syslog-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

test('reads the addresses that nats-server reads', () => {
  const cases: readonly (readonly [url: string, target: SyslogTarget])[] = [
    ['udp://127.0.0.1:514', { network: 'udp', host: '127.0.0.1', port: 514 }],
    ['TCP://logs.example:6514/x', { network: 'tcp', host: 'logs.example', port: 6514 }],
    ['udp://[::1]:514', { network: 'udp', host: '::1', port: 514 }],
    ['tcp://:514', { network: 'tcp', host: '127.0.0.1', port: 514 }],
    ['unix:///run/log', { network: 'unix', path: '/run/log' }],
    ['unix:/run/log', { network: 'unix', path: '/run/log' }],
  ]
  for (const [url, target] of cases) assert.deepEqual(parseSyslogTarget(url), target, url)
})

test('refuses what is no address of a syslog server', () => {
  const cases: readonly (readonly [url: string, text: string])[] = [
    ['foo://h:1', 'error invalid network type: "foo"'],
    ['', 'error invalid network type: ""'],
    ['udp://h', 'dial udp: address h: '],
    ['tcp://h:99999', 'dial tcp: address h:99999: '],
    ['tcp://::1:5', 'dial tcp: address ::1:5: '],
  ]
  for (const [url, text] of cases) {
    assert.throws(
      () => parseSyslogTarget(url),
      (error) =>
        error instanceof BrokerError && error.code === 'BRK_SYSLOG' && error.message.includes(text),
      url,
    )
  }
})

/** A syslog server over TCP or a Unix socket. */
class StreamServer implements AsyncDisposable {
  readonly server: Server = createServer((socket) => this.#take(socket))
  readonly sockets: Socket[] = []
  text = ''

  static async listen(place: { port: number } | { path: string }): Promise<StreamServer> {
    const server = new StreamServer()
    const host = '127.0.0.1'
    const options = 'port' in place ? { ...place, host } : place
    await new Promise<void>((resolve) => {
      server.server.listen(options, resolve)
    })
    return server
  }

  #take(socket: Socket): void {
    this.sockets.push(socket)
    socket.setEncoding('utf8')
    socket.on('data', (text) => {
      this.text += text
    })
    socket.on('error', () => {})
  }

  get port(): number {
    const address = this.server.address()
    return typeof address === 'object' ? (address?.port ?? 0) : 0
  }

  get lines(): readonly string[] {
    return this.text.split('\n').slice(0, -1)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.sockets) socket.destroy()
    await new Promise((resolve) => this.server.close(resolve))
  }
}

async function listenUdp(): Promise<{ socket: DatagramSocket; packets: string[]; port: number }> {
  const socket = createSocket('udp4')
  const packets: string[] = []
  socket.on('message', (packet) => packets.push(packet.toString()))
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  return { socket, packets, port: socket.address().port }
}

function sinkTo(syslog: SyslogTarget, format: 'text' | 'json' = 'text'): Promise<LogSink> {
  return createLogSink({
    format,
    syslog,
    logtime: true,
    logtimeUtc: false,
    debug: true,
    trace: true,
    pid: PID,
    isTerminal: false,
    clock: { wallUs: () => AT_MS * 1000, monotonicMs: () => 0 },
  })
}

const LEVELS: readonly LogLevel[] = ['info', 'warn', 'error', 'fatal', 'debug', 'trace']
/** Facility daemon, 3 << 3, and the severities of nats-server. */
const PRIORITIES = [29, 28, 27, 26, 31, 29]

describe('log lines for syslog', () => {
  test('over UDP: one datagram a line, with the priority of its level', async () => {
    const { socket, packets, port } = await listenUdp()
    const sink = await sinkTo({ network: 'udp', host: '127.0.0.1', port })
    for (const level of LEVELS) sink.logger[level](`a ${level}`)
    await sink.drain()
    sink.close()
    await until('all datagrams', () => packets.length === LEVELS.length)
    socket.close()
    const time = new Date(AT_MS).toISOString().slice(0, 19)
    assert.deepEqual(
      packets,
      LEVELS.map((level, index) => {
        return `<${PRIORITIES[index]}>${time}Z ${hostname()} nats-server[42]: a ${level}\n`
      }),
    )
  })

  test('over a Unix socket: in the format of the local syslog', async () => {
    const path = join(folder, 'log')
    await using server = await StreamServer.listen({ path })
    const sink = await sinkTo({ network: 'unix', path })
    sink.logger.info('one')
    sink.logger.error('two')
    await sink.drain()
    sink.close()
    await until('both lines', () => server.lines.length === 2)
    assert.deepEqual(server.lines, [
      '<29>Nov  3 09:08:07 nats-server[42]: one',
      '<27>Nov  3 09:08:07 nats-server[42]: two',
    ])
  })

  test('as JSON when the log is', async () => {
    await using server = await StreamServer.listen({ port: 0 })
    const { port } = server
    const sink = await sinkTo({ network: 'tcp', host: '127.0.0.1', port }, 'json')
    sink.logger.warn('one')
    await sink.drain()
    sink.close()
    await until('the line', () => server.lines.length === 1)
    const [, object] = /^<28>.*?: (\{.*\})$/.exec(server.lines[0]!) ?? []
    assert.equal(JSON.parse(object!).msg, 'one')
  })

  test('are kept while the server is away, and what is too much is counted', async () => {
    const complaints: string[] = []
    const first = await StreamServer.listen({ port: 0 })
    const { port } = first
    const target: SyslogTarget = { network: 'tcp', host: '127.0.0.1', port }
    const syslog = new Syslog({ target, pid: PID, onAway: (why) => complaints.push(why) })
    const line = (text: string) => syslog.write({ level: 'info', atUs: AT_MS * 1000, text })
    assert.ok(line('before'))
    await until('the first line', () => first.lines.length === 1)
    await first[Symbol.asyncDispose]()
    await until('the loss to be noticed', () => complaints.length === 1)
    const taken = Array.from({ length: 40 }, () => line('x'.repeat(2 ** 15)))
    assert.equal(taken.filter(Boolean).length, 32, 'a mebibyte is kept')
    await using second = await StreamServer.listen({ port })
    await until('the lines that waited', () => second.lines.length === 32)
    assert.ok(line('after'))
    await until('the last line', () => second.text.includes('after'))
    assert.equal(complaints.length, 1, 'said once')
    await syslog.end()
    assert.equal(line('late'), false)
  })

  test('do not hold up an end when nobody is there', async () => {
    const server = await StreamServer.listen({ port: 0 })
    const { port } = server
    await server[Symbol.asyncDispose]()
    const sink = await sinkTo({ network: 'tcp', host: '127.0.0.1', port })
    sink.logger.info('one')
    await sink.drain()
    sink.close()
  })
})

/** Prints each datagram it gets; Node cannot listen on such a socket. */
const DATAGRAM_SERVER = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("ready", flush=True)
while True: print(s.recv(65536).decode(), flush=True)
`
const runs = (command: string) => spawnSync(command, ['--version'], { encoding: 'utf8' })
const hasLogger = /util-linux/.test(runs('logger').stdout ?? '')
const skip = hasLogger && runs('python3').status === 0 ? false : 'needs logger and python3'

test('a Unix datagram socket, as /dev/log mostly is, is reached as well', { skip }, async () => {
  const path = join(folder, 'log')
  const server = spawn('python3', ['-c', DATAGRAM_SERVER, path], { stdio: ['ignore', 'pipe', 2] })
  try {
    let out = ''
    server.stdout!.setEncoding('utf8').on('data', (text) => {
      out += text
    })
    await until('the server', () => out.includes('ready'))
    const sink = await sinkTo({ network: 'unix', path })
    sink.logger.info('one\nline')
    sink.logger.warn('two')
    await sink.drain()
    sink.close()
    await until('both lines', () => out.includes('two'))
    const [, first, second] = out.split('\n')
    assert.match(first!, /^<29>\w{3} [\d ]\d \d\d:\d\d:\d\d nats-server\[42\]: one line$/)
    assert.match(second!, /^<28>.* nats-server\[42\]: two$/)
  } finally {
    server.kill()
  }
})

test('the syslog of this machine is a socket, or there is none', () => {
  try {
    const target = localSyslogTarget()
    assert.ok(target.network === 'unix' && statSync(target.path).isSocket())
  } catch (error) {
    assert.ok(error instanceof BrokerError)
    assert.equal(error.message, 'error connecting to syslog: "Unix syslog delivery error"')
  }
})

test('one log after another: to a file, to syslog, and back', async () => {
  const file = join(folder, 'server.log')
  const { socket, packets, port } = await listenUdp()
  const base = {
    format: 'text',
    logtime: false,
    logtimeUtc: false,
    debug: false,
    trace: false,
    pid: PID,
    isTerminal: false,
  } as const
  const sink = await createLogSink({ ...base, file })
  sink.logger.info('one')
  sink.reconfigure({ ...base, syslog: { network: 'udp', host: '127.0.0.1', port } })
  sink.logger.info('two')
  sink.reopen()
  sink.reconfigure({ ...base, file })
  sink.logger.info('three')
  await until('the datagrams', () => packets.length === 2)
  socket.close()
  sink.close()
  assert.equal(readFileSync(file, 'utf8'), '[42] [INF] one\n[42] [INF] three\n')
  assert.match(packets[0]!, /: two\n$/)
  assert.match(packets[1]!, /: File log re-open ignored, not a file logger\n$/)
})
