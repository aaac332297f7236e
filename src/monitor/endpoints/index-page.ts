import { SABLE_VERSION } from '../../base/version.ts'

/** As on nats-server's page, whose texts scripts look for. */
const LINKS: readonly (readonly [title: string, path: string])[] = [
  ['General', '/varz'],
  ['JetStream', '/jsz'],
  ['Connections', '/connz'],
  ['Accounts', '/accountz'],
  ['Account Stats', '/accstatz'],
  ['Subscriptions', '/subsz'],
  ['Routes', '/routez'],
  ['LeafNodes', '/leafz'],
  ['Gateways', '/gatewayz'],
  ['Raft Groups', '/raftz'],
  ['Health Probe', '/healthz'],
  ['Expvar', '/debug/vars'],
]

const HELP = 'https://docs.nats.io/running-a-nats-service/nats_admin/monitoring'

export interface IndexLink {
  readonly title: string
  /** Without the base path. */
  readonly path: string
}

export interface IndexFacts {
  readonly serverName: string
  /** `/` or `/a/b`. */
  readonly basePath: string
  /** Endpoints of ours, behind nats-server's. */
  readonly extra: readonly IndexLink[]
  /** Behind each address, so that who had to bring a token here brings it along. */
  readonly suffix: string
}

/**
 * The page at the base path. Links are relative, so that they work behind a proxy with a path of
 * its own.
 */
export function indexPage({ serverName, basePath, extra, suffix }: IndexFacts): string {
  const prefix = basePath === '/' ? '' : `/${basePath.split('/').at(-1)}`
  const links = [...LINKS.map(([title, path]) => ({ title, path })), ...extra]
  const items = links
    .map(
      ({ title, path }) =>
        `    <a href=.${escapeHtml(prefix + path + suffix)}>${escapeHtml(title)}` +
        `<span class="endpoint"> ${escapeHtml(path)}</span></a>`,
    )
    .join('\n')
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="referrer" content="no-referrer">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>${escapeHtml(serverName)} - Sable</title>
    <style>
      body { font: 18px/1.4 system-ui, sans-serif; margin: 32px; color: #222; background: #fff }
      a { display: block; padding: 3px 0; color: #2a4d8f; text-decoration: none }
      a:hover, a:focus { text-decoration: underline }
      h1 { font-size: 22px; overflow-wrap: anywhere }
      small, .endpoint { font-size: 13px; color: #667; font-family: ui-monospace, monospace }
      @media (prefers-color-scheme: dark) {
        body { color: #ddd; background: #16181d }
        a { color: #9dbcf5 }
      }
    </style>
  </head>
  <body>
    <h1>${escapeHtml(serverName)}</h1>
    <p><small>Sable v${SABLE_VERSION}</small></p>
${items}
    <p><a href=${HELP} class="help">Help</a></p>
  </body>
</html>
`
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"' ]/g, (sign) => `&#${sign.charCodeAt(0)};`)
}
