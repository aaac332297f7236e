import type { ReloadReport } from '../workers/reload/reload-types.ts'

/** `Reload: 2 options changed (max_payload, users), 3 connections closed`. */
export function reloadReportText({ changed, ...counts }: ReloadReport): string {
  const options = changed.length === 0 ? '' : ` (${changed.join(', ')})`
  const parts: readonly (readonly [count: number, noun: string, what: string])[] = [
    [counts.reauthenticated, 'connection', 'authenticated again'],
    [counts.disconnected, 'connection', 'closed'],
    [counts.subscriptionsRemoved, 'subscription', 'removed'],
    [counts.linksClosed, 'leaf link', 'closed'],
    [counts.remotesStarted, 'remote', 'started'],
  ]
  const done = parts.flatMap(([count, noun, what]) =>
    count === 0 ? [] : [`${counted(count, noun)} ${what}`],
  )
  return [`Reload: ${counted(changed.length, 'option')} changed${options}`, ...done].join(', ')
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
