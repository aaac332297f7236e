import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { NkeyPair } from '../../src/auth/nkeys.ts'
import { listFrom } from '../support/peers.ts'
import { type Ended, ToolProcess } from '../tools/nats/tool-process.ts'
import type { User } from './world.ts'

const END_MS_MAX = 60_000

/** The reason to skip a test that needs nsc, or false. NSC names the program. */
export function nscMissing(): string | false {
  const path = process.env['NSC'] ?? ''
  if (listFrom('REQUIRE_PEERS').includes('nsc')) return false
  if (path === '') return 'nsc is not here: NSC is not set'
  return existsSync(path) ? false : `nsc is not here: NSC names ${path}`
}

/** nsc with keys and JWTs of its own, which go when it is disposed of. */
export class Nsc implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'nsc-'))
  readonly #path = process.env['NSC'] ?? 'nsc'

  constructor() {
    mkdirSync(join(this.folder, 'home'))
  }

  get #environment(): NodeJS.ProcessEnv {
    return {
      PATH: process.env['PATH'],
      HOME: join(this.folder, 'home'),
      XDG_CONFIG_HOME: join(this.folder, 'config'),
      XDG_DATA_HOME: join(this.folder, 'data'),
      NKEYS_PATH: join(this.folder, 'keys'),
      NSC_NO_GIT_IGNORE: 'true',
    }
  }

  /** @param line words of the command, apart by blanks */
  try(line: string, ...more: readonly string[]): Promise<Ended> {
    const child = spawn(this.#path, [...words(line), ...more], {
      env: this.#environment,
      cwd: this.folder,
      timeout: END_MS_MAX,
      killSignal: 'SIGKILL',
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let [stdout, stderr] = ['', '']
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    return new Promise((resolve, reject) => {
      child.once('error', reject)
      child.once('close', (code) => resolve({ code, stdout, stderr }))
    })
  }

  /** @returns all that it wrote */
  async run(line: string, ...more: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.try(line, ...more)
    if (code === 0) return stdout + stderr
    throw new Error(`nsc ${line} ended with ${code}:\n${stdout}${stderr}`)
  }

  /** A command that goes on until it is ended. */
  start(line: string): ToolProcess {
    const environment = Object.entries(this.#environment).map(([key, value]) => `${key}=${value}`)
    return new ToolProcess('/usr/bin/env', [...environment, this.#path, ...words(line)])
  }

  /** @returns the path of a credentials file */
  credentials(operator: string, account: string, user: string): string {
    return join(this.folder, 'keys', 'creds', operator, account, `${user}.creds`)
  }

  /** What `generate config` makes, with a directory of this test, read from the file it wrote. */
  async serverConfig(): Promise<string> {
    const path = join(this.folder, 'resolver.conf')
    await this.run('generate config --nats-resolver --sys-account SYS --force --config-file', path)
    return readFileSync(path, 'utf8')
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}

function words(line: string): string[] {
  return line.split(' ').filter((word) => word !== '')
}

/** Who a credentials file is of. */
export function userOf(credentialsFile: string): User {
  const text = readFileSync(credentialsFile, 'utf8')
  const [jwt = ''] = /eyJ[\w.-]+/.exec(text) ?? []
  const [seed = ''] = /\bSU[A-Z2-7]{56}\b/.exec(text) ?? []
  const keys = NkeyPair.fromSeed(seed)
  assert.ok(keys !== undefined)
  return { keys, jwt }
}
