import { FakeBroker, FakeClock, FakeLink } from './fake-broker.ts'
import { LineReader } from './line-reader.ts'

/** An accepting session with what a test needs to talk to it. */
export function accepted(options: Parameters<FakeBroker['accept']>[1] = {}) {
  const broker = new FakeBroker('hub', new FakeClock(), { cluster: 'h' })
  const link = new FakeLink(broker.clock)
  const session = broker.accept(link, options)
  const reader = new LineReader(session)
  session.start()
  link.take()
  return { broker, link, session, tell: (text: string) => reader.feed(Buffer.from(text)) }
}

/** A soliciting session, before the peer's first INFO. */
export function solicited(options: Parameters<FakeBroker['solicit']>[1] = {}) {
  const broker = new FakeBroker('spoke', new FakeClock(), { cluster: 's' })
  const link = new FakeLink(broker.clock)
  const session = broker.solicit(link, options)
  const reader = new LineReader(session)
  session.start()
  session.awaitInfo()
  const tell = (text: string): void => reader.feed(Buffer.from(text))
  return { broker, link, session, tell }
}

/** An INFO line of a leaf listener; `members` come on top, undefined ones take away. */
export function info(members: object): string {
  const base = {
    server_id: 'NX',
    server_name: 'peer',
    proto: 3,
    headers: true,
    client_id: 5,
    nonce: 'n',
    info_on_connect: true,
    leafnode_urls: ['127.0.0.1:1'],
  }
  return `INFO ${JSON.stringify({ ...base, ...members })} \r\n`
}

export const FIRST_INFO = info({ compression: 'off' })
export const CONNECT_INFO = info({ connect_info: true, remote_account: '$G' })
