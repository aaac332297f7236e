import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Server, startServer } from './server-process.ts'

/** For `localhost` and 127.0.0.1, P-256, its own issuer, until 2048. Nobody trusts it. */
const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBuzCCAWKgAwIBAgIJAU1Tqos/YQ3SMAoGCCqGSM49BAMCMBQxEjAQBgNVBAMM
CWxvY2FsaG9zdDAeFw0yNjEwMjQwNDU0MjlaFw00ODEwMTgwNDU0MjlaMBQxEjAQ
BgNVBAMMCWxvY2FsaG9zdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABDbTqntj
tSCaZZuTuimrhmNLV2u+MalEnC5vP5Qsez+YhcR4gHqAzXITcVBmSuLPkxJsnKfp
vxW+N8CV3Q1G+SujgZwwgZkwHQYDVR0OBBYEFA7Yr87o0loiwuzrHlYtcSjBwOam
MB8GA1UdIwQYMBaAFA7Yr87o0loiwuzrHlYtcSjBwOamMAwGA1UdEwEB/wQCMAAw
DgYDVR0PAQH/BAQDAgeAMB0GA1UdJQQWMBQGCCsGAQUFBwMBBggrBgEFBQcDAjAa
BgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZIzj0EAwIDRwAwRAIgUVlR
yy2NHYVPIN52gS+wjgweUrJZLEI3NxukdI+jfBgCIFjayjf0UT/7+K04Ji8Rlw4b
L/hU8CqRNsFiDK7CRw45
-----END CERTIFICATE-----
`

/** Protects nothing: it is in every copy of this program. */
const PRIVATE_KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgEdyCP/cO0CSs4zlh
Od4W4vzXGJINaxGgbXwe/HTiv7GhRANCAAQ206p7Y7UgmmWbk7opq4ZjS1drvjGp
RJwubz+ULHs/mIXEeIB6gM1yE3FQZkriz5MSbJyn6b8VvjfAld0NRvkr
-----END PRIVATE KEY-----
`

/** Starts a server whose clients must use TLS; all servers get the same certificate. */
export async function startTlsServer(command: readonly string[]): Promise<Server> {
  const server = await startServer(command, async (directory) => {
    const certFile = join(directory, 'cert.pem')
    const keyFile = join(directory, 'key.pem')
    await Promise.all([writeFile(certFile, CERTIFICATE), writeFile(keyFile, PRIVATE_KEY)])
    return `tls {
  cert_file: "${certFile}"
  key_file: "${keyFile}"
}
`
  })
  return { ...server, endpoint: { ...server.endpoint, tls: true } }
}
