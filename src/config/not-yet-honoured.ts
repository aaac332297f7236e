import type { SectionName } from './option-table.ts'

/**
 * Options of nats-server that this version does not honour, aliases included. They are refused like
 * a misspelt one: a broker that silently runs without the TLS or the permissions its file asks for
 * is worse than one that does not start. The documentation and the tests list them from here.
 */
export const NOT_YET_HONOURED: Readonly<Record<SectionName, readonly string[]>> = {
  '': ['cluster', 'default_js_domain', 'gateway', 'jetstream', 'mqtt', 'ocsp', 'ocsp_cache'],
  authorization: [],
  'authorization.users': [],
  'authorization.permissions': [],
  'authorization.permissions.allow_responses': [],
  'authorization.auth_callout': [],
  'accounts.A': [],
  'accounts.A.limits': [],
  'accounts.A.exports': [],
  'accounts.A.imports': [],
  'mappings.from': [],
  leafnodes: [],
  'leafnodes.authorization': [],
  'leafnodes.authorization.users': [],
  'leafnodes.remotes': [],
  'leafnodes.remotes.proxy': [],
  websocket: [],
  'websocket.authorization': [],
  proxies: [],
  'proxies.trusted': [],
  tls: [
    'ca_certs_match',
    'cert_match',
    'cert_match_by',
    'cert_match_skip_invalid',
    'cert_store',
    'ocsp_peer',
  ],
  'tls.certificates': [],
}
