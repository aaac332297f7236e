import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ACCOUNTS_MAX, LEAFS_MAX } from '../../src/monitor/metrics/exporter-metrics.ts'
import { metricsPage } from '../../src/monitor/metrics/metrics-page.ts'
import { threadReport } from '../monitor/fake-source.ts'
import { ROOT } from '../support/peers.ts'
import { fakeMetrics } from './fake-metrics.ts'
import { parsePrometheus } from './prometheus-text.ts'

const OWN = /^(?:sable|process)_/
const ROW = /^\| `((?:sable|process)_\w+)` \|(?: (gauge|counter) \|)?([^|]*)\|/
const LABEL = /`(\w+)`/g

test('METRICS.md has every metric of ours, with its type and labels, and no other', async () => {
  const text = readFileSync(join(ROOT, 'docs', 'METRICS.md'), 'utf8')
  const source = fakeMetrics()
  source.context.source.threadReports = [threadReport()]
  const families = parsePrometheus((await metricsPage(source)).body)
  const documented = text.split('\n').flatMap((line) => {
    const [, name, type = 'histogram', labels = ''] = ROW.exec(line) ?? []
    if (name === undefined) return []
    return [`${name} ${type} ${[...labels.matchAll(LABEL)].map(([, label]) => label)}`]
  })
  const own = [...families].filter(([name]) => OWN.test(name))
  const shown = own.map(([name, { type, series }]) => {
    const labels = new Set(series.flatMap((each) => Object.keys(each.labels)))
    labels.delete('le')
    return `${name} ${type} ${[...labels]}`
  })
  assert.deepEqual(documented.toSorted(), shown.toSorted())
  assert.match(text, new RegExp(`The ${ACCOUNTS_MAX} accounts and the ${LEAFS_MAX} leaf links`))
})
