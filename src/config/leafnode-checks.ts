import { goQuote } from '../protocol/go-quote.ts'
import { decodePublicNkey } from '../protocol/nkey-encoding.ts'
import type { LeafnodeAuthorizationOptions, TlsOptions } from './option-types.ts'

/** What is checked of `leafnodes` both when the file is read and when the broker starts. */

const AUTH_TIMEOUT_MS = 2_000 // nats-server AUTH_TIMEOUT

/** Time to log in where none is set: with TLS its handshake comes on top. */
export function authTimeoutMs(tls: TlsOptions | undefined): number {
  return tls === undefined ? AUTH_TIMEOUT_MS : tls.timeoutMs + 1_000
}

export function leafNkeyFault(text: string): string | undefined {
  if (decodePublicNkey(text)?.kind === 'user') return undefined
  return 'Not a valid public nkey for leafnode authorization'
}

export function leafUsersFault({
  user,
  nkey,
  users,
}: LeafnodeAuthorizationOptions): string | undefined {
  if (users.length === 0) return undefined
  if (user !== '') return 'can not have a single user/pass and a users array'
  if (nkey !== '') return 'can not have a single nkey and a users array'
  const names = new Set<string>()
  for (const { user: name } of users) {
    if (names.has(name)) {
      return `duplicate user ${goQuote(name)} detected in leafnode authorization`
    }
    names.add(name)
  }
  return undefined
}

/** `2.10.0`, by the rules of semver.org: what follows `-` and `+` may be in parts, too. */
const VERSION = /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(?:0|[1-9]\d*)(?:-([-.a-z\d]+))?(?:\+([-.a-z\d]+))?$/i
/** A part of a pre-release: a number has no leading zero. */
const PRERELEASE_PART = /^(?:0|[1-9]\d*|\d*[-a-z][-a-z\d]*)$/i

export function leafVersionFault(text: string): string | undefined {
  const [, major, minor, prerelease = '0', build = '0'] = VERSION.exec(text) ?? []
  const isVersion =
    prerelease.split('.').every((part) => PRERELEASE_PART.test(part)) &&
    !build.split('.').includes('')
  if (major === undefined || !isVersion) return "invalid leafnode's minimum version: invalid semver"
  const isNewEnough = Number(major) > 2 || (Number(major) === 2 && Number(minor) >= 8)
  return isNewEnough ? undefined : 'the minimum version should be at least 2.8.0'
}
