import { goTimeOfMs } from '../../protocol/go-time.ts'
import { type JsonObject, omitEmpty, writeJson } from '../endpoints/json-value.ts'
import type { Query } from '../endpoints/query.ts'
import type { SlowEvent, SlowParty, SlowReceiver, SlowSubject } from './slow-event.ts'
import { SLOW_EVENTS_MAX, type SlowEvents } from './slow-events.ts'

const LIMIT_DEFAULT = 100

/**
 * The last slow-consumer and stall events, the latest first.
 *
 * @param query `limit` (1 … 1000, default 100), `acc`, `cid`
 * @throws ParameterError
 */
export function slowz(serverId: string, events: SlowEvents, query: Query): string {
  const limit = query.int('limit')
  const found = events.find({
    limit: limit > 0 ? Math.min(limit, SLOW_EVENTS_MAX) : LIMIT_DEFAULT,
    account: query.text('acc'),
    cid: query.uint64('cid'),
  })
  const answer = {
    server_id: serverId,
    now: goTimeOfMs(Date.now()),
    totals: {
      slow_consumers: events.total('slow_consumer'),
      slow_writes: events.total('slow_write'),
      stalls: events.total('stall'),
      drops: events.total('drop'),
    },
    num_events: found.length,
    events: found.map(eventJson),
  }
  return writeJson(answer, '  ')
}

function eventJson(event: SlowEvent): JsonObject {
  const { timeMs, kind, reason, party, count, pendingBytes, subjects, stalledBy } = event
  return {
    time: goTimeOfMs(timeMs),
    event: kind,
    reason,
    ...partyJson(party),
    count,
    pending_bytes: pendingBytes,
    subjects: omitEmpty(subjects.map(subjectJson)),
    stalled_by: stalledBy && receiverJson(stalledBy),
  }
}

function partyJson({ cid, kind, name, user, account, ip, port }: SlowParty): JsonObject {
  return {
    cid,
    kind,
    name: omitEmpty(name),
    user: omitEmpty(user),
    account: omitEmpty(account),
    ip,
    port,
  }
}

function receiverJson({ cid, party, pendingBytes, subjects }: SlowReceiver): JsonObject {
  return {
    ...(party === undefined ? { cid } : partyJson(party)),
    pending_bytes: pendingBytes,
    subjects: omitEmpty(subjects.map(subjectJson)),
  }
}

function subjectJson({ subject, msgs, bytes }: SlowSubject): JsonObject {
  return { subject, msgs, bytes }
}
