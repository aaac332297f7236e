import { join } from 'node:path'
import { systemErrorReason } from '../../base/errors.ts'
import { goQuote } from '../../protocol/go-quote.ts'
import { decodePublicNkey } from '../../protocol/nkey-encoding.ts'
import { type JwtFacts, jwtFacts } from './jwt-facts.ts'
import { JwtIndex } from './jwt-index.ts'
import { messageOf, ResolverError } from './resolver-error.ts'
import { STORED_BYTES_MAX, type StoreFiles } from './store-files.ts'

const SUFFIX = '.jwt'
/** What a deleted JWT is called, so that it can be brought back by hand. */
const DELETED_SUFFIX = '.deleted'
/** What a crash between writing and renaming leaves behind. */
const LEFT_OVER = /^\.A[A-Z2-7]{55}\.new$/
/** Files under way at once; chosen: enough to keep Node's four file threads busy. */
const READS_MAX = 32
/** Bad files named in the log at each look through the directory. */
const TROUBLES_MAX = 10
const CHECK_MS_MAX = 60_000 // nats-server dirstore.go, NewExpiringDirJWTStore

export interface JwtStoreOptions {
  /** Made when it is not there. Only one server may use it at a time. */
  readonly directory: string
  /** JWTs at most; 0: no limit. */
  readonly limit: number
  /** At the limit the one not used for longest goes; else a new one is refused. */
  readonly evicts: boolean
  /** 0: a JWT goes when it expires; else this long after its last use, whatever it says. */
  readonly ttlMs: number
  readonly deletion: 'none' | 'rename' | 'remove'
  readonly files: StoreFiles
  readonly nowMs: () => number
  /** @returns what calls it off */
  readonly after: (ms: number, run: () => void) => () => void
  /** Whether a JWT from another server is genuine: a refusal, or undefined. */
  readonly refusal: (jwt: string) => string | undefined
  /** A JWT was stored that differs from the one before. */
  readonly onChanged: (publicKey: string, jwt: string) => void
  /** A file that could not be used, the others can; one line for the log. */
  readonly onTrouble: (text: string) => void
}

/**
 * Account JWTs in a directory, a file `<public key>.jwt` each: the format of nats-server's
 * resolvers, so that a directory can change hands.
 *
 * Nothing but names is read before open() ends; the contents are looked through beside other work,
 * and what needs them (hash, list, pack and every change) waits for that. load() does not.
 * Changes are made one after the other. A JWT is written beside its place and then renamed, so
 * that a crash leaves the old or the new one.
 */
export class JwtStore {
  readonly #options: JwtStoreOptions
  #index: JwtIndex
  /** Ends with the first look through the directory. */
  readonly #scanned: Promise<void>
  /** The last change under way; never rejects. */
  #tail: Promise<unknown>
  #cancelCheck: () => void = () => {}
  #isClosed = false

  /** @throws ResolverError when the directory can neither be read nor made */
  static async open(options: JwtStoreOptions): Promise<JwtStore> {
    const { directory, files } = options
    const makeIt = (): Promise<void> => files.makeDirectory(directory)
    await makeIt().catch((error: unknown) => Promise.reject(failure('mkdir', directory, error)))
    const names = await files
      .list(directory)
      .catch((error: unknown) => Promise.reject(failure('open', directory, error)))
    return new JwtStore(options, names)
  }

  private constructor(options: JwtStoreOptions, names: readonly string[]) {
    this.#options = options
    this.#index = this.#newIndex()
    this.#scanned = this.#scan(names, this.#index)
    this.#tail = this.#scanned
    void this.#scanned.then(() => this.#check())
  }

  /** Of JWTs that were found or stored; right once `scanned` is. */
  get count(): number {
    return this.#index.count
  }

  get isDeletable(): boolean {
    return this.#options.deletion !== 'none'
  }

  /** Resolves when the directory has been looked through. */
  get scanned(): Promise<void> {
    return this.#scanned
  }

