import { subjectMatches } from '../../protocol/subjects.ts'
import type { ResolvedServiceImport, ResolvedStreamImport } from './import-types.ts'
import type { SubjectMappings } from './subject-mappings.ts'
import { intersectSubjects } from './subject-sets.ts'

/** What a subscription of an importing account wants of an exporting one. */
export interface ShadowSubject {
  readonly import: ResolvedStreamImport
  readonly exporter: string
  /** In the exporting account. */
  readonly subject: string
}

/** What a stream import does with subjects. */
type SubjectChange = Pick<ResolvedStreamImport, 'from' | 'to' | 'isIdentity' | 'transform'>

/** What a subscription in the importing account is in the exporting one; undefined: nothing. */
export function shadowSubject(imported: SubjectChange, subject: string): string | undefined {
  const { from, to, isIdentity, transform } = imported
  if (!isIdentity && transform === undefined) {
    // One subject that becomes one other.
    return subjectMatches(subject, to) ? from : undefined
  }
  const wanted = intersectSubjects(to, subject)
  return wanted === undefined || isIdentity ? wanted : transform?.reverseSubject(wanted)
}

/**
 * Where a subscription reaches into other accounts, one entry for each import that gives it
 * something: a message that comes by two imports is delivered twice, as nats-server does it. Queue
 * groups keep their name. Interest that comes from service imports themselves reaches nowhere.
 */
export function shadowSubjects(
  imports: readonly ResolvedStreamImport[],
  subject: string,
): ShadowSubject[] {
  const shadows: ShadowSubject[] = []
  for (const imported of imports) {
    const wanted = shadowSubject(imported, subject)
    if (wanted !== undefined) {
      shadows.push({ import: imported, exporter: imported.exporter, subject: wanted })
    }
  }
  return shadows
}

/**
 * Interest of an account that no subscription stands for, which leaf links are told of as well:
 * requests and messages to be mapped must come here. With the number of times each is wanted.
 */
export function announcedSubjects(
  services: readonly ResolvedServiceImport[],
  mappings: SubjectMappings,
): Map<string, number> {
  const counts = new Map<string, number>()
  for (const subject of [...services.map(({ from }) => from), ...mappings.sources]) {
    counts.set(subject, (counts.get(subject) ?? 0) + 1)
  }
  return counts
}
