/** JWTs as they are given: in a file with or without decoration, as text, on stdin. */
import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs'
import { NkeyPair } from '../../auth/nkeys.ts'
import { fileErrorText } from '../../base/errors.ts'
import { JWT_START, undecorateJwt } from '../../protocol/jwt-text.ts'
import { ToolError } from '../nats/tool-error.ts'

/** Chosen: a token of the largest size, decorated, and a seed. */
const FILE_BYTES_MAX = 2 * 1024 * 1024
const SEED = /^S[OAUNCX][A-Z2-7]{56}$/
const BLOCKS = /\s*(?:-{3,}.*-{3,}\r?\n)([\w\-.=]+)(?:\r?\n-{3,}.*-{3,}(?:\r?\n|$))/g

export interface PresentedToken {
  readonly token: string
  /** Public key of the user's seed in the same file; '' = no seed; undefined: one that is none. */
  readonly seedKey: string | undefined
}

/**
 * @param source a file, the JWT itself, or `-` for stdin
 * @throws ToolError for what cannot be read
 */
export function readToken(source: string): PresentedToken {
  const text = readText(source)
  const seed = [...text.matchAll(BLOCKS)].map(([, block]) => block!)[1]
  const token = undecorateJwt(text).trim()
  if (SEED.test(token)) throw new ToolError('this is a seed, and no JWT; keep it to yourself')
  return { token, seedKey: seed === undefined ? '' : NkeyPair.fromSeed(seed)?.publicKey }
}

function readText(source: string): string {
  if (source === '-') return readBounded(0, 'stdin')
  let file: number
  try {
    file = openSync(source, 'r')
  } catch (error) {
    if (source.startsWith(JWT_START)) return source
    throw new ToolError(fileErrorText('open', source, error))
  }
  try {
    return readBounded(file, source)
  } finally {
    closeSync(file)
  }
}

/** Pipes have no size: they are read until they end or there is too much. */
function readBounded(file: number, name: string): string {
  try {
    if (fstatSync(file).isFile()) {
      if (fstatSync(file).size > FILE_BYTES_MAX) throw tooLarge(name)
      return readFileSync(file, 'latin1')
    }
    const bytes = Buffer.alloc(FILE_BYTES_MAX + 1)
    let length = 0
    for (;;) {
      const count = readSync(file, bytes, length, bytes.length - length, null)
      if (count === 0) return bytes.toString('latin1', 0, length)
      length += count
      if (length > FILE_BYTES_MAX) throw tooLarge(name)
    }
  } catch (error) {
    if (error instanceof ToolError) throw error
    throw new ToolError(fileErrorText('read', name, error))
  }
}

function tooLarge(name: string): ToolError {
  return new ToolError(`${name} is larger than ${FILE_BYTES_MAX} bytes`)
}
