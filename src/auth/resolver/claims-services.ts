import type { Logger } from '../../base/log-line.ts'
import type { AccountClaims } from '../jwt/claims.ts'
import { decodeAccountClaims } from '../jwt/decode.ts'
import { isBlocking, validationErrorsText } from '../jwt/issues.ts'
import { validateClaims } from '../jwt/validate.ts'
import type { ResolverOperator, ResolverServices } from './account-resolver.ts'
import { deleteAccounts } from './claims-delete.ts'
import { ClaimsReplies } from './claims-replies.ts'
import type { JwtStore } from './jwt-store.ts'
import { messageOf } from './resolver-error.ts'
import type { SystemBus, SystemMessage } from './system-bus.ts'
import { systemSubjects } from './system-subjects.ts'

export interface ClaimsServicesOptions {
  readonly kind: 'full' | 'cache'
  readonly store: JwtStore
  readonly bus: SystemBus
  readonly services: ResolverServices
  readonly operator: ResolverOperator
  readonly log: Logger
  readonly nowMs: () => number
}

const WORDS = {
  full: {
    failed: 'jwt update resulted in error',
    invalid: 'jwt validation failed',
    skipped: '',
    done: 'jwt updated',
  },
  cache: {
    failed: 'jwt update cache resulted in error',
    invalid: 'jwt update cache validation failed',
    skipped: 'jwt update cache skipped',
    done: 'jwt updated cache',
  },
} as const

/** In place of the account's name when nothing could be decoded. */
const NO_ACCOUNT = 'n/a'
const KEY_MISMATCH = 'subject does not match jwt content'
const STRICT = 'operator requires issuer to be a signing key'

/** What becomes of an update, before it is stored. */
type Judgement =
  | { readonly kind: 'failed' | 'invalid'; readonly account: string; readonly why: string }
  | { readonly kind: 'skipped'; readonly account: string }
  | { readonly kind: 'store'; readonly account: string }

/**
 * What administrators (nsc above all) and other servers ask a resolver with a directory, over the
 * system account: change, list, delete and look up accounts.
 */
export class ClaimsServices {
  readonly #options: ClaimsServicesOptions
  readonly #replies: ClaimsReplies
  readonly #unsubscribes: (() => void)[] = []

  constructor(options: ClaimsServicesOptions) {
    this.#options = options
    const { bus, services, log, kind } = options
    this.#replies = new ClaimsReplies({ bus, log, serverInfo: services.serverInfo })
    for (const subject of systemSubjects.accountUpdates) {
      this.#serve(subject, (message) => this.#onAccountUpdate(message))
    }
    this.#serve(systemSubjects.update, (message) => this.#onUpdate(message))
    this.#serve(systemSubjects.list, (message) => this.#onList(message))
    this.#serve(systemSubjects.delete, (message) => this.#onDelete(message))
    if (kind === 'full') this.#serve(systemSubjects.lookups, (message) => this.#onLookup(message))
  }

  close(): void {
    for (const unsubscribe of this.#unsubscribes.splice(0)) unsubscribe()
  }

  #serve(subject: string, answer: (message: SystemMessage) => Promise<void>): void {
    const { bus, log } = this.#options
    const handler = (message: SystemMessage): void => {
      answer(message).catch((error: unknown) => {
        // Who asked runs into its time-out, as with nats-server.
        log.error(`DirResolver - ${messageOf(error)}`)
      })
    }
    this.#unsubscribes.push(bus.subscribe(subject, undefined, handler))
  }

  async #onAccountUpdate(message: SystemMessage): Promise<void> {
    const publicKey = systemSubjects.updatedAccount(message.subject)
    const jwt = textOf(message)
    await this.#apply(message, jwt, this.#judge(jwt, publicKey))
  }

  async #onUpdate(message: SystemMessage): Promise<void> {
    const jwt = textOf(message)
    await this.#apply(message, jwt, this.#judge(jwt, undefined))
  }

  /**
   * nats-server makes the same checks everywhere, in different orders, and the first that fails is
   * the one that is told.
   *
   * @param named the account in the subject of the request, if it is there
   */
  #judge(jwt: string, named: string | undefined): Judgement {
    const { kind, services } = this.#options
    const result = decodeAccountClaims(jwt)
    if (!result.ok) {
      const account = kind === 'cache' && named !== undefined ? named : NO_ACCOUNT
      return { kind: 'failed', account, why: result.why }
    }
    const { claims } = result
    const account = named ?? claims.subject
    const invalid = (): Judgement | undefined => {
      const issues = validateClaims(claims, this.#options.nowMs())
      if (!isBlocking(issues, { withTimes: false })) return undefined
      return { kind: 'invalid', account: claims.subject, why: validationErrorsText(issues) }
    }
    const misfit = this.#misfit(claims, named)
    const failed: Judgement | undefined =
      misfit === undefined ? undefined : { kind: 'failed', account, why: misfit }
    if (kind === 'full') {
      const refusal = named === undefined ? (failed ?? invalid()) : (invalid() ?? failed)
      return refusal ?? { kind: 'store', account }
    }
    if (failed !== undefined) return failed
    if (!services.isLoaded(account)) return { kind: 'skipped', account }
    return invalid() ?? { kind: 'store', account }
  }

  #misfit(claims: AccountClaims, named: string | undefined): string | undefined {
    const { operator } = this.#options
    if (named !== undefined && claims.subject !== named) return KEY_MISMATCH
    return operator.isStrict && claims.issuer === operator.publicKey ? STRICT : undefined
  }

  async #apply({ reply }: SystemMessage, jwt: string, judgement: Judgement): Promise<void> {
    const words = WORDS[this.#options.kind]
    const { account } = judgement
    switch (judgement.kind) {
      case 'failed':
      case 'invalid':
        this.#replies.fail(reply, account, words[judgement.kind], judgement.why)
        return
      case 'skipped':
        this.#replies.succeed(reply, account, words.skipped)
        return
      case 'store':
        try {
          await this.#options.store.save(account, jwt)
        } catch (error) {
          this.#replies.fail(reply, account, words.failed, messageOf(error))
          return
        }
        this.#replies.succeed(reply, account, words.done)
    }
  }

  async #onList({ reply }: SystemMessage): Promise<void> {
    if (reply === '') return
    const { store, log } = this.#options
    const accounts = await store.list()
    log.debug(`list request responded with ${accounts.length} account ids`)
    this.#replies.list(reply, accounts)
  }

  async #onDelete(message: SystemMessage): Promise<void> {
    const { store, operator, services } = this.#options
    const outcome = await deleteAccounts(textOf(message), {
      store,
      operatorKeys: operator.keys,
      systemAccount: services.systemAccount,
      onDeleted: services.onDeleted,
    })
    if (outcome.why === undefined) this.#replies.succeed(message.reply, '', outcome.message)
    else this.#replies.fail(message.reply, '', outcome.message, outcome.why)
  }

  async #onLookup({ subject, reply }: SystemMessage): Promise<void> {
    if (reply === '') return
    const { store, log } = this.#options
    const publicKey = systemSubjects.lookedUpAccount(subject)
    try {
      const jwt = await store.load(publicKey)
      if (jwt === undefined) log.debug(`DirResolver - Could not find account "${publicKey}"`)
      this.#replies.text(reply, jwt ?? '')
    } catch (error) {
      log.error(`DirResolver - Error looking up account "${publicKey}": ${messageOf(error)}`)
    }
  }
}

function textOf({ payload }: SystemMessage): string {
  return Buffer.from(payload).toString('latin1')
}
