import { BrokerError } from '../base/errors.ts'
import { type HostPort, parseAdvertise } from '../config/host-port.ts'
import type { Options } from '../config/options.ts'
import type { ThreadSettings } from '../workers/threads/thread-settings.ts'

/**
 * What INFO says of host and port, to clients and to WebSocket clients.
 *
 * @param ports that are listened on; 0: there is no such listener
 * @throws BrokerError BRK_ADVERTISE when an address makes no sense
 */
export function advertisedPlaces(
  { host, clientAdvertise, websocket }: Options,
  ports: { readonly client: number; readonly websocket: number },
): Pick<ThreadSettings, 'clientHost' | 'clientPort' | 'websocketHost' | 'websocketPort'> {
  const client = advertisedPlace('client_advertise', clientAdvertise, { host, port: ports.client })
  const ws = advertisedPlace('websocket advertise', websocket.advertise, {
    host: websocket.host,
    port: ports.websocket,
  })
  return {
    clientHost: client.host,
    clientPort: client.port,
    websocketHost: ws.host,
    websocketPort: ws.port,
  }
}

function advertisedPlace(option: string, advertise: string, bound: HostPort): HostPort {
  if (advertise === '') return bound
  const place = parseAdvertise(advertise, bound.port)
  if (place !== undefined) return place
  throw new BrokerError('BRK_ADVERTISE', `${option} is no address: ${JSON.stringify(advertise)}`, {
    context: { advertise },
  })
}
