/**
 * Makes keys, signs and verifies: what the program nk of the nkeys library does. It writes
 * everything to stdout, errors as well.
 */
import { closeSync, openSync, readFileSync, readSync } from 'node:fs'
import { decodeRawUrlBase64 } from '../auth/go-base64.ts'
import { NkeyPair, type SigningKind, verifySignature } from '../auth/nkeys.ts'
import { CurvePair } from '../auth/xkeys.ts'
import { systemErrorReason } from '../base/errors.ts'
import { SABLE_VERSION } from '../base/version.ts'
import {
  decodePublicNkey,
  isNkeyText,
  type NkeyKind,
  publicNkeyFault,
  seedNkeyFault,
} from '../protocol/nkey-encoding.ts'
import { type Flags, type FlagValues, parseFlags } from './nats/flags.ts'
import type { ToolOutput } from './tool-output.ts'

const FLAGS = {
  e: { fallback: '', help: '' },
  inkey: { fallback: '', help: '' },
  pubin: { fallback: '', help: '' },
  sign: { fallback: '', help: '' },
  sigfile: { fallback: '', help: '' },
  verify: { fallback: '', help: '' },
  gen: { fallback: '', help: '' },
  pubout: { fallback: false, help: '' },
  v: { fallback: false, help: '' },
  pre: { fallback: '', help: '' },
  maxpre: { fallback: '10000000', help: '' },
} as const satisfies Flags

const USAGE = `[options]
    -v                    Show version
    -gen <type>           Generate key for [user|account|server|cluster|operator|curve|x25519]
    -sign <file>          Sign <file> with -inkey <keyfile>
    -verify <file>        Verify <file> with -inkey <keyfile> or -pubin <public> and -sigfile <file>
    -inkey <file>         Input key file (seed/private key)
    -pubin <file>         Public key file
    -sigfile <file>       Signature file
    -pubout               Output public key
    -e                    Entropy file, e.g. /dev/urandom
    -pre <vanity>         Attempt to generate public key given prefix, e.g. -gen user -pre derek
    -maxpre <N>           Maximum attempts at generating the correct key prefix (default 10,000,000)
`

const KINDS: ReadonlyMap<string, NkeyKind> = new Map([
  ['user', 'user'],
  ['account', 'account'],
  ['server', 'server'],
  ['cluster', 'cluster'],
  ['operator', 'operator'],
  ['curve', 'curve'],
  ['x25519', 'curve'],
])
const SIGNING_KINDS: readonly SigningKind[] = ['operator', 'account', 'user', 'server', 'cluster']
const SECRET_BYTES = 32
const BASE32 = /^[A-Z2-7]+$/

type AnyPair = NkeyPair | CurvePair

/** What ends the command; the text is its last line. */
class NkError extends Error {}

/** @returns the exit code: 1 also for flags that make no sense, and 0 for help */
export function runNk(
  calledAs: string,
  args: readonly string[],
  { stdout, stderr }: ToolOutput = process,
): number {
  const usage = `Usage: ${calledAs} ${USAGE}`
  const parsed = parseFlags(FLAGS, args)
  if (parsed.outcome !== 'parsed') {
    if (parsed.outcome === 'refused') stderr.write(`${parsed.reason}\n`)
    stdout.write(usage)
    return parsed.outcome === 'refused' ? 1 : 0
  }
  try {
    const lines = work(calledAs, parsed.values)
    if (lines !== undefined) {
      for (const line of lines) stdout.write(`${line}\n`)
      return 0
    }
    stdout.write(usage)
  } catch (error) {
    if (!(error instanceof NkError)) throw error
    stdout.write(`${error.message}\n`)
  }
  return 1
}

/** @returns what is to be written; undefined when nothing was asked for */
function work(calledAs: string, flags: FlagValues<typeof FLAGS>): readonly string[] | undefined {
  if (flags.v) return [`nk version ${SABLE_VERSION}`]
  if (flags.gen !== '') {
    const kind = KINDS.get(flags.gen.toLowerCase())
    if (kind === undefined) {
      throw new NkError(`Usage: ${calledAs} -gen [${[...KINDS.keys()].join('|')}]`)
    }
    const pair = flags.pre === '' ? generate(kind, flags.e) : generateWithPrefix(kind, flags)
    const isShown = flags.pubout || flags.pre !== ''
    return isShown ? [pair.seed(), pair.publicKey] : [pair.seed()]
  }
  if (flags.e !== '') throw new NkError('Entropy file only used when creating keys with -gen')
  if (flags.sign !== '') return [signature(flags.sign, flags.inkey)]
  if (flags.verify !== '') {
    verifyFile(flags)
    return ['Verified OK']
  }
  return flags.inkey !== '' && flags.pubout ? [readPair(flags.inkey).publicKey] : undefined
}

