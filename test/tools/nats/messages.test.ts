import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { createUser } from '@nats-io/nkeys'
import { program, skipReason } from '../../support/peers.ts'
import { RawClient } from '../../support/raw-client.ts'
import { type ServerProcess, startServer } from '../../support/server-process.ts'
import { until } from '../../support/wait.ts'
import { runTool, ToolProcess, toolPath } from './tool-process.ts'

const INBOX = /_INBOX\.[0-9A-Za-z]{22}\.[0-9A-Za-z]{8}/
const TIME = /^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d /

const sub = (...args: readonly string[]) => new ToolProcess(toolPath('nats-sub'), args)
const rply = (...args: readonly string[]) => new ToolProcess(toolPath('nats-rply'), args)
const pub = (...args: readonly string[]) => runTool(toolPath('nats-pub'), args)
const req = (...args: readonly string[]) => runTool(toolPath('nats-req'), args)

describe('tutorial tools on a broker', () => {
  let server: ServerProcess
  before(async () => {
    server = await startServer(program('sable'))
  })
  after(() => server.stop())

  test('what nats-pub publishes, nats-sub shows', async () => {
    await using listener = sub('-s', server.url, 'foo.>')
    await listener.sawLine('Listening on [foo.>]')
    const first = pub('-s', server.url, 'foo.a', 'bar')
    assert.deepEqual(first, { code: 0, stdout: '', stderr: "Published [foo.a] : 'bar'\n" })
    const second = pub(`--s=${server.url}`, 'foo.b', '')
    assert.deepEqual(second, { code: 0, stdout: '', stderr: "Published [foo.b] : ''\n" })
    await listener.sawLine("[#2] Received on [foo.b]: ''")
    assert.deepEqual(listener.lines, [
      'Listening on [foo.>]',
      "[#1] Received on [foo.a]: 'bar'",
      "[#2] Received on [foo.b]: ''",
    ])
    listener.signal('SIGTERM')
    assert.deepEqual([(await listener.ended()).stdout, listener.lines.length], ['', 3])
  })

  test('payloads are shown byte for byte', async () => {
    await using listener = sub('-s', server.url, 'bytes')
    await listener.sawLine('Listening on [bytes]')
    await using client = await RawClient.connect(server.port)
    await client.send('CONNECT {"verbose":false}\r\nPUB bytes 7\r\na\xff\0\r\n\xc3z\r\n')
    await until('the message', () => listener.stderrBytes.includes("z'\n"))
    const start = Buffer.from("Listening on [bytes]\n[#1] Received on [bytes]: '")
    const payload = Buffer.from("a\xff\0\r\n\xc3z'\n", 'latin1')
    assert.deepEqual(listener.stderrBytes, Buffer.concat([start, payload]))
  })

  test('nats-req shows the reply of nats-rply', async () => {
    await using responder = rply('-s', server.url, 'q', '42')
    await responder.sawLine('Listening on [q]')
    const { code, stdout, stderr } = req('-s', server.url, 'q', '')
    assert.deepEqual([code, stdout], [0, ''])
    const inbox = INBOX.exec(stderr)?.[0]
    assert.equal(stderr, `Published [q] : ''\nReceived  [${inbox}] : '42'\n`)
    const further = req('-s', server.url, 'q', 'is it so?', 'not', 'used')
    assert.match(further.stderr, /^Published \[q\] : 'is it so\?'\nReceived .* : '42'\n$/)
    await responder.sawLine("[#2] Received on [q]: 'is it so?'")
  })

  test('responders share the requests of a queue group, not of different ones', async () => {
    await using one = rply('-s', server.url, 'work', 'one')
    await using two = rply('-s', server.url, 'work', 'two')
    await using other = rply('-s', server.url, '-q', 'other', 'work', 'other')
    await using alone = rply('-s', server.url, '-q', '', 'work', 'alone')
    const all = [one, two, other, alone]
    await Promise.all(all.map((tool) => tool.sawLine('Listening on [work]')))
    for (let count = 0; count < 3; count++) pub('-s', server.url, 'work', 'x')
    const received = (tool: ToolProcess) => tool.lines.length - 1
    await until('3 messages in each group', () => {
      return received(one) + received(two) === 3 && received(other) === 3 && received(alone) === 3
    })
  })

  test('-reply names the subject for the reply', async () => {
    await using listener = sub('-s', server.url, 'answers')
    await using responder = rply('-s', server.url, 'ask', 'yes')
    await listener.sawLine('Listening on [answers]')
    await responder.sawLine('Listening on [ask]')
    const { stderr } = pub('-s', server.url, '-reply', 'answers', 'ask', 'well?')
    assert.equal(stderr, "Published [ask] : 'well?'\n")
    await listener.sawLine("[#1] Received on [answers]: 'yes'")
  })

  test('-t puts the time before each line but the first', async () => {
    await using listener = sub('-s', server.url, '-t', 'timed')
    await using responder = rply('-s', server.url, '-t', 'timed', 'x')
    await Promise.all([listener, responder].map((tool) => tool.sawLine('Listening on [timed]')))
    const before = new Date()
    pub('-s', server.url, 'timed', 'a')
    for (const tool of [listener, responder]) {
      await tool.sawLine(RegExp(`${TIME.source}\\[#1\\] Received on \\[timed\\]: 'a'$`))
      const time = new Date(TIME.exec(tool.lines[1]!)![0].trim()).getTime()
      assert.ok(time >= before.getTime() - 1000 && time <= Date.now(), tool.stderr)
    }
  })

  test('a request that nobody listens to', () => {
    const stderr = 'nats: no responders available for request for request\n'
    assert.deepEqual(req('-s', server.url, 'nobody', 'x'), { code: 1, stdout: '', stderr })
  })

  test('a request without a reply in time', async () => {
    await using listener = sub('-s', server.url, 'silent')
    await listener.sawLine('Listening on [silent]')
    const startMs = Date.now()
    const ended = req('-s', server.url, 'silent', 'x')
    assert.deepEqual(ended, { code: 1, stdout: '', stderr: 'nats: timeout for request\n' })
    assert.ok(Date.now() - startMs >= 1900, 'it waits for two seconds')
  })

  test('subjects and queue names that cannot be used are refused', () => {
    const refused = (stderr: string) => ({ code: 1, stdout: '', stderr })
    const at = ['-s', server.url]
    assert.deepEqual(pub(...at, 'a b', 'x'), refused('nats: invalid subject\n'))
    assert.deepEqual(pub(...at, '', 'x'), refused('nats: invalid subject\n'))
    assert.deepEqual(pub(...at, '-reply', 'a b', 'x', 'y'), refused('nats: invalid subject\n'))
    assert.deepEqual(req(...at, 'a b', 'x'), refused('nats: invalid subject for request\n'))
    for (const subject of ['a b', 'a..b', '']) {
      const ended = runTool(toolPath('nats-sub'), [...at, subject])
      assert.deepEqual(ended, refused('nats: invalid subject\n'), subject)
    }
    const ended = runTool(toolPath('nats-rply'), [...at, '-q', 'a b', 'a', 'x'])
    assert.deepEqual(ended, refused('nats: invalid queue name\n'))
  })
})