  /**
   * @returns undefined when it is not there, or (with a word in the log) is no JWT of that account
   * @throws ResolverError for a key that is none, and for a file that cannot be read
   */
  async load(publicKey: string): Promise<string | undefined> {
    const path = this.#pathOf(publicKey)
    const jwt = await this.#read(path)
    if (jwt !== undefined && jwtFacts(publicKey, jwt) !== undefined) {
      this.#index.touch(publicKey)
      return jwt
    }
    if (jwt !== undefined) this.#trouble(`${path} holds no JWT of its account`)
    // Gone or broken behind our back; without its hash the other servers send it again.
    this.#index.remove(publicKey)
    return undefined
  }

  /**
   * Stores what an administrator sent, on the disk when this ends. Older or newer, it replaces what
   * was there.
   *
   * @returns false when it was there already
   * @throws ResolverError with the name of the file and the reason
   */
  save(publicKey: string, jwt: string): Promise<boolean> {
    return this.#exclusive(() => this.#put(publicKey, jwt, factsOf(publicKey, jwt), true))
  }

  /**
   * Stores what another server sent, unless a newer one is there. Of two that were issued in the
   * same second the one with the greater hash stays, so that all servers end with the same.
   *
   * @returns whether it was stored
   * @throws ResolverError for a forged one too
   */
  saveIfNewer(publicKey: string, jwt: string): Promise<boolean> {
    return this.#exclusive(async () => {
      this.#pathOf(publicKey)
      const facts = factsOf(publicKey, jwt)
      const old = this.#index.get(publicKey)
      if (old?.digest === facts.digest) return false
      const refusal = this.#options.refusal(jwt)
      if (refusal !== undefined) throw new ResolverError(refusal)
      if (old !== undefined && !isNewer(facts, old) && (await this.#isGenuine(publicKey))) {
        return false
      }
      return this.#put(publicKey, jwt, facts, false)
    })
  }

  /**
   * Lines `<public key>|<jwt>` from another server, each as in saveIfNewer. A bad line does not
   * keep the others out.
   *
   * @throws ResolverError with the reason of the first bad line
   */
  async merge(pack: string): Promise<void> {
    let first: unknown
    for (const line of pack.split('\n')) {
      if (line === '') continue
      try {
        await this.#mergeLine(line)
      } catch (error) {
        first ??= error
      }
    }
    if (first !== undefined) throw first
  }

  /**
   * Not being there is no error.
   *
   * @returns whether it was there
   * @throws ResolverError with the name of the file and the reason
   */
  delete(publicKey: string): Promise<boolean> {
    const { deletion, files } = this.#options
    if (deletion === 'none') {
      return Promise.reject(new ResolverError('store is not set up to for delete'))
    }
    return this.#exclusive(async () => {
      const path = this.#pathOf(publicKey)
      try {
        if (deletion === 'rename') await files.rename(path, path + DELETED_SUFFIX)
        else await files.remove(path)
      } catch (error) {
        if (!isMissing(error)) {
          const names = deletion === 'rename' ? `${path} ${path}${DELETED_SUFFIX}` : path
          throw failure(deletion, names, error)
        }
        this.#index.remove(publicKey)
        return false
      }
      this.#index.remove(publicKey)
      await files.syncDirectory(this.#options.directory)
      return true
    })
  }

  /** Public keys of the JWTs that are there and have not expired, sorted. */
  async list(): Promise<string[]> {
    await this.#scanned
    const names = await this.#names()
    const keys = names.filter((name) => name.endsWith(SUFFIX)).map(keyOf)
    return keys.filter((key) => this.#index.has(key) && !this.#index.isExpired(key)).sort()
  }

  /** Every JWT of list() as `<public key>|<jwt>`; one that cannot be read is left out. */
  async pack(each: (line: string) => void): Promise<void> {
    const keys = await this.list()
    await inOrder(
      keys,
      (key) => this.#readQuietly(this.#pathOf(key)),
      (key, jwt) => {
        if (jwt !== undefined && jwtFacts(key, jwt) !== undefined) each(`${key}|${jwt}`)
      },
    )
  }

  /** 32 bytes: all sha256 of single JWTs, XORed. Two servers with the same hash hold the same. */
  async hash(): Promise<Uint8Array> {
    await this.#scanned
    return this.#index.digest
  }

  /** Looks through the directory once more and tells of JWTs that were changed from outside. */
  reload(): Promise<void> {
    return this.#exclusive(async () => {
      const old = this.#index
      const index = this.#newIndex()
      await this.#scan(await this.#names(), index, (key, facts, jwt) => {
        const before = old.get(key)
        // An account that a cache had dropped may be in use none the less.
        const isOther = before === undefined ? this.#options.evicts : true
        if (isOther && before?.digest !== facts.digest) this.#options.onChanged(key, jwt)
      })
      this.#index = index
    })
  }

  /** Resolves when no change is under way any more. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#cancelCheck()
    await this.#tail
  }

  #newIndex(): JwtIndex {
    const { ttlMs, evicts, nowMs } = this.#options
    return new JwtIndex(ttlMs, evicts, nowMs)
  }

  #exclusive<T>(change: () => Promise<T>): Promise<T> {
    const run = this.#tail.then(change)
    this.#tail = run.catch(() => {})
    return run
  }

  #pathOf(publicKey: string): string {
    if (decodePublicNkey(publicKey)?.kind !== 'account') {
      throw new ResolverError('invalid public key')
    }
    return join(this.#options.directory, publicKey + SUFFIX)
  }

  #names(): Promise<readonly string[]> {
    const { directory, files } = this.#options
    return files.list(directory).catch((error: unknown) => {
      throw failure('open', directory, error)
    })
  }

  async #read(path: string): Promise<string | undefined> {
    try {
      return await this.#options.files.read(path, STORED_BYTES_MAX)
    } catch (error) {
      if (isMissing(error)) return undefined
      throw failure('open', path, error)
    }
  }

  #readQuietly(path: string, onTrouble = this.#trouble): Promise<string | undefined> {
    return this.#read(path).catch((error: unknown) => {
      onTrouble(messageOf(error))
      return undefined
    })
  }

  readonly #trouble = (text: string): void => {
    this.#options.onTrouble(`JWT store: ${text}`)
  }

  async #scan(
    names: readonly string[],
    index: JwtIndex,
    onFound: (key: string, facts: JwtFacts, jwt: string) => void = () => {},
  ): Promise<void> {
    let troubles = 0
    const onTrouble = (text: string): void => {
      troubles++
      if (troubles <= TROUBLES_MAX) this.#trouble(text)
    }
    const keys = names.filter((name) => name.endsWith(SUFFIX)).map(keyOf)
    const pathOf = (key: string): string => join(this.#options.directory, key + SUFFIX)
    const accounts = keys.sort().filter((key) => {
      const isAccount = decodePublicNkey(key)?.kind === 'account'
      if (!isAccount) onTrouble(`${pathOf(key)} is not named after an account`)
      return isAccount
    })
    await inOrder(
      accounts,
      (key) => this.#readQuietly(pathOf(key), onTrouble),
      (key, jwt) => {
        if (jwt === undefined) return
        const facts = jwtFacts(key, jwt)
        if (facts === undefined) {
          onTrouble(`${pathOf(key)} holds no JWT of its account`)
          return
        }
        index.put(key, facts)
        onFound(key, facts, jwt)
      },
    )
    if (troubles > TROUBLES_MAX)
      this.#trouble(`and ${troubles - TROUBLES_MAX} more files like that`)
    for (const name of names) {
      if (!LEFT_OVER.test(name)) continue
      await this.#removeQuietly(join(this.#options.directory, name))
    }
  }

  /** Assumes that no other change is under way. */
  async #put(key: string, jwt: string, facts: JwtFacts, isDurable: boolean): Promise<boolean> {
    const path = this.#pathOf(key)
    const old = this.#index.get(key)
    if (old?.digest === facts.digest && (await this.#readQuietly(path)) === jwt) {
      this.#index.touch(key)
      return false
    }
    if (old === undefined) await this.#makeRoom()
    await this.#write(path, key, jwt, isDurable)
    this.#index.put(key, facts)
    this.#options.onChanged(key, jwt)
    return true
  }

  async #makeRoom(): Promise<void> {
    const { limit, evicts, files } = this.#options
    while (limit > 0 && this.#index.count >= limit) {
      const oldest = this.#index.oldest
      if (!evicts || oldest === undefined) throw new ResolverError('jwt store is full')
      const path = this.#pathOf(oldest)
      await files.remove(path).catch((error: unknown) => {
        if (!isMissing(error)) throw failure('remove', path, error)
      })
      this.#index.remove(oldest)
    }
  }

  async #write(path: string, key: string, jwt: string, isDurable: boolean): Promise<void> {
    const { directory, files } = this.#options
    const newPath = join(directory, `.${key}.new`)
    try {
      await files.write(newPath, jwt, isDurable).catch(async (error: unknown) => {
        // Somebody has removed the directory.
        if (!isMissing(error)) throw error
        await files.makeDirectory(directory)
        await files.write(newPath, jwt, isDurable)
      })
      await files.rename(newPath, path)
    } catch (error) {
      await this.#removeQuietly(newPath)
      throw failure('write', path, error)
    }
    if (isDurable) await files.syncDirectory(directory)
  }

  async #removeQuietly(path: string): Promise<void> {
    // What stays behind is removed at the next start, and disturbs nobody until then.
    await this.#options.files.remove(path).catch(() => {})
  }

  async #mergeLine(line: string): Promise<void> {
    const parts = line.split('|')
    const [key, jwt] = parts
    if (parts.length !== 2 || key === undefined || jwt === undefined) {
      throw new ResolverError(`line in package didn't contain 2 entries: ${quoteStart(line)}`)
    }
    if (decodePublicNkey(key)?.kind !== 'account') {
      throw new ResolverError('key to merge is not a valid public account key')
    }
    await this.saveIfNewer(key, jwt)
  }

  /** A file with a forged date must not keep the genuine JWT out. */
  async #isGenuine(publicKey: string): Promise<boolean> {
    const stored = await this.#readQuietly(this.#pathOf(publicKey))
    return stored !== undefined && this.#options.refusal(stored) === undefined
  }

  async #check(): Promise<void> {
    if (this.#isClosed) return
    await this.#exclusive(() => this.#dropDue())
    if (this.#isClosed) return
    const { ttlMs, after } = this.#options
    const checkMs = ttlMs > 0 ? Math.min(Math.max(1, ttlMs / 2), CHECK_MS_MAX) : CHECK_MS_MAX
    this.#cancelCheck = after(checkMs, () => void this.#check())
  }

  async #dropDue(): Promise<void> {
    for (const key of this.#index.due()) {
      const path = this.#pathOf(key)
      try {
        await this.#options.files.remove(path)
      } catch (error) {
        if (!isMissing(error)) {
          this.#trouble(failure('remove', path, error).message)
          continue
        }
      }
      this.#index.remove(key)
    }
  }
}

