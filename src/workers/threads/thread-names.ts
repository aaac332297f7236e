/** As the operating system and `/metrics` show it. */
export function threadName(thread: number): string {
  return thread === 0 ? 'routing' : `protocol-${thread}`
}

/** As logs name it. */
export function threadRole(thread: number): string {
  return thread === 0 ? 'routing worker' : 'protocol worker'
}
