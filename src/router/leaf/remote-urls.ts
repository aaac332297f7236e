/** Where one remote can be reached, and as whom. */
export type RemoteAddress = {
  readonly scheme: string
  readonly host: string
  readonly port: number
  /** Of a WebSocket address; '' = none. */
  readonly path?: string | undefined
  readonly user?: string | undefined
  readonly pass?: string | undefined
  /** User information without a password. */
  readonly token?: string | undefined
}

export type AddressCredentials = {
  readonly user: string
  readonly pass: string
  readonly authToken: string
}

/** What peers can make us remember: addresses of one INFO line, and characters of one. */
const DISCOVERED_MAX = 256
const HOST_CHARS_MAX = 255
const HOST_PORT = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/
const PORT_MAX = 65_535

export function addressText({ host, port }: RemoteAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

function parseHostPort(text: string, scheme: string): RemoteAddress | undefined {
  const [, bracketed, plain, digits] = HOST_PORT.exec(text.trim()) ?? []
  const host = bracketed ?? plain
  const port = Number(digits)
  if (host === undefined || host.length > HOST_CHARS_MAX || !(port >= 1 && port <= PORT_MAX)) {
    return undefined
  }
  return { scheme, host, port }
}

/** A new list in random order. @param random in [0, 1) */
function shuffled<T>(list: readonly T[], random: () => number): T[] {
  const result = [...list]
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    const swapped = result[i]!
    result[i] = result[j]!
    result[j] = swapped
  }
  return result
}

/** The addresses of one remote, in the order in which they are to be tried. Never empty. */
export class RemoteUrls {
  readonly #configured: readonly RemoteAddress[]
  #urls: RemoteAddress[]
  #discovered: readonly RemoteAddress[] = []
  #current: RemoteAddress | undefined

  /** @param random shuffles once; undefined keeps the order of the configuration */
  constructor(configured: readonly RemoteAddress[], random: (() => number) | undefined) {
    if (configured.length === 0) throw new RangeError('a remote needs at least one url')
    this.#configured = random === undefined ? [...configured] : shuffled(configured, random)
    this.#urls = [...this.#configured]
  }

  get list(): readonly RemoteAddress[] {
    return this.#urls
  }

  /** The next address to try: the same one again only if there is no other. */
  next(): RemoteAddress {
    if (this.#urls.length > 1 && isSamePlace(this.#urls[0], this.#current)) {
      this.#urls.push(this.#urls.shift()!)
    }
    this.#current = this.#urls[0]!
    return this.#current
  }

  /**
   * Puts the addresses a peer knows of before the configured ones; they replace those of earlier
   * calls. Addresses known already change nothing: or else of several servers that let nobody stay,
   * each tells its own, the turn would never come to the others.
   *
   * @param hostPorts `host:port`; what is no such thing is passed over
   */
  discover(hostPorts: readonly string[]): void {
    const known = new Set(this.#configured.map(addressText))
    const discovered: RemoteAddress[] = []
    const { scheme } = this.#configured[0]!
    for (const text of hostPorts) {
      if (discovered.length === DISCOVERED_MAX) break
      const address = parseHostPort(text, scheme)
      if (address === undefined || known.has(addressText(address))) continue
      known.add(addressText(address))
      discovered.push(address)
    }
    const isKnown =
      discovered.length === this.#discovered.length &&
      discovered.every((address, at) => isSamePlace(address, this.#discovered[at]))
    if (isKnown) return
    this.#discovered = discovered
    this.#urls = [...discovered, ...this.#configured]
  }

  /**
   * Credentials for an address: its own, else (discovered ones have none) the first configured
   * ones.
   */
  credentials(address: RemoteAddress): AddressCredentials {
    const source = hasCredentials(address) ? address : this.#configured.find(hasCredentials)
    const { user, pass, token } = source ?? {}
    if (token !== undefined) return { user: token, pass: '', authToken: token }
    if (!pass) return { user: user ?? '', pass: '', authToken: user ?? '' }
    return { user: user ?? '', pass, authToken: '' }
  }
}

function isSamePlace(a: RemoteAddress | undefined, b: RemoteAddress | undefined): boolean {
  return a !== undefined && b !== undefined && addressText(a) === addressText(b)
}

function hasCredentials({ user, token }: RemoteAddress): boolean {
  return user !== undefined || token !== undefined
}
