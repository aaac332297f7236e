import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { createAccount, createUser, fromPublic, type KeyPair } from '@nats-io/nkeys'
import { credentialsAuthenticator, seedAuthenticator } from '../../../src/tools/nats/credentials.ts'

const NONCE = 'a-nonce-of-the-server'
const JWT = 'eyJ0eXAi.eyJqdGki.c2lnbg-_'

function creds(jwt: string, seed: string, lineEnd = '\n'): string {
  return [
    '-----BEGIN NATS USER JWT-----',
    jwt,
    '------END NATS USER JWT------',
    '',
    '************************* IMPORTANT *************************',
    '-----BEGIN USER NKEY SEED-----',
    seed,
    '------END USER NKEY SEED------',
    '',
  ].join(lineEnd)
}

function isSignedBy(user: KeyPair, signature: string): boolean {
  const key = fromPublic(user.getPublicKey())
  return key.verify(Buffer.from(NONCE), Buffer.from(signature, 'base64'))
}

describe('files with keys', () => {
  const user = createUser()
  const seed = Buffer.from(user.getSeed()).toString()
  let folder: string
  const file = (name: string, text: string): string => {
    const path = join(folder, name)
    writeFileSync(path, text)
    return path
  }
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'keys-'))
  })
  after(() => rmSync(folder, { recursive: true }))

  for (const [name, lineEnd] of Object.entries({ LF: '\n', CRLF: '\r\n' })) {
    test(`credentials give the JWT and a signature, ${name}`, () => {
      const auth = credentialsAuthenticator(file('user.creds', creds(JWT, seed, lineEnd)))(NONCE)
      const { jwt, sig, ...others } = auth as { jwt: string; sig: string }
      assert.equal(jwt, JWT)
      assert.ok(isSignedBy(user, sig))
      assert.deepEqual(others, {})
    })
  }

  test('credentials that were renewed are used for the next connection', () => {
    const path = file('renewed.creds', creds(JWT, seed))
    const authenticate = credentialsAuthenticator(path)
    authenticate(NONCE)
    writeFileSync(path, creds('eyJ0.eyJq.bmV3', seed))
    assert.equal((authenticate(NONCE) as { jwt: string }).jwt, 'eyJ0.eyJq.bmV3')
  })

  test('a path may start at home, and name variables', (t) => {
    file('user.creds', creds(JWT, seed))
    const [home, named] = [process.env['HOME'], process.env['CREDS_FOLDER']]
    t.after(() => Object.assign(process.env, { HOME: home ?? '', CREDS_FOLDER: named ?? '' }))
    Object.assign(process.env, { HOME: folder, CREDS_FOLDER: folder })
    for (const path of [
      '~/user.creds',
      '$CREDS_FOLDER/user.creds',
      `\${CREDS_FOLDER}/user.creds`,
    ]) {
      assert.equal((credentialsAuthenticator(path)(NONCE) as { jwt: string }).jwt, JWT, path)
    }
  })

  test('credentials that are not there, or have no seed, are named when a server asks', () => {
    const missing = join(folder, 'none.creds')
    const bare = file('bare.creds', 'nothing of use')
    assert.throws(() => credentialsAuthenticator(missing)(NONCE), {
      name: 'ToolError',
      message: `nats: open ${missing}: no such file or directory`,
    })
    assert.throws(() => credentialsAuthenticator(bare)(NONCE), {
      name: 'ToolError',
      message:
        `error signing nonce: unable to extract key pair from file "${bare}": ` +
        'nkeys: no nkey seed found',
    })
  })

  test('a seed is found bare, below a remark, and in credentials', () => {
    for (const text of [seed, `my key\n  ${seed}  \n`, creds(JWT, seed)]) {
      const auth = seedAuthenticator(file('user.nk', text))(NONCE)
      const { nkey, sig } = auth as { nkey: string; sig: string }
      assert.equal(nkey, user.getPublicKey())
      assert.ok(isSignedBy(user, sig))
    }
  })

  test('what is no seed of a user is refused at once, and not shown', () => {
    const account = Buffer.from(createAccount().getSeed()).toString()
    const broken = `${seed.slice(0, -4)}AAAA`
    const cases = {
      'nkeys: no nkey seed found': 'nothing of use',
      'nats: Not a valid nkey user seed': account,
      'nkeys: invalid encoded key': broken,
    }
    for (const [message, text] of Object.entries(cases)) {
      assert.throws(() => seedAuthenticator(file('bad.nk', text)), { name: 'ToolError', message })
    }
    const missing = join(folder, 'none.nk')
    const message = `nats: open ${missing}: no such file or directory`
    assert.throws(() => seedAuthenticator(missing), { name: 'ToolError', message })
    assert.throws(() => seedAuthenticator(folder), { name: 'ToolError', message: /is a directory/ })
  })
})