describe('tutorial tools on a broker with a user', () => {
  let server: ServerProcess
  const url = (userInfo: string, host = '127.0.0.1') => `nats://${userInfo}@${host}:${server.port}`
  before(async () => {
    const config = 'max_payload: 100, authorization { user: ann, password: "p@ss" }'
    server = await startServer(program('sable'), { config })
  })
  after(() => server.stop())

  test('user and password are those of the URL', () => {
    assert.equal(pub('-s', url('ann:p%40ss'), 'a', 'x').stderr, "Published [a] : 'x'\n")
    const refused = { code: 1, stdout: '', stderr: 'nats: Authorization Violation\n' }
    assert.deepEqual(pub('-s', url('ann:wrong'), 'a', 'x'), refused)
    assert.deepEqual(req('-s', server.url, 'a', 'x'), refused)
    assert.deepEqual(runTool(toolPath('nats-sub'), ['-s', url('t0ken'), 'a']), refused)
  })

  test('each server of a list is told what its own URL says', () => {
    const list = `${url('ann:wrong', 'localhost')},${url('ann:p%40ss')}`
    for (let count = 0; count < 4; count++) {
      assert.equal(pub('-s', list, 'a', 'x').stderr, "Published [a] : 'x'\n")
    }
  })

  test('a payload the server does not take', async () => {
    const text = 'nats: maximum payload exceeded'
    const at = ['-s', url('ann:p%40ss')]
    const long = 'x'.repeat(101)
    assert.deepEqual(pub(...at, 'a', long), { code: 1, stdout: '', stderr: `${text}\n` })
    assert.equal(req(...at, 'a', long).stderr, `${text} for request\n`)
    await using responder = rply(...at, 'a', long)
    await responder.sawLine('Listening on [a]')
    for (const payload of ['1', '2']) pub(...at, '-reply', 'b', 'a', payload)
    await responder.sawLine("[#2] Received on [a]: '2'")
    assert.equal(responder.lines.filter((line) => line === text).length, 2)
  })
})

const peer = program('nats-server')

describe('tutorial tools on nats-server', { skip: skipReason(peer) }, () => {
  const user = createUser()
  let server: ServerProcess
  before(async () => {
    const config = `
      authorization { users: [
        { user: ann, password: pw, permissions: {
          publish: { deny: "no.pub" }, subscribe: { deny: "no.sub" } } }
        { nkey: ${user.getPublicKey()} }
      ] }`
    server = await startServer(peer, { config })
  })
  after(() => server.stop())

  test('-nkey signs with the seed of a file', () => {
    const file = join(server.folder, 'user.nk')
    writeFileSync(file, user.getSeed())
    assert.equal(pub('-s', server.url, '-nkey', file, 'a', 'x').stderr, "Published [a] : 'x'\n")
    const { code, stderr } = pub('-s', server.url, '-nkey', file, '-creds', file, 'a', 'x')
    assert.deepEqual([code, stderr], [1, 'specify -seed or -creds\n'])
  })

  test('what the server does not permit ends a tool with its reason', () => {
    const text = (what: string) => `nats: permissions violation: Permissions Violation for ${what}`
    const at = ['-s', `nats://ann:pw@127.0.0.1:${server.port}`]
    const publish = text('Publish to "no.pub"')
    assert.deepEqual(pub(...at, 'no.pub', 'x'), { code: 1, stdout: '', stderr: `${publish}\n` })
    const asked = req(...at, 'no.pub', 'x')
    assert.equal(asked.code, 1)
    assert.equal(
      asked.stderr.replace(/ on connection \[\d+\]\n/, '\n'),
      `${publish}\n${publish} for request\n`,
    )
    const heard = runTool(toolPath('nats-sub'), [...at, 'no.sub'])
    assert.equal(heard.code, 1)
    assert.equal(heard.stderr.split('\n').at(-2), text('Subscription to "no.sub"'))
  })
})
