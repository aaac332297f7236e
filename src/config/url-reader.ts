import { goQuote } from '../protocol/go-quote.ts'
import type { ConfigFaults } from './config-faults.ts'
import { type ConfigNode, isConfigArray } from './config-value.ts'
import { goValueText } from './go-types.ts'
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
      faults.warn(element, redactUrl(text), 'Duplicate leafnode entry detected')
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
  if (url === undefined) {
    faults.report(node, `error parsing leafnode url [${goQuote(redactUrl(text.trim()))}]`)
  }
  return url
}
