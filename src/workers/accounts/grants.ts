import { readSubjectRule, wireText } from '../../auth/subject-rules.ts'
import type { PermissionOptions } from '../../config/account-types.ts'
import type { Deadlines } from '../../io/deadlines.ts'
import type { Kernel } from '../../kernel/kernel.ts'
import type { SubjectPermission } from '../../protocol/go-json-decode.ts'
import { storePermissions } from '../leaf/leaf-link-permissions.ts'
import { RETIRE_MS } from './account-blocks.ts'

/** Below are the numbers of accounts: clients of one account that may publish everything. */
const FIRST_RESTRICTED_KEY = 0x1_0000
/** Above are the keys of leaf links. */
const RESTRICTED_KEYS = 0x0fff_0000

/** Permissions as connections share them: stored once, however many have the same. */
export interface SharedPermissions {
  /** See CONNECTION_PLAN_KEY, CONNECTION_INCOMING and CONNECTION_OUTGOING. */
  readonly planKey: number
  readonly incoming: number
  readonly outgoing: number
}

interface Shared extends SharedPermissions {
  readonly key: string
  users: number
}

/** Permissions of clients in the sublist's memory, by account and content. */
export class PermissionStore {
  readonly #kernel: Kernel
  readonly #deadlines: Deadlines
  readonly #shared = new Map<string, Shared>()
  #lastKey = 0

  constructor(kernel: Kernel, deadlines: Deadlines) {
    this.#kernel = kernel
    this.#deadlines = deadlines
  }

  /**
   * @param account number of the account
   * @returns undefined without memory
   */
  take(account: number, permissions: PermissionOptions | undefined): SharedPermissions | undefined {
    const { publish, subscribe } = permissions ?? {}
    const deny = subscribe?.deny
    const key = JSON.stringify([account, publish, deny])
    const known = this.#shared.get(key)
    if (known !== undefined) {
      known.users++
      return known
    }
    const made = this.#make(account, publish, deny)
    if (made !== undefined) this.#shared.set(key, { ...made, key, users: 1 })
    return made && this.#shared.get(key)
  }

  #make(
    account: number,
    publish: SubjectPermission | undefined,
    deny: readonly string[] | undefined,
  ): SharedPermissions | undefined {
    const incoming =
      publish === undefined ? 0 : storePermissions(this.#kernel, publishRules(publish))
    if (incoming === undefined) return undefined
    const outgoing =
      deny === undefined ? 0 : storePermissions(this.#kernel, { deny: deny.map(wireText) })
    if (outgoing === undefined) {
      this.#free(incoming)
      return undefined
    }
    return { planKey: incoming === 0 ? account : this.#nextKey(), incoming, outgoing }
  }

  #nextKey(): number {
    this.#lastKey = (this.#lastKey + 1) % RESTRICTED_KEYS
    return FIRST_RESTRICTED_KEY + this.#lastKey
  }

  give(permissions: SharedPermissions): void {
    const shared = permissions as Shared
    if (--shared.users > 0) return
    this.#shared.delete(shared.key)
    this.#free(shared.incoming)
    this.#free(shared.outgoing)
  }

  /** Its last connection may not have heard of it yet, nor its entries have left the sublist. */
  #free(block: number): void {
    if (block === 0) return
    this.#deadlines.after(RETIRE_MS, () => this.#kernel.exports.retireBlock(block))
  }
}

/** As subjects are compared: bytes. A queue group means nothing here; what it is of is denied. */
function publishRules({ allow, deny = [] }: SubjectPermission): SubjectPermission {
  return {
    allow: allow?.map(wireText),
    deny: deny.flatMap((entry) => readSubjectRule(entry)?.subject ?? []),
  }
}
