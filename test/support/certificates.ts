import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { isIPv4 } from 'node:net'
import { join } from 'node:path'
import {
  bitString,
  boolean,
  integer,
  objectIdentifier,
  octetString,
  sequence,
  set,
  tagged,
  taggedBytes,
  utcTime,
  utf8String,
} from './der.ts'

const DAY_MS = 86_400_000

const ECDSA_WITH_SHA256 = '1.2.840.10045.4.3.2'
const SUBJECT_KEY_IDENTIFIER = '2.5.29.14'
const KEY_USAGE = '2.5.29.15'
const SUBJECT_ALT_NAME = '2.5.29.17'
const BASIC_CONSTRAINTS = '2.5.29.19'
const AUTHORITY_KEY_IDENTIFIER = '2.5.29.35'
const EXTENDED_KEY_USAGE = '2.5.29.37'
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1'
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2'

const ATTRIBUTES: Readonly<Record<string, string>> = {
  CN: '2.5.4.3',
  serialNumber: '2.5.4.5',
  C: '2.5.4.6',
  L: '2.5.4.7',
  ST: '2.5.4.8',
  STREET: '2.5.4.9',
  O: '2.5.4.10',
  OU: '2.5.4.11',
  postalCode: '2.5.4.17',
  DC: '0.9.2342.19200300.100.1.25',
}

/** What a certificate is to say; it is good for server and client. */
export interface CertificateFacts {
  /**
   * Relative names from the root on, as `CN=x` or, with several attributes in one, `CN=x+OU=y`.
   * Empty: the common name is that of the file.
   */
  readonly subject?: readonly string[]
  readonly dns?: readonly string[]
  readonly ips?: readonly string[]
  readonly emails?: readonly string[]
  readonly uris?: readonly string[]
  readonly isAuthority?: boolean
  /** Days from today; -30 and 3650 unless told. */
  readonly validFromDays?: number
  readonly validToDays?: number
}

/** A certificate with its key, as PEM files. */
export interface CertificateOnDisk {
  readonly certFile: string
  readonly keyFile: string
  /** SHA-256 of its public key (SPKI), lower-case hex: what `pinned_certs` lists. */
  readonly pin: string
  readonly issue: (name: string, facts?: CertificateFacts) => CertificateOnDisk
}

export interface Certificates {
  /** Signed all of the others, unless said otherwise. */
  readonly ca: CertificateOnDisk
  /** localhost, 127.0.0.1 and ::1. */
  readonly server: CertificateOnDisk
  /** 127.0.0.1 and ::1 only. */
  readonly ipServer: CertificateOnDisk
  /** example.com: no name a test can dial. */
  readonly otherNameServer: CertificateOnDisk
  /** E-mail address derek@example.com, subject `O=Example, CN=derek`. */
  readonly client: CertificateOnDisk
  /** As `server`, but ended yesterday. */
  readonly expired: CertificateOnDisk
  /** As `server`, but its own issuer. */
  readonly selfSigned: CertificateOnDisk
  readonly otherCa: CertificateOnDisk
  /** As `client`, signed by `otherCa`. */
  readonly otherClient: CertificateOnDisk
}

interface Issuer {
  readonly name: Buffer
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
}

const LOCAL = { dns: ['localhost'], ips: ['127.0.0.1', '::1'] }
const CLIENT = { emails: ['derek@example.com'], subject: ['O=Example', 'CN=derek'] }

/** Writes what tests of TLS need to `folder`; the keys are P-256. Nothing of it is ever trusted. */
export function makeCertificates(folder: string): Certificates {
  mkdirSync(folder, { recursive: true })
  const ca = makeSelfSigned(folder, 'ca', { isAuthority: true })
  const otherCa = makeSelfSigned(folder, 'other-ca', { isAuthority: true })
  return {
    ca,
    server: ca.issue('server', LOCAL),
    ipServer: ca.issue('ip-server', { ips: LOCAL.ips }),
    otherNameServer: ca.issue('other-name-server', { dns: ['example.com'] }),
    client: ca.issue('client', CLIENT),
    expired: ca.issue('expired', { ...LOCAL, validToDays: -1 }),
    selfSigned: makeSelfSigned(folder, 'self-signed', LOCAL),
    otherCa,
    otherClient: otherCa.issue('other-client', CLIENT),
  }
}

/** A certificate that is its own issuer. */
export function makeSelfSigned(
  folder: string,
  name: string,
  facts: CertificateFacts = {},
): CertificateOnDisk {
  return make(folder, name, facts, undefined)
}

