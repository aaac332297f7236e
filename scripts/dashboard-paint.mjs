/**
 * Size of the dashboard's page, and time to its first paint in a headless Chromium.
 *
 *   node scripts/dashboard-paint.mjs [visits]
 *
 * Starts this project's server. Each visit has a browser of its own, so that nothing is cached.
 * Without a Chromium (CHROMIUM names one) there is the size alone.
 */

import { gzipSync } from 'node:zlib'
import { SERVER_PATH } from '../bench/paths.ts'
import { startServer } from '../bench/server-process.ts'
import { median } from '../bench/statistics.ts'
import { Browser, chromiumPath } from '../test/support/browser.ts'

const VISITS = 5
/** What the page must keep to. */
const PAGE_KIB_MAX = 150
const PAINT_MS_MAX = 1000

const visits = Number(process.argv[2] ?? VISITS)
if (!Number.isInteger(visits) || visits < 1) throw new Error(`not a number of visits: ${visits}`)

/** Milliseconds from the start of the navigation. */
const FIRST_PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
const HAS_FIGURES = "document.body?.innerText.includes('latency p99')"

const server = await startServer([SERVER_PATH, '-m', '-1'])
try {
  const url = `${server.monitorUrl}/dashboard`
  const answer = await fetch(url)
  if (answer.status !== 200) throw new Error(`${url} answers ${answer.status}`)
  const page = Buffer.from(await answer.arrayBuffer())
  const kib = (bytes) => (bytes / 1024).toFixed(1)
  console.log(
    `page: ${kib(page.length)} KiB (limit ${PAGE_KIB_MAX}), ` +
      `${kib(gzipSync(page).length)} KiB if it were compressed`,
  )
  const path = chromiumPath()
  if (path === undefined) {
    console.log('first paint: not measured, there is no Chromium here (CHROMIUM names one)')
  } else {
    const paints = []
    const figures = []
    for (let visit = 0; visit < visits; visit++) {
      const { paintMs, figuresMs } = await look(path, url)
      paints.push(paintMs)
      figures.push(figuresMs)
    }
    console.log(`${describe('first paint', paints)} (limit ${PAINT_MS_MAX})`)
    console.log(describe('figures on the page', figures))
  }
  if (page.length > PAGE_KIB_MAX * 1024) process.exitCode = 1
} finally {
  await server.stop()
}

async function look(path, url) {
  const browser = await Browser.start(path)
  try {
    await browser.open(url)
    await browser.waitFor('the first paint', FIRST_PAINT)
    await browser.waitFor('figures', HAS_FIGURES)
    const figuresMs = await browser.value('performance.now()')
    return { paintMs: await browser.value(FIRST_PAINT), figuresMs }
  } finally {
    await browser[Symbol.asyncDispose]()
  }
}

function describe(what, timesMs) {
  const [middle, longest] = [median(timesMs), Math.max(...timesMs)].map((ms) => ms.toFixed(0))
  return `${what}: median ${middle} ms, longest ${longest} ms, of ${timesMs.length}`
}
