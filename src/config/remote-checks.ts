import { goQuote } from '../protocol/go-quote.ts'
import { decodeSeedNkey } from '../protocol/nkey-encoding.ts'
import { isValidSubject } from '../protocol/subjects.ts'
import { parseGoUrl } from './go-url.ts'
import type { HttpProxyOptions, RemoteOptions } from './option-types.ts'
import { redactUrl } from './remote-url.ts'

/**
 * What is checked of a remote both when the file is read and when the broker starts. The texts are
 * nats-server's, but for secrets, which they never show.
 */

/** How a remote is told apart: by its addresses, its account and its credentials. */
export interface RemoteName {
  readonly full: string
  /** The same for messages. */
  readonly redacted: string
}

export function remoteName(
  urls: readonly string[],
  { account, credentials, nkey }: Pick<RemoteOptions, 'account' | 'credentials' | 'nkey'>,
): RemoteName {
  const name = (texts: readonly string[], seed: string) => {
    const base = `urls=[${texts.map(goQuote).join(' ')}], account=${goQuote(account || '$G')}`
    if (credentials !== '') return `${base}, credentials=${goQuote(credentials)}`
    return nkey === '' ? base : `${base}, nkey=${goQuote(seed)}`
  }
  return { full: name(urls, nkey), redacted: name(urls.map(redactUrl), '[REDACTED]') }
}

export const BOTH_CREDENTIALS = 'Remote leafnode can not have both creds and nkey defined'

/** The value is a secret even if it is no seed, so it is not shown. */
export function seedFault(text: string): string | undefined {
  if (decodeSeedNkey(text)?.kind === 'user') return undefined
  return 'Remote leafnode nkey is not a valid seed: "[REDACTED]"'
}

/** What the first subject that is none is called in messages. */
export function subjectFault(subjects: readonly string[]): string | undefined {
  const unfit = subjects.find((subject) => !isValidSubject(subject))
  return unfit === undefined ? undefined : `subject ${goQuote(unfit)} is not a valid subject`
}

/** @param shownUrls the addresses of the remote for the message, in their order, redacted */
export function proxyFault(
  remote: RemoteOptions,
  shownUrls: readonly string[],
): string | undefined {
  const { proxy } = remote
  if (proxy === undefined || proxy.url === '') return undefined
  const fault = proxySettingsFault(proxy)
  if (fault !== undefined) return fault
  const secure = remote.urls.findIndex(({ scheme }) => scheme === 'wss')
  if (secure < 0 || remote.tls !== undefined) return undefined
  return (
    `proxy is configured but remote URL ${shownUrls[secure]} requires TLS and no TLS ` +
    'configuration is provided. When using proxy with TLS endpoints, ensure TLS is properly ' +
    'configured for the leafnode remote'
  )
}

function proxySettingsFault(proxy: HttpProxyOptions): string | undefined {
  const url = parseGoUrl(proxy.url)
  if ('error' in url) {
    const shown = goQuote(redactUrl(proxy.url))
    return `invalid proxy URL: ${url.error.replace(goQuote(proxy.url), shown)}`
  }
  if (url.scheme !== 'http' && url.scheme !== 'https') {
    return `proxy URL scheme must be http or https, got: ${url.scheme}`
  }
  if (url.host === '' && url.port === undefined) return 'proxy URL must specify a host'
  if (proxy.timeoutMs < 0) return 'proxy timeout must be >= 0'
  if ((proxy.username === '') !== (proxy.password === '')) {
    return 'proxy username and password must both be specified or both be empty'
  }
  return undefined
}
