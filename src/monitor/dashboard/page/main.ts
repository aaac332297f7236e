/** The dashboard page: asks the server each second, and shows what has changed. */
import type { DashboardData } from '../dashboard-report.ts'
import { redraw, show, showLive } from './view.ts'

const PERIOD_MS = 1000
/** An answer that takes longer is given up. */
const TIMEOUT_MS = 5000
/** Below the base path, if there is one. */
const DATA = `${location.pathname.replace(/\/$/, '')}/data`
const UNAUTHORIZED = 401
const TOKEN_KEY = 'sable-monitor-token'

const login = document.getElementById('login') as HTMLFormElement
const tokenField = document.getElementById('token') as HTMLInputElement
const more = document.getElementById('more') as HTMLDetailsElement

let before: DashboardData | undefined
let token = new URLSearchParams(location.search).get('token') ?? sessionStorage.getItem(TOKEN_KEY)
if (location.search !== '') {
  // A token must not stay in the address line.
  history.replaceState(null, '', location.pathname)
}

login.addEventListener('submit', (event) => {
  event.preventDefault()
  token = tokenField.value
  login.hidden = true
  void look()
})

async function look(): Promise<void> {
  if (document.hidden) return
  const headers: HeadersInit = token === null ? {} : { Authorization: `Bearer ${token}` }
  try {
    const answer = await fetch(`${DATA}${more.open ? '?connections=1' : ''}`, {
      headers,
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    if (answer.status === UNAUTHORIZED) {
      login.hidden = false
      showLive(false, 'a token is needed')
      return
    }
    if (!answer.ok) throw new Error(`the server answers ${answer.status}`)
    if (token !== null) sessionStorage.setItem(TOKEN_KEY, token)
    take((await answer.json()) as DashboardData)
  } catch (error) {
    showLive(false, error instanceof Error ? error.message : String(error))
  }
}

function take(now: DashboardData): void {
  const isSame = before?.server.id === now.server.id
  show(now, isSame && before !== undefined ? before : now)
  before = now
  showLive(true, 'live')
}

async function lookOn(): Promise<never> {
  for (;;) {
    if (login.hidden) await look()
    await new Promise((resolve) => setTimeout(resolve, PERIOD_MS))
  }
}

addEventListener('resize', redraw)
void lookOn()
