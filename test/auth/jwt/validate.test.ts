import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { decodeJwt } from '../../../src/auth/jwt/decode.ts'
import { isBlocking, validationErrorsText } from '../../../src/auth/jwt/issues.ts'
import { parseServerVersion, validateClaims } from '../../../src/auth/jwt/validate.ts'
import { ROOT } from '../../support/peers.ts'
import { type Draft, mintAccount, mintUser, NOW_MS, NOW_S } from './mint.ts'

/** What the library of nats-server (github.com/nats-io/jwt/v2) answered for JWTs made at random. */
interface Answer {
  readonly token: string
  readonly error?: string
  /** `<kind>: <text>`, in alphabetical order. */
  readonly issues?: readonly string[]
}

const ANSWERS: readonly Answer[] = JSON.parse(
  readFileSync(join(ROOT, 'test', 'fixtures', 'jwt-answers.json'), 'utf8'),
)

function issuesOf(token: string, nowMs = NOW_MS) {
  const decoded = decodeJwt(token)
  assert.ok(decoded.ok, decoded.ok ? '' : decoded.why)
  return validateClaims(decoded.claims, nowMs)
}

describe('claims', () => {
  for (const [at, { token, error, issues }] of ANSWERS.entries()) {
    it(`${at}: ${error ?? issues?.join(', ').slice(0, 80)}`, () => {
      const decoded = decodeJwt(token)
      if (error !== undefined) {
        assert.deepEqual(decoded, { ok: false, why: error })
        return
      }
      const found = issuesOf(token).map(({ kind, text }) => `${kind}: ${text}`)
      assert.deepEqual(found.toSorted(), issues)
    })
  }

  it('are valid to the second that they name, and from the second on', () => {
    const at = (draft: Draft) => issuesOf(mintUser({}, draft)).map(({ text }) => text)
    assert.deepEqual(at({ exp: NOW_S }), [])
    assert.deepEqual(at({ exp: NOW_S - 1 }), ['claim is expired'])
    assert.deepEqual(at({ nbf: NOW_S }), [])
    assert.deepEqual(at({ nbf: NOW_S + 1 }), ['claim is not yet valid'])
  })

  it('are not slow to check, however many exports there are', () => {
    const exports = Array.from({ length: 5000 }, (_, at) => ({
      subject: `a.${at}`,
      type: 'stream',
    }))
    assert.deepEqual(issuesOf(mintAccount({ exports })), [])
    const twice = issuesOf(
      mintAccount({ exports: [...exports, { subject: 'a.*', type: 'stream' }] }),
    )
    assert.deepEqual(
      twice.map(({ text }) => text),
      ['stream export subject "a.*" already exports "a.0"'],
    )
  })
})

describe('issues', () => {
  const error = { text: 'e', kind: 'error' } as const
  const time = { text: 't', kind: 'time' } as const
  const warning = { text: 'w', kind: 'warning' } as const

  it('are a reason to refuse or not', () => {
    assert.equal(isBlocking([warning], { withTimes: true }), false)
    assert.equal(isBlocking([warning, error], { withTimes: false }), true)
    assert.equal(isBlocking([time], { withTimes: false }), false)
    assert.equal(isBlocking([time], { withTimes: true }), true)
  })

  it('are told as nats-server tells them', () => {
    const text = validationErrorsText([error, time, warning, { text: 'f g', kind: 'error' }])
    assert.equal(text, 'validation errors: [e f g]')
  })
})

describe('the server version an operator demands', () => {
  it('is three numbers', () => {
    assert.deepEqual(parseServerVersion(''), [0, 0, 0])
    assert.deepEqual(parseServerVersion('2.10.27'), [2, 10, 27])
    const form = 'asserted server version must be of the form <major>.<minor>.<update>'
    assert.equal(parseServerVersion('2.10'), form)
    assert.equal(parseServerVersion('2.x.1'), 'asserted server version cant parse x to int')
    const negative = "asserted server version can'b contain negative values: 2.-1.0"
    assert.equal(parseServerVersion('2.-1.0'), negative)
  })
})
