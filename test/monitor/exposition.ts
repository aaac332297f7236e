/** The text format of Prometheus, as far as two pages of it are compared. */
const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g
const TYPE = /^# TYPE (gnatsd_\S+) (\S+)$/

/** Labels that are each server's own, or change from one link to the next. */
const OWN_LABELS: ReadonlySet<string> = new Set(
  'server_id cid ip port start uptime last_activity idle rtt version go'.split(' '),
)

interface Sample {
  readonly name: string
  readonly labels: readonly (readonly [name: string, value: string])[]
  readonly value: number
}

function* samplesOf(text: string): Iterable<Sample> {
  for (const line of text.split('\n')) {
    const found = SAMPLE.exec(line)
    if (found === null || !found[1]!.startsWith('gnatsd_')) continue
    const labels = [...(found[2] ?? '').matchAll(LABEL)].map(([, name, value]) => {
      return [name!, OWN_LABELS.has(name!) ? '…' : value!] as const
    })
    yield { name: found[1]!, labels: labels.sort(), value: Number(found[3]) }
  }
}

/** Requests for an endpoint are counted from the first one on, which may be under way. */
const UNEVEN = /^gnatsd_varz_http_req_stats_/
/** Texts that the exporter shows as labels. */
const OWN_TEXT = /_(server_id|version|go|git_commit|start|now|config_digest)$/

/** How often each family has series with which labels, and its type. */
export function formOf(text: string): ReadonlyMap<string, number | string> {
  const form = new Map<string, number | string>()
  for (const { name, labels } of samplesOf(text)) {
    if (UNEVEN.test(name)) continue
    const texts = OWN_TEXT.test(name) ? labels.map(([label]) => label) : labels
    const key = `${name} ${JSON.stringify(texts)}`
    form.set(key, Number(form.get(key) ?? 0) + 1)
  }
  for (const line of text.split('\n')) {
    const found = TYPE.exec(line)
    if (found !== null && !UNEVEN.test(found[1]!)) form.set(found[1]!, found[2]!)
  }
  return new Map([...form].sort())
}

/** Values of the series whose names match, by name and labels. */
export function valuesOf(text: string, names: RegExp): Map<string, number> {
  const values = new Map<string, number>()
  for (const { name, labels, value } of samplesOf(text)) {
    if (names.test(name)) values.set(`${name} ${JSON.stringify(labels)}`, value)
  }
  return new Map([...values].sort())
}
