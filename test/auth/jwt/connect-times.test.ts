import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { connectWindow, isTimeOfDay, timeZoneFault } from '../../../src/auth/jwt/connect-times.ts'

const at = (text: string) => Date.parse(text)
const HOUR_MS = 60 * 60 * 1000

/** The end of the window as a date, or 'closed'. */
function ends(ranges: string, zone: string, now: string): string {
  const times = ranges.split(',').map((range) => {
    const [start = '', end = ''] = range.split('-')
    return { start, end }
  })
  const window = connectWindow(times, zone, at(now))
  return window.isOpen ? new Date(window.endsMs).toISOString() : 'closed'
}

describe('the times of a user', () => {
  it('without any, are always', () => {
    assert.deepEqual(connectWindow([], '', 0), { isOpen: true, endsMs: 0 })
  })

  it('end when the range ends', () => {
    const range = '11:00:00-22:00:00'
    assert.equal(ends(range, 'UTC', '2026-05-01T13:00:00Z'), '2026-05-01T22:00:00.000Z')
    assert.equal(ends(range, 'UTC', '2026-05-01T10:59:59Z'), 'closed')
    assert.equal(ends(range, 'UTC', '2026-05-01T11:00:00Z'), 'closed', 'the start is not in it')
    assert.equal(ends(range, 'UTC', '2026-05-01T11:00:00.001Z'), '2026-05-01T22:00:00.000Z')
    assert.equal(ends(range, 'UTC', '2026-05-01T22:00:00Z'), 'closed')
  })

  it('go over midnight', () => {
    const range = '22:00:00-06:00:00'
    assert.equal(ends(range, 'UTC', '2026-05-01T05:00:00Z'), '2026-05-01T06:00:00.000Z')
    assert.equal(ends(range, 'UTC', '2026-05-01T23:30:00Z'), '2026-05-02T06:00:00.000Z')
    assert.equal(ends(range, 'UTC', '2026-05-01T00:00:00Z'), '2026-05-01T06:00:00.000Z')
    assert.equal(ends(range, 'UTC', '2026-05-01T06:00:00Z'), 'closed')
    assert.equal(ends(range, 'UTC', '2026-05-01T21:59:59Z'), 'closed')
    assert.equal(ends(range, 'UTC', '2026-12-31T23:00:00Z'), '2027-01-01T06:00:00.000Z')
  })

  it('of several ranges end with the last that now is in', () => {
    const ranges = '01:00:00-02:00:00,09:00:00-12:00:00,10:00:00-15:00:00,16:00:00-17:00:00'
    assert.equal(ends(ranges, 'UTC', '2026-05-01T11:00:00Z'), '2026-05-01T15:00:00.000Z')
    assert.equal(ends(ranges, 'UTC', '2026-05-01T09:30:00Z'), '2026-05-01T12:00:00.000Z')
    assert.equal(ends(ranges, 'UTC', '2026-05-01T15:30:00Z'), 'closed')
  })

  it('are those of the zone, with its day and its summer time', () => {
    const range = '08:00:00-10:00:00'
    assert.equal(ends(range, 'Asia/Tokyo', '2026-05-01T23:30:00Z'), '2026-05-02T01:00:00.000Z')
    assert.equal(ends(range, 'Asia/Tokyo', '2026-05-01T09:00:00Z'), 'closed')
    assert.equal(ends(range, 'Europe/Berlin', '2026-01-01T07:30:00Z'), '2026-01-01T09:00:00.000Z')
    assert.equal(ends(range, 'Europe/Berlin', '2026-07-01T07:30:00Z'), '2026-07-01T08:00:00.000Z')
    assert.equal(
      ends(range, 'America/New_York', '2026-01-01T13:30:00Z'),
      '2026-01-01T15:00:00.000Z',
    )
    assert.equal(ends(range, 'Asia/Kolkata', '2026-01-01T02:45:00Z'), '2026-01-01T04:30:00.000Z')
  })

  it('are as long as the clock on the wall says on the days when it is changed', () => {
    // 2026-03-29 02:00 becomes 03:00 in Berlin, 2026-10-25 03:00 becomes 02:00.
    const night = '22:00:00-06:00:00'
    assert.equal(ends(night, 'Europe/Berlin', '2026-03-28T21:30:00Z'), '2026-03-29T04:00:00.000Z')
    assert.equal(ends(night, 'Europe/Berlin', '2026-10-24T20:30:00Z'), '2026-10-25T05:00:00.000Z')
    const gap = ends('01:00:00-02:30:00', 'Europe/Berlin', '2026-03-29T00:30:00Z')
    assert.equal(gap, '2026-03-29T01:30:00.000Z', 'a time that clocks never show, as in Go')
  })

  it('that make no sense, or whose zone nobody knows, are never', () => {
    const now = '2026-05-01T11:00:00Z'
    for (const range of ['10:00:00-', '-12:00:00', '10:00-12:00', '10:00:00-25:00:00', 'x-y']) {
      assert.equal(ends(range, 'UTC', now), 'closed', range)
    }
    for (const zone of ['Nowhere/X', '+01:00', '../etc', '/UTC']) {
      assert.equal(ends('10:00:00-12:00:00', zone, now), 'closed', zone)
    }
    assert.equal(ends('10:00:00-10:00:00', 'UTC', now), 'closed')
  })

  it('of the server are those of a user without a zone', () => {
    const now = new Date(2026, 4, 1, 11, 0, 0)
    const window = connectWindow([{ start: '10:00:00', end: '12:00:00' }], '', now.getTime())
    assert.deepEqual(window, { isOpen: true, endsMs: now.getTime() + HOUR_MS })
  })
})

describe('a window, compared with seconds of the day', () => {
  const DAY_S = 24 * 60 * 60
  const text = (second: number) => new Date(second * 1000).toISOString().slice(11, 19)
  const second = fc.integer({ min: 0, max: DAY_S - 1 })

  it('is open and ends as it should', () => {
    fc.assert(
      fc.property(second, second, second, (start, end, now) => {
        const dayMs = at('2026-05-01T00:00:00Z')
        const nowMs = dayMs + now * 1000 + 500
        const window = connectWindow([{ start: text(start), end: text(end) }], 'UTC', nowMs)
        const isOver = start > end
        const isIn = isOver ? now >= start || now < end : now >= start && now < end
        assert.equal(window.isOpen, isIn)
        if (!window.isOpen) return
        const endsOn = isOver && now >= start ? dayMs + DAY_S * 1000 : dayMs
        assert.equal(window.endsMs, endsOn + end * 1000)
      }),
    )
  })
})

describe('what is written', () => {
  it('as a time of the day', () => {
    for (const time of ['0:00:00', '23:59:59', '7:05:09', '10:00:00.5', '10:00:00,25']) {
      assert.equal(isTimeOfDay(time), true, time)
    }
    for (const time of [
      '',
      '24:00:00',
      '10:60:00',
      '10:00:60',
      '10:0:00',
      '1',
      '10:00:00 ',
      '-1:0:0',
    ]) {
      assert.equal(isTimeOfDay(time), false, time)
    }
  })

  it('as a zone', () => {
    for (const zone of ['UTC', 'Europe/Berlin', 'Etc/GMT+5', 'America/Argentina/Buenos_Aires']) {
      assert.equal(timeZoneFault(zone), undefined, zone)
    }
    assert.equal(timeZoneFault('Mars/X'), 'unknown time zone Mars/X')
    assert.equal(timeZoneFault('+01:00'), 'unknown time zone +01:00')
    assert.equal(timeZoneFault('../x'), 'time: invalid location name')
  })
})
