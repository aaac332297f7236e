import { parseDuration } from '../base/duration.ts'
import { goQuote } from '../protocol/go-quote.ts'
import type { ConfigFaults } from './config-faults.ts'
import { type ConfigNode, isConfigArray, isConfigMap } from './config-value.ts'
import { conversionError, goTypeOf, goValueText } from './go-types.ts'
import { parseRemoteUrl, type RemoteUrl, redactUrl } from './remote-url.ts'
import { readText } from './value-readers.ts'

/** One address or an array of them. An address given twice is kept once, with a warning. */
export function readUrls(node: ConfigNode, faults: ConfigFaults): readonly RemoteUrl[] | undefined {
  if (typeof node.data === 'string') {
    const url = readUrl(node, node.data, faults)
    return url === undefined ? undefined : [url]
  }
  if (!isConfigArray(node.data)) {
    faults.report(
      node,
      `Expected remote leafnode url to be an array or string, got ${goValueText(node.data)}`,
    )
    return undefined
  }
  const seen = new Set<string>()
  const urls: RemoteUrl[] = []
  let isFit = true
  for (const element of node.data) {
    const text = readText(element, faults)
    if (text === undefined) return undefined
    if (seen.has(text)) {
      faults.warn(element, text, 'Duplicate leafnode entry detected')
      continue
    }
    seen.add(text)
    const url = readUrl(element, text, faults)
    if (url === undefined) isFit = false
    else urls.push(url)
  }
  return isFit ? urls : undefined
}

function readUrl(node: ConfigNode, text: string, faults: ConfigFaults): RemoteUrl | undefined {
  const url = parseRemoteUrl(text)
  if (url === undefined) faults.report(node, `error parsing leafnode url [${goQuote(text.trim())}]`)
  return url
}

/**
 * A mode, a boolean or `{ mode, rtt_thresholds }`. Whether the mode is one the broker knows is
 * checked when it starts, as in nats-server, so the text comes back as written. Thresholds only
 * matter for modes that compress; they are checked and dropped.
 */
export function readCompression(
  node: ConfigNode,
  key: string,
  faults: ConfigFaults,
): string | undefined {
  const { data } = node
  if (typeof data === 'string') return data
  if (typeof data === 'boolean') return data ? 's2_auto' : 'off'
  if (!isConfigMap(data)) {
    const type = goTypeOf(data)
    faults.report(node, `field ${goQuote(key)} should be a boolean or a structure, got ${type}`)
    return undefined
  }
  let mode: string | undefined
  for (const [name, value] of data) {
    switch (name.toLowerCase()) {
      case 'mode':
        mode = readText(value, faults)
        break
      case 'rtt_thresholds':
      case 'thresholds':
      case 'rtts':
      case 'rtt':
        checkThresholds(value, faults)
        break
      default:
        if (!value.usedVariable) faults.unknownField(value, name)
    }
  }
  return mode
}

function checkThresholds(node: ConfigNode, faults: ConfigFaults): void {
  if (!isConfigArray(node.data)) {
    faults.report(node, conversionError(node.data, '[]interface {}'))
    return
  }
  for (const element of node.data) {
    const text = readText(element, faults)
    if (text === undefined) return
    const parsed = parseDuration(text)
    if ('error' in parsed) {
      faults.report(node, parsed.error)
      return
    }
  }
}

/** How a remote is told apart: by its addresses as written, and its account. */
export interface RemoteName {
  readonly full: string
  /** The same for messages, without passwords. */
  readonly redacted: string
}

export function remoteName(urlTexts: readonly string[], account: string): RemoteName {
  const name = (texts: readonly string[]) =>
    `urls=[${texts.map(goQuote).join(' ')}], account=${goQuote(account || '$G')}`
  const trimmed = urlTexts.map((text) => text.trim())
  return { full: name(trimmed), redacted: name(trimmed.map(redactUrl)) }
}
