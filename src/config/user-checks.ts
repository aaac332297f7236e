import { goQuote } from '../protocol/go-quote.ts'
import { permissionsFault } from './permission-checks.ts'
import type { UserLists } from './user-readers.ts'

/** What is checked of users, whoever named them. */

/** Names and keys in use; nobody may have one twice, whatever the accounts. */
export class UserNames {
  readonly #names = new Set<string>()

  constructor(known: UserLists) {
    this.add(known)
  }

  /** Returns what is wrong with the additions, one text each. */
  add({ users, nkeys }: UserLists): readonly string[] {
    return [
      ...nkeys.flatMap(({ nkey }) => this.#addOne('nkey', nkey)),
      ...users.flatMap(({ user }) => this.#addOne('user', user)),
    ]
  }

  #addOne(what: 'nkey' | 'user', name: string): readonly string[] {
    if (this.#names.has(name)) return [`Duplicate ${what} ${goQuote(name)} detected`]
    this.#names.add(name)
    return []
  }
}

/** What nats-server looks at once more when the server is constructed. */
export function userPermissionsFault({ users, nkeys }: UserLists): string | undefined {
  const named = [
    ...users.map(({ user, permissions }) => [`user ${goQuote(user)}`, permissions] as const),
    ...nkeys.map(({ nkey, permissions }) => [`nkey ${goQuote(nkey)}`, permissions] as const),
  ]
  for (const [who, permissions] of named) {
    const fault = permissionsFault(permissions)
    if (fault !== undefined) return `invalid permissions for ${who}: ${fault}`
  }
  return undefined
}
