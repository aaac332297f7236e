import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type CommandLineResult, interpretCommandLine } from '../../src/config/command-line.ts'
import type { Options } from '../../src/config/option-types.ts'
import { tlsDefaults } from '../../src/config/tls-table.ts'
import { makeCertificates } from '../support/certificates.ts'
import { TemporaryFiles } from './temporary-files.ts'

const files = new TemporaryFiles()
const { ca, client, server } = makeCertificates(files.folder)
const { certFile, keyFile } = server
const FLAGS = ['--tls', '--tlscert', certFile, '--tlskey', keyFile] as const

function interpret(...argv: readonly string[]): CommandLineResult {
  return interpretCommandLine(argv, {})
}

function options(...argv: readonly string[]): Options {
  const result = interpret(...argv)
  assert.ok(result.kind === 'run', JSON.stringify(result))
  return result.options
}

test('flags alone make a tls block with defaults', () => {
  assert.equal(options().tls, undefined)
  assert.deepEqual(options(...FLAGS).tls, { ...tlsDefaults(), certFile, keyFile })
  assert.deepEqual(options('-tlscert', certFile, '-tlskey', keyFile).tls, options(...FLAGS).tls)
  const verified = options(...FLAGS, '--tlsverify', '--tlscacert', ca.certFile).tls
  assert.deepEqual(verified, {
    ...tlsDefaults(),
    certFile,
    keyFile,
    caFile: ca.certFile,
    verify: true,
  })
})

test('with TLS there is a second more than the handshake to log in, unless the file says', () => {
  assert.equal(options().authorization.timeoutMs, 2_000)
  assert.equal(options(...FLAGS).authorization.timeoutMs, 3_000)
  const slow = files.write('tls { timeout: 5 }')
  assert.equal(options('-c', slow).authorization.timeoutMs, 6_000)
  const set = files.write('tls { timeout: 5 }\nauthorization { timeout: 2 }')
  assert.equal(options('-c', set).authorization.timeoutMs, 2_000)
})

const PIN = 'ab'.repeat(32)
const FILE = files.write(`
  tls {
    cert_file: "${client.certFile}", key_file: "${client.keyFile}", ca_file: "${ca.certFile}"
    verify_and_map: true, timeout: 7, connection_rate_limit: 9, pinned_certs: [ "${PIN}" ]
    handshake_first: "100ms", cipher_suites: [ TLS_AES_128_GCM_SHA256 ], min_version: "1.3"
    insecure: true, curve_preferences: [ X25519 ]
  }`)

test('flags replace files, verification, suites and versions of the file, and keep the rest', () => {
  assert.equal(options('-c', FILE).tls?.certFile, client.certFile)
  assert.deepEqual(options('-c', FILE, ...FLAGS).tls, {
    ...tlsDefaults(),
    certFile,
    keyFile,
    verifyAndMap: true,
    timeoutMs: 7_000,
    connectionRateLimit: 9,
    pinnedCerts: [PIN],
    handshakeFirst: true,
    handshakeFirstFallbackMs: 100,
  })
})

test('-tls=false takes TLS away, whatever other flags say', () => {
  assert.equal(options('-c', FILE, '--tls=false').tls, undefined)
  assert.equal(options('-c', FILE, ...FLAGS.slice(1), '--tls=false').tls, undefined)
  assert.equal(options('--tlsverify', '--tls=false').tls, undefined)
})

const CERTIFICATE = 'TLS Server certificate must be present and valid'
const KEY = 'TLS Server private key must be present and valid'
const REFUSED: readonly (readonly [argv: readonly string[], text: string])[] = [
  [['--tls'], CERTIFICATE],
  [['--tlsverify=false'], CERTIFICATE],
  [['--tlskey', keyFile], CERTIFICATE],
  [['--tlscert', certFile], KEY],
  [['-c', FILE, '--tls'], CERTIFICATE],
  [
    ['--tlscert', certFile, '--tlskey', client.keyFile],
    'error parsing X509 certificate/key pair: tls: private key does not match public key',
  ],
  [[...FLAGS, '--tlscacert', '/nonexistent/x'], 'open /nonexistent/x: no such file or directory'],
]

for (const [argv, text] of REFUSED) {
  test(`refuses ${argv.map((word) => word.replace(files.folder, '')).join(' ')}`, () => {
    const stderr = `nats-server: ${text}\n`
    assert.deepEqual(interpret(...argv), {
      kind: 'exit',
      code: 1,
      stdout: '',
      stderr,
      reason: text,
    })
  })
}
