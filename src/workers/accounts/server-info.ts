import { createHash } from 'node:crypto'
import { NATS_VERSION } from '../../base/version.ts'
import type { GoJsonObject } from '../../protocol/go-json.ts'
import type { ThreadSettings } from '../thread-settings.ts'

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const HASH_LENGTH = 8
/** JetStream features of this version of nats-server, all of them off. */
const FEATURE_FLAGS = {
  js_ack_fc_v2: false,
  js_raft_delete_range: false,
  js_snapshot_sources: false,
}

/** Eight characters that stand for a server in subjects; as nats-server makes them of its name. */
export function serverHash(name: string): string {
  const digest = createHash('sha256').update(name).digest().subarray(0, HASH_LENGTH)
  return Array.from(digest, (byte) => BASE62[byte % BASE62.length]).join('')
}

/** The `server` object of events and answers, numbered from 1. */
export function serverInfoSource(settings: ThreadSettings): () => GoJsonObject {
  const { options, identity, serverName } = settings
  const { serverTags, serverMetadata } = options
  let seq = 0
  return () => ({
    name: serverName,
    host: options.host,
    id: identity.id,
    ver: NATS_VERSION,
    ...(serverTags.length === 0 ? {} : { tags: serverTags }),
    ...(Object.keys(serverMetadata).length === 0 ? {} : { metadata: serverMetadata }),
    feature_flags: FEATURE_FLAGS,
    jetstream: false,
    flags: 0,
    seq: ++seq,
    time: new Date().toISOString(),
  })
}
