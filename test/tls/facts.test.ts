import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { type ConnectionOptions, connect } from 'node:tls'
import type { TlsFacts } from '../../src/auth/login.ts'
import type { TlsOptions } from '../../src/config/option-types.ts'
import { createServerTls } from '../../src/io/tls/server-tls.ts'
import { tlsFacts } from '../../src/workers/clients/tls-facts.ts'
import { certificates, filesOf, makePair, tlsOptions } from '../io/tls/pair.ts'

const { ca, client } = certificates
const SHOWN = { cert: readFileSync(client.certFile), key: readFileSync(client.keyFile) }

async function factsOf(
  t: TestContext,
  server: Partial<TlsOptions>,
  options: ConnectionOptions,
): Promise<TlsFacts> {
  const { accepted, dialled } = await makePair(t)
  const tls = createServerTls(tlsOptions({ ...filesOf('server'), ...server }))
  const secured = tls.secure(accepted)
  const peer = connect({ socket: dialled, rejectUnauthorized: false, ...options })
  peer.on('error', () => {})
  const facts = tlsFacts(await secured, tls.isVerifying)
  // They are sent between threads.
  assert.deepEqual(structuredClone(facts), facts)
  return facts
}

test('a client without a certificate', async (t) => {
  assert.deepEqual(await factsOf(t, {}, SHOWN), {
    version: '1.3',
    cipher: 'TLS_AES_128_GCM_SHA256',
    names: [],
    certificates: [],
    isVerified: false,
  })
})

test("TLS 1.2, in Go's names", async (t) => {
  const facts = await factsOf(t, {}, { maxVersion: 'TLSv1.2' })
  assert.equal(facts.version, '1.2')
  assert.equal(facts.cipher, 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256')
})

test('a verified client: names and chain', async (t) => {
  for (const verify of [{ verify: true }, { verifyAndMap: true }]) {
    const facts = await factsOf(t, { ...verify, caFile: ca.certFile }, SHOWN)
    assert.deepEqual(facts.names, ['derek@example.com', 'CN=derek,O=Example'])
    assert.equal(facts.isVerified, true)
    assert.deepEqual(
      facts.certificates,
      [client, ca].map(({ certFile }) => readFileSync(certFile, 'utf8')),
    )
  }
})
