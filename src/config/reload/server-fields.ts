import { parseAdvertise } from '../host-port.ts'
import type { WriteTimeoutPolicy } from '../option-types.ts'
import { fixed, free, named } from './field-kinds.ts'
import { goDuration, goMap } from './go-format.ts'
import { type ReloadField, UNCHANGED } from './reload-field.ts'

/** Fields of nats-server's options about the server itself, by their names. */
export const SERVER_FIELDS: readonly ReloadField[] = [
  fixed('ServerName', 'serverName'),
  fixed('Host', 'host'),
  fixed('Port', 'port'),
  {
    name: 'ClientAdvertise',
    options: ['clientAdvertise'],
    compare: ({ old, next }) => {
      const { clientAdvertise: place } = next
      if (place === old.clientAdvertise) return UNCHANGED
      if (place !== '' && parseAdvertise(place, next.port) === undefined) {
        return { refusal: `invalid ClientAdvertise value of ${place}, err=${whyNoPlace(place)}` }
      }
      // Not `Reloaded`: nats-server words this one line so.
      return { lines: [`Reload: client_advertise = ${place}`], changed: ['client_advertise'] }
    },
  },
  named('Trace', 'trace', 'trace'),
  named('Debug', 'debug', 'debug'),
  named('TraceVerbose', 'traceVerbose', 'trace_verbose'),
  named('TraceHeaders', 'traceHeaders', 'trace_headers'),
  fixed('NoSublistCache', 'noSublistCache'),
  fixed('NoHeaderSupport', 'noHeaderSupport'),
  named('Logtime', 'logtime', 'logtime'),
  named('LogtimeUTC', 'logtimeUtc', 'logtime_utc'),
  named('MaxConn', 'maxConnections', 'max_connections'),
  fixed('MaxSubs', 'maxSubscriptions'),
  fixed('MaxSubTokens', 'maxSubTokens'),
  fixed('ProxyProtocol', 'proxyProtocol'),
  named('PingInterval', 'pingIntervalMs', 'ping_interval', goDuration),
  named('MaxPingsOut', 'pingMax', 'ping_max'),
  fixed('HTTPHost', 'httpHost'),
  fixed('HTTPPort', 'httpPort'),
  fixed('HTTPBasePath', 'httpBasePath'),
  fixed('HTTPSPort', 'httpsPort'),
  named('MaxControlLine', 'maxControlLine', 'max_control_line'),
  named('MaxPayload', 'maxPayload', 'max_payload'),
  fixed('MaxPending', 'maxPending'),
  free('NoFastProducerStall', 'noFastProducerStall', 'no_fast_producer_stall', (isDropping) => {
    return `fast producers will ${isDropping ? 'not ' : ''}be stalled`
  }),
  // Refused by nats-server only where JetStream is on.
  free('StoreDir', 'storeDir', 'store_dir', undefined),
  fixed('ProfPort', 'profPort'),
  named('ProfBlockRate', 'profBlockRate', 'prof_block_rate'),
  {
    name: 'PidFile',
    options: ['pidFile'],
    compare: ({ old, next }) => {
      const { pidFile } = next
      if (pidFile === old.pidFile) return UNCHANGED
      // The old file stays, and nats-server says nothing.
      const lines = pidFile === '' ? [] : [`Reloaded: pid_file = ${pidFile}`]
      return { lines, changed: ['pid_file'] }
    },
  },
  named('PortsFileDir', 'portsFileDir', 'ports_file_dir'),
  named('LogFile', 'logFile', 'log_file'),
  fixed('LogSizeLimit', 'logSizeLimit'),
  fixed('LogMaxFiles', 'logMaxNum'),
  named('Syslog', 'syslog', 'syslog'),
  named('RemoteSyslog', 'remoteSyslog', 'remote_syslog'),
  named('WriteDeadline', 'writeDeadlineMs', 'write_deadline', goDuration),
  fixed('WriteTimeout', 'writeTimeout', writeTimeoutText),
  fixed('MaxClosedClients', 'maxClosedClients'),
  fixed('LameDuckDuration', 'lameDuckDurationMs', goDuration),
  fixed('LameDuckGracePeriod', 'lameDuckGracePeriodMs', goDuration),
  named('MaxTracedMsgLen', 'maxTracedMsgLen', 'max_traced_msg_len'),
  named('ConnectErrorReports', 'connectErrorReports', 'connect_error_reports'),
  named('ReconnectErrorReports', 'reconnectErrorReports', 'reconnect_error_reports'),
  free('Tags', 'serverTags', 'server_tags', () => 'tags'),
  free('Metadata', 'serverMetadata', 'server_metadata', () => 'metadata'),
  fixed('FeatureFlags', 'featureFlags', goMap),
]

/** Fields of options that nats-server does not have. */
export const OWN_FIELDS: readonly ReloadField[] = [
  fixed('LogFormat', 'logFormat'),
  fixed('Workers', 'workers'),
  named('Spin', 'spin', 'spin'),
  fixed('SharedMemory', 'sharedMemory'),
  free('MonitorToken', 'monitorToken', 'monitor_token', () => 'monitor_token'),
  named('MaxMsgsPerSecond', 'maxMsgsPerSecond', 'max_msgs_per_second'),
  named('MaxBytesPerSecond', 'maxBytesPerSecond', 'max_bytes_per_second'),
]

export function writeTimeoutText(policy: WriteTimeoutPolicy): string {
  return policy === 'default' ? '' : policy
}

/** The words of Go's net.SplitHostPort and strconv.Atoi. */
function whyNoPlace(address: string): string {
  const colons = address.split(':').length - 1
  if (address.startsWith('[') && !address.includes(']')) {
    return `address ${address}: missing ']' in address`
  }
  if (colons > 1 && !address.startsWith('['))
    return `address ${address}: too many colons in address`
  const port = address.slice(address.lastIndexOf(':') + 1).trim()
  return `strconv.Atoi: parsing ${JSON.stringify(port)}: invalid syntax`
}
