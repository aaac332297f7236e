import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createCurve, createUser, fromCurveSeed } from '@nats-io/nkeys'
import fc from 'fast-check'
import { CurvePair } from '../../src/auth/xkeys.ts'
import { encodeSeedNkey } from '../../src/protocol/nkey-encoding.ts'

const TEXT = Buffer.from('what nobody else is to read')

describe('a curve key pair', () => {
  it('has the public key that the nkeys library has', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (secret) => {
        const seed = encodeSeedNkey('curve', secret)
        const theirs = fromCurveSeed(Buffer.from(seed))
        const ours = CurvePair.fromSeed(seed)
        assert.equal(ours?.publicKey, theirs.getPublicKey())
        assert.equal(ours.seed(), seed)
      }),
      { numRuns: 30 },
    )
  })

  it('is made of curve seeds alone, and shows nothing but its public key', () => {
    const pair = CurvePair.generate()
    assert.deepEqual(Object.keys(pair), ['publicKey'])
    for (const text of ['', pair.publicKey, Buffer.from(createUser().getSeed()).toString()]) {
      assert.equal(CurvePair.fromSeed(text), undefined)
    }
  })
})

describe('a sealed box', () => {
  const ours = CurvePair.generate()
  const theirs = createCurve()

  it('of ours is opened by the nkeys library, and one of theirs by us', async () => {
    for (const data of [TEXT, Buffer.of(0), Buffer.alloc(100_000, 7)]) {
      const sealed = await ours.seal(data, theirs.getPublicKey())
      assert.equal(Buffer.from(sealed!).toString('latin1', 0, 4), 'xkv1')
      assert.deepEqual(Buffer.from(theirs.open(sealed!, ours.publicKey)!), data)
      const back = theirs.seal(data, ours.publicKey)
      assert.deepEqual(Buffer.from((await ours.open(back, theirs.getPublicKey()))!), data)
    }
  })

  it('is another each time', async () => {
    const one = await ours.seal(TEXT, theirs.getPublicKey())
    const two = await ours.seal(TEXT, theirs.getPublicKey())
    assert.notDeepEqual(one, two)
  })

  it('with any byte changed, cut or added is not opened', async () => {
    const sealed = Buffer.from(theirs.seal(TEXT, ours.publicKey))
    for (const at of sealed.keys()) {
      const changed = Buffer.from(sealed)
      changed[at]! ^= 1
      assert.equal(await ours.open(changed, theirs.getPublicKey()), undefined, `byte ${at}`)
      assert.equal(await ours.open(sealed.subarray(0, at), theirs.getPublicKey()), undefined)
    }
    const longer = Buffer.concat([sealed, Buffer.of(0)])
    assert.equal(await ours.open(longer, theirs.getPublicKey()), undefined)
  })

  it('for somebody else, or from somebody else, is not opened', async () => {
    const sealed = (await ours.seal(TEXT, theirs.getPublicKey()))!
    assert.equal(await CurvePair.generate().open(sealed, ours.publicKey), undefined)
    const toUs = theirs.seal(TEXT, ours.publicKey)
    assert.equal(await ours.open(toUs, CurvePair.generate().publicKey), undefined)
  })

  it('needs a curve key on the other side', async () => {
    const sealed = theirs.seal(TEXT, ours.publicKey)
    for (const key of ['', 'X', createUser().getPublicKey(), ours.seed()]) {
      assert.equal(await ours.seal(TEXT, key), undefined)
      assert.equal(await ours.open(sealed, key), undefined)
    }
  })

  it('may be any bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 90 }), fc.boolean(), async (bytes, isStarted) => {
        const start = isStarted ? Buffer.from('xkv1') : Buffer.alloc(0)
        const sealed = Buffer.concat([start, bytes])
        assert.equal(await ours.open(sealed, theirs.getPublicKey()), undefined)
      }),
      { numRuns: 100 },
    )
  })
})
