import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { createSecretCheck, isBcrypt } from '../../src/auth/password.ts'

const neverAsked = (): Promise<boolean> => assert.fail('bcrypt was asked')

describe('stored secrets', () => {
  it('are bcrypt hashes when they begin like one, however they go on', () => {
    for (const stored of ['$2a$10$x', '$2b$04$', '$2x$99$', '$2y$11$ab\ncd']) {
      assert.equal(isBcrypt(stored), true, stored)
    }
    for (const stored of ['', '2a$10$x', '$2$10$x', '$2c$10$x', '$2a$1$x', '$2a$10', ' $2a$10$x']) {
      assert.equal(isBcrypt(stored), false, stored)
    }
  })

  it('that are plain match themselves and nothing else, of whatever length', () => {
    const texts = fc.string({ unit: 'grapheme', maxLength: 40 }).filter((text) => !isBcrypt(text))
    fc.assert(
      fc.property(texts, texts, (stored, offered) => {
        const check = createSecretCheck(stored, neverAsked)
        assert.equal(check(stored), true)
        assert.equal(check(offered), stored === offered)
        assert.equal(check(`${stored}x`), false)
      }),
    )
  })

  it('that are bcrypt hashes are left to bcrypt, and do not match themselves', async () => {
    const asked: string[][] = []
    const check = createSecretCheck('$2a$10$hash', async (password, hash) => {
      asked.push([password, hash])
      return password === 'right'
    })
    assert.equal(await check('right'), true)
    assert.equal(await check('$2a$10$hash'), false)
    assert.deepEqual(asked, [
      ['right', '$2a$10$hash'],
      ['$2a$10$hash', '$2a$10$hash'],
    ])
  })
})
