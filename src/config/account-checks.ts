import { GLOBAL_ACCOUNT } from '../protocol/global-account.ts'
import { goQuote } from '../protocol/go-quote.ts'
import { decodePublicNkey } from '../protocol/nkey-encoding.ts'
import { isValidSubject } from '../protocol/subjects.ts'
import type { AccountOptions, SubjectMapping } from './account-types.ts'

/** What is checked of each account and mapping alone, in nats-server's words. */

/** Of a name that no account may have. */
export function reservedFault(name: string): string | undefined {
  return name === GLOBAL_ACCOUNT ? `${goQuote(name)} is a Reserved Account` : undefined
}

export function nkeyText(nkey: string): string {
  return `Not a valid public nkey for an account: ${goQuote(nkey)}`
}

export function isAccountNkey(nkey: string): boolean {
  return decodePublicNkey(nkey)?.kind === 'account'
}

/** The first fault in names and keys of accounts that a program gives. */
export function accountNamesFault(accounts: readonly AccountOptions[]): string | undefined {
  const names = new Set<string>()
  for (const { name, nkey } of accounts) {
    const fault = reservedFault(name)
    if (fault !== undefined) return fault
    if (names.has(name)) return `Duplicate Account Entry: ${name}`
    if (nkey !== '' && !isAccountNkey(nkey)) return nkeyText(nkey)
    names.add(name)
  }
  return undefined
}

export function mappingSourceFault(source: string): string | undefined {
  return isValidSubject(source) ? undefined : `Subject ${goQuote(source)} is not a valid subject`
}

/** @param why the mapping cannot be */
export function mappingText({ source, destinations }: SubjectMapping, why: string): string {
  const [only, ...others] = destinations
  const isPlain = only !== undefined && others.length === 0 && only.weight === 100
  const target = isPlain ? ` to ${goQuote(only.subject)}` : ''
  return `Error adding mapping for ${goQuote(source)}${target} : ${why}`
}
