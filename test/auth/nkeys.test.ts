import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  createAccount,
  createCluster,
  createCurve,
  createOperator,
  createServer,
  createUser,
  fromPublic,
  fromSeed,
  type KeyPair,
} from '@nats-io/nkeys'
import fc from 'fast-check'
import { isSignedBy, NkeyPair } from '../../src/auth/nkeys.ts'
import { encodeSeedNkey } from '../../src/protocol/nkey-encoding.ts'

const NONCE = 'abcdefghijklmno'

function seedOf(pair: KeyPair): string {
  return Buffer.from(pair.getSeed()).toString()
}

function signatureOf(pair: KeyPair, nonce: string): Buffer {
  return Buffer.from(pair.sign(Buffer.from(nonce)))
}

describe('a key pair of a seed', () => {
  it('has the public key and makes the signatures that the nkeys library has', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.string(), (bytes, nonce) => {
        const seed = encodeSeedNkey('user', bytes)
        const theirs = fromSeed(Buffer.from(seed))
        const ours = NkeyPair.fromSeed(seed)
        assert.equal(ours?.publicKey, theirs.getPublicKey())
        assert.equal(ours.sign(nonce), signatureOf(theirs, nonce).toString('base64url'))
      }),
      { numRuns: 30 },
    )
  })

  it('signs so that the nkeys library takes it', () => {
    const ours = NkeyPair.fromSeed(seedOf(createUser()))!
    const signature = ours.sign(NONCE)
    assert.match(signature, /^[\w-]{86}$/)
    const verifier = fromPublic(ours.publicKey)
    assert.ok(verifier.verify(Buffer.from(NONCE), Buffer.from(signature, 'base64url')))
    assert.ok(!verifier.verify(Buffer.from('other'), Buffer.from(signature, 'base64url')))
  })

  it('is not made of anything but the seed of a user', () => {
    const user = createUser()
    const seed = seedOf(user)
    const others = [createAccount, createOperator, createServer, createCluster, createCurve]
    for (const create of others) assert.equal(NkeyPair.fromSeed(seedOf(create())), undefined)
    const broken = [
      '',
      'SU',
      user.getPublicKey(),
      seed.slice(0, -1),
      `${seed}A`,
      seed.toLowerCase(),
      ` ${seed}`,
      `${seed}\n`,
      seed.slice(0, 20) + (seed[20] === 'A' ? 'B' : 'A') + seed.slice(21),
    ]
    for (const text of broken) assert.equal(NkeyPair.fromSeed(text), undefined, text.slice(0, 4))
  })

  it('shows nothing of its secret', () => {
    const seed = seedOf(createUser())
    const pair = NkeyPair.fromSeed(seed)!
    assert.deepEqual(Object.keys(pair), ['publicKey'])
    assert.equal(JSON.stringify(pair), `{"publicKey":"${pair.publicKey}"}`)
  })
})

describe('a signature', () => {
  const user = createUser()
  const key = user.getPublicKey()
  const signature = signatureOf(user, NONCE)

  it('of the nkeys library is right for its key and nonce alone', () => {
    const text = signature.toString('base64url')
    assert.equal(isSignedBy(key, NONCE, text), true)
    assert.equal(isSignedBy(key, 'other', text), false)
    assert.equal(isSignedBy(createUser().getPublicKey(), NONCE, text), false)
  })

  it('may be in either base64, padded or not', () => {
    const forms = [
      signature.toString('base64'),
      signature.toString('base64').replaceAll('=', ''),
      signature.toString('base64url'),
      `${signature.toString('base64url')}==`,
    ]
    for (const form of forms) assert.equal(isSignedBy(key, NONCE, form), true, form)
  })

  it('that was changed, cut or left out is wrong', () => {
    for (const [at] of signature.entries()) {
      const changed = Buffer.from(signature)
      changed[at]! ^= 1
      assert.equal(isSignedBy(key, NONCE, changed.toString('base64url')), false)
    }
    for (const bytes of [signature.subarray(1), Buffer.concat([signature, Buffer.of(0)])]) {
      assert.equal(isSignedBy(key, NONCE, bytes.toString('base64url')), false)
    }
    for (const text of ['', '=', 'no base64!', 'x'.repeat(10_000)]) {
      assert.equal(isSignedBy(key, NONCE, text), false)
    }
  })

  it('of other than users is wrong, and so is any under a key that is none', () => {
    for (const create of [createAccount, createOperator, createServer, createCluster]) {
      const pair = create()
      const text = signatureOf(pair, NONCE).toString('base64url')
      assert.ok(pair.verify(Buffer.from(NONCE), Buffer.from(text, 'base64url')))
      assert.equal(isSignedBy(pair.getPublicKey(), NONCE, text), false)
    }
    const text = signature.toString('base64url')
    for (const wrong of ['', 'U', key.slice(1), key.toLowerCase(), seedOf(user)]) {
      assert.equal(isSignedBy(wrong, NONCE, text), false)
    }
  })
})
