import assert from 'node:assert/strict'
import type { CalloutMessage, CalloutSettings } from '../../src/auth/auth-callout.ts'
import { decodeAuthorizationRequest } from '../../src/auth/jwt/decode.ts'
import { encodeClaims } from '../../src/auth/jwt/encode.ts'
import { NkeyPair } from '../../src/auth/nkeys.ts'
import { CurvePair } from '../../src/auth/xkeys.ts'
import type { AuthCalloutOptions } from '../../src/config/account-types.ts'

export const NOW_MS = 1_700_000_000_000
const TIMEOUT_MS = 2000
const serverKeys = NkeyPair.generate('server')
export const serverCurve = CurvePair.generate()
export const issuerKeys = NkeyPair.generate('account')
export const calloutCurve = CurvePair.generate()
export const SERVER = serverKeys.publicKey

export const CALLOUT: AuthCalloutOptions = {
  issuer: issuerKeys.publicKey,
  account: 'AUTH',
  authUsers: ['auth'],
  xkey: '',
  allowedAccounts: [],
}

export interface Asked {
  readonly message: CalloutMessage
  /** Made for the question. */
  readonly userNkey: string
  /** What the JWT says. */
  readonly body: Record<string, unknown>
}

/** The deciding program: undefined stays silent. */
export type Answerer = (
  asked: Asked,
) => Promise<Uint8Array | string | undefined> | string | undefined

export interface UserText {
  readonly sub?: string
  readonly aud?: string
  readonly name?: string
  readonly exp?: number
  readonly keys?: NkeyPair
  readonly nats?: Record<string, unknown>
}

export function userJwt(asked: Asked, text: UserText = {}): string {
  const { sub = asked.userNkey, aud = 'A', name = 'bob', exp, keys = issuerKeys, nats } = text
  const body = { subs: -1, data: -1, payload: -1, type: 'user', ...nats }
  return encodeClaims(
    { subject: sub, audience: aud, name, expires: exp, nats: body as never },
    keys,
    NOW_MS,
  )
}

export interface AnswerText {
  readonly sub?: string
  readonly aud?: string
  readonly keys?: NkeyPair
  readonly nats?: Record<string, unknown>
}

export function answerJwt(asked: Asked, jwt: string, text: AnswerText = {}): string {
  const { sub = asked.userNkey, aud = SERVER, keys = issuerKeys, nats } = text
  const body = { jwt, type: 'authorization_response', ...nats }
  return encodeClaims({ subject: sub, audience: aud, nats: body as never }, keys, NOW_MS)
}

export const admit: Answerer = (asked) => answerJwt(asked, userJwt(asked))

function bodyOf(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString())
}

export const DEFAULTS = { publish: { deny: ['x'] }, subscribe: undefined, responses: undefined }

export function settings(
  answerer: Answerer,
  asked: Asked[],
  more: Partial<CalloutSettings> = {},
): CalloutSettings {
  return {
    options: CALLOUT,
    server: { name: 'srv', host: '0.0.0.0', id: SERVER, version: '2.15.2', tags: ['t'] },
    keys: serverKeys,
    curve: serverCurve,
    timeoutMs: TIMEOUT_MS,
    nowMs: () => NOW_MS,
    ask: async (message) => {
      const sealed = message.header !== undefined
      const opened = sealed
        ? await calloutCurve.open(message.payload, message.header.value)
        : message.payload
      assert.ok(opened !== undefined)
      const token = Buffer.from(opened).toString()
      const decoded = decodeAuthorizationRequest(token)
      assert.ok(decoded.ok)
      const one = { message, userNkey: decoded.claims.userNkey, body: bodyOf(token) }
      asked.push(one)
      const answer = await answerer(one)
      return typeof answer === 'string' ? Buffer.from(answer) : answer
    },
    accounts: {
      configured: (name) => {
        if (name === 'DEFAULTS') return { defaultPermissions: DEFAULTS }
        const names = ['AUTH', 'A', 'B', '$G']
        return names.includes(name) ? { defaultPermissions: undefined } : undefined
      },
      claims: () => undefined,
      issuerOf: () => ({ isKnown: false, scope: undefined }),
    },
    ...more,
  }
}
