import type { Query } from './query.ts'

/** `subs=1` lists subjects, `subs=detail` all there is to know. @throws ParameterError */
export function subscriptionsFromQuery(query: Query): {
  readonly withSubjects: boolean
  readonly withDetail: boolean
} {
  const withDetail = query.text('subs').toLowerCase() === 'detail'
  return { withSubjects: !withDetail && query.bool('subs'), withDetail }
}
