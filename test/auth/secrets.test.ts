import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { createSecretCheck } from '../../src/auth/password.ts'

const FOLDER = new URL('../../src/auth/', import.meta.url)
/** A comparison that ends at the first difference, with something that has the name of a secret. */
const PLAIN_COMPARISON =
  /(?:\b(?:pass|password|secret|seed|stored|offered|authToken)|\.token)\b\)? ?[!=]==? ?(.)/g
/** Whether there is one at all tells nothing of it. */
const HARMLESS = /^['u]$/

describe('secrets', () => {
  it('are compared in constant time, in one place', () => {
    const files = readdirSync(FOLDER).filter((name) => name.endsWith('.ts'))
    assert.ok(files.includes('client-check.ts') && files.includes('leaf-check.ts'))
    for (const name of files) {
      const code = readFileSync(new URL(name, FOLDER), 'utf8')
      for (const [text, next] of code.matchAll(PLAIN_COMPARISON)) {
        assert.match(next!, HARMLESS, `${name}: ${text}`)
      }
      const isPlace = name === 'password.ts'
      assert.equal(code.includes('timingSafeEqual'), isPlace, name)
    }
    assert.match('pass === other', PLAIN_COMPARISON)
  })

  it('of any length and letters are compared', () => {
    const never = async (): Promise<boolean> => assert.fail('no bcrypt')
    const long = 'x'.repeat(1024 * 1024)
    for (const stored of ['', 'a', 'a\0b', 'pässwörd', '😀', long]) {
      const check = createSecretCheck(stored, never)
      assert.equal(check(stored), true)
      for (const offered of ['b', `${stored}x`, `${stored}\0`, stored.slice(0, -1) || 'z']) {
        assert.equal(check(offered), false)
      }
    }
  })
})
