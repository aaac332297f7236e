import type { ConnectionType } from '../config/account-types.ts'
import { goQuote } from '../protocol/go-quote.ts'
import { distinguishedNameOf, hasSameParts, isSameName } from './distinguished-name.ts'
import type { TlsFacts } from './login.ts'
import { isTypeAllowed, type KnownUser, type UserTable } from './user-table.ts'

/** Whom a certificate stands for, and what there is to be logged about it at level debug. */
export interface CertificateUser<User> {
  readonly user: User | undefined
  readonly text: string
}

/**
 * Finds the user that a client's certificate stands for (`verify_and_map`). Users that may not
 * connect this way are passed over, so that a later name of the certificate may lead to another.
 */
export function certificateUser(
  facts: TlsFacts | undefined,
  table: UserTable,
  type: ConnectionType,
): CertificateUser<KnownUser> {
  const byName = (name: string): KnownUser | undefined => {
    const user = table.user(name)
    return user !== undefined && isTypeAllowed(user.options, type) ? user : undefined
  }
  return findUser(facts, byName, () => subjectUser(facts, table, type))
}

/**
 * @param byName the user of that name
 * @param bySubject the user that the whole subject stands for; asked after e-mail addresses, DNS
 *   names and URIs, and before the subject is tried as a text
 */
export function findUser<User>(
  facts: TlsFacts | undefined,
  byName: (name: string) => User | undefined,
  bySubject: () => User | undefined,
): CertificateUser<User> {
  if (facts === undefined) return nobody('User required in cert, no TLS connection state')
  const { names, alternativeNames = names.length } = facts
  if (names.length === 0) return nobody('User required in cert, none found')
  for (const name of names.slice(0, alternativeNames)) {
    const user = byName(name)
    if (user !== undefined) return found(user, kindOf(name), name)
  }
  const subject = names.at(-1) ?? ''
  const named = bySubject()
  if (named !== undefined) return found(named, 'DistinguishedNameMatch', subject)
  for (const name of names.slice(alternativeNames)) {
    const user = byName(name)
    if (user !== undefined) return found(user, 'certificate subject', name)
  }
  return nobody(`User in cert [${goQuote(subject)}], not found`)
}

function subjectUser(
  facts: TlsFacts | undefined,
  table: UserTable,
  type: ConnectionType,
): KnownUser | undefined {
  const name = distinguishedNameOf(facts?.subject ?? [])
  if (name === undefined || name.length === 0) return undefined
  const users = table.named.filter(({ user }) => isTypeAllowed(user.options, type))
  const match =
    users.find((one) => isSameName(one.name, name)) ??
    users.find((one) => hasSameParts(one.name, name))
  return match?.user
}

function kindOf(name: string): string {
  if (name.includes('://')) return 'URI found in cert'
  return name.includes('@') ? 'email found in cert' : 'SAN found in cert'
}

function found<User>(user: User, kind: string, name: string): CertificateUser<User> {
  return { user, text: `Using ${kind} for auth [${goQuote(name)}]` }
}

function nobody(text: string): CertificateUser<never> {
  return { user: undefined, text }
}
