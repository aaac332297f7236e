import { isDeepStrictEqual } from 'node:util'
import { defaultsOf } from '../option-entry.ts'
import type { TlsOptions, WebsocketOptions } from '../option-types.ts'
import { WEBSOCKET_TABLE } from '../websocket-table.ts'
import {
  goDuration,
  goList,
  goMap,
  goSeconds,
  goSet,
  goStruct,
  STRUCTURE,
  secret,
} from './go-format.ts'
import { type ReloadField, refusal, UNCHANGED } from './reload-field.ts'
import { tlsConfigOf } from './tls-fields.ts'

const HANDSHAKE_MS = defaultsOf(WEBSOCKET_TABLE).handshakeTimeoutMs

/** The websocket block cannot change, but for the files of its TLS and what goes with them. */
export const WEBSOCKET_FIELD: ReloadField = {
  name: 'Websocket',
  options: ['websocket'],
  compare: ({ old, next }) => {
    const [before, after] = [old.websocket, next.websocket]
    if (!isDeepStrictEqual(fixedPart(before), fixedPart(after))) {
      return refusal('Websocket', websocketText(before), websocketText(after))
    }
    const isSame = isDeepStrictEqual(tlsConfigOf(before.tls), tlsConfigOf(after.tls))
    return isSame ? UNCHANGED : { lines: [], changed: ['websocket.tls'] }
  },
}

/** The two keys of its `tls` that nats-server keeps beside the block's other settings. */
type FixedTls = Pick<TlsOptions, 'verifyAndMap' | 'pinnedCerts'>

function fixedTlsOf(tls: TlsOptions | undefined): FixedTls {
  return { verifyAndMap: tls?.verifyAndMap === true, pinnedCerts: tls?.pinnedCerts ?? [] }
}

function fixedPart(options: WebsocketOptions) {
  const { tls, allowedOrigins, ...rest } = options
  const { verifyAndMap, pinnedCerts } = fixedTlsOf(tls)
  return {
    ...rest,
    allowedOrigins: [...allowedOrigins].sort(),
    verifyAndMap,
    pinnedCerts: [...pinnedCerts].sort(),
    hasTls: tls !== undefined,
  }
}

/** In the order of nats-server's WebsocketOpts. */
function websocketText(options: WebsocketOptions): string {
  const { host, port, authorization, tls } = options
  const { verifyAndMap, pinnedCerts } = fixedTlsOf(tls)
  return goStruct([
    // Only a block that is there has the default.
    port === 0 && host === '0.0.0.0' ? '' : host,
    port,
    options.advertise,
    options.noAuthUser,
    options.jwtCookie,
    options.userCookie,
    options.passCookie,
    options.tokenCookie,
    authorization.user,
    secret(authorization.pass),
    secret(authorization.token),
    goSeconds(authorization.timeoutMs),
    options.noTls,
    tls === undefined ? '<nil>' : STRUCTURE,
    verifyAndMap,
    goSet(pinnedCerts),
    options.sameOrigin,
    goList([...options.allowedOrigins].sort()),
    options.compression,
    // nats-server puts the default in when it listens.
    goDuration(options.handshakeTimeoutMs === HANDSHAKE_MS ? 0 : options.handshakeTimeoutMs),
    goDuration(options.pingIntervalMs),
    goMap(options.headers),
    tls === undefined ? '<nil>' : STRUCTURE,
  ])
}
