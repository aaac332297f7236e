import type { FlagKind } from './flag-syntax.ts'
import type { Options } from './option-types.ts'
import type { TlsFlag } from './tls-flags.ts'

/** Options that one flag sets directly. */
type FlagOption = Exclude<keyof Options, 'authorization' | 'leafnodes' | 'websocket'>

export interface CommandFlag {
  readonly names: readonly string[]
  readonly kind: FlagKind
  /** What it sets, or what it makes the program do. */
  readonly effect:
    | { readonly option: FlagOption }
    | { readonly authorization: 'user' | 'pass' | 'token' }
    | { readonly tls: TlsFlag }
    | { readonly levels: readonly ('debug' | 'trace' | 'traceVerbose')[] }
    | { readonly action: 'help' | 'tlsHelp' | 'version' | 'config' | 'check' | 'signal' }
    | 'none'
    | 'unsupported'
  /** Placeholder for the value in the usage text. */
  readonly value?: string
  readonly group: FlagGroup
  readonly doc: string
}

export const FLAG_GROUPS = ['Server', 'Logging', 'Authorization', 'TLS', 'Common', 'Other'] as const
export type FlagGroup = (typeof FLAG_GROUPS)[number]

/** Every flag of nats-server. The unsupported ones are known, so that none is taken for a typo. */
export const COMMAND_FLAGS: readonly CommandFlag[] = [
  {
    names: ['a', 'addr', 'net'],
    kind: 'text',
    effect: { option: 'host' },
    value: 'host',
    group: 'Server',
    doc: 'Address to listen on for clients (default 0.0.0.0)',
  },
  {
    names: ['p', 'port'],
    kind: 'integer',
    effect: { option: 'port' },
    value: 'port',
    group: 'Server',
    doc: 'Port for clients (default 4222; -1: any free port)',
  },
  {
    names: ['n', 'name', 'server_name'],
    kind: 'text',
    effect: { option: 'serverName' },
    value: 'name',
    group: 'Server',
    doc: 'Name of the server (default: generated)',
  },
  {
    names: ['P', 'pid'],
    kind: 'text',
    effect: { option: 'pidFile' },
    value: 'file',
    group: 'Server',
    doc: 'Write the process id to this file',
  },
  {
    names: ['m', 'http_port'],
    kind: 'integer',
    effect: { option: 'httpPort' },
    value: 'port',
    group: 'Server',
    doc: 'Port for monitoring by HTTP (default: none; -1: any free port)',
  },
  {
    names: ['ms', 'https_port'],
    kind: 'integer',
    effect: { option: 'httpsPort' },
    value: 'port',
    group: 'Server',
    doc: 'Port for monitoring by HTTPS (default: none; -1: any free port)',
  },
  {
    names: ['c', 'config'],
    kind: 'text',
    effect: { action: 'config' },
    value: 'file',
    group: 'Server',
    doc: 'Read options from this file; flags override it',
  },
  {
    names: ['t'],
    kind: 'boolean',
    effect: { action: 'check' },
    group: 'Server',
    doc: 'Check the configuration file and exit',
  },
  {
    names: ['sl', 'signal'],
    kind: 'text',
    effect: { action: 'signal' },
    value: 'signal[=pid]',
    group: 'Server',
    doc: 'Signal a running nats-server: ldm, stop, quit, term, reopen or reload',
  },
  {
    names: ['client_advertise'],
    kind: 'text',
    effect: { option: 'clientAdvertise' },
    value: 'host:port',
    group: 'Server',
    doc: 'Address to tell clients in place of the one listened on',
  },
  {
    names: ['ports_file_dir'],
    kind: 'text',
    effect: { option: 'portsFileDir' },
    value: 'dir',
    group: 'Server',
    doc: 'Write the ports listened on to <program>_<pid>.ports in this directory',
  },
  {
    names: ['sd', 'store_dir'],
    kind: 'text',
    effect: { option: 'storeDir' },
    value: 'dir',
    group: 'Server',
    doc: 'Changes nothing: there is no JetStream to store anything',
  },
  {
    names: ['l', 'log'],
    kind: 'text',
    effect: { option: 'logFile' },
    value: 'file',
    group: 'Logging',
    doc: 'Log to this file in place of stderr',
  },
  {
    names: ['T', 'logtime'],
    kind: 'boolean',
    effect: { option: 'logtime' },
    group: 'Logging',
    doc: 'Put the time in front of log lines (default true)',
  },
  {
    names: ['logtime_utc'],
    kind: 'boolean',
    effect: { option: 'logtimeUtc' },
    group: 'Logging',
    doc: 'Log times in UTC',
  },
  {
    names: ['s', 'syslog'],
    kind: 'boolean',
    effect: { option: 'syslog' },
    group: 'Logging',
    doc: 'Log to the syslog of this machine',
  },
  {
    names: ['r', 'remote_syslog'],
    kind: 'text',
    effect: { option: 'remoteSyslog' },
    value: 'url',
    group: 'Logging',
    doc: 'Log to this syslog server: udp://host:port, tcp://… or unix:///path',
  },
  {
    names: ['D', 'debug'],
    kind: 'boolean',
    effect: { option: 'debug' },
    group: 'Logging',
    doc: 'Log what the broker does',
  },
  {
    names: ['V', 'trace'],
    kind: 'boolean',
    effect: { option: 'trace' },
    group: 'Logging',
    doc: 'Log every protocol line',
  },
  {
    names: ['VV'],
    kind: 'boolean',
    effect: { levels: ['trace', 'traceVerbose'] },
    group: 'Logging',
    doc: 'Trace, with the system account',
  },
  {
    names: ['DV'],
    kind: 'boolean',
    effect: { levels: ['debug', 'trace'] },
    group: 'Logging',
    doc: 'Debug and trace',
  },
  {
    names: ['DVV'],
    kind: 'boolean',
    effect: { levels: ['debug', 'trace', 'traceVerbose'] },
    group: 'Logging',
    doc: 'Debug and trace, with the system account',
  },
  {
    names: ['log_size_limit'],
    kind: 'integer',
    effect: { option: 'logSizeLimit' },
    value: 'bytes',
    group: 'Logging',
    doc: 'Rotate the log file at this size (default: never)',
  },
  {
    names: ['max_traced_msg_len'],
    kind: 'integer',
    effect: { option: 'maxTracedMsgLen' },
    value: 'bytes',
    group: 'Logging',
    doc: 'Bytes of a payload shown in traces (default: all)',
  },
  {
    names: ['user'],
    kind: 'text',
    effect: { authorization: 'user' },
    value: 'user',
    group: 'Authorization',
    doc: 'User clients must log in as',
  },
  {
    names: ['pass'],
    kind: 'text',
    effect: { authorization: 'pass' },
    value: 'password',
    group: 'Authorization',
    doc: 'Password of that user',
  },
  {
    names: ['auth'],
    kind: 'text',
    effect: { authorization: 'token' },
    value: 'token',
    group: 'Authorization',
    doc: 'Token clients must present',
  },
  {
    names: ['tls'],
    kind: 'boolean',
    effect: { tls: 'enable' },
    group: 'TLS',
    doc: 'TLS for clients; -tls=false: none, whatever the file says',
  },
  {
    names: ['tlscert'],
    kind: 'text',
    effect: { tls: 'certFile' },
    value: 'file',
    group: 'TLS',
    doc: 'Certificate of the server',
  },
  {
    names: ['tlskey'],
    kind: 'text',
    effect: { tls: 'keyFile' },
    value: 'file',
    group: 'TLS',
    doc: 'Private key of that certificate',
  },
  {
    names: ['tlsverify'],
    kind: 'boolean',
    effect: { tls: 'verify' },
    group: 'TLS',
    doc: 'TLS for clients, which must show a certificate',
  },
  {
    names: ['tlscacert'],
    kind: 'text',
    effect: { tls: 'caFile' },
    value: 'file',
    group: 'TLS',
    doc: 'Authority that certificates of clients are verified by',
  },
  {
    names: ['h', 'help'],
    kind: 'boolean',
    effect: { action: 'help' },
    group: 'Common',
    doc: 'Show this text',
  },
  {
    names: ['v', 'version'],
    kind: 'boolean',
    effect: { action: 'version' },
    group: 'Common',
    doc: 'Show the version',
  },
  {
    names: ['help_tls'],
    kind: 'boolean',
    effect: { action: 'tlsHelp' },
    group: 'Common',
    doc: 'Show what TLS can be told',
  },
  {
    names: ['profile'],
    kind: 'integer',
    effect: { option: 'profPort' },
    group: 'Other',
    doc: 'Go profiles can only be served by programs in Go',
  },
  {
    names: ['no_advertise'],
    kind: 'boolean',
    effect: 'none',
    group: 'Other',
    doc: 'There is no cluster whose servers could be told of',
  },
  {
    names: ['connect_retries'],
    kind: 'integer',
    effect: 'none',
    group: 'Other',
    doc: 'There are no routes to try again',
  },
  ...unsupported('boolean', 'js jetstream'),
  ...unsupported('text', 'routes', 'cluster cluster_listen', 'cluster_advertise', 'cluster_name'),
]

function unsupported(kind: FlagKind, ...spellings: readonly string[]): readonly CommandFlag[] {
  return spellings.map((names) => ({
    names: names.split(' '),
    kind,
    effect: 'unsupported',
    group: 'Other',
    doc: '',
  }))
}
