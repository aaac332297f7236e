import { CURVES, INSECURE_CIPHERS, SECURE_CIPHERS } from './tls-table.ts'

/** The text of `--help_tls`: an example and every name that a `tls` block takes. */
export function tlsHelpText(): string {
  return `
TLS is set up in tls { } in the configuration file; so is that of leafnodes { }, of each of its
remotes and of websocket { }:

    tls {
        cert_file:      "./certs/server-cert.pem"
        key_file:       "./certs/server-key.pem"
        ca_file:        "./certs/ca.pem"
        verify:         true
        verify_and_map: true

        cipher_suites: [
            "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
            "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
        ]
        curve_preferences: [
            "CurveP256",
            "CurveP384",
            "CurveP521"
        ]
    }

Available cipher suites include:
${lines(SECURE_CIPHERS)}
With allow_insecure_cipher_suites: true these as well:
${lines(INSECURE_CIPHERS)}
Available curve preferences include:
${lines(CURVES)}
Certificates are neither stapled nor checked by OCSP; ocsp, ocsp_peer and ocsp_cache are refused.
`
}

function lines(names: readonly string[]): string {
  return names.map((name) => `    ${name}\n`).join('')
}
