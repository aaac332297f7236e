import { JSON_TYPE } from '../endpoints/endpoint.ts'
import type { AddedRoute } from '../http/monitor-router.ts'
import { slowz } from '../slow/slowz.ts'
import { type MetricsSource, type MetricsText, metricsPage } from './metrics-page.ts'

/** /metrics and /slowz, for HttpMonitor.open. */
export function metricsRoutes(source: MetricsSource): readonly AddedRoute[] {
  let scrape: Promise<MetricsText> | undefined
  return [
    {
      path: '/metrics',
      title: 'Prometheus metrics',
      async handler({ send }) {
        // Who scrapes at the same time gets the same answer: a thousand cost as much as one.
        scrape ??= metricsPage(source).finally(() => {
          scrape = undefined
        })
        const { contentType, body } = await scrape
        send({ status: 200, contentType, body })
      },
    },
    {
      path: '/slowz',
      title: 'Slow consumers and stalls',
      handler({ query, context, send }) {
        const { id } = context.source.server()
        const body = slowz(id, source.slowEvents, query)
        send({ status: 200, contentType: JSON_TYPE, body })
      },
    },
  ]
}
