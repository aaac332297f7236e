import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { program } from '../support/peers.ts'
import { startServer } from '../support/server-process.ts'
import { within } from '../support/wait.ts'

/** A browser takes its time to start on a busy machine. */
const BROWSER_MS = 60_000
const PROGRAMS = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
const LIBRARY = createRequire(import.meta.url)
  .resolve('nats.ws')
  .replace(/cjs|lib/, 'esm')

function findBrowser(): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  return folders.flatMap((folder) => PROGRAMS.map((name) => join(folder, name))).find(existsSync)
}

/** Runs in the browser; what it returns comes back as JSON. */
async function inBrowser(url: string): Promise<unknown> {
  const library = '/nats.js'
  const { connect } = await import(library)
  const connection = await connect({ servers: url, reconnect: false }).catch(
    (error: Error) => error,
  )
  if (!('publish' in connection)) return { refused: true }
  const sizes = [0, 1, 4096, 100_000, 1024 * 1024]
  const received: number[] = []
  const done = new Promise<void>((resolve) => {
    connection.subscribe('sizes', {
      callback: (_: unknown, { data }: { data: Uint8Array }) => {
        received.push(data.every((byte) => byte === 7) ? data.length : -1)
        if (received.length === sizes.length) resolve()
      },
    })
  })
  for (const size of sizes) connection.publish('sizes', new Uint8Array(size).fill(7))
  await done
  connection.subscribe('echo', {
    callback: (_: unknown, message: { data: Uint8Array; respond: (data: Uint8Array) => void }) =>
      message.respond(message.data),
  })
  const answer = await connection.request('echo', 'from a browser', { timeout: 10_000 })
  await connection.close()
  return { received, answer: answer.string() }
}

/** Opens a page that connects to `url`, and resolves to what it reports. */
async function report(
  t: TestContext,
  browser: string,
  urlFor: (origin: string) => Promise<string>,
) {
  const result = Promise.withResolvers<unknown>()
  const pages = createServer(async (request, response) => {
    if (request.method === 'POST') {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk as Buffer)
      result.resolve(JSON.parse(Buffer.concat(chunks).toString()))
      response.end()
    } else if (request.url === '/nats.js') {
      response.setHeader('Content-Type', 'text/javascript')
      response.end(readFileSync(LIBRARY))
    } else {
      response.setHeader('Content-Type', 'text/html')
      response.end(`<script type="module">
        const result = await (${inBrowser.toString()})(${JSON.stringify(await url)})
          .catch((error) => ({ error: String(error) }))
        await fetch('/result', { method: 'POST', body: JSON.stringify(result) })
      </script>`)
    }
  })
  pages.listen(0, '127.0.0.1')
  await once(pages, 'listening')
  t.after(() => pages.close())
  const origin = `http://127.0.0.1:${(pages.address() as { port: number }).port}`
  const url = urlFor(origin)
  await url

  const folder = mkdtempSync(join(tmpdir(), 'browser-'))
  const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage']
  const child = spawn(browser, [...flags, `--user-data-dir=${folder}`, `${origin}/`], {
    stdio: 'ignore',
  })
  const exited = once(child, 'exit')
  try {
    return await within('the page', result.promise, BROWSER_MS)
  } finally {
    pages.closeAllConnections()
    child.kill('SIGTERM')
    await exited
    rmSync(folder, { recursive: true, force: true, maxRetries: 10 })
  }
}

const browser = findBrowser()
const skip = browser === undefined ? `no browser: none of ${PROGRAMS.join(', ')}` : false

for (const compression of [true, false]) {
  test(`a page in a browser is a client, compression ${compression}`, { skip }, async (t) => {
    await using stack = new AsyncDisposableStack()
    const result = await report(t, browser!, async (origin) => {
      const config = `websocket {
        listen: "127.0.0.1:-1", no_tls: true, compression: ${compression}
        allowed_origins: ["${origin}"]
      }`
      const server = stack.use(await startServer(program('sable'), { config }))
      return `ws://127.0.0.1:${server.websocketPort}`
    })
    assert.deepEqual(result, {
      received: [0, 1, 4096, 100_000, 1024 * 1024],
      answer: 'from a browser',
    })
  })
}

test('a page from elsewhere is kept out', { skip }, async (t) => {
  await using stack = new AsyncDisposableStack()
  const result = await report(t, browser!, async () => {
    const config = 'websocket { listen: "127.0.0.1:-1", no_tls: true, same_origin: true }'
    const server = stack.use(await startServer(program('sable'), { config }))
    return `ws://127.0.0.1:${server.websocketPort}`
  })
  assert.deepEqual(result, { refused: true })
})
