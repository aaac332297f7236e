import assert from 'node:assert/strict'
import type { ClosedState } from '../../../src/protocol/closed-states.ts'
import { type AcceptOptions, AcceptSession } from '../../../src/router/leaf/accept-session.ts'
import { interestKey } from '../../../src/router/leaf/interest-map.ts'
import { LeafInterest } from '../../../src/router/leaf/leaf-interest.ts'
import { leafBaseInfo } from '../../../src/router/leaf/leaf-server-info.ts'
import type { LeafSession } from '../../../src/router/leaf/leaf-session.ts'
import type { LeafSessionOptions } from '../../../src/router/leaf/leaf-session-options.ts'
import type {
  LeafInterestSink,
  LeafLink,
  LeafPeer,
  LeafServer,
} from '../../../src/router/leaf/leaf-types.ts'
import { type SolicitOptions, SolicitSession } from '../../../src/router/leaf/solicit-session.ts'
import { LineReader } from './line-reader.ts'

export class FakeClock {
  nowMs = 1000
}

/** A link whose written bytes stay where they are until somebody takes them. */
export class FakeLink implements LeafLink {
  readonly clock: FakeClock
  /** Everything written, for asserts. */
  written = ''
  /** Written and not taken yet; whether the bytes would be compressed. */
  outbox: { readonly text: string; readonly isCompressed: boolean }[] = []
  peer: LeafPeer | undefined
  closedWith: ClosedState | undefined
  receivedMs = 0
  carriedBytes = 0
  /** Levels of compression asked for, in order. */
  readonly levels: string[] = []
  /** Lines written and levels asked for, in order. */
  readonly journal: string[] = []

  constructor(clock: FakeClock) {
    this.clock = clock
  }

  write(text: string): void {
    this.written += text
    this.outbox.push({ text, isCompressed: this.isCompressed })
    this.journal.push(...text.split('\r\n').filter((line) => line !== ''))
  }

  close(reason: ClosedState): void {
    this.closedWith = reason
  }

  compress(level: string): void {
    this.levels.push(level)
    this.journal.push(`compress ${level}`)
  }

  /** Both ways, from the first `compress` on. */
  get isCompressed(): boolean {
    return this.levels.length > 0
  }

  setPeer(peer: LeafPeer): void {
    this.peer = peer
  }

  trafficBytes(): number {
    return this.carriedBytes
  }

  lastReceivedMs(): number {
    return this.receivedMs
  }

  /** What was written since the last call. */
  take(): string {
    const text = this.outbox.map((sent) => sent.text).join('')
    this.outbox = []
    return text
  }
}

export type FakeLog = LeafSessionOptions['log'] & { readonly lines: string[] }

export function fakeLog(): FakeLog {
  const lines: string[] = []
  const at = (level: string) => (text: string) => void lines.push(`${level} ${text}`)
  return {
    lines,
    isTracing: true,
    info: at('INF'),
    warn: at('WRN'),
    error: at('ERR'),
    debug: at('DBG'),
    trace: at('TRC'),
  }
}

type Want = { subject: string; queue: string | undefined; count: number }
type Got = { subject: string; queue: string | undefined; weight: number }

/** A broker reduced to interest: local subscriptions, and what each link wants. */
export class FakeBroker implements LeafInterestSink {
  readonly server: LeafServer
  readonly clock: FakeClock
  readonly log = fakeLog()
  readonly local = new Map<string, Want>()
  readonly wanted = new Map<LeafLink, Map<string, Got>>()
  readonly interest: LeafInterest
  sublistMax = Number.POSITIVE_INFINITY
  #nextClientId = 1

  constructor(name: string, clock = new FakeClock(), server: Partial<LeafServer> = {}) {
    this.clock = clock
    this.server = {
      id: `N${name}`,
      name,
      version: '2.15.1',
      cluster: '',
      domain: '',
      headers: true,
      jetstream: false,
      protocol: 1,
      ...server,
    }
    this.interest = new LeafInterest(() => this.local.values(), `$LDS.${name}`)
  }

