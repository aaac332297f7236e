import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { createAccount, createUser } from '@nats-io/nkeys'
import { credentialsNotice, readCredentialsFile } from '../../src/auth/credentials-file.ts'

const JWT = 'eyJ0eXAiOiJKV1QifQ.eyJqdGkiOiJ-_x'
const user = createUser()
const SEED = Buffer.from(user.getSeed()).toString()

const folder = mkdtempSync(join(tmpdir(), 'credentials-'))
after(() => rmSync(folder, { recursive: true }))
const path = join(folder, 'user.creds')

/** As nsc writes it. */
function decorated(jwt: string, seed: string): string {
  return `-----BEGIN NATS USER JWT-----
${jwt}
------END NATS USER JWT------

************************* IMPORTANT *************************
NKEY Seed printed below can be used to sign and prove identity.
NKEYs are sensitive and should be treated as secrets.

-----BEGIN USER NKEY SEED-----
${seed}
------END USER NKEY SEED------

*************************************************************
`
}

function read(text: string): ReturnType<typeof readCredentialsFile> {
  writeFileSync(path, text)
  return readCredentialsFile(path)
}

/** The text of the error; it must not show what is in the file. */
function failure(text: string): string {
  writeFileSync(path, text)
  try {
    readCredentialsFile(path)
  } catch (error) {
    const { message, stack = '' } = error as Error
    assert.ok(!stack.includes(SEED) && !stack.includes(JWT))
    return message
  }
  return 'no failure'
}

describe('a credentials file', () => {
  it('has a JWT and then a seed', () => {
    const { jwt, keys } = read(decorated(JWT, SEED))
    assert.equal(jwt, JWT)
    assert.equal(keys.publicKey, user.getPublicKey())
    const signature = Buffer.from(keys.sign('nonce'), 'base64url')
    assert.ok(user.verify(Buffer.from('nonce'), signature))
  })

  it('may have lines of Windows, none at its end, text before, and other words between dashes', () => {
    const plain = decorated(JWT, SEED)
    const forms = [
      plain.replaceAll('\n', '\r\n'),
      plain.slice(0, plain.lastIndexOf('------\n') + 6),
      `a remark\n\n${plain}`,
      `---x---\n${JWT}\n---x---\n---y---\n${SEED}\n---y---\n`,
      `---\n---x---\n${JWT}\n---x---\n---y---\r\n${SEED}\r\n---y---`,
    ]
    for (const form of forms) {
      const { jwt, keys } = read(form)
      assert.deepEqual([jwt, keys.publicKey], [JWT, user.getPublicKey()], form.slice(0, 40))
    }
  })

  it('is malformed without two blocks', () => {
    const text = 'Credentials file malformed'
    assert.equal(failure(''), text)
    assert.equal(failure(SEED), text)
    assert.equal(failure(decorated(JWT, SEED).split('******')[0]!), text)
    assert.equal(failure(decorated(JWT, '')), text)
    assert.equal(failure(decorated(JWT, `${SEED} ${SEED}`)), text)
    assert.equal(failure(decorated(JWT, SEED).replaceAll('-', '')), text)
  })

  it('has a malformed seed when the second block is no seed of a user', () => {
    const account = Buffer.from(createAccount().getSeed()).toString()
    const changed = SEED.slice(0, 30) + (SEED[30] === 'A' ? 'B' : 'A') + SEED.slice(31)
    for (const seed of [JWT, 'SU', user.getPublicKey(), account, changed]) {
      assert.equal(failure(decorated(JWT, seed)), 'Credentials file has malformed seed')
    }
    // Its order counts.
    assert.equal(failure(decorated(SEED, JWT)), 'Credentials file has malformed seed')
  })

  it('that cannot be read is named with the reason, as Go puts it', () => {
    const missing = join(folder, 'missing')
    const text = `open ${missing}: no such file or directory`
    assert.throws(() => readCredentialsFile(missing), { message: text })
  })

  it('is read again each time', () => {
    const other = createUser()
    assert.equal(read(decorated(JWT, SEED)).keys.publicKey, user.getPublicKey())
    const replaced = read(decorated('new', Buffer.from(other.getSeed()).toString()))
    assert.deepEqual([replaced.jwt, replaced.keys.publicKey], ['new', other.getPublicKey()])
  })

  it('may be below the home directory, and nobody else is at home', () => {
    const before = process.env['HOME']
    try {
      process.env['HOME'] = folder
      writeFileSync(path, decorated(JWT, SEED))
      assert.equal(readCredentialsFile('~/user.creds').jwt, JWT)
      assert.throws(() => readCredentialsFile('~'), { message: /^read |^open / })
      assert.throws(() => readCredentialsFile('~user.creds'), { message: /^open ~user\.creds: / })
    } finally {
      if (before === undefined) delete process.env['HOME']
      else process.env['HOME'] = before
    }
  })
})

describe('what is said of a credentials file at start', () => {
  const file = `LeafNode Remote Credentials file ${JSON.stringify(path)}`
  const notice = (text: string) => {
    writeFileSync(path, text)
    return credentialsNotice(path, '$G')
  }
  const withClaims = (claims: unknown): string => {
    const body = Buffer.from(JSON.stringify(claims)).toString('base64url')
    return decorated(`head.${body}.signature`, SEED)
  }

  it('is its fault', () => {
    const fault = (text: string) => ({ level: 'error', text })
    assert.deepEqual(notice('nothing'), fault(`${file} malformed`))
    assert.deepEqual(notice(decorated(JWT, 'SU')), fault(`${file} has malformed seed`))
    for (const jwt of ['x', 'a..b', 'a.bm8gSlNPTg.c', 'a.bnVsbA.c', 'a.MTI.c']) {
      assert.deepEqual(notice(decorated(jwt, SEED)), fault(`${file} has malformed user jwt`), jwt)
    }
    const missing = join(folder, 'missing')
    const why = `open ${missing}: no such file or directory`
    const text = `Error reading LeafNode Remote Credentials file "${missing}": ${why}`
    assert.deepEqual(credentialsNotice(missing, '$G'), fault(text))
  })

  it('is that its user may not do everything', () => {
    const text = `LeafNode Remote for Account $G uses credentials file "${path}" with restricted permissions`
    for (const nats of [
      { pub: { allow: ['a'] } },
      { sub: { deny: ['a'] } },
      { pub: {}, sub: { allow: [], deny: ['b'] } },
      { resp: { max: 1, ttl: 0 } },
    ]) {
      assert.deepEqual(notice(withClaims({ nats })), { level: 'info', text }, JSON.stringify(nats))
    }
  })

  it('is nothing when there is nothing to say', () => {
    for (const claims of [
      {},
      { nats: null },
      { nats: {} },
      { nats: { pub: {}, sub: {}, subs: -1 } },
      { nats: { pub: null, sub: null, resp: null } },
      { nats: { pub: { allow: [] }, sub: { deny: null } } },
    ]) {
      assert.equal(notice(withClaims(claims)), undefined, JSON.stringify(claims))
    }
  })
})
