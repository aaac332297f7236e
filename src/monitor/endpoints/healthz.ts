import type { GoDecoded } from '../../protocol/go-json-decode.ts'
import { goQuote } from '../../protocol/go-quote.ts'
import type { MonitorContext } from '../monitor-context.ts'
import { defineEndpoint, JSON_TYPE } from './endpoint.ts'
import { type JsonObject, omitEmpty, writeJson } from './json-value.ts'

const FIELDS = {
  jetstreamEnabled: { json: 'js-enabled', type: 'bool' },
  jetstreamEnabledOnly: { json: 'js-enabled-only', type: 'bool' },
  jetstreamServerOnly: { json: 'js-server-only', type: 'bool' },
  jetstreamMetaOnly: { json: 'js-meta-only', type: 'bool' },
  account: { json: 'account', type: 'string' },
  stream: { json: 'stream', type: 'string' },
  consumer: { json: 'consumer', type: 'string' },
  withDetails: { json: 'details', type: 'bool' },
} as const

type HealthzOptions = GoDecoded<typeof FIELDS>

interface Health {
  readonly code: number
  readonly type: 'CONNECTION' | 'BAD_REQUEST'
  /** '' = healthy. */
  readonly error: string
}

/** Without JetStream: whether everything that should listen does. */
export const HEALTHZ = defineEndpoint({
  path: '/healthz',
  name: 'HEALTHZ',
  counted: 'all',
  fields: FIELDS,
  fromQuery: (query) => ({
    jetstreamEnabled: query.bool('js-enabled'),
    jetstreamEnabledOnly: query.bool('js-enabled-only'),
    jetstreamServerOnly: query.bool('js-server-only'),
    jetstreamMetaOnly: query.bool('js-meta-only'),
    withDetails: query.bool('details'),
    account: query.text('account'),
    stream: query.text('stream'),
    consumer: query.text('consumer'),
  }),
  answer(options, context) {
    const health = healthOf(options, context)
    return healthJson(health, health.code, options)
  },
  http(options, context) {
    const health = healthOf(options, context)
    if (options.jetstreamEnabled) {
      context.warn('Healthcheck: js-enabled deprecated, use js-enabled-only instead')
    }
    if (health.error !== '') {
      const what = options.withDetails ? '1 errors' : goQuote(health.error)
      context.warn(`Healthcheck failed: ${what}`)
    }
    // The status of HTTP says it.
    const body = writeJson(healthJson(health, 0, options))
    return { status: health.code, contentType: JSON_TYPE, body }
  },
})

function healthOf(options: HealthzOptions, { source }: MonitorContext): Health {
  const { account = '', stream = '', consumer = '' } = options
  if (account === '' && stream !== '') return missing('account', 'stream')
  if (stream === '' && consumer !== '') return missing('stream', 'consumer')
  const notReady = source.notReady()
  if (notReady.length === 0) return { code: 200, type: 'CONNECTION', error: '' }
  const error = `failed to be ready for connections after 1ms: ${notReady.join(', ')}`
  return { code: 500, type: 'CONNECTION', error }
}

function missing(what: string, checked: string): Health {
  const error = `"${what}" must not be empty when checking ${checked} health`
  return { code: 400, type: 'BAD_REQUEST', error }
}

function healthJson(
  { type, error }: Health,
  code: number,
  { withDetails = false }: HealthzOptions,
): JsonObject {
  return {
    status: error === '' ? 'ok' : 'error',
    status_code: omitEmpty(code),
    error: withDetails ? undefined : omitEmpty(error),
    errors: withDetails && error !== '' ? [{ type, error }] : undefined,
  }
}
