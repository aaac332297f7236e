import { createHash } from 'node:crypto'
import { NATS_VERSION } from '../../base/version.ts'
import type { Options } from '../../config/options.ts'
import { mergedFeatureFlags } from '../../monitor/feature-flags.ts'
import type { GoJsonObject } from '../../protocol/go-json.ts'
import { BASE62 } from '../../protocol/nuid.ts'
import { leafClusterName } from '../../router/leaf/leaf-server-info.ts'
import type { ThreadSettings } from '../threads/thread-settings.ts'

const HASH_LENGTH = 8

/** Eight characters that stand for a server in subjects; as nats-server makes them of its name. */
export function serverHash(name: string): string {
  const digest = createHash('sha256').update(name).digest().subarray(0, HASH_LENGTH)
  return Array.from(digest, (byte) => BASE62[byte % BASE62.length]).join('')
}

/** As nats-server: a server with remotes is its own cluster, if it has a name; '' = none. */
export function clusterNameOf({ serverName, leafnodes }: Options): string {
  return leafClusterName({
    configuredCluster: '',
    generatedCluster: '',
    configuredServerName: serverName,
    hasRemotes: leafnodes.remotes.length > 0,
  })
}

/** The `server` object of events and answers, numbered from 1; of the settings in force. */
export function serverInfoSource(settings: () => ThreadSettings): () => GoJsonObject {
  let seq = 0
  return () => makeServerInfo(settings(), ++seq)
}

function makeServerInfo(
  { options, identity, serverName }: ThreadSettings,
  seq: number,
): GoJsonObject {
  const { serverTags, serverMetadata } = options
  return {
    name: serverName,
    host: options.host,
    id: identity.id,
    cluster: clusterNameOf(options) || undefined,
    ver: NATS_VERSION,
    ...(serverTags.length === 0 ? {} : { tags: serverTags }),
    ...(Object.keys(serverMetadata).length === 0 ? {} : { metadata: serverMetadata }),
    feature_flags: Object.fromEntries(mergedFeatureFlags(options.featureFlags)),
    jetstream: false,
    flags: 0,
    seq,
    time: new Date().toISOString(),
  }
}
