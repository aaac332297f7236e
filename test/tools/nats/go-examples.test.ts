/** The tools beside the programs of nats.go on one server: the same exit code, the same output. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { createAccount } from '@nats-io/nkeys'
import { program } from '../../support/peers.ts'
import { type ServerProcess, startServer } from '../../support/server-process.ts'
import {
  type Ended,
  examplePath,
  runTool,
  TOOL_NAMES,
  type ToolName,
  ToolProcess,
  toolPath,
} from './tool-process.ts'

const isHere = TOOL_NAMES.every((name) => examplePath(name) !== null)
const skip = isHere ? false : 'the programs of nats.go are not here: NATS_EXAMPLES is not set'

/** What differs from run to run: inboxes, times, the name server that was asked. */
function comparable({ code, stdout, stderr }: Ended): Ended {
  const text = stderr
    .replace(/_INBOX\.\w{22}\.\w{8}/g, '_INBOX')
    .replace(/\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d /g, 'TIME ')
    .replace(/ on [\d.:[\]a-f]+: no such host/, ': no such host')
  return { code, stdout, stderr: text }
}

function assertSame(name: ToolName, args: readonly string[]): void {
  const theirs = comparable(runTool(examplePath(name)!, args))
  assert.deepEqual(comparable(runTool(toolPath(name), args)), theirs, args.join(' '))
}

describe('tools beside the programs of nats.go', { skip }, () => {
  let server: ServerProcess
  let folder: string
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'examples-'))
    writeFileSync(join(folder, 'account.nk'), createAccount().getSeed())
    writeFileSync(join(folder, 'text'), 'nothing of use')
    const config = 'authorization { user: ann, password: pw }'
    server = await startServer(program('sable'), { config })
  })
  after(async () => {
    await server.stop()
    rmSync(folder, { recursive: true })
  })

  for (const name of TOOL_NAMES) {
    test(`usage and flags of ${name}`, () => {
      for (const args of [
        ['-h'],
        ['-help'],
        ['--help', 'a'],
        [],
        ['-x', 'a'],
        ['-s'],
        ['---s', 'a'],
        ['-=3', 'a'],
        ['-h=maybe'],
        ['-h=false'],
        ['-t=maybe', 'a', 'b'],
        ['--', '-h'],
      ]) {
        if (name === 'nats-sub' && args[0] === '--') continue // that is a subject, and waits
        assertSame(name, args)
      }
    })

    test(`servers and files that ${name} cannot use`, () => {
      const rest = name === 'nats-sub' ? ['a'] : ['a', 'b']
      const file = (base: string) => join(folder, base)
      for (const args of [
        ['-s', 'nats://127.0.0.1:1'],
        ['-s', 'http://127.0.0.1:1'],
        ['-s', '127.0.0.1:1, ,127.0.0.1:2/'],
        ['-s', 'nats://a b'],
        ['-s', 'nats://h:abc'],
        ['-s', 'nosuch.invalid'],
        ['-s', 'ws://h,nats://b'],
        ['-s', server.url],
        ['-s', `nats://ann:x@127.0.0.1:${server.port}`],
        ['-s', `nats://t0ken@127.0.0.1:${server.port}`],
        ['-s', server.url, '-creds', file('none')],
        ['-s', server.url, '-creds', file('text')],
        ['-creds', file('none'), '-nkey', file('none')],
        ['-nkey', file('none')],
        ['-nkey', file('text')],
        ['-nkey', file('account.nk')],
      ]) {
        assertSame(name, [...args, ...rest])
      }
      if (name !== 'nats-sub' && name !== 'nats-pub') return
      const at = ['-s', `nats://ann:pw@127.0.0.1:${server.port}`]
      for (const args of [
        ['-tlscert', file('none'), '-tlskey', file('none')],
        ['-tlscacert', file('none')],
        ['-tlscacert', file('text')],
        [...at, '-tlscacert', '/etc/ssl/certs/ca-certificates.crt'],
      ]) {
        assertSame(name, [...args, ...rest])
      }
    })
  }

  test('messages, requests and replies', async () => {
    const at = ['-s', `nats://ann:pw@127.0.0.1:${server.port}`]
    const pathOf = { ours: toolPath, theirs: (name: ToolName) => examplePath(name)! }
    const seen: Record<string, unknown> = {}
    for (const [whose, path] of Object.entries(pathOf)) {
      await using listener = new ToolProcess(path('nats-sub'), [...at, '-t', '>'])
      await using responder = new ToolProcess(path('nats-rply'), [...at, '-t', 'q', '42'])
      await listener.sawLine('Listening on [>]')
      await responder.sawLine('Listening on [q]')
      const ended = [
        runTool(path('nats-req'), [...at, 'q', '']),
        runTool(path('nats-req'), [...at, 'nobody.else', 'a\nb']),
        runTool(path('nats-pub'), [...at, 'a.b', "'quoted' \u00e9"]),
        runTool(path('nats-pub'), [...at, '-reply', 'here', 'q', '']),
      ]
      await listener.sawLine(/Received on \[here\]: '42'$/)
      responder.signal('SIGINT')
      ended.push(await responder.ended())
      listener.signal('SIGTERM')
      ended.push(await listener.ended())
      seen[whose] = ended.map(comparable)
    }
    assert.deepEqual(seen['ours'], seen['theirs'])
  })
})
