import type { TLSSocket } from 'node:tls'
import { type CertificateFields, readCertificate } from './certificate-fields.ts'
import { peerCertificate } from './peer-certificate.ts'

/** Attributes that Go prints, in the order in which it does. */
const PRINTED_ATTRIBUTES: readonly (readonly [name: string, type: string])[] = [
  ['SERIALNUMBER', '2.5.4.5'],
  ['CN', '2.5.4.3'],
  ['OU', '2.5.4.11'],
  ['O', '2.5.4.10'],
  ['POSTALCODE', '2.5.4.17'],
  ['STREET', '2.5.4.9'],
  ['L', '2.5.4.7'],
  ['ST', '2.5.4.8'],
  ['C', '2.5.4.6'],
]
/** Of which Go keeps only the last. */
const SINGLE_ATTRIBUTES: readonly string[] = ['SERIALNUMBER', 'CN']
const DOMAIN_COMPONENT = '0.9.2342.19200300.100.1.25'

/**
 * The user names that the certificate of a peer stands for (`verify_and_map`), in the order in
 * which nats-server tries them: e-mail addresses, DNS names, URIs, the subject with its domain
 * components, the subject without. Empty without a certificate.
 */
export function certificateNames(socket: TLSSocket): readonly string[] {
  const certificate = peerCertificate(socket)
  return certificate === undefined ? [] : namesOf(readCertificate(certificate))
}

export function namesOf(fields: CertificateFields): readonly string[] {
  const subject = subjectText(fields)
  const domain = fields.subject
    .flat()
    .filter(({ type }) => type === DOMAIN_COMPONENT)
    .map(({ value }) => `DC=${value}`)
  const withDomain = domain.length === 0 ? [] : [[subject, ...domain].join(',')]
  const names = [...fields.emails, ...fields.dnsNames, ...fields.uris, ...withDomain, subject]
  return names.filter((name) => name !== '')
}

/**
 * The subject as Go prints it: kinds of attributes in a fixed order, several values of one kind
 * joined by `+`, and nothing of other kinds.
 */
export function subjectText({ subject }: CertificateFields): string {
  const attributes = subject.flat()
  const relativeNames = PRINTED_ATTRIBUTES.map(([name, wanted]) => {
    const all = attributes.filter(({ type }) => type === wanted)
    const values = SINGLE_ATTRIBUTES.includes(name) ? all.slice(-1) : all
    return values.map(({ value }) => `${name}=${escaped(value)}`).join('+')
  })
  return relativeNames.filter((relativeName) => relativeName !== '').join(',')
}

/** RFC 2253, as Go does it. */
function escaped(value: string): string {
  return value.replaceAll(/[,+"\\<>;]|^[ #]| $/g, '\\$&')
}
