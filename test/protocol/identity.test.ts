import assert from 'node:assert/strict'
import { createPrivateKey, sign, verify } from 'node:crypto'
import test from 'node:test'
import { createCurve, createServer, createUser, fromSeed } from '@nats-io/nkeys'
import {
  decodePublicNkey,
  decodeSeedNkey,
  encodePublicNkey,
  encodeSeedNkey,
  NKEY_PREFIXES,
  type NkeyKind,
} from '../../src/protocol/nkey-encoding.ts'
import { NUID_LENGTH, NuidGenerator, nextNuid, randomBase62 } from '../../src/protocol/nuid.ts'
import { createServerIdentity } from '../../src/protocol/server-identity.ts'

const KINDS = Object.keys(NKEY_PREFIXES) as NkeyKind[]
const FIRST_LETTERS: Record<NkeyKind, string> = {
  ...{ account: 'A', cluster: 'C', server: 'N', operator: 'O', user: 'U', curve: 'X' },
}
/** ASN.1 around the 32 bytes of an Ed25519 private key (RFC 8410). */
const PKCS8_ED25519 = Buffer.from('302e020100300506032b657004220420', 'hex')

test('a server has an N key and an X key, new each time', () => {
  const [one, two] = [createServerIdentity(), createServerIdentity()]
  assert.match(one.id, /^N[A-Z2-7]{55}$/)
  assert.match(one.xkey, /^X[A-Z2-7]{55}$/)
  assert.notEqual(one.id, two.id)
  assert.notEqual(one.xkey, two.xkey)
})

test('the seeds are those of the public keys, for another implementation, too', () => {
  const { id, seed, xkey, curveSeed } = createServerIdentity()
  assert.equal(fromSeed(Buffer.from(seed)).getPublicKey(), id)
  const receiver = fromSeed(Buffer.from(curveSeed))
  assert.equal(receiver.getPublicKey(), xkey)
  const sender = createCurve()
  const opened = receiver.open(sender.seal(Buffer.from('secret'), xkey), sender.getPublicKey())
  assert.equal(opened === null ? null : Buffer.from(opened).toString(), 'secret')
})

for (const kind of KINDS) {
  test(`keys of the kind ${kind} start with ${FIRST_LETTERS[kind]} and are read back`, () => {
    const bytes = Uint8Array.from({ length: 32 }, (_, i) => (i * 37 + 5) & 0xff)
    const text = encodePublicNkey(kind, bytes)
    assert.equal(text.length, 56)
    assert.equal(text[0], FIRST_LETTERS[kind])
    assert.deepEqual(decodePublicNkey(text), { kind, bytes })
    const seed = encodeSeedNkey(kind, bytes)
    assert.equal(seed.slice(0, 2), `S${FIRST_LETTERS[kind]}`)
    assert.deepEqual(decodeSeedNkey(seed), { kind, bytes })
    assert.equal(decodePublicNkey(seed), null)
    assert.equal(decodeSeedNkey(text), null)
  })
}

test('keys made by another implementation are read, and its seeds sign for them', () => {
  for (const pair of [createUser(), createServer()]) {
    const seed = decodeSeedNkey(Buffer.from(pair.getSeed()).toString())
    const key = decodePublicNkey(pair.getPublicKey())
    assert.ok(seed !== null && key !== null)
    assert.equal(seed.kind, key.kind)
    assert.equal(encodePublicNkey(key.kind, key.bytes), pair.getPublicKey())
    const der = Buffer.concat([PKCS8_ED25519, seed.bytes])
    const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
    const signature = sign(null, Buffer.from('x'), privateKey)
    assert.equal(pair.verify(Buffer.from('x'), signature), true)
    assert.equal(
      verify(null, Buffer.from('x'), privateKey, Buffer.from(pair.sign(Buffer.from('x')))),
      true,
    )
  }
})

test('a key with any one character changed, missing or added is refused', () => {
  const text = createServerIdentity().id
  for (let i = 0; i < text.length; i++) {
    for (const other of ['A', 'B', '7', 'a', '1', '=', 'é']) {
      if (text[i] === other) continue
      assert.equal(decodePublicNkey(text.slice(0, i) + other + text.slice(i + 1)), null)
    }
  }
  for (const bad of ['', text.slice(1), `${text}A`, text.toLowerCase()]) {
    assert.equal(decodePublicNkey(bad), null, bad)
  }
  assert.throws(() => encodePublicNkey('user', new Uint8Array(31)), /keyBytes=31/)
})

test('nuids are 22 characters of base 62 and never repeat', () => {
  const generator = new NuidGenerator()
  const ids = new Set(Array.from({ length: 20_000 }, () => generator.next()))
  assert.equal(ids.size, 20_000)
  for (const id of ids) assert.match(id, /^[0-9A-Za-z]{22}$/)
  assert.equal(nextNuid().length, NUID_LENGTH)
  assert.notEqual(nextNuid(), nextNuid())
})

test('nuids of one generator grow within their prefix, two generators differ in it', () => {
  const generator = new NuidGenerator()
  const [one, two] = [generator.next(), generator.next()]
  assert.notEqual(one.slice(0, 12), new NuidGenerator().next().slice(0, 12))
  if (one.slice(0, 12) === two.slice(0, 12)) assert.ok(one < two)
})

test('random base 62 text has the length asked for and uses every digit', () => {
  const text = randomBase62(20_000)
  assert.match(text, /^[0-9A-Za-z]{20000}$/)
  assert.equal(new Set(text).size, 62)
  assert.equal(randomBase62(0), '')
})
