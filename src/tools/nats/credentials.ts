/** Files with keys: credentials (a user JWT and its seed) and nkey seeds. */
import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { type Authenticator, nkeyAuthenticator } from '@nats-io/transport-node'
import { ToolError } from './tool-error.ts'

/** A section between two lines with three dashes at both ends; the text is its only line. */
const SECTION = /\s*-{3,}.*-{3,}\r?\n([\w\-.=]+)\r?\n-{3,}.*-{3,}(?:\r?\n|$)/g
const SEED_LINE = /^\s*(S[OAU]\S*)\s*$/m
const USER_SEED = /^SU/

/**
 * Answers a server's challenge from a credentials file. The file is read for each connection, so
 * that renewed credentials are used without a restart.
 *
 * @throws ToolError, when it is called, for a file that cannot be read or has no seed
 */
export function credentialsAuthenticator(file: string): Authenticator {
  return (nonce) => {
    const text = readText(expandPath(file))
    const sections = sectionsOf(text)
    let seed: Uint8Array
    try {
      seed = seedIn(text)
    } catch (error) {
      const reason = (error as Error).message
      throw new ToolError(
        `error signing nonce: unable to extract key pair from file ${JSON.stringify(file)}: ${reason}`,
      )
    }
    const answer = nkeyAuthenticator(seed)(nonce)
    // The JWT says whose signature this is; a key beside it would be checked in its place.
    return {
      jwt: sections[0] ?? text.trim(),
      sig: answer !== undefined && 'sig' in answer ? answer.sig : '',
    }
  }
}

/**
 * Answers a server's challenge with the seed of a user.
 *
 * @throws ToolError for a file that cannot be read, or has no seed of a user
 */
export function seedAuthenticator(file: string): Authenticator {
  const answer = nkeyAuthenticator(() => seedIn(readText(file)))
  const seed = Buffer.from(seedIn(readText(file))).toString()
  if (!USER_SEED.test(seed)) throw new ToolError('nats: Not a valid nkey user seed')
  try {
    answer('a nonce')
  } catch {
    throw new ToolError('nkeys: invalid encoded key') // the library's reason may show a part of it
  }
  return answer
}

/** The text of a file. @throws ToolError in the words of Go's os.ReadFile */
export function readText(path: string, start = 'nats: '): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new ToolError(`${start}${readFailure(path, error as NodeJS.ErrnoException)}`)
  }
}

function readFailure(path: string, { code, message }: NodeJS.ErrnoException): string {
  if (code === 'ENOENT') return `open ${path}: no such file or directory`
  if (code === 'EACCES') return `open ${path}: permission denied`
  if (code === 'EISDIR') return `read ${path}: is a directory`
  return message
}

function sectionsOf(text: string): readonly string[] {
  return [...text.matchAll(SECTION)].map(([, line]) => line!)
}

/** The second section, else the first line that looks like a seed. */
function seedIn(text: string): Uint8Array {
  const seed = sectionsOf(text)[1] ?? SEED_LINE.exec(text)?.[1]
  if (seed === undefined) throw new ToolError('nkeys: no nkey seed found')
  if (!/^S[OAU]/.test(seed)) throw new ToolError("nkeys: doesn't contain a seed nkey")
  return Buffer.from(seed)
}

/** A path with `$NAME` and `${NAME}` from the environment, and `~` for the home directory. */
function expandPath(path: string): string {
  const expanded = path.replace(
    /\$(?:\{(\w+)\}|(\w+))/g,
    (_, braced: string | undefined, plain: string | undefined) =>
      process.env[braced ?? plain ?? ''] ?? '',
  )
  return expanded.startsWith('~') ? join(homedir(), expanded.slice(1)) : expanded
}
