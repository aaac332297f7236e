import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { metricsPage } from '../../src/monitor/metrics/metrics-page.ts'
import { accountStat, threadReport } from '../monitor/fake-source.ts'
import { ROOT } from '../support/peers.ts'
import { fakeMetrics, leafLink } from './fake-metrics.ts'
import { type Family, parsePrometheus } from './prometheus-text.ts'

interface Panel {
  readonly type: string
  readonly title: string
  readonly gridPos: {
    readonly x: number
    readonly y: number
    readonly w: number
    readonly h: number
  }
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[]
}

const NAME = /\b(?:gnatsd|sable|process)_[a-z0-9_]+/g
const SELECTOR = /\b((?:gnatsd|sable|process)_[a-z0-9_]+)\{([^}]*)\}/g
const MATCHER = /(\w+)=~?"([^"]*)"/g
const LEGEND_LABEL = /\{\{(\w+)\}\}/g

const dashboard = JSON.parse(readFileSync(join(ROOT, 'docs', 'grafana-dashboard.json'), 'utf8'))
const panels: readonly Panel[] = dashboard.panels
const charts = panels.filter(({ type }) => type !== 'row')

async function everyMetric(): Promise<ReadonlyMap<string, Family>> {
  const source = fakeMetrics()
  source.context.source.stats = [accountStat()]
  source.context.source.links = [leafLink('leaf', 1)]
  source.context.source.threadReports = [threadReport()]
  return parsePrometheus((await metricsPage(source)).body)
}

function familyOf(families: ReadonlyMap<string, Family>, name: string): Family | undefined {
  return families.get(name) ?? families.get(name.replace(/_(bucket|sum|count)$/, ''))
}

describe('the Grafana dashboard', () => {
  test('asks for nothing that /metrics has not', async () => {
    const families = await everyMetric()
    assert.ok(charts.length > 20)
    for (const { title, targets = [] } of charts) {
      assert.ok(targets.length > 0, title)
      for (const { expr, legendFormat } of targets) {
        const names = expr.match(NAME) ?? []
        assert.ok(names.length > 0, expr)
        for (const name of names) {
          const found = familyOf(families, name)?.series.some((series) => series.name === name)
          assert.ok(found, `${title}: no ${name}`)
        }
        const labels = new Set(['instance'])
        for (const [, name, matchers] of expr.matchAll(SELECTOR)) {
          const { series } = familyOf(families, name!)!
          for (const label of series.flatMap((each) => Object.keys(each.labels))) labels.add(label)
          for (const [, label, value] of matchers!.matchAll(MATCHER)) {
            if (label === 'instance') continue
            const found = series.some((each) => each.labels[label!] === value)
            assert.ok(found, `${title}: no ${name} with ${label}=${value}`)
          }
        }
        for (const [, label] of legendFormat.matchAll(LEGEND_LABEL)) {
          assert.ok(labels.has(label!), `${title}: no label ${label}`)
        }
      }
    }
  })

  test('has a rate for each counter and a quantile for each histogram', async () => {
    const families = await everyMetric()
    for (const { title, targets = [] } of charts) {
      for (const { expr } of targets) {
        for (const [selector, name] of expr.matchAll(SELECTOR)) {
          const { type } = familyOf(families, name!)!
          if (type === 'gauge') continue
          const before = expr.slice(0, expr.indexOf(selector))
          assert.match(before, /(?:rate|increase)\($/, `${title}: ${expr}`)
          if (name!.endsWith('_bucket')) assert.match(expr, /^histogram_quantile\(.*by \(le/, expr)
        }
      }
    }
  })

  test('shows its panels side by side', () => {
    const cells = new Set<string>()
    for (const { title, gridPos } of panels) {
      assert.ok(gridPos.x + gridPos.w <= 24, title)
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          assert.ok(!cells.has(`${x} ${y}`), `${title} covers another one`)
          cells.add(`${x} ${y}`)
        }
      }
    }
  })
})
