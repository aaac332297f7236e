/** Makes a bcrypt hash for a configuration file: what mkpasswd of nats-server does. */
import { randomInt } from 'node:crypto'
import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { describeFlags, type Flags, parseFlags } from './nats/flags.ts'

const FLAGS = {
  p: { fallback: false, help: 'Input password via stdin' },
  c: { fallback: '11', help: 'The cost weight, range of 4-31' },
  h: { fallback: false, help: 'Show help message' },
} as const satisfies Flags

const COST_MIN = 4
const COST_MAX = 31
/** bcrypt looks at no more. */
const PASSWORD_BYTES_MAX = 72
/** Chosen by mkpasswd: as hard to guess as a key of 136 bits. */
const GENERATED_LENGTH = 22
const GENERATED_FROM = '?!@#$%^&*()abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ'

/** @returns the exit code: 1 also for flags that make no sense */
export async function runPasswd(calledAs: string, args: readonly string[]): Promise<number> {
  const usage = `Usage: ${calledAs} [-p] [-c COST]\n${describeFlags(FLAGS)}`
  const parsed = parseFlags(FLAGS, args)
  const isHelp = parsed.outcome === 'help' || (parsed.outcome === 'parsed' && parsed.values.h)
  if (isHelp) {
    process.stdout.write(usage)
    return 0
  }
  if (parsed.outcome !== 'parsed') return fail(`${parsed.reason}\n${usage}`)
  if (parsed.rest.length > 0) return fail(usage)
  const { p: isAsked, c } = parsed.values
  if (!/^\d{1,3}$/.test(c)) return fail(`invalid value ${JSON.stringify(c)} for flag -c\n${usage}`)
  const cost = Number(c)
  if (cost < COST_MIN || cost > COST_MAX) {
    const range = `${COST_MIN}..${COST_MAX}`
    const why = `crypto/bcrypt: cost ${cost} is outside allowed inclusive range ${range}`
    return fail(`Error producing bcrypt hash: ${why}\n`)
  }

  const password = isAsked ? await askPassword() : generatePassword()
  if (password === undefined) return fail('\nError, passwords do not match\n')
  if (Buffer.byteLength(password) > PASSWORD_BYTES_MAX) {
    const why = `bcrypt: password length exceeds ${PASSWORD_BYTES_MAX} bytes`
    return fail(`Error producing bcrypt hash: ${why}\n`)
  }
  if (!isAsked) process.stdout.write(`pass: ${password}\n`)
  process.stdout.write(`bcrypt hash: ${await hashPassword(password, cost)}\n`)
  return 0
}

function generatePassword(): string {
  const characters = Array.from(
    { length: GENERATED_LENGTH },
    () => GENERATED_FROM[randomInt(GENERATED_FROM.length)],
  )
  return characters.join('')
}

/** `$2a$` as bcrypt in Go has it; what comes after it is the same for `$2b$`. */
async function hashPassword(password: string, cost: number): Promise<string> {
  const { default: bcrypt } = await import('bcryptjs')
  const salt = await bcrypt.genSalt(cost)
  return bcrypt.hash(password, salt.replace(/^\$2b/, '$2a'))
}

/** @returns undefined when it was typed differently the second time */
async function askPassword(): Promise<string | undefined> {
  const lines = new HiddenLines()
  try {
    const first = await lines.next('Enter Password: ')
    // Whoever pipes a password in has no need to repeat it.
    const second = lines.isTyped ? await lines.next('\nReenter Password: ') : first
    process.stdout.write('\n')
    return first === second ? first : undefined
  } finally {
    lines.close()
  }
}

/** Lines of stdin, which are not shown where they are typed. */
class HiddenLines {
  readonly isTyped = process.stdin.isTTY === true
  readonly #nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
  readonly #reader = createInterface({
    input: process.stdin,
    output: this.#nowhere,
    terminal: this.isTyped,
  })
  readonly #lines = this.#reader[Symbol.asyncIterator]()

  /** '' at the end of the input. */
  async next(prompt: string): Promise<string> {
    process.stdout.write(prompt)
    const { done, value } = await this.#lines.next()
    return done === true ? '' : value
  }

  close(): void {
    this.#reader.close()
  }
}

function fail(text: string): number {
  process.stderr.write(text)
  return 1
}
