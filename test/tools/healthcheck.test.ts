import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer as createHttp, type RequestListener } from 'node:http'
import { createServer as createHttps } from 'node:https'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { createServer as createTls } from 'node:tls'
import { runHealthcheck } from '../../src/tools/healthcheck.ts'
import { freePort } from '../support/free-port.ts'
import { certificates } from '../tls/tls-bench.ts'
import { type Ended, sable, ToolFolder } from './sable-tool.ts'

async function check(...args: readonly string[]): Promise<Ended> {
  const texts = { stdout: '', stderr: '' }
  const stream = (name: keyof typeof texts) => ({
    write: (text: string) => {
      texts[name] += text
    },
  })
  const code = await runHealthcheck('sable healthcheck', args, {
    stdout: stream('stdout'),
    stderr: stream('stderr'),
  })
  return { code, ...texts }
}

async function listening(t: TestContext, server: Server): Promise<number> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => sockets.add(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

const WELL: Ended = { code: 0, stdout: 'ok\n', stderr: '' }
const notWell = (reason: string): Ended => ({
  code: 1,
  stdout: '',
  stderr: `not healthy: ${reason}\n`,
})
const identity = {
  cert: readFileSync(certificates.server.certFile),
  key: readFileSync(certificates.server.keyFile),
}

/** Well at `/healthz` and below `/base`, ill elsewhere. */
const answer: RequestListener = ({ url }, response) => {
  response.statusCode = url === '/healthz' || url === '/base/healthz' ? 200 : 503
  response.end('{"status":"unavailable",\n"error":"x"}'.padEnd(5_000))
}

test('asks the monitoring port, and takes 200 for an answer', async (t) => {
  const port = await listening(t, createHttp(answer))
  const url = `http://127.0.0.1:${port}`
  for (const path of ['', '/', '/healthz', '/base', '/base/', '/base/healthz']) {
    assert.deepEqual(await check('--url', url + path), WELL, path)
  }
  const ill = await check('--url', `${url}/other`)
  assert.deepEqual(ill, notWell('status 503 {"status":"unavailable", "error":"x"}'))
})

test('asks by HTTPS, whoever has signed the certificate', async (t) => {
  const port = await listening(t, createHttps(identity, answer))
  assert.deepEqual(await check('-url', `https://localhost:${port}`), WELL)
})

test('asks the client port, and takes INFO for an answer', async (t) => {
  const info = (socket: Socket) => {
    socket.on('error', () => {})
    socket.write('INFO {"server_id":"x"} \r\n')
  }
  const plain = await listening(t, createServer(info))
  assert.deepEqual(await check('-url', `nats://127.0.0.1:${plain}`), WELL)
  const secured = await listening(t, createTls(identity, info))
  assert.deepEqual(await check('-url', `tls://127.0.0.1:${secured}`), WELL)
  const other = await listening(
    t,
    createServer((socket) => socket.end('220 mail.example ESMTP\r\n')),
  )
  const place = `127.0.0.1:${other}`
  assert.deepEqual(await check('-url', `nats://${place}`), notWell(`${place} is no NATS server`))
})

test('does not wait for ever', async (t) => {
  const port = await listening(t, createServer())
  for (const scheme of ['http', 'https', 'nats', 'tls']) {
    const ended = await check('-url', `${scheme}://127.0.0.1:${port}`, '-timeout', '50ms')
    assert.deepEqual(ended, notWell('no answer within 50 ms'), scheme)
  }
})

test('tells when nobody is there', async () => {
  const place = `127.0.0.1:${await freePort()}`
  for (const scheme of ['http', 'nats']) {
    const ended = await check('-url', `${scheme}://${place}`)
    assert.deepEqual(ended, notWell(`${place}: connection refused`))
  }
})

test('takes the address from a configuration file', async (t) => {
  using folder = new ToolFolder()
  const file = folder.file('server.conf')
  const withConfig = (text: string): Promise<Ended> => {
    writeFileSync(file, text)
    return check('-c', file)
  }
  const http = await listening(t, createHttp(answer))
  assert.deepEqual(await withConfig(`http: "0.0.0.0:${http}"`), WELL)
  const https = await listening(t, createHttps(identity, answer))
  const { certFile, keyFile } = certificates.server
  const tls = `tls { cert_file: "${certFile}", key_file: "${keyFile}" }`
  assert.deepEqual(await withConfig(`host: localhost, https_port: ${https}, ${tls}`), WELL)
  const client = await listening(
    t,
    createServer((socket) => socket.end('INFO {}\r\n')),
  )
  assert.deepEqual(await withConfig(`listen: "127.0.0.1:${client}"`), WELL)
  const open = await withConfig('port: -1')
  assert.equal(open.stderr, `${file} leaves the port open: name it with -url\n`)
  const faulty = await withConfig('prot: 1')
  assert.equal(faulty.code, 1)
  assert.match(faulty.stderr, /unknown field "prot"/)
})

test('refuses what it cannot use, with code 1', async () => {
  for (const args of [
    ['-url', 'foo://127.0.0.1:1'],
    ['-url', 'x'],
    ['-timeout', 'soon'],
    ['-timeout', '0s'],
    ['-url', 'nats://127.0.0.1:1', '-c', 'x.conf'],
    ['-bogus'],
    ['word'],
  ]) {
    const { code, stdout, stderr } = await check(...args)
    assert.deepEqual([code, stdout], [1, ''], args.join(' '))
    assert.notEqual(stderr, '')
  }
})

test('is a command of sable, which ends at once', () => {
  const { code, stdout } = sable(['healthcheck', '-h'])
  assert.equal(code, 0)
  assert.match(stdout, /^Usage: sable healthcheck \[-url URL \| -c FILE\]/)
})
