/** Where the log of the running command goes, and what happens when it can go nowhere. */
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { RawClient } from '../support/raw-client.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'
import { until } from '../support/wait.ts'
import { eachProgram, runToEnd } from './run-program.ts'

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  assert.ok(address !== null && typeof address === 'object')
  return address.port
}

async function exchange(server: ServerProcess): Promise<void> {
  await using client = await RawClient.connect(server.port)
  await client.send(
    'CONNECT {"verbose":false,"headers":true}\r\nSUB foo 1\r\nPUB foo 5\r\nhello\r\n' +
      'HPUB foo 18 20\r\nNATS/1.0\r\nA: b\r\n\r\nhi\r\nPING\r\n',
  )
  await client.readUntil('PONG\r\n')
}

eachProgram('a server whose log', (program, folder) => {
  const isSable = program.name === 'sable'

  test('goes to a syslog server over TCP: all lines, the first and the last', async (t) => {
    let text = ''
    const sockets: Socket[] = []
    const syslog = createServer((socket) => {
      sockets.push(socket)
      socket.setEncoding('utf8').on('data', (chunk) => {
        text += chunk
      })
    })
    const port = await listen(syslog)
    t.after(() => {
      for (const socket of sockets) socket.destroy()
      syslog.close()
    })
    const flags = ['-VV', '-r', `tcp://127.0.0.1:${port}`]
    await using server = await startServer(program, { config: 'trace_headers: true', flags })
    await exchange(server)
    await until('the end of the connection', () => text.includes('[DELSUB 1]'))
    await server.stop()
    await until('the last line', () => text.includes('Server Exiting..\n'))
    assert.equal(server.log, '', 'nothing on stderr')
    const [first = '', ...others] = text.trimEnd().split('\n')
    const priority = (isSable ? 24 : 0) + 5
    // A machine's name may be anything.
    const tag = ` nats-server[${server.pid}]: Starting nats-server`
    assert.match(
      first,
      new RegExp(`^<${priority}>\\d{4}-\\d\\d-\\d\\dT[\\d:]{8}(Z|[-+][\\d:]{5}) `),
    )
    assert.ok(first.endsWith(tag), first)
    const texts = others.map((line) => line.slice(line.indexOf(']: ') + 3))
    const ownSubscription = /^SYSTEM - <<- \[SUB \$SYS\.REQ\.SERVER\.PING\.VARZ {2}\d+\]$/
    assert.ok(texts.some((line) => ownSubscription.test(line)))
    const traces = texts.filter((line) => line.includes(' - cid:'))
    assert.deepEqual(
      traces.map((line) => line.replace(/^.* - cid:\d+ - /, '')).sort(),
      [
        '->> [HMSG foo 1 18 20]',
        '->> [MSG foo 1 5]',
        '->> [PONG]',
        '->> MSG_PAYLOAD: ["NATS/1.0\\r\\nA: b"]',
        '<-> [DELSUB 1]',
        '<<- [CONNECT {"verbose":false,"headers":true}]',
        '<<- [HPUB foo 18 20]',
        '<<- [PING]',
        '<<- [PUB foo 5]',
        '<<- [SUB foo 1]',
        '<<- MSG_PAYLOAD: ["NATS/1.0\\r\\nA: b"]',
      ].sort(),
    )
  })

  const noFull = existsSync('/dev/full') ? false : 'there is no /dev/full'
  test('is on a full disk goes on, and logs again when there is space', {
    skip: noFull,
  }, async () => {
    const place = mkdtempSync(join(folder, 'full-'))
    const [logFile, realFile] = [join(place, 'server.log'), join(place, 'real.log')]
    symlinkSync('/dev/full', logFile)
    await using server = await startServer(program, { flags: ['-l', logFile] })
    await exchange(server)
    rmSync(logFile)
    writeFileSync(realFile, '')
    symlinkSync(realFile, logFile)
    server.signal('SIGUSR1')
    await until('the log', () => readFileSync(realFile, 'utf8').includes('File log re-opened'))
    await exchange(server)
    await server.stop()
    assert.match(readFileSync(realFile, 'utf8'), /\[INF\] Server Exiting\.\.\n$/)
    if (!isSable) return
    assert.equal(server.log, 'nats-server: log lines are lost: no space left on device\n')
    assert.match(readFileSync(realFile, 'utf8'), /\[WRN\] \d+ log lines were lost\n/)
  })

  test('can go nowhere does not start: the reason on stderr, code 1', () => {
    const address = ['-a', '127.0.0.1', '-p', '-1']
    const { code, stderr } = runToEnd(program.path, [...address, '-r', 'foo://127.0.0.1:1'])
    assert.equal(code, 1)
    assert.ok(stderr.endsWith(' error invalid network type: "foo"\n'), stderr)
  })
})
