import { NOT_NEGATIVE, type OptionEntry, PORT_RANGE } from './option-entry.ts'
import type { Options } from './option-types.ts'

/** nats-server DEFAULT_MAX_CLOSED_CLIENTS. */
const CLOSED_CLIENTS_MAX = 10_000

/** Rows of the top level about the monitoring port, see option-table.ts. */
export const MONITORING_ROWS: readonly OptionEntry<Options>[] = [
  {
    key: 'http',
    option: 'httpHost',
    kind: 'http listen',
    default: '',
    reloadable: false,
    isSecondary: true,
    doc: 'Address for monitoring by HTTP: `host:port` or a port.',
  },
  {
    key: 'https',
    option: 'httpHost',
    kind: 'https listen',
    default: '',
    reloadable: false,
    isSecondary: true,
    doc: 'Address for monitoring by HTTPS, with the certificate of `tls`.',
  },
  {
    key: 'http_host',
    option: 'httpHost',
    kind: 'program only',
    default: '',
    reloadable: false,
    doc: 'Network address for monitoring; by default that for clients.',
  },
  {
    key: 'http_port',
    aliases: ['monitor_port'],
    option: 'httpPort',
    kind: 'integer',
    default: 0,
    range: PORT_RANGE,
    reloadable: false,
    doc: 'Port for monitoring by HTTP; -1: any free port, 0: none. Excludes https_port.',
  },
  {
    key: 'https_port',
    option: 'httpsPort',
    kind: 'integer',
    default: 0,
    range: PORT_RANGE,
    reloadable: false,
    doc: 'Port for monitoring by HTTPS, with the certificate of `tls`; -1: any, 0: none.',
  },
  {
    key: 'http_base_path',
    option: 'httpBasePath',
    kind: 'text',
    default: '',
    reloadable: false,
    doc: 'Path that all pages of monitoring are below.',
  },
  {
    key: 'monitor_token',
    option: 'monitorToken',
    kind: 'text',
    default: '',
    reloadable: true,
    isSecret: true,
    isOwn: true,
    doc:
      'Token that monitoring asks for, but for `/healthz`: behind `Authorization: Bearer` or as ' +
      'parameter `token`.',
  },
  {
    key: 'max_closed_clients',
    option: 'maxClosedClients',
    kind: 'integer',
    unit: 'count',
    default: CLOSED_CLIENTS_MAX,
    range: NOT_NEGATIVE,
    reloadable: false,
    doc: 'Closed connections that `/connz` remembers.',
  },
]
