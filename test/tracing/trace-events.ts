/** Events of message traces, without what differs from one run to the next. */
import type { Received } from './trace-client.ts'

interface Event {
  readonly request: { readonly header?: Record<string, readonly string[]>; msgsize: number }
  readonly events: readonly Record<string, unknown>[]
}

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/

function withoutChance(key: string, value: unknown): unknown {
  if (key === 'ts') return TIME.test(String(value)) ? 'time' : `no time: ${String(value)}`
  if (key === 'cid') return typeof value === 'number' && value > 0 ? 'cid' : value
  if (key === 'server') return (value as { name: string }).name
  if (key === 'Nats-Request-Info') return ['info']
  if (typeof value === 'string') return value.replace(/_R_\.[A-Za-z0-9.]+/g, '_R_')
  return value
}

/** Each as JSON text: the order of members counts, that of receivers does not. */
export function normalEvent(text: string): string {
  const event = JSON.parse(text, withoutChance) as Event
  // The size of that header is a matter of chance.
  if ('Nats-Request-Info' in (event.request.header ?? {})) event.request.msgsize = 0
  const units: string[] = []
  for (const one of event.events) {
    const before = units.at(-1)
    // What crosses by a stream import is told first, then who got it there.
    const isPair =
      one['type'] === 'eg' && before?.startsWith('{"type":"se"') && !before.endsWith('+')
    if (isPair && one['acc'] !== undefined)
      units[units.length - 1] = `${before} ${JSON.stringify(one)}+`
    else units.push(JSON.stringify(one))
  }
  const [first = '', ...rest] = units
  const { events: _, ...head } = event
  return [JSON.stringify(head), first, ...rest.sort()].join('\n  ')
}

export function normalEvents(messages: readonly Received[]): string[] {
  return messages.map(({ payload }) => normalEvent(payload.toString('utf8'))).sort()
}