function keyOf(name: string): string {
  return name.slice(0, -SUFFIX.length)
}

function factsOf(publicKey: string, jwt: string): JwtFacts {
  const facts = jwtFacts(publicKey, jwt)
  if (facts === undefined) {
    throw new ResolverError('jwt subject nkey and provided nkey do not match')
  }
  return facts
}

function isNewer(facts: JwtFacts, old: JwtFacts): boolean {
  if (facts.issuedAt !== old.issuedAt) return facts.issuedAt > old.issuedAt
  return facts.digest > old.digest
}

function isMissing(error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === 'ENOENT'
}

/** As Go words it, with the call that failed where Node tells it: `write /d/A.jwt: no space …`. */
function failure(operation: string, path: string, error: unknown): ResolverError {
  return new ResolverError(`${operation} ${path}: ${systemErrorReason(error)}`, error)
}

/** Enough of a line to find its sender, not a whole token. */
function quoteStart(line: string): string {
  const START_CHARS = 64
  return goQuote(line.length > START_CHARS ? `${line.slice(0, START_CHARS)}…` : line)
}

/** Reads some files at a time and hands them on in the order of `keys`. */
async function inOrder<T>(
  keys: readonly string[],
  read: (key: string) => Promise<T>,
  take: (key: string, value: T) => void,
): Promise<void> {
  for (let at = 0; at < keys.length; at += READS_MAX) {
    const some = keys.slice(at, at + READS_MAX)
    const values = await Promise.all(some.map(read))
    for (const [i, value] of values.entries()) take(some[i]!, value)
  }
}
