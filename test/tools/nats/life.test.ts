import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { program, ROOT } from '../../support/peers.ts'
import { startServer } from '../../support/server-process.ts'
import { runTool, ToolProcess, toolPath } from './tool-process.ts'

const TOKEN = 'authorization { token: s3cr3t }'

test('tools that wait come back to a server that comes back, with their subscriptions', async () => {
  let server = await startServer(program('sable'), { config: TOKEN })
  const { port } = server
  const url = `nats://s3cr3t@127.0.0.1:${port}`
  await using listener = new ToolProcess(toolPath('nats-sub'), ['-s', url, 'foo'])
  await using responder = new ToolProcess(toolPath('nats-rply'), ['-s', url, 'foo', 'hi'])
  await Promise.all([listener, responder].map((tool) => tool.sawLine('Listening on [foo]')))
  await server.stop('SIGKILL')
  await listener.sawLine('Disconnected due to:EOF, will attempt reconnects for 10m')
  await responder.sawLine('Disconnected due to: EOF, will attempt reconnects for 10m')
  server = await startServer(program('sable'), { config: TOKEN, port })
  try {
    const reconnected = `Reconnected [nats://xxxxx@127.0.0.1:${port}]`
    await Promise.all([listener, responder].map((tool) => tool.sawLine(reconnected)))
    const { code, stderr } = runTool(toolPath('nats-req'), ['-s', url, 'foo', 'x'])
    assert.equal(code, 0, stderr)
    await listener.sawLine("[#1] Received on [foo]: 'x'")
    assert.doesNotMatch(listener.stderr + responder.stderr, /s3cr3t/)
  } finally {
    await server.stop()
  }
})

test('a tool that is not let in again gives up', async () => {
  let server = await startServer(program('sable'), { config: TOKEN })
  const { port } = server
  const url = `nats://s3cr3t@127.0.0.1:${port}`
  await using listener = new ToolProcess(toolPath('nats-sub'), ['-s', url, 'foo'])
  await listener.sawLine('Listening on [foo]')
  await server.stop('SIGKILL')
  await listener.sawLine(/^Disconnected due to:EOF/)
  server = await startServer(program('sable'), { config: 'authorization { token: new }', port })
  try {
    const { code, stderr } = await listener.ended()
    assert.equal(code, 1)
    assert.match(stderr, /\nExiting: nats: Authorization Violation\n$/)
  } finally {
    await server.stop()
  }
})

test('SIGINT makes nats-rply drain and exit with 1', async () => {
  await using server = await startServer(program('sable'))
  await using responder = new ToolProcess(toolPath('nats-rply'), ['-s', server.url, 'foo', 'hi'])
  await responder.sawLine('Listening on [foo]')
  responder.signal('SIGINT')
  const { code, stderr } = await responder.ended()
  assert.deepEqual([code, stderr], [1, 'Listening on [foo]\n\nDraining...\nExiting\n'])
})

test('a request that reaches a nats-rply that drains has its reply', async () => {
  let received = ''
  using stub = await startStub((socket) => {
    socket.on('data', (bytes) => {
      received += bytes.toString('latin1')
      const isEnd = bytes.includes('UNSUB ')
      if (isEnd) socket.write('MSG foo 1 inbox 1\r\nx\r\n')
    })
    speak(socket, '')
  })
  await using responder = new ToolProcess(toolPath('nats-rply'), ['-s', stub.address, 'foo', 'hi'])
  await responder.sawLine('Listening on [foo]')
  responder.signal('SIGINT')
  const { stderr } = await responder.ended()
  assert.match(stderr, /Draining\.\.\.\n\[#1\] Received on \[foo\]: 'x'\nExiting\n$/)
  assert.match(received, /UNSUB 1\r\n.*PUB inbox 2\r\nhi\r\n/s)
})

test('SIGINT ends nats-rply while there is no server, too', async () => {
  const server = await startServer(program('sable'))
  await using responder = new ToolProcess(toolPath('nats-rply'), ['-s', server.url, 'foo', 'hi'])
  await responder.sawLine('Listening on [foo]')
  await server.stop('SIGKILL')
  await responder.sawLine(/^Disconnected/)
  responder.signal('SIGINT')
  const { code, stderr } = await responder.ended()
  assert.equal(code, 1)
  assert.match(stderr, /\n\nDraining\.\.\.\nExiting\n$/)
})

test('a second server of the list is tried when the first is not there', async () => {
  await using server = await startServer(program('sable'))
  const list = `127.0.0.1:1, ${server.url}/`
  const { code, stderr } = runTool(toolPath('nats-pub'), ['-s', list, 'foo', 'x'])
  assert.deepEqual([code, stderr], [0, "Published [foo] : 'x'\n"])
})

for (const [what, url, text] of [
  ['nobody listens', 'nats://127.0.0.1:1', 'nats: no servers available for connection'],
  ['the name is unknown', 'nosuch.invalid', 'dial tcp: lookup nosuch.invalid: no such host'],
  ['the URL is wrong', 'nats://h:x', 'parse "nats://h:x": invalid port ":x" after host'],
] as const) {
  test(`no connection because ${what}`, () => {
    for (const name of ['nats-sub', 'nats-pub', 'nats-req', 'nats-rply'] as const) {
      const args = name === 'nats-sub' ? ['a'] : ['a', 'b']
      const ended = runTool(toolPath(name), ['-s', url, ...args])
      assert.deepEqual(ended, { code: 1, stdout: '', stderr: `${text}\n` })
    }
  })
}

/** A server that says what it is told to whoever connects, and hands the sockets on. */
async function startStub(onConnection: (socket: Socket) => void) {
  const sockets = new Set<Socket>()
  const stub = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => sockets.delete(socket))
    onConnection(socket)
  }).listen(0, '127.0.0.1')
  await once(stub, 'listening')
  const address = stub.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const stop = () => {
    for (const socket of sockets) socket.destroy()
    stub.close()
  }
  return { address: `127.0.0.1:${address.port}`, [Symbol.dispose]: stop }
}