  subscribe(
    link: LeafLink,
    key: string,
    subject: string,
    queue: string | undefined,
    weight: number,
  ): boolean {
    const subs = this.wanted.get(link) ?? new Map<string, Got>()
    if (!subs.has(key) && subs.size >= this.sublistMax) return false
    this.wanted.set(link, subs.set(key, { subject, queue, weight }))
    return true
  }

  unsubscribe(link: LeafLink, key: string): void {
    if (!this.wanted.get(link)?.delete(key)) throw new Error(`unknown interest ${key}`)
  }

  /** A local client subscribes (delta 1) or unsubscribes (delta -1). */
  change(subject: string, queue: string | undefined, delta: number): void {
    const key = interestKey(subject, queue)
    const count = (this.local.get(key)?.count ?? 0) + delta
    if (count < 0) return
    if (count === 0) this.local.delete(key)
    else this.local.set(key, { subject, queue, count })
    this.interest.onInterest({ subject, queue, delta, origin: 'local' })
  }

  /** What a link wants, in a form that compares well. */
  view(link: LeafLink): string[] {
    return [...(this.wanted.get(link) ?? [])]
      .map(([key, { queue, weight }]) => (queue === undefined ? key : `${key} ${weight}`))
      .sort()
  }

  accept(link: FakeLink, options: Partial<AcceptOptions> = {}): AcceptSession {
    const listener = {
      go: 'none',
      host: '127.0.0.1',
      port: 7422,
      maxPayload: 1_048_576,
      tlsRequired: false,
      tlsVerify: false,
    }
    return new AcceptSession({
      ...this.#common(link),
      baseInfo: leafBaseInfo(this.server, listener),
      nonce: 'abcdefghijklmno',
      authTimeoutMs: 2000,
      minVersion: '',
      authenticate: () => ({ ok: true }),
      ...options,
    })
  }

  solicit(link: FakeLink, options: Partial<SolicitOptions> = {}): SolicitSession {
    return new SolicitSession({
      ...this.#common(link),
      isHub: false,
      denyImports: [],
      denyExports: [],
      requestsIsolation: false,
      firstInfoTimeoutMs: 1000,
      credentials: () => ({}),
      onDiscovered: () => {},
      onLameDuck: () => {},
      isAvoided: () => false,
      ...options,
    })
  }

  #common(link: FakeLink): LeafSessionOptions {
    return {
      link,
      server: this.server,
      binding: { account: '$G', interest: this.interest },
      sink: this,
      log: this.log,
      times: { pingIntervalMs: 120_000, pingsOutMax: 2 },
      compression: { mode: 'off', rttThresholdsMs: [10, 50, 100] },
      baseInfo: leafBaseInfo(this.server, NO_LISTENER),
      clientId: this.#nextClientId++,
      peerAddress: '192.0.2.1:7422',
      subscriptionsMax: Number.POSITIVE_INFINITY,
      isIsolated: false,
      nowMs: () => this.clock.nowMs,
      random: () => 0.5,
      onEnd: () => {},
    }
  }
}

/** INFO of a server that only dials. */
const NO_LISTENER = {
  go: '',
  host: '',
  port: 0,
  maxPayload: 0,
  tlsRequired: false,
  tlsVerify: false,
}

/** Whether a line that begins like this was logged; who the parties are comes behind it. */
export function hasLine(log: FakeLog, start: string): boolean {
  return log.lines.some((line) => line.startsWith(start))
}

/** Two sessions back to back. Lines travel when `step` is called. */
export class Wire {
  readonly hub: FakeBroker
  readonly spoke: FakeBroker
  readonly hubLink: FakeLink
  readonly spokeLink: FakeLink
  readonly accepted: AcceptSession
  readonly solicited: SolicitSession
  /** Told at the end by the side that dialled. */
  penaltyMs = -1
  readonly #readers: readonly [LineReader, LineReader]

