/**
 * Reporter for node --test: the files with tests that were skipped because a real nats-server is
 * missing.
 *
 *   npm test -- --test-reporter=./scripts/peer-skips-reporter.mjs \
 *     --test-reporter-destination=<file>
 */
const REASON = 'REQUIRE_PEERS' // in the text of skipReason, test/support/peers.ts

// The test runner wants a default export.
export default async function* peerSkips(events) {
  const files = new Set()
  for await (const { type, data } of events) {
    if (type !== 'test:pass' || !String(data.skip ?? '').includes(REASON)) continue
    if (files.has(data.file)) continue
    files.add(data.file)
    yield `${data.file}\n`
  }
}
