import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { fileErrorText } from '../base/errors.ts'
import { goQuote } from '../protocol/go-quote.ts'
import { NkeyPair } from './nkeys.ts'

/** A block between two lines of dashes, `\r\n` or `\n`; what it holds is what counts. */
const BLOCK = /\s*(?:-{3,}.*-{3,}\r?\n)([\w\-.=]+)(?:\r?\n-{3,}.*-{3,}(?:\r?\n|$))/g

const MALFORMED_FILE = 'Credentials file malformed'
const MALFORMED_SEED = 'Credentials file has malformed seed'

export interface UserCredentials {
  readonly jwt: string
  readonly keys: NkeyPair
}

/**
 * Reads a credentials file as nsc writes it: a user JWT, then the seed of its key.
 *
 * @throws Error with nats-server's text; nothing of the file's contents is in it
 */
export function readCredentialsFile(path: string): UserCredentials {
  const [jwt, seed] = [...readText(expandHome(path)).matchAll(BLOCK)].map(([, block]) => block)
  if (jwt === undefined || seed === undefined) throw new Error(MALFORMED_FILE)
  const keys = NkeyPair.fromSeed(seed)
  if (keys === undefined) throw new Error(MALFORMED_SEED)
  return { jwt, keys }
}

/** A line for the log. */
export interface CredentialsNotice {
  readonly level: 'info' | 'error'
  readonly text: string
}

/**
 * What is to be said of a remote's credentials file when the server starts; the texts are
 * nats-server's. It is read again for each link, so faults may be mended while the server runs.
 */
export function credentialsNotice(path: string, account: string): CredentialsNotice | undefined {
  const file = `LeafNode Remote Credentials file ${goQuote(path)}`
  const fault = (text: string) => ({ level: 'error', text }) as const
  let jwt: string
  try {
    jwt = readCredentialsFile(path).jwt
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    if (why === MALFORMED_FILE) return fault(`${file} malformed`)
    if (why === MALFORMED_SEED) return fault(`${file} has malformed seed`)
    return fault(`Error reading ${file}: ${why}`)
  }
  const claims = userClaims(jwt)
  if (claims === undefined) return fault(`${file} has malformed user jwt`)
  if (!isRestricted(claims)) return undefined
  const restricted = `credentials file ${goQuote(path)} with restricted permissions`
  return { level: 'info', text: `LeafNode Remote for Account ${account} uses ${restricted}` }
}

interface UserClaims {
  readonly nats?: { readonly pub?: unknown; readonly sub?: unknown; readonly resp?: unknown } | null
}

/** Not verified: the hub does that. */
function userClaims(jwt: string): UserClaims | undefined {
  try {
    const body = Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString()
    const claims: unknown = JSON.parse(body)
    return typeof claims === 'object' && claims !== null ? claims : undefined
  } catch {
    return undefined
  }
}

function isRestricted({ nats }: UserClaims): boolean {
  const { pub, sub, resp } = nats ?? {}
  const lists = [pub, sub].flatMap((rule) => Object.values(rule ?? {}))
  const isReplying = resp !== undefined && resp !== null
  return isReplying || lists.some((list) => Array.isArray(list) && list.length > 0)
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new Error(fileErrorText('open', path, error))
  }
}

/** `~` is the home directory, as in nats-server. */
function expandHome(path: string): string {
  return path === '~' || path.startsWith('~/') ? homedir() + path.slice(1) : path
}
