import { readFileSync } from 'node:fs'
import type { UrlTls } from '../../auth/resolver/url-fetch.ts'
import type { TlsOptions } from '../../config/option-types.ts'
import { cipherList, groupList } from '../../io/tls/tls-names.ts'

/** `resolver_tls` as HTTPS requests need it. Files are read now. @throws Error naming a file */
export function resolverTls(options: TlsOptions): UrlTls {
  const { caFile, certFile, keyFile, cipherSuites, curvePreferences, minVersion } = options
  return {
    ...(caFile === '' ? {} : { ca: readFileSync(caFile) }),
    ...(certFile === '' ? {} : { cert: readFileSync(certFile), key: readFileSync(keyFile) }),
    ciphers: cipherList(cipherSuites),
    ecdhCurve: groupList(curvePreferences),
    minVersion: minVersion === '1.3' ? 'TLSv1.3' : 'TLSv1.2',
    rejectUnauthorized: !options.insecure,
  }
}
