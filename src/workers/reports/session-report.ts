import { createHash, X509Certificate } from 'node:crypto'
import { decodeUserClaims } from '../../auth/jwt/decode.ts'
import type { TlsFacts } from '../../auth/login.ts'
import { readCertificate } from '../../io/tls/certificate-fields.ts'
import { subjectText } from '../../io/tls/certificate-names.ts'
import type { PeerCertificateReport, TlsReport } from '../../monitor/reports.ts'
import type { ConnectOptions } from '../../protocol/connect.ts'

const NS_PER_US = 1000
const NS_PER_MS = 1e6
const REDACTED = '[REDACTED]'

/** nats-server: what somebody says to be, before it is known whether that is true. */
export function presentedUser({
  nkey,
  user,
  jwt,
  authToken,
}: Pick<ConnectOptions, 'nkey' | 'user' | 'jwt' | 'authToken'>): string {
  if (nkey !== '') return nkey
  if (user !== '') return user
  // Only a JWT that was verified tells the user's key.
  return jwt === '' && authToken !== '' ? REDACTED : ''
}

/** A round trip time as nats-server shows it; nanoseconds. */
export function shownRtt(rttNs: number): number {
  const isShort = rttNs > NS_PER_US && rttNs < NS_PER_MS
  return isShort ? rttNs - (rttNs % NS_PER_US) : rttNs
}

/** Whoever has a bearer JWT is its user: it is shown to nobody. */
export function shownJwt(jwt: string): string {
  if (jwt === '') return ''
  const decoded = decodeUserClaims(jwt)
  return decoded.ok && decoded.claims.bearerToken ? '' : jwt
}

export function tlsReport(
  tls: TlsFacts | undefined,
  isFirst: boolean,
  certificates: readonly PeerCertificateReport[] = [],
): TlsReport | undefined {
  if (tls === undefined) return undefined
  return { version: tls.version, cipherSuite: tls.cipher, isFirst, certificates }
}

/** The certificates that a peer has shown; a chain's root is ours, not the peer's. */
export function peerCertificates(tls: TlsFacts | undefined): PeerCertificateReport[] {
  const shown = (tls?.certificates ?? []).map((pem) => new X509Certificate(pem))
  const last = shown.at(-1)
  if (shown.length > 1 && last?.issuer === last?.subject) shown.pop()
  return shown.map(({ raw }) => {
    const fields = readCertificate(raw)
    return {
      subject: subjectText(fields),
      spkiSha256: fields.pin,
      certSha256: createHash('sha256').update(raw).digest('hex'),
    }
  })
}
