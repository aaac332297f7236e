import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sumOf } from '../../bench/runs/workers.ts'

const METRICS_TEXT = `# HELP lane_full_total Waits.
# TYPE lane_full_total counter
lane_full_total{thread="0"} 3
lane_full_total{thread="1"} 4
lane_full_total_other 100
latency_count{path="lane",le="1"} 5
latency_count{path="local"} 7
plain 2
`

test('samples of a metric are added up, of one label if asked for', () => {
  assert.equal(sumOf(METRICS_TEXT, 'lane_full_total'), 7)
  assert.equal(sumOf(METRICS_TEXT, 'latency_count', 'path="lane"'), 5)
  assert.equal(sumOf(METRICS_TEXT, 'plain'), 2)
  assert.equal(sumOf(METRICS_TEXT, 'nonesuch'), 0)
})
