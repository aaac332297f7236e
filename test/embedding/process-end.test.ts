import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, type TestContext, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { ROOT } from '../support/peers.ts'
import { RawClient } from '../support/raw-client.ts'
import { within } from '../support/wait.ts'

/** The same library from the sources and from the bundle. */
const MODULES = ['src/index.ts', 'dist/index.js']

const folder = mkdtempSync(join(tmpdir(), 'embedding-'))
after(() => rmSync(folder, { recursive: true }))

/** Starts a program that has `startBroker` and does not end itself. */
function startProgram(t: TestContext, module: string, body: string): ChildProcess {
  const url = pathToFileURL(join(ROOT, module)).href
  const file = join(folder, `${crypto.randomUUID()}.mjs`)
  writeFileSync(file, `import { startBroker } from ${JSON.stringify(url)}\n${body}`)
  const child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'pipe'] })
  t.after(() => child.kill('SIGKILL'))
  return child
}

async function endOf(child: ChildProcess) {
  const all = Promise.all([once(child, 'close'), text(child.stdout!), text(child.stderr!)])
  const [[code, signal], stdout, stderr] = await within('the end of the program', all)
  return { code, signal, stdout, stderr }
}

for (const module of MODULES) {
  test(`a program ends by itself after close, and has said nothing: ${module}`, async (t) => {
    const body = `
      const broker = await startBroker({ host: '127.0.0.1', port: -1 })
      await broker.close()
      process.stdout.write('closed')`
    const end = await endOf(startProgram(t, module, body))
    assert.deepEqual(end, { code: 0, signal: null, stdout: 'closed', stderr: '' })
  })

  test(`a program goes on as long as its broker runs: ${module}`, async (t) => {
    const body = `
      const { port } = await startBroker({ host: '127.0.0.1', port: -1 })
      process.stdout.write(String(port))`
    const child = startProgram(t, module, body)
    const [port] = await within('the port', once(child.stdout!, 'data'))
    for (let i = 0; i < 3; i += 1) {
      await using client = await RawClient.connect(Number(port))
      await client.readUntil('INFO ')
    }
    assert.equal(child.exitCode, null)
  })
}

test('a program ends by itself after a start that failed', async (t) => {
  const server = createServer()
  t.after(() => server.close())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  assert.ok(address !== null && typeof address === 'object')
  for (const options of [
    { host: '127.0.0.1', port: address.port },
    { host: '127.0.0.1', port: -1, leafnodes: { host: '127.0.0.1', port: address.port } },
  ]) {
    const body = `
      await startBroker(${JSON.stringify(options)})
        .catch((error) => process.stdout.write(error.code))`
    const end = await endOf(startProgram(t, 'src/index.ts', body))
    assert.deepEqual(end, { code: 0, signal: null, stdout: 'BRK_LISTEN', stderr: '' })
  }
})
