import { isDeepStrictEqual } from 'node:util'
import type { RemoteOptions } from '../option-types.ts'
import { remoteName } from '../remote-checks.ts'
import { remoteUrlText } from '../remote-url.ts'
import { goDuration, goList, goSeconds, goStruct } from './go-format.ts'
import { compressionText } from './leafnode-text.ts'
import type { KeptRemote, LeafChanges } from './reload-changes.ts'

/** What a reload does with remotes, or the first change of one that is not supported. */
export type RemoteChanges =
  | { readonly refusal: string }
  | (Omit<LeafChanges, 'isCompressionChanged'> & { readonly lines: readonly string[] })

/** What must stay as it is in a remote that stays, by the names and in the order of nats-server. */
const FIXED_FIELDS: readonly (readonly [name: string, show: (remote: RemoteOptions) => string])[] =
  [
    ['NoRandomize', ({ noRandomize }) => String(noRandomize)],
    ['TLSTimeout', ({ tls }) => goSeconds(tls?.timeoutMs ?? 0)],
    ['Hub', ({ hub }) => String(hub)],
    ['DenyImports', ({ denyImports }) => goList(denyImports)],
    ['DenyExports', ({ denyExports }) => goList(denyExports)],
    ['FirstInfoTimeout', ({ firstInfoTimeoutMs }) => goDuration(firstInfoTimeoutMs)],
    ['DialTimeout', ({ dialTimeoutMs }) => goDuration(dialTimeoutMs)],
    ['Websocket', ({ wsCompression, wsNoMasking }) => goStruct([wsCompression, wsNoMasking])],
    ['JetStreamClusterMigrate', ({ jetstreamClusterMigrate }) => String(jetstreamClusterMigrate)],
    ['LocalIsolation', ({ isolateLeafnodeInterest }) => String(isolateLeafnodeInterest)],
    ['RequestIsolation', ({ requestIsolation }) => String(requestIsolation)],
    ['IgnoreDiscoveredServers', ({ ignoreDiscoveredServers }) => String(ignoreDiscoveredServers)],
  ]

/** Compares remotes, which are told apart by their names; their order does not matter. */
export function compareRemotes(
  old: readonly RemoteOptions[],
  next: readonly RemoteOptions[],
): RemoteChanges {
  const newIndices = new Map(next.map((remote, index) => [nameOf(remote).full, index]))
  const kept: KeptRemote[] = []
  const removed: number[] = []
  const lines: string[] = []
  for (const [oldIndex, before] of old.entries()) {
    const { full, redacted } = nameOf(before)
    const newIndex = newIndices.get(full)
    if (newIndex === undefined) {
      removed.push(oldIndex)
      lines.push(`Reloaded: LeafNode Remote ${redacted} removed`)
      continue
    }
    newIndices.delete(full)
    const after = next[newIndex]!
    const fault = fixedFault(before, after)
    if (fault !== undefined) return { refusal: `remote ${redacted}: ${fault}` }
    kept.push({ oldIndex, newIndex, ...changesOf(before, after) })
    lines.push(...linesOf(before, after, redacted))
  }
  return { kept, removed, added: [...newIndices.values()], lines }
}

function nameOf(remote: RemoteOptions) {
  const urls = remote.urls.map((url) => remoteUrlText(url, { isRedacted: false }))
  return remoteName(urls, remote)
}

function fixedFault(before: RemoteOptions, after: RemoteOptions): string | undefined {
  for (const [name, show] of FIXED_FIELDS) {
    const [one, other] = [show(before), show(after)]
    if (one !== other) return `field "${name}": old=${one}, new=${other}`
    // nats-server looks at the proxy here, and shows nothing of it.
    if (name === 'Websocket' && !isDeepStrictEqual(before.proxy, after.proxy)) {
      return 'field "Proxy": only the proxy TLS configuration can be changed'
    }
  }
  return undefined
}

function changesOf(before: RemoteOptions, after: RemoteOptions) {
  return {
    isDisabledChanged: before.disabled !== after.disabled,
    isCompressionChanged: !isDeepStrictEqual(before.compression, after.compression),
    isTlsChanged: !isDeepStrictEqual(before.tls, after.tls),
  }
}

function linesOf(before: RemoteOptions, after: RemoteOptions, name: string): readonly string[] {
  const { isCompressionChanged, isDisabledChanged } = changesOf(before, after)
  const isFirst = (remote: RemoteOptions) => remote.tls?.handshakeFirst === true
  const changes: readonly (readonly [boolean, string, string])[] = [
    [isFirst(before) !== isFirst(after), 'TLS HandshakeFirst', String(isFirst(after))],
    [isCompressionChanged, 'Compression', compressionText(after.compression)],
    [isDisabledChanged, 'Disabled', String(after.disabled)],
  ]
  return changes.flatMap(([isChanged, what, value]) =>
    isChanged ? [`Reloaded: LeafNode Remote ${name} ${what} value is: ${value}`] : [],
  )
}