  /** `spoke` dials `hub`; either may have the other role by `isHub` of the options. */
  constructor(
    spoke: FakeBroker,
    hub: FakeBroker,
    options: { accept?: Partial<AcceptOptions>; solicit?: Partial<SolicitOptions> } = {},
  ) {
    this.spoke = spoke
    this.hub = hub
    this.hubLink = new FakeLink(hub.clock)
    this.spokeLink = new FakeLink(spoke.clock)
    this.accepted = hub.accept(this.hubLink, options.accept)
    this.solicited = spoke.solicit(this.spokeLink, {
      onEnd: ({ penaltyMs }) => {
        this.penaltyMs = penaltyMs
      },
      ...options.solicit,
    })
    this.#readers = [new LineReader(this.accepted), new LineReader(this.solicited)]
    this.solicited.start()
    this.solicited.awaitInfo()
    this.accepted.start()
  }

  get isUp(): boolean {
    return !this.accepted.isEnded && !this.solicited.isEnded
  }

  linkOf(broker: FakeBroker): FakeLink {
    return broker === this.hub ? this.hubLink : this.spokeLink
  }

  sessionOf(broker: FakeBroker): LeafSession {
    return broker === this.hub ? this.accepted : this.solicited
  }

  /** Carries one write of one direction. False if there is none. */
  step(towardsHub: boolean): boolean {
    const [source, target] = towardsHub
      ? [this.spokeLink, this.hubLink]
      : [this.hubLink, this.spokeLink]
    const sent = source.outbox.shift()
    if (sent === undefined) return false
    const { text, isCompressed } = sent
    // Otherwise the bytes would be taken for something else.
    assert.equal(isCompressed, target.isCompressed, `both ends agree on how this goes: ${text}`)
    target.receivedMs = target.clock.nowMs
    this.#readers[towardsHub ? 0 : 1].feed(Buffer.from(text, 'latin1'))
    return true
  }

  /** Both ends see the connection go; what is under way is lost. */
  cut(): void {
    this.hubLink.take()
    this.spokeLink.take()
    this.accepted.onClosed('clientClosed')
    this.solicited.onClosed('clientClosed')
  }
}

/**
 * Carries everything until nothing moves. An end that closed takes the other with it, after its
 * last words.
 */
export function settle(...wires: readonly Wire[]): void {
  let moved = true
  while (moved) {
    moved = false
    for (const wire of wires) {
      while (wire.step(true) || wire.step(false)) moved = true
      if (wire.accepted.isEnded !== wire.solicited.isEnded) {
        wire.accepted.onClosed('clientClosed')
        wire.solicited.onClosed('clientClosed')
        moved = true
      }
    }
  }
}

/**
 * Everything `of` is told by its neighbours, worked out from the local subscriptions of all
 * brokers.
 */
export function truth(of: FakeBroker, from: Wire, wires: readonly Wire[]): string[] {
  const totals = new Map<string, Got>()
  const teller = from.hub === of ? from.spoke : from.hub
  collect(teller, from, wires, totals, false)
  return [...totals]
    .map(([key, { queue, weight }]) => (queue === undefined ? key : `${key} ${weight}`))
    .sort()
}

function collect(
  at: FakeBroker,
  towards: Wire,
  wires: readonly Wire[],
  totals: Map<string, Got>,
  loopSubjectsOnly: boolean,
): void {
  const add = (subject: string, queue: string | undefined, count: number): void => {
    const key = interestKey(subject, queue)
    const weight = queue === undefined ? 1 : (totals.get(key)?.weight ?? 0) + count
    totals.set(key, { subject, queue, weight })
  }
  if (!loopSubjectsOnly) {
    for (const { subject, queue, count } of at.local.values()) add(subject, queue, count)
  }
  add(`$LDS.${at.server.name}`, undefined, 1)
  for (const wire of wires) {
    if (wire === towards || !wire.isUp || (wire.hub !== at && wire.spoke !== at)) continue
    // A spoke of both is no bridge, except for loop subjects.
    const isBridge = !(towards.sessionOf(at).isSpoke && wire.sessionOf(at).isSpoke)
    const neighbour = wire.hub === at ? wire.spoke : wire.hub
    collect(neighbour, wire, wires, totals, loopSubjectsOnly || !isBridge)
  }
}
