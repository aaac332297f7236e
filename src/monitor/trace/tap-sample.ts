/** One message as a tap shows it: where it came from and where it went, never what is in it. */
export interface TapSample {
  /** RFC 3339, nanoseconds. */
  readonly time: string
  readonly account: string
  readonly subject: string
  /** What the account's mappings made of the subject. */
  readonly mapped?: string | undefined
  readonly reply?: string | undefined
  /** Bytes of header block and payload. */
  readonly size: number
  readonly from: TapParty
  /** Subscriptions and leaf links that it matched, the first TAP_TARGETS_MAX of them. */
  readonly to: readonly TapTarget[]
  /** How many more there are. */
  readonly more?: number | undefined
  /** Why nobody at all got it. */
  readonly dropped?: TapDrop | undefined
}

export interface TapParty {
  /** `server`: the broker itself. */
  readonly kind: 'client' | 'leaf' | 'server'
  readonly cid: number
  readonly name?: string | undefined
  readonly user?: string | undefined
  /** Number of the thread that has it. */
  readonly thread: number
}

export interface TapTarget extends Omit<TapParty, 'kind' | 'cid' | 'thread'> {
  /** `import`: a service of another account, which the message is forwarded to. */
  readonly kind: TapParty['kind'] | 'import'
  readonly cid?: number | undefined
  readonly thread?: number | undefined
  /** If it is not the publisher's. */
  readonly account?: string | undefined
  /** Of the subscription. */
  readonly subject?: string | undefined
  readonly queue?: string | undefined
  readonly sid?: string | undefined
  /** The subject it sees, if that is another one. */
  readonly as?: string | undefined
  /** Why it did not get the message. */
  readonly dropped?: TapDrop | undefined
}

export type TapDrop =
  | 'no interest'
  | 'permission'
  | 'payload too large'
  | 'no echo'
  | 'slow consumer'
  | 'subscription has ended'

/** Targets of one message that are listed. Chosen. */
export const TAP_TARGETS_MAX = 100

/** Samples of one tap on each thread, a second. */
export const TAP_RATE_DEFAULT = 10
/** Chosen: more is not read by anybody, and each costs some microseconds. */
export const TAP_RATE_MAX = 1000
/** Taps at a time. Chosen. */
export const TAPS_MAX = 16

/** What one tap shows, as threads are told. Plain data. */
export interface TapSpec {
  readonly id: number
  /** Pattern, latin1. */
  readonly subject: string
  /** Number of the account; undefined = all. */
  readonly account: number | undefined
  /** Samples a second on each thread, at most. */
  readonly rate: number
}
