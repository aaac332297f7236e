import type { ServerInfo } from '../../protocol/info.ts'
import type { LeafServer, SubjectPermission } from './leaf-types.ts'

/** Characters that would break the lists and logs names appear in. */
const SPACE = ' '

export type ClusterNameFacts = {
  /** `cluster.name`, '' if not set. */
  readonly configuredCluster: string
  /** Name made up for a cluster port without a name; '' if there is no such port. */
  readonly generatedCluster: string
  /**
   * `server_name` if the configuration has one, else ''. A name made up from the id does not count.
   */
  readonly configuredServerName: string
  readonly hasRemotes: boolean
}

/**
 * The cluster name told to leaf peers: that of the cluster, else for a server with remotes its
 * explicit server name, else none. Peers tag what they hear with it, so a name that two servers
 * share keeps them apart.
 */
export function leafClusterName(facts: ClusterNameFacts): string {
  if (facts.configuredCluster !== '') return facts.configuredCluster
  if (facts.generatedCluster !== '') return facts.generatedCluster
  return facts.hasRemotes ? facts.configuredServerName : ''
}

export function isClusterNameBroken(name: string): boolean {
  return name.includes(SPACE)
}

export type LeafListenerFacts = {
  readonly go: string
  readonly gitCommit?: string | undefined
  /** Address peers are told, `advertise` or the bound one; port 0: there is no listener. */
  readonly host: string
  readonly port: number
  readonly maxPayload: number
  readonly tlsRequired: boolean
  readonly tlsVerify: boolean
  /** JetStream API level; nats-server tells it even with JetStream off. */
  readonly apiLevel?: number | undefined
  /** `host:port` of this server's websocket listener, if any. */
  readonly wsConnectUrls?: readonly string[] | undefined
  readonly sable?: string | undefined
}

function hostPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** What all INFO lines of a leaf listener have in common. */
export function leafBaseInfo(server: LeafServer, listener: LeafListenerFacts): ServerInfo {
  const address = listener.port === 0 ? undefined : hostPort(listener.host, listener.port)
  return {
    serverId: server.id,
    serverName: server.name,
    version: server.version,
    proto: server.protocol,
    gitCommit: listener.gitCommit,
    go: listener.go,
    host: listener.host,
    port: listener.port,
    headers: server.headers,
    authRequired: true, // whatever the configuration: leafs of nats-server expect it
    tlsRequired: listener.tlsRequired,
    tlsVerify: listener.tlsVerify,
    maxPayload: listener.maxPayload,
    jetstream: server.jetstream,
    ip: address,
    cluster: server.cluster,
    domain: server.domain,
    wsConnectUrls: listener.wsConnectUrls,
    apiLevel: listener.apiLevel,
    infoOnConnect: true,
    leafnodeUrls: address === undefined ? undefined : [address],
    sable: listener.sable,
  }
}

/**
 * First INFO of an accepted link, or the one that settles on a compression. A client_id of 0 would
 * look like a wrong port.
 *
 * @param nonce undefined: this server dialled
 * @param compression as configured, or settled on; `not supported` is not told, as by servers
 *   before 2.10
 */
export function leafFirstInfo(
  base: ServerInfo,
  clientId: number,
  nonce: string | undefined,
  compression: string,
): ServerInfo {
  return {
    ...base,
    clientId,
    nonce,
    compression: compression === 'not supported' ? undefined : compression,
  }
}

/** The INFO that answers CONNECT. */
export function leafConnectInfo(
  base: ServerInfo,
  clientId: number,
  remoteAccount: string,
  /** What the leaf may subscribe and publish. */
  subscribe: SubjectPermission | undefined,
  publish: SubjectPermission | undefined,
): ServerInfo {
  return {
    ...base,
    clientId,
    connectInfo: true,
    remoteAccount,
    import: subscribe,
    export: publish,
  }
}
