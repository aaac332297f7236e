/**
 * Ten thousand accounts in the directory of a full resolver: how long a server takes until it is
 * ready, and its memory then and after each account was in use once. Not a test:
 *
 *   NATS_SERVER=<path> node test/operator/ten-thousand-accounts.ts [count]
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { program } from '../support/peers.ts'
import { startServer } from '../support/server-process.ts'
import { World } from './world.ts'

const COUNT = 10_000
const AT_ONCE = 50
const AUTH_TIMEOUT_S = 60

const count = Number(process.argv[2] ?? COUNT)
const folder = mkdtempSync(join(tmpdir(), 'accounts-'))
const world = new World()
const users: string[] = []
for (let n = 0; n < count; n++) {
  const account = world.account(`account-${n}`)
  writeFileSync(join(folder, `${account.publicKey}.jwt`), account.jwt())
  users.push(account.user({ bearer_token: true }).jwt)
}
const config = `${world.directoryConfig(folder)} authorization { timeout: ${AUTH_TIMEOUT_S} }`

function residentMb(pid: number): string {
  const [, kb = ''] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return `${Math.round(Number(kb) / 1024)} MB`
}

/** Resolves once the login is granted, or refused. */
function logIn(port: number, jwt: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
      if (text.includes('PONG')) socket.destroy()
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve(text.includes('PONG')))
    socket.write(`CONNECT {"verbose":false,"jwt":"${jwt}"}\r\nPING\r\n`)
  })
}

try {
  for (const name of ['sable', 'nats-server'] as const) {
    const server = program(name)
    if (server.missing !== null) {
      console.log(server.missing)
      continue
    }
    const startMs = performance.now()
    await using running = await startServer(server, { config })
    const readyMs = performance.now() - startMs
    console.log(`${name}: ready in ${Math.round(readyMs)} ms, ${residentMb(running.pid)}`)
    const loginsMs = performance.now()
    let at = 0
    let refused = 0
    const some = async (): Promise<void> => {
      while (at < users.length) if (!(await logIn(running.port, users[at++]!))) refused++
    }
    await Promise.all(Array.from({ length: AT_ONCE }, some))
    const tookS = (performance.now() - loginsMs) / 1000
    const used = `${count} accounts used in ${tookS.toFixed(1)} s, ${refused} refused`
    console.log(`${name}: ${used}, ${residentMb(running.pid)}`)
  }
} finally {
  rmSync(folder, { recursive: true })
}
