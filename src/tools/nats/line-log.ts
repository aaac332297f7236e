/** Where the tools write: lines on stderr, on request with the time, as Go's log package does. */
export class LineLog {
  /** Whether lines start with date and time of day, in local time. */
  showsTime = false

  constructor() {
    // Whoever read our lines is gone (`nats-sub foo 2>&1 | head -1`); there is nobody left to tell.
    process.stderr.on('error', () => process.exit(1))
  }

  /** Writes one line. Parts that are bytes, payloads, go out as they came. */
  line(...parts: readonly (string | Uint8Array)[]): void {
    const start = this.showsTime ? `${timestamp(new Date())} ` : ''
    const bytes = [start, ...parts, '\n'].map((part) =>
      typeof part === 'string' ? Buffer.from(part) : part,
    )
    process.stderr.write(Buffer.concat(bytes))
  }

  /** Writes text that has its own line ends. */
  text(text: string): void {
    process.stderr.write(text)
  }
}

/** `2026/11/30 09:05:00` */
function timestamp(now: Date): string {
  const two = (number: number) => String(number).padStart(2, '0')
  const date = `${now.getFullYear()}/${two(now.getMonth() + 1)}/${two(now.getDate())}`
  return `${date} ${two(now.getHours())}:${two(now.getMinutes())}:${two(now.getSeconds())}`
}
