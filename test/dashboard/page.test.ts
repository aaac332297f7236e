import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { DashboardSource } from '../../src/monitor/dashboard/dashboard-data.ts'
import { dashboardRoutes } from '../../src/monitor/dashboard/dashboard-routes.ts'
import { HttpMonitor } from '../../src/monitor/http/http-monitor.ts'
import { Browser, chromiumPath } from '../support/browser.ts'
import { ROOT } from '../support/peers.ts'
import { fakeSource } from './fake-source.ts'

/** Pictures of the page, for whoever wants to look. */
const PICTURES = join(ROOT, 'artefacts', 'dashboard')
const PAGE_BYTES_MAX = 150 * 1024
const TOKEN = 'opensesame'

const path = chromiumPath()
const skip = path === undefined && 'there is no Chromium here (CHROMIUM names one)'

describe('the dashboard page', () => {
  let monitor: HttpMonitor
  let source: DashboardSource & { tick(): void; token: string }
  const url = (file: string) => `http://127.0.0.1:${monitor.port}/base${file}`
  before(async () => {
    source = fakeSource()
    const listener = { host: '127.0.0.1', port: 0, basePath: '/base', tls: undefined }
    monitor = await HttpMonitor.listen(listener)
    const context = { source: source.monitor, httpRequests: new Map(), warn: assert.fail }
    monitor.open(context, dashboardRoutes(source))
  })
  after(() => monitor.close())

  it('is one small file that may ask nobody but its server', async () => {
    const answer = await fetch(url('/dashboard'))
    const page = await answer.text()
    assert.equal(answer.status, 200)
    assert.ok(Buffer.byteLength(page) <= PAGE_BYTES_MAX)
    const policy = answer.headers.get('content-security-policy') ?? ''
    assert.match(policy, /^default-src 'none'; script-src 'sha256-[^']+'; style-src 'sha256-[^']+'/)
    assert.doesNotMatch(page, /(?:src|href)="(?!data:)/)
  })

  it('holds no figures: those ask for the token', async () => {
    source.token = TOKEN
    try {
      assert.equal((await fetch(url('/dashboard'))).status, 200)
      assert.equal((await fetch(url('/dashboard/data'))).status, 401)
      const headers = { Authorization: `Bearer ${TOKEN}` }
      assert.equal((await fetch(url('/dashboard/data'), { headers })).status, 200)
    } finally {
      source.token = ''
    }
  })

  describe('in a browser', { skip }, () => {
    let browser: Browser
    before(async () => {
      browser = await Browser.start(path ?? '')
    })
    after(() => browser[Symbol.asyncDispose]())

    const text = (id: string) => `(document.getElementById('${id}')?.innerText ?? '')`

    async function picture(name: string): Promise<void> {
      mkdirSync(PICTURES, { recursive: true })
      writeFileSync(join(PICTURES, `${name}.png`), await browser.screenshot())
    }

    it('shows figures that move, and texts of clients as they are', async () => {
      await browser.resize(1280, 900)
      await browser.open(url('/dashboard'))
      await browser.waitFor('figures', `${text('tiles')}.includes('latency p99')`)
      source.tick()
      await browser.waitFor('a rate', `/[1-9].*\\/s\\s*messages in/.test(${text('tiles')})`)
      assert.equal(await browser.value(text('name')), 'fake <b>server</b>')
      const subjects = await browser.value<string>(text('subjects'))
      assert.match(subjects, /<img src=x onerror=alert\(1\)>/)
      assert.match(await browser.value(text('slow')), /slow consumer \(max pending\).*cid 7 reader/)
      const leafs = await browser.value<string>(text('leafs'))
      assert.match(leafs, /berlin.*linked to hub/)
      assert.match(leafs, /hub\.example:7422.*waiting: connect ECONNREFUSED/)
      assert.match(await browser.value(text('workers')), /protocol-1/)
      await browser.value("document.getElementById('more').open = true")
      await browser.waitFor('connections', `${text('connections')}.includes('cid 9 writer')`)
      await picture('wide')
    })

    it('fits a phone', async () => {
      await browser.resize(390, 844)
      await browser.waitFor('the narrow page', 'innerWidth === 390')
      assert.equal(await browser.value('document.documentElement.scrollWidth'), 390)
      await picture('phone')
    })

    it('is readable in the dark', async () => {
      const features = [{ name: 'prefers-color-scheme', value: 'dark' }]
      await browser.command('Emulation.setEmulatedMedia', { features })
      await browser.resize(1280, 900)
      const ground = 'getComputedStyle(document.body).backgroundColor'
      assert.equal(await browser.value(ground), 'rgb(16, 20, 26)')
      await picture('dark')
    })

    it('asks for the token, and keeps it out of the address', async () => {
      source.token = TOKEN
      await browser.open(url('/dashboard'))
      await browser.waitFor('the form', "document.getElementById('login')?.hidden === false")
      await browser.value(
        `document.getElementById('token').value = '${TOKEN}';` +
          "document.getElementById('login').requestSubmit()",
      )
      await browser.waitFor('figures', `${text('tiles')}.includes('clients')`)
      await browser.open(url(`/dashboard?token=${TOKEN}`))
      await browser.waitFor('figures', `${text('tiles')}.includes('clients')`)
      assert.equal(await browser.value('location.search'), '')
      source.token = ''
    })

    it('has nothing to complain of, and asks nobody else', () => {
      const complaints = browser.complaints.filter((one) => !one.includes('401'))
      assert.deepEqual(complaints, [])
      const own = `http://127.0.0.1:${monitor.port}/`
      const strange = browser.requested.filter(
        (asked) => !asked.startsWith(own) && !asked.startsWith('data:'),
      )
      assert.deepEqual(strange, [])
    })
  })
})
