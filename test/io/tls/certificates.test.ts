import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { readCertificate } from '../../../src/io/tls/certificate-fields.ts'
import { namesOf, subjectText } from '../../../src/io/tls/certificate-names.ts'
import { hostMismatchText, isForHost } from '../../../src/io/tls/host-names.ts'
import { type CertificateFacts, makeSelfSigned } from '../../support/certificates.ts'
import { certificateFolder } from './pair.ts'

function fieldsOf(facts: CertificateFacts) {
  const { certFile, pin } = makeSelfSigned(certificateFolder, 'fields', facts)
  const fields = readCertificate(new X509Certificate(readFileSync(certFile)).raw)
  assert.equal(fields.pin, pin)
  return fields
}

test('all parts of a certificate are read', () => {
  const { subject, emails, dnsNames, uris, ips, hasAlternativeNames } = fieldsOf({
    subject: ['DC=com', 'O=Ünïx', 'CN=a+OU=b'],
    emails: ['a@b.c', 'd@e.f'],
    dns: ['x.y', '*.z'],
    uris: ['spiffe://localhost/my-service'],
    ips: ['10.0.0.1', 'fe80::1:2'],
  })
  assert.deepEqual(
    subject.map((names) => names.map(({ type, value }) => [type, value])),
    [
      [['0.9.2342.19200300.100.1.25', 'com']],
      [['2.5.4.10', 'Ünïx']],
      [
        ['2.5.4.3', 'a'],
        ['2.5.4.11', 'b'],
      ],
    ],
  )
  assert.deepEqual(
    [emails, dnsNames],
    [
      ['a@b.c', 'd@e.f'],
      ['x.y', '*.z'],
    ],
  )
  assert.deepEqual([uris, hasAlternativeNames], [['spiffe://localhost/my-service'], true])
  assert.deepEqual(
    ips.map((ip) => Buffer.from(ip).toString('hex')),
    ['0a000001', 'fe800000000000000000000000010002'],
  )
})

test('a certificate without alternative names', () => {
  const { emails, dnsNames, uris, ips, hasAlternativeNames } = fieldsOf({ subject: ['CN=a'] })
  assert.deepEqual([emails, dnsNames, uris, ips, hasAlternativeNames], [[], [], [], [], false])
})

test('bytes that are no certificate are refused', () => {
  for (const bytes of [[], [0x30], [0x30, 0x05, 0x01], [0x30, 0x84, 0xff, 0xff, 0xff, 0xff]]) {
    assert.throws(() => readCertificate(Uint8Array.from(bytes)), RangeError)
  }
})

test('users are looked for under addresses, names, URIs, subject with domain, subject', () => {
  const names = namesOf(
    fieldsOf({
      subject: ['DC=com', 'DC=example', 'OU=ops', 'OU=dev', 'CN=bob'],
      emails: ['bob@example.com'],
      dns: ['bob.example.com'],
      uris: ['spiffe://example.com/bob'],
    }),
  )
  assert.deepEqual(names, [
    'bob@example.com',
    'bob.example.com',
    'spiffe://example.com/bob',
    'CN=bob,OU=ops+OU=dev,DC=com,DC=example',
    'CN=bob,OU=ops+OU=dev',
  ])
})

test('a subject is written as Go does it', () => {
  for (const [subject, text] of [
    [['C=US', 'ST=CA', 'L=LA', 'O=Synadia', 'OU=NATS', 'CN=*.example.com'], undefined],
    [['CN=first', 'CN=last'], 'CN=last'],
    [['CN=x', 'C=US', 'O=Z'], 'CN=x,O=Z,C=US'],
    [
      ['serialNumber=7', 'STREET=1 Road', 'postalCode=90', 'CN=x'],
      'SERIALNUMBER=7,CN=x,POSTALCODE=90,STREET=1 Road',
    ],
    [['CN=a,b'], 'CN=a\\,b'],
    [['CN=#a<b>;"c\\'], 'CN=\\#a\\<b\\>\\;\\"c\\\\'],
    [['CN= a b '], 'CN=\\ a b\\ '],
    [['CN= '], 'CN=\\ '],
    [['CN=a\\ '], 'CN=a\\\\\\ '],
    [['DC=com'], ''],
  ] as const) {
    const expected = text ?? subject.toReversed().join(',')
    assert.equal(subjectText(fieldsOf({ subject })), expected)
  }
})

test('names and addresses a certificate is for', () => {
  const fields = fieldsOf({
    subject: ['CN=common.example'],
    dns: ['a.example', '*.b.example', 'w*.c.example', 'not valid', 'DDD.example'],
    ips: ['10.0.0.1', '::1', '2001:db8::1'],
  })
  for (const host of [
    'a.example',
    'A.Example',
    'a.example.',
    'x.b.example',
    'not valid',
    'ddd.example',
    '10.0.0.1',
    '::1',
    '0:0:0:0:0:0:0:1',
    '2001:DB8::1',
    '::ffff:10.0.0.1',
  ]) {
    assert.equal(isForHost(fields, host), true, host)
  }
  for (const host of [
    '',
    '.',
    'common.example',
    'x.a.example',
    'b.example',
    'x.y.b.example',
    'www.c.example',
    '.b.example',
    '*.b.example.',
    '10.0.0.2',
    '::2',
    '[::1]',
  ]) {
    assert.equal(isForHost(fields, host), false, host)
  }
})

test('why a certificate is not for a host', () => {
  const many = Array.from({ length: 100 }, (_, index) => `h${index}.example`)
  for (const [facts, host, text] of [
    [
      { subject: ['CN=a.example'] },
      'a.example',
      'certificate relies on legacy Common Name field, use SANs instead',
    ],
    [
      { subject: ['CN=a.example'] },
      'b.example',
      'certificate is not valid for any names, but wanted to match b.example',
    ],
    [{ dns: many }, 'a.example', 'certificate is valid for 100 names, but none matched a.example'],
    [{ ips: ['2001:db8:0::1'] }, '::1', 'certificate is valid for 2001:db8::1, not ::1'],
  ] as const) {
    assert.equal(hostMismatchText(fieldsOf(facts), host), `x509: ${text}`)
  }
})
