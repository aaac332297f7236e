import type { AccountKind } from './account-kinds.ts'

/** The shape of the option tables, see option-table.ts. */

/** How the value is written in a file; option-readers.ts has one reader for each. */
export type OptionKind =
  | 'boolean'
  | 'integer'
  | 'int32'
  | 'text'
  | 'choice'
  | 'duration'
  | 'spelt duration'
  | 'listen'
  | 'server name'
  | 'connection limit'
  | 'token limit'
  | 'trace switch'
  | 'http listen'
  | 'https listen'
  | 'feature flags'
  | 'tags'
  | 'metadata'
  | 'store dir'
  | 'lame duck duration'
  | 'lame duck grace period'
  | 'auth timeout'
  | 'leaf auth timeout'
  | 'websocket auth timeout'
  | 'handshake timeout'
  | 'compression'
  | 'leaf version'
  | 'path'
  | 'user nkey'
  | 'seed'
  | 'subjects'
  | 'migrate'
  | 'proxy timeout'
  | 'origins'
  | 'headers'
  | 'urls'
  | 'system account'
  | 'operators'
  | 'trusted keys'
  | 'resolver'
  | 'preload'
  | 'pinned accounts'
  | 'sentinel'
  | 'proxy key'
  | AccountKind
  | BlockKind

/** Maps of their own table, and arrays of such. */
export type BlockKind =
  | 'authorization'
  | 'leafnodes'
  | 'leaf authorization'
  | 'leaf users'
  | 'remotes'
  | 'proxy'
  | 'tls'
  | 'resolver tls'
  | 'proxies'
  | 'trusted proxies'
  | 'websocket'
  | 'websocket authorization'

/** Values inside a `tls` block; tls-reader.ts has one reader for each. */
export type TlsKind =
  | 'tls file'
  | 'tls boolean'
  | 'verify and map'
  | 'ciphers'
  | 'insecure ciphers'
  | 'curves'
  | 'tls timeout'
  | 'rate limit'
  | 'pinned certs'
  | 'tls version'
  | 'handshake first'
  | 'certificates'

export type OptionUnit = 'bytes' | 'ms' | 'count' | 'none'

/** One row of the table for an object of type T; `option` is the property it fills. */
export type OptionEntry<T, Kind = OptionKind> = {
  [K in keyof T & string]: {
    /** As written in the file, lower case; any case is read. */
    readonly key: string
    readonly aliases?: readonly string[]
    readonly option: K
    /** Where objects have another name for it than files; '' = they do not have it. */
    readonly objectKey?: string
    readonly kind: Kind
    readonly unit?: OptionUnit
    /** For numbers other than 0, 0 in a file stands for this default too. */
    readonly default: T[K]
    /** What the broker can work with, both ends included, besides a 0 for the default. */
    readonly range?: readonly [min: number, max: number]
    /** Of the text, or of each text in an array. */
    readonly values?: readonly string[]
    /** A reload of the file may change it. */
    readonly reloadable: boolean
    /** Must not appear in messages. */
    readonly isSecret?: boolean
    /** Unknown to nats-server. */
    readonly isOwn?: boolean
    /** Another way to set what a later row is for: `listen` beside `host`. */
    readonly isSecondary?: boolean
    readonly doc: string
  }
}[keyof T & string]

export const PORT_RANGE = [-1, 65_535] as const
export const POSITIVE = [1, Number.MAX_SAFE_INTEGER] as const
export const NOT_NEGATIVE = [0, Number.MAX_SAFE_INTEGER] as const

/** A fresh object with every option of the table at its default. */
export function defaultsOf<T, Kind = OptionKind>(table: readonly OptionEntry<T, Kind>[]): T {
  return Object.fromEntries(
    table.map((entry) => [entry.option, structuredClone(entry.default)]),
  ) as T
}
