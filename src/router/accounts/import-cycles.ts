import { isLiteralSubject } from '../../protocol/subjects.ts'
import type { ImportEnds } from './import-resolution.ts'
import type { ResolvedServiceImport, ResolvedStreamImport } from './import-types.ts'
import { isSubsetSubject, subjectsCollide } from './subject-sets.ts'
import { toPattern } from './subject-transform.ts'

/**
 * Imports that lead a message back to where it came from. As in nats-server it is a guess by names:
 * subjects are compared across accounts as if no import renamed them, so a cycle of renaming
 * imports may stay unseen, and whoever forwards a request must not forward it twice by one export.
 */
const FORMS_CYCLE = 'import forms a cycle'
const DEPTH_EXHAUSTED = 'search cycle depth exhausted'
/** nats-server MaxAccountCycleSearchDepth. */
export const CYCLE_DEPTH_MAX = 1024

/** An account as the search sees it. */
export interface ImportingAccount {
  readonly streams: readonly ResolvedStreamImport[]
  readonly services: readonly ResolvedServiceImport[]
  hasStreamExport(subject: string): boolean
}

export interface CycleSearch {
  readonly account: (name: string) => ImportingAccount | undefined
  /** Longest chain of accounts that is followed, CYCLE_DEPTH_MAX or Infinity. */
  readonly depthMax: number
  /** Key of the import that is asked about, if the accounts already have it. */
  readonly ownKey: string | undefined
}

interface Step {
  readonly account: string
  readonly subject: string
  readonly depth: number
}

/** Imports of an account that carry `subject` on, with the subject they are to be followed with. */
type Follow = (account: ImportingAccount, subject: string) => Iterable<readonly [string, string]>

function followServices(ownKey: string | undefined): Follow {
  return function* ({ services }, subject) {
    for (const { key, exporter, from, to } of services) {
      if (key === ownKey || !subjectsCollide(subject, to)) continue
      yield [exporter, isSubsetSubject(from, subject) ? from : subject]
    }
  }
}

function followStreams(ownKey: string | undefined): Follow {
  return function* (account, subject) {
    if (!account.hasStreamExport(subject)) return
    for (const { key, exporter, to } of account.streams) {
      if (key === ownKey || !subjectsCollide(subject, to)) continue
      yield [exporter, isSubsetSubject(to, subject) ? to : subject]
    }
  }
}

function search(
  importer: string,
  exporter: string,
  subject: string,
  { account: lookUp, depthMax }: CycleSearch,
  follow: Follow,
): string | undefined {
  const seen = new Set<string>()
  const open: Step[] = [{ account: exporter, subject, depth: 1 }]
  for (let step = open.pop(); step !== undefined; step = open.pop()) {
    const state = `${step.account} ${step.subject}`
    if (seen.has(state)) continue
    seen.add(state)
    if (step.depth >= depthMax) return DEPTH_EXHAUSTED
    const account = lookUp(step.account)
    if (account === undefined) continue
    for (const [next, carried] of follow(account, step.subject)) {
      if (next === importer) return FORMS_CYCLE
      open.push({ account: next, subject: carried, depth: step.depth + 1 })
    }
  }
  return undefined
}

function serviceCycleError(
  importer: string,
  exporter: string,
  { from, to }: ImportEnds,
  options: CycleSearch,
): string | undefined {
  const local = isLiteralSubject(to) ? from : toPattern(from)
  return search(importer, exporter, local, options, followServices(options.ownKey))
}

function streamCycleError(
  importer: string,
  exporter: string,
  { from, to }: ImportEnds,
  options: CycleSearch,
): string | undefined {
  const follow = followStreams(options.ownKey)
  return (
    search(importer, exporter, to, options, follow) ??
    search(importer, exporter, from, options, follow)
  )
}

/** @returns the error of an import of `importer` from `exporter`; undefined if there is no cycle */
export function cycleError(
  kind: 'stream' | 'service',
  importer: string,
  exporter: string,
  ends: ImportEnds,
  options: CycleSearch,
): string | undefined {
  const find = kind === 'stream' ? streamCycleError : serviceCycleError
  return find(importer, exporter, ends, options)
}