function make(
  folder: string,
  name: string,
  facts: CertificateFacts,
  issuer: Issuer | undefined,
): CertificateOnDisk {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const subject = distinguishedName(facts.subject ?? [`CN=${name}`])
  const self: Issuer = { name: subject, privateKey, publicKey }
  const pem = toPem(certificate(subject, publicKey, facts, issuer ?? self))
  const certFile = join(folder, `${name}-cert.pem`)
  const keyFile = join(folder, `${name}-key.pem`)
  writeFileSync(certFile, pem)
  writeFileSync(keyFile, privateKey.export({ type: 'pkcs8', format: 'pem' }))
  return {
    certFile,
    keyFile,
    pin: createHash('sha256').update(spki(publicKey)).digest('hex'),
    issue: (issued, its = {}) => make(folder, issued, its, self),
  }
}

/** RFC 5280, section 4.1. */
function certificate(
  subject: Buffer,
  publicKey: KeyObject,
  facts: CertificateFacts,
  issuer: Issuer,
): Buffer {
  const algorithm = sequence(objectIdentifier(ECDSA_WITH_SHA256))
  const now = Date.now()
  const toBeSigned = sequence(
    tagged(0, integer(Buffer.from([2]))), // version 3
    integer(Buffer.concat([Buffer.from([1]), randomBytes(8)])), // serial number
    algorithm,
    issuer.name,
    sequence(
      utcTime(new Date(now + (facts.validFromDays ?? -30) * DAY_MS)),
      utcTime(new Date(now + (facts.validToDays ?? 3650) * DAY_MS)),
    ),
    subject,
    spki(publicKey),
    tagged(3, sequence(...extensions(publicKey, facts, issuer))),
  )
  const signature = sign('sha256', toBeSigned, issuer.privateKey)
  return sequence(toBeSigned, algorithm, bitString(signature))
}

function extensions(publicKey: KeyObject, facts: CertificateFacts, issuer: Issuer): Buffer[] {
  const { dns = [], ips = [], emails = [], uris = [], isAuthority = false } = facts
  const latin = (tag: number, text: string) => taggedBytes(tag, Buffer.from(text, 'latin1'))
  const names = [
    ...emails.map((name) => latin(1, name)),
    ...dns.map((name) => latin(2, name)),
    ...uris.map((name) => latin(6, name)),
    ...ips.map((ip) => taggedBytes(7, ipBytes(ip))),
  ]
  const keyCertSign = bitString(Buffer.from([0x04]), 2)
  const digitalSignature = bitString(Buffer.from([0x80]), 7)
  const usages = sequence(objectIdentifier(SERVER_AUTH), objectIdentifier(CLIENT_AUTH))
  const issuerKey = sequence(taggedBytes(0, keyIdentifier(issuer.publicKey)))
  return [
    extension(SUBJECT_KEY_IDENTIFIER, octetString(keyIdentifier(publicKey))),
    extension(AUTHORITY_KEY_IDENTIFIER, issuerKey),
    extension(BASIC_CONSTRAINTS, sequence(...(isAuthority ? [boolean(true)] : [])), true),
    extension(KEY_USAGE, isAuthority ? keyCertSign : digitalSignature, true),
    ...(isAuthority ? [] : [extension(EXTENDED_KEY_USAGE, usages)]),
    ...(names.length === 0 ? [] : [extension(SUBJECT_ALT_NAME, sequence(...names))]),
  ]
}

function extension(identifier: string, value: Buffer, isCritical = false): Buffer {
  const critical = isCritical ? [boolean(true)] : []
  return sequence(objectIdentifier(identifier), ...critical, octetString(value))
}

function distinguishedName(relativeNames: readonly string[]): Buffer {
  return sequence(
    ...relativeNames.map((relativeName) => set(...relativeName.split('+').map(attribute))),
  )
}

function attribute(text: string): Buffer {
  const [type = '', value = ''] = text.split('=', 2)
  const identifier = ATTRIBUTES[type]
  if (identifier === undefined) throw new Error(`unknown attribute "${type}"`)
  return sequence(objectIdentifier(identifier), utf8String(value))
}

function ipBytes(ip: string): Buffer {
  if (isIPv4(ip)) return Buffer.from(ip.split('.').map(Number))
  const halves = ip.split('::').map((half) => half.split(':').filter((group) => group !== ''))
  const [head = [], tail = []] = halves
  const groups = [...head, ...Array(8 - head.length - tail.length).fill('0'), ...tail]
  return Buffer.from(groups.flatMap((group) => [parseInt(group, 16) >> 8, parseInt(group, 16)]))
}

function spki(publicKey: KeyObject): Buffer {
  return publicKey.export({ type: 'spki', format: 'der' })
}

function keyIdentifier(publicKey: KeyObject): Buffer {
  return createHash('sha1').update(spki(publicKey)).digest()
}

function toPem(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
}