function generate(kind: NkeyKind, entropyFile: string): AnyPair {
  if (entropyFile === '') {
    return kind === 'curve' ? CurvePair.generate() : NkeyPair.generate(kind)
  }
  const secret = readSecret(kind, entropyFile)
  return kind === 'curve' ? CurvePair.fromSecret(secret) : NkeyPair.fromSecret(kind, secret)
}

function readSecret(kind: NkeyKind, path: string): Uint8Array {
  const file = attempt('open', path, () => openSync(path, 'r'))
  try {
    const secret = Buffer.alloc(SECRET_BYTES)
    const count = attempt('read', path, () => readSync(file, secret))
    if (count < SECRET_BYTES) {
      throw new NkError(`Error creating ${kind}: ${count === 0 ? 'EOF' : 'unexpected EOF'}`)
    }
    return secret
  } finally {
    closeSync(file)
  }
}

/** Tries until the public key goes on with the prefix after its first letter. */
function generateWithPrefix(kind: NkeyKind, flags: FlagValues<typeof FLAGS>): AnyPair {
  const prefix = flags.pre.toUpperCase()
  if (!BASE32.test(prefix)) {
    throw new NkError(`Can not generate base32 encoded strings to match '${prefix}'`)
  }
  if (!/^\d{1,15}$/.test(flags.maxpre)) {
    throw new NkError(`invalid value ${JSON.stringify(flags.maxpre)} for flag -maxpre`)
  }
  const attemptsMax = Number(flags.maxpre)
  for (let i = 0; i < attemptsMax; i++) {
    const pair = generate(kind, flags.e)
    if (pair.publicKey.startsWith(prefix, 1)) return pair
  }
  throw new NkError(`Failed to generate prefix after ${attemptsMax} attempts`)
}

function signature(path: string, keyFile: string): string {
  if (keyFile === '') throw new NkError('Sign requires a seed/private key via -inkey <file>')
  const pair = readSigningPair(keyFile)
  return Buffer.from(pair.signBytes(readBytes(path))).toString('base64url')
}

function verifyFile({ verify: path, inkey, pubin, sigfile }: FlagValues<typeof FLAGS>): void {
  if (inkey === '' && pubin === '') {
    throw new NkError('Verify requires a seed key via -inkey or a public key via -pubin')
  }
  if (sigfile === '') throw new NkError('Verify requires a signature via -sigfile')
  const publicKey = inkey === '' ? readPublicKey(pubin) : readSigningPair(inkey).publicKey
  const content = readBytes(path)
  const decoded = decodeRawUrlBase64(readBytes(sigfile).toString('latin1'))
  if (!decoded.ok) throw new NkError(decoded.why)
  if (verifySignature(publicKey, content, decoded.bytes)) return
  throw new NkError('nkeys: signature verification failed')
}

function readPublicKey(path: string): string {
  const key = readKey(path)
  const fault = publicNkeyFault(key)
  if (fault !== undefined || decodePublicNkey(key) === null) throw new NkError(fault)
  return key
}

function readSigningPair(path: string): NkeyPair {
  const pair = readPair(path)
  if (pair instanceof NkeyPair) return pair
  throw new NkError('nkeys: curve key is not valid for sign/verify')
}

function readPair(path: string): AnyPair {
  const seed = readKey(path)
  const pair = NkeyPair.fromSeed(seed, SIGNING_KINDS) ?? CurvePair.fromSeed(seed)
  if (pair === undefined) throw new NkError(seedNkeyFault(seed))
  return pair
}

/** The first line of a file that is a key of some kind. */
function readKey(path: string): string {
  const lines = readBytes(path).toString('latin1').split('\n')
  const key = lines.map((line) => line.replaceAll('\r', '')).find(isNkeyText)
  if (key === undefined) throw new NkError('Could not find a valid key')
  return key
}

function readBytes(path: string): Buffer {
  return attempt('open', path, () => readFileSync(path))
}

/** @throws NkError in the words of Go */
function attempt<Result>(operation: string, path: string, action: () => Result): Result {
  try {
    return action()
  } catch (error) {
    throw new NkError(`${operation} ${path}: ${systemErrorReason(error)}`)
  }
}
