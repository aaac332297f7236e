/** Which work new settings mean besides being in force; everything else takes effect alone. */
export interface ReloadChanges {
  /** Logging of protocol or debug lines: connections decide anew what they log. */
  readonly isLogChanged: boolean
  /**
   * Users, accounts, permissions, mappings or operator differ: connections that may still be here
   * get their new rights, the others are closed. In operator mode true with every reload: account
   * JWTs are not in the options.
   */
  readonly isAuthChanged: boolean
  /**
   * `pinned_certs` of the client listener differ: its clients with another certificate are closed.
   * Those of other listeners cannot change.
   */
  readonly isPinnedCertsChanged: boolean
  /** Trusted keys that are gone: connections which came by such a proxy are closed. */
  readonly removedProxies: readonly string[]
  /** What INFO says to clients differs (`client_advertise`, `max_payload`, TLS, authorization). */
  readonly isInfoChanged: boolean
  readonly leaf: LeafChanges
}

export interface LeafChanges {
  /** Of links that were accepted. */
  readonly isCompressionChanged: boolean
  /** Remotes that stay, the unchanged ones included, in the order of the old options. */
  readonly kept: readonly KeptRemote[]
  /** Indices into `leafnodes.remotes` of the old options: their links are closed for good. */
  readonly removed: readonly number[]
  /** Indices into `leafnodes.remotes` of the new options: they are dialled. */
  readonly added: readonly number[]
}

export interface KeptRemote {
  /** Into `leafnodes.remotes` of the old options, and of the new. */
  readonly oldIndex: number
  readonly newIndex: number
  /** Enabled before and disabled now, or the other way round. */
  readonly isDisabledChanged: boolean
  readonly isCompressionChanged: boolean
  /** Used when the link is dialled next. */
  readonly isTlsChanged: boolean
}
