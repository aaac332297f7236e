import { isIP, SocketAddress } from 'node:net'
import type { CertificateFields } from './certificate-fields.ts'

const COMMON_NAME = '2.5.4.3'
/** Of more names than this only the count is told. */
const NAMES_TOLD_MAX = 100

/**
 * Whether a certificate is for `host`, by Go's rules: addresses are compared with addresses, names
 * with DNS names; `*` stands for the whole first label only; the common name never counts.
 */
export function isForHost(fields: CertificateFields, host: string): boolean {
  const address = addressText(host)
  if (address !== undefined) return fields.ips.some((ip) => ipText(ip) === address)
  const name = host.toLowerCase()
  return fields.dnsNames.some((pattern) => matches(pattern.toLowerCase(), name))
}

function matches(pattern: string, name: string): boolean {
  if (!isValid(name, false) || !isValid(pattern, true)) {
    return name !== '' && name !== '.' && pattern === name
  }
  const labels = name.replace(/\.$/, '').split('.')
  const wanted = pattern.split('.')
  if (wanted.length !== labels.length) return false
  return wanted.every((label, index) => (index === 0 && label === '*') || label === labels[index])
}

/** Whether wildcards and trailing dots have a meaning in it; names are in lower case. */
function isValid(name: string, isPattern: boolean): boolean {
  const [head = '', ...rest] = (isPattern ? name : name.replace(/\.$/, '')).split('.')
  const labels = isPattern && head === '*' && rest.length > 0 ? rest : [head, ...rest]
  return labels.every((label) => /^[a-z0-9_][a-z0-9_-]*$/.test(label))
}

/** Why a certificate is not for `host`, in Go's words. */
export function hostMismatchText(fields: CertificateFields, host: string): string {
  const commonName = fields.subject.flat().findLast(({ type }) => type === COMMON_NAME)?.value ?? ''
  const isAddress = addressText(host) !== undefined
  if (!fields.hasAlternativeNames && matches(commonName.toLowerCase(), host.toLowerCase())) {
    return 'x509: certificate relies on legacy Common Name field, use SANs instead'
  }
  if (isAddress && fields.ips.length === 0) {
    return `x509: cannot validate certificate for ${host} because it doesn't contain any IP SANs`
  }
  const names = isAddress ? fields.ips.map(ipText) : fields.dnsNames
  if (names.length >= NAMES_TOLD_MAX) {
    const what = isAddress ? 'IP SANs' : 'names'
    return `x509: certificate is valid for ${names.length} ${what}, but none matched ${host}`
  }
  if (names.length === 0) {
    return `x509: certificate is not valid for any names, but wanted to match ${host}`
  }
  return `x509: certificate is valid for ${names.join(', ')}, not ${host}`
}

/** The one spelling of an address; undefined for what is none. */
function addressText(host: string): string | undefined {
  const family = isIP(host)
  if (family === 0) return undefined
  const { address } = new SocketAddress({ address: host, family: family === 4 ? 'ipv4' : 'ipv6' })
  return address.replace(/^::ffff:(?=\d+\.)/, '')
}

function ipText(ip: Uint8Array): string {
  if (ip.length === 4) return ip.join('.')
  const groups = Array.from({ length: ip.length / 2 }, (_, index) =>
    ((ip[2 * index]! << 8) | ip[2 * index + 1]!).toString(16),
  )
  return addressText(groups.join(':')) ?? ''
}
