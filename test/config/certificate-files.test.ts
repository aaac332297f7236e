import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { tlsFault } from '../../src/config/certificate-files.ts'
import { tlsDefaults } from '../../src/config/tls-table.ts'
import { makeCertificates } from '../support/certificates.ts'
import { compareFiles, needsServer } from './compare.ts'
import { TemporaryFiles } from './temporary-files.ts'

const files = new TemporaryFiles()
const { ca, client, server } = makeCertificates(files.folder)
const { certFile, keyFile } = server
const read = (file: string): string => readFileSync(file, 'utf8')

function pemOf(type: string): string {
  return `-----BEGIN ${type}-----\nAAAA\n-----END ${type}-----\n`
}

function keyOf(type: 'rsa' | 'ed25519', cipher = {}): string {
  const { privateKey } =
    type === 'rsa' ? generateKeyPairSync(type, { modulusLength: 2048 }) : generateKeyPairSync(type)
  return String(privateKey.export({ type: 'pkcs8', format: 'pem', ...cipher }))
}

const NOWHERE = '/nonexistent/x'
const empty = files.write('', 'empty.pem')
const rsaKey = files.write(keyOf('rsa'), 'rsa.pem')
const edKey = files.write(keyOf('ed25519'), 'ed25519.pem')
const locked = files.write(
  keyOf('ed25519', { cipher: 'aes-128-cbc', passphrase: 'p' }),
  'locked.pem',
)
const junk = files.write(pemOf('CERTIFICATE'), 'junk.pem')
const junkKey = files.write(pemOf('PRIVATE KEY'), 'junk-key.pem')
const csr = files.write(pemOf('CERTIFICATE REQUEST') + pemOf('X509 CRL'), 'csr.pem')
const bundle = files.write(
  `words\n${pemOf('DH PARAMETERS')}${read(keyFile)}${read(certFile)}`,
  'b.pem',
)
const halfBroken = files.write(pemOf('CERTIFICATE') + read(ca.certFile), 'half.pem')

const SKIPPED = 'after skipping PEM blocks of the following types:'

const PAIRS: readonly (readonly [certFile: string, keyFile: string, fault: string | undefined])[] =
  [
    [certFile, keyFile, undefined],
    [bundle, bundle, undefined],
    [NOWHERE, '/nonexistent/y', `open ${NOWHERE}: no such file or directory`],
    [certFile, NOWHERE, `open ${NOWHERE}: no such file or directory`],
    [files.folder, keyFile, `read ${files.folder}: is a directory`],
    [empty, keyFile, 'tls: failed to find any PEM data in certificate input'],
    [certFile, empty, 'tls: failed to find any PEM data in key input'],
    [
      keyFile,
      certFile,
      'tls: failed to find certificate PEM data in certificate input, but did find a private key; ' +
        'PEM inputs may have been switched',
    ],
    [
      csr,
      keyFile,
      'tls: failed to find "CERTIFICATE" PEM block in certificate input ' +
        `${SKIPPED} [CERTIFICATE REQUEST X509 CRL]`,
    ],
    [
      certFile,
      certFile,
      'tls: found a certificate rather than a key in the PEM for the private key',
    ],
    [
      certFile,
      csr,
      'tls: failed to find PEM block with type ending in "PRIVATE KEY" in key input ' +
        `${SKIPPED} [CERTIFICATE REQUEST X509 CRL]`,
    ],
    [junk, keyFile, 'x509: malformed certificate'],
    [certFile, junkKey, 'tls: failed to parse private key'],
    [certFile, locked, 'tls: failed to parse private key'],
    [certFile, client.keyFile, 'tls: private key does not match public key'],
    [certFile, rsaKey, 'tls: private key type does not match public key type'],
    [certFile, edKey, 'tls: private key type does not match public key type'],
  ]

for (const [cert, key, fault] of PAIRS) {
  test(`finds of a pair of files that ${fault ?? 'it is fine'}`, () => {
    const expected = fault && `error parsing X509 certificate/key pair: ${fault}`
    assert.equal(tlsFault({ ...tlsDefaults(), certFile: cert, keyFile: key }), expected)
    const certificates = [
      { certFile, keyFile },
      { certFile: cert, keyFile: key },
    ]
    const second = fault && `error parsing X509 certificate/key pair 2/2: ${fault}`
    assert.equal(tlsFault({ ...tlsDefaults(), certificates }), second)
  })
}

const UNREADABLE = 'failed to parse root ca certificate'

const AUTHORITIES: readonly (readonly [caFile: string, fault: string | undefined])[] = [
  [ca.certFile, undefined],
  [halfBroken, undefined],
  [NOWHERE, `open ${NOWHERE}: no such file or directory`],
  [empty, UNREADABLE],
  [junk, UNREADABLE],
  [keyFile, UNREADABLE],
]

for (const [caFile, fault] of AUTHORITIES) {
  test(`finds of a file with authorities that ${fault ?? 'it is fine'}: ${caFile.slice(-9)}`, () => {
    assert.equal(tlsFault({ ...tlsDefaults(), caFile }), fault)
  })
}

test('a certificate needs its key, and the other way round', () => {
  const half = { ...tlsDefaults(), certFile }
  assert.equal(tlsFault(half), "missing 'key_file' in TLS configuration")
  const other = { ...tlsDefaults(), keyFile }
  assert.equal(tlsFault(other), "missing 'cert_file' in TLS configuration")
})

test('finds the same as nats-server', needsServer, () => {
  for (const [cert, key] of PAIRS) {
    compareFiles(files.write(`leaf {\ntls { cert_file: "${cert}", key_file: "${key}" } }`))
  }
  for (const [caFile] of AUTHORITIES) {
    compareFiles(files.write(`websocket {\ntls { ca_file: "${caFile}" } }`))
  }
})
