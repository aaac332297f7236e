import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FlowControl, type FlowLayout } from '../../bench/drivers/flow-control.ts'
import { layOut } from '../../bench/runs/throughput.ts'

const one = { smoke: 1, full: 1 }
const two = { smoke: 1, full: 2 }

function flowOf(layout: FlowLayout): FlowControl {
  return new FlowControl(FlowControl.allocate(layout), layout)
}

test('each publisher has its own subscribers, all publishers the same ones, or a queue', () => {
  const base = { publishers: 2, subscribers: two, payloadBytes: 16 }
  const own = layOut(base, 'full')
  assert.deepEqual(own.flow.receivers, [
    { streams: [0], subscribers: [0] },
    { streams: [0], subscribers: [1] },
    { streams: [1], subscribers: [2] },
    { streams: [1], subscribers: [3] },
  ])
  assert.deepEqual(
    own.subscribers.map(({ subject }) => subject),
    ['bench.0', 'bench.0', 'bench.1', 'bench.1'],
  )
  const all = layOut({ ...base, audience: 'all', subscribePrefix: 'to.' }, 'full')
  assert.deepEqual(all.flow.receivers, [
    { streams: [0, 1], subscribers: [0] },
    { streams: [0, 1], subscribers: [1] },
  ])
  assert.equal(all.subscribers[1]!.subject, 'to.bench.*')
  const queue = layOut({ ...base, publishers: 1, audience: 'queue' }, 'full')
  assert.deepEqual(queue.flow.receivers, [{ streams: [0], subscribers: [0, 1] }])
  assert.ok(queue.subscribers.every((plan) => plan.queue !== undefined))
  assert.equal(layOut(base, 'smoke').flow.subscriberCount, 2)
})

test('the slowest of those who get a stream keeps it back', () => {
  const { flow: layout } = layOut({ publishers: 1, subscribers: two, payloadBytes: 16 }, 'full')
  const flow = flowOf(layout)
  flow.setPublished(0, 10)
  flow.setReceived(0, 10)
  flow.setReceived(1, 4)
  assert.ok(flow.isWithin(0, 6))
  assert.ok(!flow.isWithin(0, 5))
  assert.ok(!flow.isWithin(0, 5))
  flow.setReceived(1, 5)
  assert.ok(flow.isWithin(0, 5))
})

test('a stream that nobody gets is never kept back', () => {
  const nobody = { smoke: 0, full: 0 }
  const flow = flowOf(layOut({ publishers: 1, subscribers: nobody, payloadBytes: 16 }, 'full').flow)
  flow.setPublished(0, 1_000_000)
  assert.ok(flow.isWithin(0, 0))
})

test('a queue group has a phase when its members together have all of it', () => {
  const shape = { publishers: 1, subscribers: two, payloadBytes: 16, audience: 'queue' } as const
  const { flow: layout } = layOut(shape, 'full')
  const flow = flowOf(layout)
  const [receiver] = layout.receivers
  flow.setPublished(0, 10)
  flow.setReceived(0, 7)
  flow.setReceived(1, 3)
  assert.ok(!flow.isComplete(receiver!, 1))
  flow.finish(0, 1)
  assert.ok(flow.isComplete(receiver!, 1))
  assert.ok(!flow.isComplete(receiver!, 2))
  flow.setReceived(1, 2)
  assert.ok(!flow.isComplete(receiver!, 1))
})

test('one subscriber of all waits for every publisher', () => {
  const shape = { publishers: 2, subscribers: one, payloadBytes: 16, audience: 'all' } as const
  const { flow: layout } = layOut(shape, 'full')
  const flow = flowOf(layout)
  const [receiver] = layout.receivers
  flow.setPublished(0, 3)
  flow.finish(0, 1)
  flow.setReceived(0, 3)
  assert.ok(!flow.isComplete(receiver!, 1))
  flow.setPublished(1, 2)
  flow.finish(1, 1)
  assert.ok(!flow.isComplete(receiver!, 1))
  assert.ok(!flow.isWithin(1, 1))
  flow.setReceived(0, 5)
  assert.ok(flow.isComplete(receiver!, 1))
})
