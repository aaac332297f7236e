import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { tunnelThrough } from '../../../src/io/websocket/http-proxy.ts'
import { until } from '../../support/wait.ts'
import { answering } from './fake-peer.ts'

const TARGET = { host: 'hub.example', port: 7422 }
const TIMEOUT_MS = 5000

function proxyAt(port: number, username = '', password = '') {
  return { url: `http://127.0.0.1:${port}`, username, password, timeoutMs: 0 }
}

test('the proxy is asked for the target, and what the target says is not lost', async (t) => {
  let request = ''
  const port = await answering(t, (text, socket) => {
    request = text
    socket.write('HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\nINFO {}\r\n')
    socket.on('data', (chunk) => socket.write(chunk))
  })
  const socket = await tunnelThrough(proxyAt(port), TARGET, TIMEOUT_MS)
  t.after(() => socket.destroy())
  assert.equal(request, 'CONNECT hub.example:7422 HTTP/1.1\r\nHost: hub.example:7422\r\n\r\n')
  let text = ''
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString()
  })
  socket.resume()
  socket.write('PING\r\n')
  await until('the echo', () => text === 'INFO {}\r\nPING\r\n')
})

test('credentials go to the proxy when both are there, and an IPv6 host has brackets', async (t) => {
  const requests: string[] = []
  const port = await answering(t, (text, socket) => {
    requests.push(text)
    socket.write('HTTP/1.0 200 OK\r\n\r\n')
  })
  const target = { host: '2001:db8::1', port: 80 }
  for (const password of ['secret', '']) {
    const socket = await tunnelThrough(proxyAt(port, 'bob', password), target, TIMEOUT_MS)
    socket.destroy()
  }
  const line = 'CONNECT [2001:db8::1]:80 HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n'
  assert.deepEqual(requests, [
    `${line}Proxy-Authorization: Basic ${btoa('bob:secret')}\r\n\r\n`,
    `${line}\r\n`,
  ])
})

test("refusals and failures have nats-server's words, and no password", async (t) => {
  const rejection = async (answer: string, timeoutMs = TIMEOUT_MS): Promise<string> => {
    const port = await answering(t, (_, socket) => {
      if (answer === 'EOF') socket.end()
      else socket.write(answer)
    })
    const tunnel = tunnelThrough(proxyAt(port, 'bob', 'secret'), TARGET, timeoutMs)
    const error: unknown = await tunnel.then(
      (socket) => socket.destroy(),
      (reason: unknown) => reason,
    )
    assert.ok(error instanceof Error)
    assert.ok(!error.message.includes('secret'))
    return error.message
  }
  const refused = 'HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n'
  const refusedText = 'proxy CONNECT failed: 407 Proxy Authentication Required'
  assert.equal(await rejection(refused), refusedText)
  assert.equal(await rejection('EOF'), 'failed to read proxy response: EOF')
  assert.equal(await rejection('HTTP', 50), 'failed to read proxy response: i/o timeout')
  const malformed = await rejection('SSH-2.0\r\n\r\n')
  assert.equal(malformed, 'failed to read proxy response: malformed HTTP response')
})

test('a proxy that is not there', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  await assert.rejects(tunnelThrough(proxyAt(port), TARGET, TIMEOUT_MS), {
    message: `failed to connect to proxy: dial tcp 127.0.0.1:${port}: connect: connection refused`,
  })
})
