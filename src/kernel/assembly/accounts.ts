/** Accounts: each has its own subjects, and its own count of the changes in them. */
import {
  ACCOUNTS_MAX,
  ACCOUNT_BYTES,
  ACCOUNT_ENTRIES,
  ACCOUNT_INSERTS,
  ACCOUNT_MAPPINGS,
  ACCOUNT_REMOVES,
  ACCOUNT_ROOT,
  ACCOUNT_WILDCARD,
  GENERATION_BUCKETS,
  SUBLIST_ACCOUNTS,
} from './layout'
import { hashBytes } from './memory'
import { accounts, generations, sublist } from './thread'

const DOT: u8 = 46
const STAR: u8 = 42
const FULL: u8 = 62

/** The record of an account. Numbers are below ACCOUNTS_MAX. */
@inline
export function accountAddress(number: u32): u32 {
  return accounts + number * ACCOUNT_BYTES
}

/** Number of a record's account. */
@inline
export function accountNumber(account: u32): u32 {
  return (account - accounts) / ACCOUNT_BYTES
}

/** The record that the routing worker may write; 0 when there is none of that number. */
export function usedAccount(number: u32): u32 {
  if (number >= ACCOUNTS_MAX) return 0
  if (number >= load<u32>(sublist, SUBLIST_ACCOUNTS)) {
    store<u32>(sublist, number + 1, SUBLIST_ACCOUNTS)
  }
  return accountAddress(number)
}

/** The sublist is about to be empty. Generations go on. */
export function clearAccounts(): void {
  const end = accountAddress(load<u32>(sublist, SUBLIST_ACCOUNTS))
  for (let account = accounts; account < end; account += ACCOUNT_BYTES) {
    atomic.store<u32>(account + ACCOUNT_ROOT, 0)
    atomic.store<u32>(account + ACCOUNT_MAPPINGS, 0)
    const removes = load<u64>(account, ACCOUNT_REMOVES) + load<u32>(account, ACCOUNT_ENTRIES)
    store<u64>(account, removes, ACCOUNT_REMOVES)
    store<u32>(account, 0, ACCOUNT_ENTRIES)
  }
}

/** An entry of the account was made, for whoever looks at it. */
export function countInsert(number: u32): void {
  const account = accountAddress(number)
  store<u32>(account, load<u32>(account, ACCOUNT_ENTRIES) + 1, ACCOUNT_ENTRIES)
  store<u64>(account, load<u64>(account, ACCOUNT_INSERTS) + 1, ACCOUNT_INSERTS)
}

export function countRemove(number: u32): void {
  const account = accountAddress(number)
  store<u32>(account, load<u32>(account, ACCOUNT_ENTRIES) - 1, ACCOUNT_ENTRIES)
  store<u64>(account, load<u64>(account, ACCOUNT_REMOVES) + 1, ACCOUNT_REMOVES)
}

/**
 * How subjects that the account's connections publish on are mapped.
 * @param block that the host's `destinations` reads, 0 = not at all; the old one is the caller's
 */
export function setMappings(number: u32, block: u32): void {
  const account = usedAccount(number)
  if (account == 0) return
  atomic.store<u32>(account + ACCOUNT_MAPPINGS, block)
  // Every plan of the account's connections rests on it.
  atomic.add<u32>(account + ACCOUNT_WILDCARD, 1)
}

// ── generations ─────────────────────────────────────────────────────────────────────────────

/** Address of the generation that a first token belongs to. */
export function bucketOf(account: u32, token: u32, bytes: u32): u32 {
  const hash = hashBytes(token, bytes, 1 + accountNumber(account))
  return generations + (((hash >>> 8) & (GENERATION_BUCKETS - 1)) << 2)
}

/** Address of the generation that a literal subject belongs to. */
export function bucketOfSubject(account: u32, subject: u32, bytes: u32): u32 {
  let n: u32 = 0
  while (n < bytes && load<u8>(subject + n) != DOT) n++
  return bucketOf(account, subject, n)
}

/** Voids the plans that a subscription with this first token concerns. */
export function bumpToken(account: u32, token: u32, bytes: u32): void {
  const first = bytes == 1 ? load<u8>(token) : 0
  if (first == STAR || first == FULL) atomic.add<u32>(account + ACCOUNT_WILDCARD, 1)
  else atomic.add<u32>(bucketOf(account, token, bytes), 1)
}

/** Voids every plan of every thread: each rests on some bucket. */
export function bumpAll(): void {
  for (let i: u32 = 0; i < GENERATION_BUCKETS; i++) atomic.add<u32>(generations + (i << 2), 1)
}
