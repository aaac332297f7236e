import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { AddedRoute } from '../http/monitor-router.ts'
import { type DashboardSource, dashboardData } from './dashboard-data.ts'

/** Two pages that look at the same second share one answer; chosen. */
const SHARED_MS = 250

/**
 * The page as scripts/build-dashboard.mjs has made it: one file, with script and style inside.
 * Everything is in one folder in the package; from source files it is in `dist`.
 */
function pageFile(): URL {
  const here = import.meta.url
  const path = here.endsWith('.ts') ? '../../../dist/dashboard.html' : './dashboard.html'
  return new URL(path, here)
}

/** Nothing but what is in the page may run, and only this server may be asked. */
function contentSecurityPolicy(page: string): string {
  const hashes = (tag: string) =>
    [...page.matchAll(new RegExp(`<${tag}>([\\s\\S]*?)</${tag}>`, 'g'))]
      .map(([, text = '']) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`)
      .join(' ')
  return [
    "default-src 'none'",
    `script-src ${hashes('script')}`,
    `style-src ${hashes('style')}`,
    "connect-src 'self'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
}

/** The page, at `/dashboard`, and its figures. The page itself holds none: it asks for no token. */
export function dashboardRoutes(source: DashboardSource): readonly AddedRoute[] {
  let page: Promise<{ html: string; policy: string }> | undefined
  const load = async () => {
    const html = await readFile(pageFile(), 'utf8')
    return { html, policy: contentSecurityPolicy(html) }
  }
  const shared = [createShared(source, false), createShared(source, true)] as const
  return [
    {
      path: '/dashboard',
      title: 'Dashboard',
      isOpen: true,
      async handler({ send }) {
        page ??= load()
        const { html, policy } = await page
        send(
          { status: 200, contentType: 'text/html; charset=utf-8', body: html },
          {
            'Content-Security-Policy': policy,
            'Referrer-Policy': 'no-referrer',
            'X-Content-Type-Options': 'nosniff',
            'Cache-Control': 'no-cache',
          },
        )
      },
    },
    {
      path: '/dashboard/data',
      title: '',
      async handler({ query, send }) {
        const body = await shared[query.bool('connections') ? 1 : 0]()
        const headers = { 'Cache-Control': 'no-store' }
        send({ status: 200, contentType: 'application/json', body }, headers)
      },
    },
  ]
}

/** However many pages look, threads are asked a few times a second. */
function createShared(source: DashboardSource, withConnections: boolean): () => Promise<string> {
  let current: Promise<string> | undefined
  let madeMs = 0
  return () => {
    const nowMs = performance.now()
    if (current === undefined || nowMs - madeMs > SHARED_MS) {
      madeMs = nowMs
      current = dashboardData(source, withConnections).then((data) => JSON.stringify(data))
      // The next look tries again.
      current.catch(() => {
        current = undefined
      })
    }
    return current
  }
}