async function runToEnd(name: 'nats-pub' | 'nats-sub', args: readonly string[]) {
  await using tool = new ToolProcess(toolPath(name), args)
  const { code, stderr } = await tool.ended()
  return { code, stderr }
}

test('a server that says nothing is given up after two seconds', async () => {
  using stub = await startStub(() => {})
  const ended = await runToEnd('nats-pub', ['-s', stub.address, 'a', 'b'])
  assert.deepEqual(ended, { code: 1, stderr: `dial tcp ${stub.address}: i/o timeout\n` })
})

test('a server that is none', async () => {
  using stub = await startStub((socket) => socket.write('SSH-2.0-x\r\n'))
  const ended = await runToEnd('nats-pub', ['-s', stub.address, 'a', 'b'])
  const stderr = 'nats: protocol exception, INFO not received\n'
  assert.deepEqual(ended, { code: 1, stderr })
})

test('a server that hangs up after it was told who connects', async () => {
  using stub = await startStub((socket) => {
    socket.write('INFO {"server_id":"x","version":"2.10.0","max_payload":1000}\r\n')
    socket.once('data', () => socket.end("-ERR 'maximum connections exceeded'\r\n"))
  })
  const ended = await runToEnd('nats-pub', ['-s', stub.address, 'a', 'b'])
  const stderr = `nats: ${stub.address} did not accept the connection; its log may say why\n`
  assert.deepEqual(ended, { code: 1, stderr })
})

/** Says INFO, answers PING, and answers SUB with `answer`. */
function speak(socket: Socket, answer: string): void {
  socket.write('INFO {"server_id":"x","version":"2.10.0","max_payload":1000,"client_id":7}\r\n')
  socket.on('data', (bytes) => {
    for (const line of bytes.toString('latin1').split('\r\n')) {
      if (line === 'PING') socket.write('PONG\r\n')
      if (line.startsWith('SUB ') && answer !== '') setTimeout(() => socket.write(answer), 200)
    }
  })
}

test('an error of the server that leaves the connection alone is a line', async () => {
  const answer = '-ERR \'Permissions Violation for Publish to "x"\'\r\n'
  using stub = await startStub((socket) => speak(socket, answer))
  await using listener = new ToolProcess(toolPath('nats-sub'), ['-s', stub.address, 'a'])
  const text = 'nats: permissions violation: Permissions Violation for Publish to "x"'
  await listener.sawLine(`${text} on connection [7]`)
})

test('an error of the server that does not, ends the tool', async () => {
  using stub = await startStub((socket) => speak(socket, "-ERR 'Unknown Protocol Operation'\r\n"))
  const { code, stderr } = await runToEnd('nats-sub', ['-s', stub.address, 'a'])
  assert.equal(code, 1)
  assert.match(stderr, /(^|: )nats: Unknown Protocol Operation\n$/m)
})

test('the reason of a server for the disconnect is told', async () => {
  using stub = await startStub((socket) => {
    speak(socket, '')
    socket.on('data', (bytes) => {
      if (bytes.includes('SUB ')) setTimeout(() => socket.end("-ERR 'Stale Connection'\r\n"), 200)
    })
  })
  await using listener = new ToolProcess(toolPath('nats-sub'), ['-s', stub.address, 'a'])
  const reason = 'nats: stale connection'
  await listener.sawLine(`Disconnected due to:${reason}, will attempt reconnects for 10m`)
})

test('a reader that goes away ends a tool quietly', async () => {
  await using server = await startServer(program('sable'))
  const listener = spawn(toolPath('nats-sub'), ['-s', server.url, 'foo'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  try {
    await once(listener.stderr, 'data')
    listener.stderr.destroy()
    const exit = once(listener, 'exit')
    runTool(toolPath('nats-pub'), ['-s', server.url, 'foo', 'x'])
    assert.deepEqual(await exit, [1, null])
  } finally {
    listener.kill('SIGKILL')
  }
})

test('only the tools load the client library: the broker starts without it', () => {
  const dist = join(ROOT, 'dist')
  const files = readdirSync(dist).filter((name) => name.endsWith('.js'))
  const isLoading = (name: string) =>
    /(from|import\(|require\()\s*"@nats-io/.test(readFileSync(join(dist, name), 'utf8'))
  const loading = files.filter(isLoading).map((name) => name.replace(/-\w{8}\.js$/, ''))
  assert.deepEqual([...new Set(loading)], ['run'])
})
