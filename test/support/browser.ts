import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DEADLINE_MS, sleep } from './wait.ts'

/** Where Debian and others have it; CHROMIUM names another place. */
const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

/** Undefined: there is none here. */
export function chromiumPath(): string | undefined {
  return [process.env['CHROMIUM'] ?? '', ...PLACES].find((path) => path !== '' && existsSync(path))
}

interface Answer {
  readonly id?: number
  readonly result?: Record<string, unknown>
  readonly error?: { readonly message: string }
  readonly method?: string
  readonly params?: Record<string, unknown>
}

/** One page of a headless Chromium, driven by its DevTools protocol. */
export class Browser implements AsyncDisposable {
  /** Errors and messages of the page's console, uncaught errors included. */
  readonly complaints: string[] = []
  /** Addresses that the page has asked for. */
  readonly requested: string[] = []
  readonly #child: ChildProcess
  readonly #profile: string
  readonly #socket: WebSocket
  readonly #waiting = new Map<number, (answer: Answer) => void>()
  #lastId = 0

  private constructor(child: ChildProcess, profile: string, socket: WebSocket) {
    this.#child = child
    this.#profile = profile
    this.#socket = socket
    socket.addEventListener('message', ({ data }) => this.#onMessage(JSON.parse(String(data))))
  }

  static async start(path: string): Promise<Browser> {
    const profile = mkdtempSync(join(tmpdir(), 'browser-'))
    const child = spawn(
      path,
      [
        '--headless=new',
        '--no-sandbox',
        '--disable-gpu',
        '--disable-dev-shm-usage',
        '--no-first-run',
        '--remote-debugging-port=0',
        `--user-data-dir=${profile}`,
        'about:blank',
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    )
    try {
      const port = await debuggingPort(child)
      const pages = (await (await fetch(`http://127.0.0.1:${port}/json/list`)).json()) as {
        readonly type: string
        readonly webSocketDebuggerUrl: string
      }[]
      const page = pages.find(({ type }) => type === 'page')
      if (page === undefined) throw new Error('Chromium has no page')
      const socket = new WebSocket(page.webSocketDebuggerUrl)
      await once(socket, 'open')
      const browser = new Browser(child, profile, socket)
      for (const domain of ['Page', 'Runtime', 'Network', 'Log']) {
        await browser.command(`${domain}.enable`)
      }
      return browser
    } catch (error) {
      child.kill('SIGKILL')
      rmSync(profile, { recursive: true, force: true })
      throw error
    }
  }

  async command(method: string, params: object = {}): Promise<Record<string, unknown>> {
    const id = ++this.#lastId
    const answered = new Promise<Answer>((resolve) => this.#waiting.set(id, resolve))
    this.#socket.send(JSON.stringify({ id, method, params }))
    const { result = {}, error } = await answered
    if (error !== undefined) throw new Error(`${method}: ${error.message}`)
    return result
  }

  async resize(width: number, height: number): Promise<void> {
    const metrics = { width, height, deviceScaleFactor: 1, mobile: width < 600 }
    await this.command('Emulation.setDeviceMetricsOverride', metrics)
  }

  async open(url: string): Promise<void> {
    await this.command('Page.navigate', { url })
  }

  /** Value of an expression in the page; must be plain data. */
  async value<T>(expression: string): Promise<T> {
    const params = { expression, returnByValue: true, awaitPromise: true }
    const { result, exceptionDetails } = await this.command('Runtime.evaluate', params)
    if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails))
    return (result as { value: T }).value
  }

  async waitFor(what: string, expression: string): Promise<void> {
    const endMs = Date.now() + DEADLINE_MS
    while (!(await this.value<boolean>(`Boolean(${expression})`))) {
      if (Date.now() > endMs) throw new Error(`waited in vain for ${what}`)
      await sleep(50)
    }
  }

  /** @returns a PNG of the whole page */
  async screenshot(): Promise<Buffer> {
    const params = { format: 'png', captureBeyondViewport: true }
    const { data } = await this.command('Page.captureScreenshot', params)
    return Buffer.from(String(data), 'base64')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#child, 'exit')
    this.#socket.close()
    this.#child.kill('SIGTERM')
    const isStuck = setTimeout(() => this.#child.kill('SIGKILL'), DEADLINE_MS / 2)
    await ended
    clearTimeout(isStuck)
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 5 })
  }

  #onMessage(answer: Answer): void {
    if (answer.id !== undefined) {
      this.#waiting.get(answer.id)?.(answer)
      this.#waiting.delete(answer.id)
      return
    }
    const { method, params = {} } = answer
    const entry = params['entry'] as { readonly level: string } | undefined
    // Advice is of level verbose.
    const isComplaint = entry?.level === 'error' || entry?.level === 'warning'
    if (method === 'Runtime.exceptionThrown' || isComplaint) {
      this.complaints.push(JSON.stringify(params))
    }
    if (method === 'Network.requestWillBeSent') {
      this.requested.push((params['request'] as { url: string }).url)
    }
  }
}

/** Chromium says on stderr where it listens. */
async function debuggingPort(child: ChildProcess): Promise<string> {
  let said = ''
  const { stderr } = child
  if (stderr === null) throw new Error('Chromium has no stderr')
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`Chromium does not start: ${said}`)), 20_000)
    stderr.on('data', (data: Buffer) => {
      said += data.toString()
      const port = /DevTools listening on ws:\/\/[^:]+:(\d+)\//.exec(said)?.[1]
      if (port === undefined) return
      clearTimeout(timer)
      resolve(port)
    })
    child.once('error', reject)
  })
}
