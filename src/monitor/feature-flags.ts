/** nats-server's, as 2.15 has them; all of them concern JetStream. */
const KNOWN_FLAGS: Readonly<Record<string, boolean>> = {
  js_ack_fc_v2: false,
  js_api_reply_v2: false,
  js_raft_delete_range: true,
  js_snapshot_sources: false,
}

/** Those nats-server knows, as configured; others are not shown. */
export function mergedFeatureFlags(
  configured: Readonly<Record<string, boolean>>,
): ReadonlyMap<string, boolean> {
  return new Map(
    Object.entries(KNOWN_FLAGS).map(([name, byDefault]) => [
      name,
      Object.hasOwn(configured, name) ? configured[name]! : byDefault,
    ]),
  )
}
