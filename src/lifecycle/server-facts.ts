import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { authoritySettings } from '../auth/authority-settings.ts'
import type { TlsOptions } from '../config/option-types.ts'
import type { CertificateEnds, ServerFacts, ServerPorts } from '../monitor/monitor-source.ts'
import type { ServerInfo } from '../protocol/info.ts'
import { clientFront } from '../workers/clients/client-front.ts'
import { systemAccountName } from '../workers/system/router-events.ts'
import type { Supervisor } from '../workers/threads/supervisor.ts'
import type { ThreadSettings } from '../workers/threads/thread-settings.ts'

export interface ServerFactsOptions {
  readonly supervisor: Supervisor
  readonly ports: ServerPorts
  readonly startMs: number
  readonly configuration: () => { readonly loadedAtMs: number; readonly digest: string }
}

/** Certificates may be read again without a reload of the configuration. */
const CERTIFICATES_MS_MAX = 60_000

/** What follows from the settings alone, and costs more than a look. */
interface Derived {
  readonly settings: ThreadSettings
  readonly loadedAtMs: number
  readonly derivedAtMs: number
  readonly info: ServerInfo
  readonly certificateEnds: CertificateEnds
}

/** What the main thread knows of its server, for monitors. */
export function serverFactsSource({
  supervisor,
  ports,
  startMs,
  configuration,
}: ServerFactsOptions): () => ServerFacts {
  let derived: Derived | undefined
  return () => {
    const { settings } = supervisor
    const { loadedAtMs, digest } = configuration()
    if (derived === undefined || !isCurrent(derived, settings, loadedAtMs)) {
      derived = derive(settings, loadedAtMs)
    }
    const { info, certificateEnds } = derived
    return {
      id: info.serverId,
      name: info.serverName,
      version: info.version,
      gitCommit: info.gitCommit ?? '',
      go: info.go,
      protocol: info.proto,
      host: info.host,
      port: info.port,
      ip: info.ip ?? '',
      connectUrls: info.connectUrls ?? [],
      websocketConnectUrls: info.wsConnectUrls ?? [],
      isAuthRequired: info.authRequired ?? false,
      isTlsRequired: info.tlsRequired ?? false,
      isTlsVerified: info.tlsVerify ?? false,
      options: settings.options,
      ports,
      startMs,
      configLoadMs: loadedAtMs,
      configDigest: digest,
      systemAccount: systemAccountName(settings.options),
      certificateEnds,
      threadCount: 1 + supervisor.threadCount,
      totalConnections: supervisor.connections.clientTotal,
    }
  }
}

function isCurrent(derived: Derived, settings: ThreadSettings, loadedAtMs: number): boolean {
  const isSame = derived.settings === settings && derived.loadedAtMs === loadedAtMs
  return isSame && Date.now() - derived.derivedAtMs < CERTIFICATES_MS_MAX
}

function derive(settings: ThreadSettings, loadedAtMs: number): Derived {
  const { options, implicitUser } = settings
  const { info } = clientFront(settings, authoritySettings(options, implicitUser))
  return {
    settings,
    loadedAtMs,
    derivedAtMs: Date.now(),
    info,
    certificateEnds: {
      client: certificateEndMs(options.tls),
      leaf: certificateEndMs(options.leafnodes.tls),
      websocket: certificateEndMs(options.websocket.tls),
    },
  }
}

/** Of the first certificate; 0 = there is none, or it cannot be read any more. */
function certificateEndMs(tls: TlsOptions | undefined): number {
  const file = tls?.certFile || tls?.certificates[0]?.certFile
  if (!file) return 0
  try {
    return new X509Certificate(readFileSync(file)).validToDate.getTime()
  } catch {
    return 0
  }
}
