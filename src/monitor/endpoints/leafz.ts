import { goTimeOfMs } from '../../protocol/go-time.ts'
import type { LeafLinkReport } from '../leaf-report.ts'
import { defineEndpoint } from './endpoint.ts'
import { rttText } from './go-texts.ts'
import { type JsonObject, omitEmpty } from './json-value.ts'

const NS_PER_MS = 1e6

export const LEAFZ = defineEndpoint({
  path: '/leafz',
  name: 'LEAFZ',
  counted: 'all',
  fields: {
    withSubjects: { json: 'subscriptions', type: 'bool' },
    account: { json: 'account', type: 'string' },
  },
  fromQuery: (query) => ({ withSubjects: query.bool('subs'), account: query.text('acc') }),
  forAccount: (options, account) => ({ ...options, account }),
  async answer({ withSubjects = false, account = '' }, { source }) {
    const { links } = await source.leafs(withSubjects)
    const shown = account === '' ? links : links.filter((link) => link.account === account)
    return {
      server_id: source.server().id,
      now: goTimeOfMs(Date.now()),
      leafnodes: shown.length,
      leafs: shown.map(leafJson),
    }
  },
})

function leafJson(link: LeafLinkReport): JsonObject {
  return {
    id: link.id,
    name: link.name,
    is_spoke: link.isSpoke,
    is_isolated: omitEmpty(link.isIsolated),
    account: link.account,
    ip: link.ip,
    port: link.port,
    rtt: rttText(link.rttMs * NS_PER_MS),
    in_msgs: link.inMsgs,
    out_msgs: link.outMsgs,
    in_bytes: link.inBytes,
    out_bytes: link.outBytes,
    subscriptions: link.subscriptions,
    subscriptions_list: omitEmpty((link.subscriptionsList ?? []).map(subjectOf)),
    compression: omitEmpty(link.compression),
  }
}

/** Without the queue group, which stands behind a blank. */
function subjectOf(listed: string): string {
  return listed.split(' ', 1)[0]!
}
