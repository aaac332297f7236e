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
import {
  decodeSignature,
  isPublicKey,
  isSignedBy,
  NkeyPair,
  type SigningKind,
  verifySignature,
} from '../../src/auth/nkeys.ts'
import { encodePublicNkey, encodeSeedNkey } from '../../src/protocol/nkey-encoding.ts'

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

const CREATE: Readonly<Record<SigningKind, () => KeyPair>> = {
  operator: createOperator,
  account: createAccount,
  user: createUser,
  server: createServer,
  cluster: createCluster,
}
const KINDS = Object.keys(CREATE) as SigningKind[]

describe('key pairs of every kind that signs', () => {
  for (const kind of KINDS) {
    it(`${kind}: are read from seeds of the library, and give them back`, () => {
      const theirs = CREATE[kind]()
      const ours = NkeyPair.fromSeed(seedOf(theirs), [kind])!
      assert.deepEqual([ours.kind, ours.publicKey], [kind, theirs.getPublicKey()])
      assert.equal(ours.seed(), seedOf(theirs))
      assert.equal(isPublicKey(ours.publicKey, kind), true)
      const others = KINDS.filter((other) => other !== kind)
      assert.equal(NkeyPair.fromSeed(seedOf(theirs), others), undefined)
      for (const other of others) assert.equal(isPublicKey(ours.publicKey, other), false)
    })

    it(`${kind}: what new ones sign is right for the library, and the other way round`, () => {
      const ours = NkeyPair.generate(kind)
      assert.notEqual(NkeyPair.generate(kind).publicKey, ours.publicKey)
      const data = Buffer.from([0, 1, 255, 10])
      const theirs = fromSeed(Buffer.from(ours.seed()))
      assert.equal(theirs.getPublicKey(), ours.publicKey)
      assert.ok(theirs.verify(data, ours.signBytes(data)))
      assert.equal(verifySignature(ours.publicKey, data, theirs.sign(data)), true)
      assert.equal(verifySignature(ours.publicKey, data.subarray(1), theirs.sign(data)), false)
    })
  }

  it('of curve keys there is nothing that signs', () => {
    const curve = createCurve()
    assert.equal(NkeyPair.fromSeed(seedOf(curve), KINDS), undefined)
    assert.equal(isPublicKey(curve.getPublicKey(), 'curve'), true)
    assert.equal(verifySignature(curve.getPublicKey(), Buffer.from(''), Buffer.alloc(64)), false)
  })
})

describe('verifying', () => {
  it('takes any bytes for key and signature, and refuses them', () => {
    const pair = NkeyPair.generate('account')
    const text = fc.oneof(fc.string(), fc.constant(pair.publicKey))
    const bytes = fc.uint8Array({ maxLength: 80 })
    const point = fc
      .uint8Array({ minLength: 32, maxLength: 32 })
      .map((key) => encodePublicNkey('account', key))
    fc.assert(
      fc.property(
        fc.oneof(text, point),
        bytes,
        fc.uint8Array({ minLength: 64, maxLength: 64 }),
        (key, data, signature) => {
          assert.equal(verifySignature(key, data, signature), false)
          assert.equal(verifySignature(key, data, data), false)
        },
      ),
      { numRuns: 300 },
    )
  })

  it('goes on when more keys were seen than are kept ready', () => {
    const data = Buffer.from('data')
    const pairs = Array.from({ length: 1100 }, () => NkeyPair.generate('user'))
    for (let round = 0; round < 2; round++) {
      for (const pair of pairs) {
        assert.equal(verifySignature(pair.publicKey, data, pair.signBytes(data)), true)
      }
    }
    const [first, second] = pairs as [NkeyPair, NkeyPair]
    assert.equal(verifySignature(first.publicKey, data, second.signBytes(data)), false)
  })
})

describe('the signature in CONNECT', () => {
  const bytes = Uint8Array.from({ length: 64 }, (_, at) => (at * 37 + 250) & 0xff)
  const standard = Buffer.from(bytes).toString('base64')
  const url = Buffer.from(bytes).toString('base64url')

  it('is base64url without padding or base64 with it, and nothing else', () => {
    assert.ok(/[+/]/.test(standard), 'the two alphabets differ here')
    for (const text of [
      url,
      standard,
      `${url}\n`,
      `${standard.slice(0, 9)}\r\n${standard.slice(9)}`,
    ]) {
      assert.deepEqual(new Uint8Array(decodeSignature(text)!), bytes, text)
    }
    for (const text of [`${url}==`, standard.replace('==', ''), `${url} `, 'a', '!', `${url}A=`]) {
      assert.equal(decodeSignature(text), undefined, text)
    }
  })
})
