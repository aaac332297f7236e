import assert from 'node:assert/strict'

export interface Series {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

export interface Family {
  readonly help: string
  readonly type: string
  readonly series: readonly Series[]
}

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*'
const HELP = new RegExp(`^# HELP (${NAME}) (.+)$`)
const TYPE = new RegExp(`^# TYPE (${NAME}) (gauge|counter|histogram)$`)
const SAMPLE = new RegExp(`^(${NAME})(?:\\{(.*)\\})? (\\S+)$`)
const LABEL = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/
const VALUE = /^[+-]?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|Inf)$/

/**
 * Prometheus' text format 0.0.4, strictly: what may be left out, or come in another order, must be
 * there and in order.
 */
export function parsePrometheus(text: string): ReadonlyMap<string, Family> {
  assert.ok(text.endsWith('\n'), 'the last line has an end')
  const families = new Map<string, Family>()
  const seen = new Set<string>()
  const lines = text.split('\n').filter((line) => line !== '')
  for (let at = 0; at < lines.length; ) {
    const [, name = '', help = ''] = HELP.exec(lines[at]!) ?? []
    assert.notEqual(name, '', `no HELP: ${lines[at]}`)
    const [, typed, type = ''] = TYPE.exec(lines[at + 1] ?? '') ?? []
    assert.equal(typed, name, `no TYPE: ${lines[at + 1]}`)
    assert.ok(!families.has(name), `${name} comes twice`)
    const series: Series[] = []
    for (at += 2; at < lines.length && !lines[at]!.startsWith('#'); at++) {
      const each = parseSample(lines[at]!)
      const own = type === 'histogram' ? each.name.replace(/_(bucket|sum|count)$/, '') : each.name
      assert.equal(own, name, lines[at]!)
      const key = `${each.name} ${JSON.stringify(Object.entries(each.labels).toSorted())}`
      assert.ok(!seen.has(key), `comes twice: ${lines[at]}`)
      seen.add(key)
      series.push(each)
    }
    if (type === 'histogram') checkHistograms(name, series)
    families.set(name, { help, type, series })
  }
  return families
}

function parseSample(line: string): Series {
  const [, name = '', labelText = '', value = ''] = SAMPLE.exec(line) ?? []
  assert.notEqual(name, '', `no sample: ${line}`)
  assert.match(value, VALUE, line)
  const labels: Record<string, string> = {}
  for (let rest = labelText; rest !== ''; ) {
    const [whole = '', label = '', quoted = ''] = LABEL.exec(rest) ?? []
    assert.notEqual(whole, '', `no label: ${rest}`)
    assert.ok(!(label in labels), line)
    labels[label] = quoted.replace(/\\(.)/g, (_, char: string) => (char === 'n' ? '\n' : char))
    rest = rest.slice(whole.length)
  }
  return { name, labels, value: value.endsWith('Inf') ? Infinity : Number(value) }
}

function checkHistograms(name: string, series: readonly Series[]): void {
  const byLabels = Map.groupBy(series, ({ labels: { le: _, ...labels } }) => JSON.stringify(labels))
  for (const [labels, parts] of byLabels) {
    const buckets = parts.filter((part) => part.name === `${name}_bucket`)
    let before = { le: Number.NEGATIVE_INFINITY, value: 0 }
    for (const { labels: of, value } of buckets) {
      const le = of['le'] === '+Inf' ? Infinity : Number(of['le'])
      assert.ok(le > before.le && value >= before.value, `${name}${labels} le=${le}`)
      before = { le, value }
    }
    const count = parts.filter((part) => part.name === `${name}_count`)
    const sum = parts.filter((part) => part.name === `${name}_sum`)
    assert.deepEqual([before.le, count.length, sum.length], [Infinity, 1, 1], name + labels)
    assert.equal(count[0]!.value, before.value, name + labels)
  }
}

/** The value of the one series of a name that has these labels. */
export function sampleOf(
  families: ReadonlyMap<string, Family>,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number {
  const family = families.get(name) ?? families.get(name.replace(/_(bucket|sum|count)$/, ''))
  assert.ok(family !== undefined, `no ${name}`)
  const found = family.series.filter(
    (series) =>
      series.name === name &&
      Object.entries(labels).every(([label, value]) => series.labels[label] === value),
  )
  assert.equal(found.length, 1, `${name}${JSON.stringify(labels)}`)
  return found[0]!.value
}
