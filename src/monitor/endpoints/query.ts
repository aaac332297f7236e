import { goQuote } from '../../protocol/go-quote.ts'
import { goText } from '../../protocol/go-text.ts'

/** What a parameter says cannot be used; answered with 400 and this text. */
export class ParameterError extends Error {
  override readonly name = 'ParameterError'
}

const TRUE: ReadonlySet<string> = new Set(['1', 't', 'T', 'true', 'TRUE', 'True'])
const FALSE: ReadonlySet<string> = new Set(['', '0', 'f', 'F', 'false', 'FALSE', 'False'])

const INTEGER = /^[+-]?[0-9]+$/
const DIGITS = /^[0-9]+$/
const INT_MAX = 2n ** 63n - 1n
const INT_MIN = -(2n ** 63n)
const UINT_MAX = 2n ** 64n - 1n
/** Longer than any 64-bit integer; spares BigInt a huge text. */
const DIGITS_MAX = 64

const PERCENT = 0x25
const PLUS = 0x2b
const BLANK = 0x20

/**
 * Parameters of a request, read as Go's net/url reads them: a pair that is broken, or has a `;`, is
 * passed over, and of several values of a name the first one counts. Texts may be any bytes.
 */
export class Query {
  readonly #values = new Map<string, Uint8Array>()

  /** @param raw what is behind the `?`, one character a byte */
  constructor(raw: string) {
    for (const pair of raw.split('&')) {
      if (pair === '' || pair.includes(';')) continue
      const equals = pair.indexOf('=')
      const name = unescapeQuery(equals < 0 ? pair : pair.slice(0, equals))
      const value = unescapeQuery(equals < 0 ? '' : pair.slice(equals + 1))
      if (name === undefined || value === undefined) continue
      const key = goText(name)
      if (!this.#values.has(key)) this.#values.set(key, value)
    }
  }

  /** '' = not given. */
  text(name: string): string {
    const value = this.#values.get(name)
    return value === undefined ? '' : goText(value)
  }

  /** @throws ParameterError with Go's text */
  bool(name: string): boolean {
    const text = this.text(name)
    if (TRUE.has(text)) return true
    if (FALSE.has(text)) return false
    throw this.#error('boolean', name, 'ParseBool', 'invalid syntax')
  }

  /** Signed, 64 bits, rounded beyond 2^53; 0 = not given. @throws ParameterError with Go's text */
  int(name: string): number {
    const text = this.text(name)
    if (text === '') return 0
    if (!INTEGER.test(text)) throw this.#error('int', name, 'Atoi', 'invalid syntax')
    const value = text.length > DIGITS_MAX ? undefined : BigInt(text.replace('+', ''))
    if (value !== undefined && value >= INT_MIN && value <= INT_MAX) return Number(value)
    throw this.#error('int', name, 'Atoi', 'value out of range')
  }

  /** Unsigned, otherwise as `int`. @throws ParameterError with Go's text */
  uint64(name: string): number {
    const text = this.text(name)
    if (text === '') return 0
    if (!DIGITS.test(text)) throw this.#error('uint64', name, 'ParseUint', 'invalid syntax')
    const value = text.length > DIGITS_MAX ? undefined : BigInt(text)
    if (value !== undefined && value <= UINT_MAX) return Number(value)
    throw this.#error('uint64', name, 'ParseUint', 'value out of range')
  }

  #error(type: string, name: string, parser: string, why: string): ParameterError {
    const value = goQuote(this.#values.get(name) ?? '')
    const text = `Error decoding ${type} for '${name}': strconv.${parser}: parsing ${value}: ${why}`
    return new ParameterError(text)
  }
}

/** Undefined: a `%` without two hexadecimal digits behind it. */
function unescapeQuery(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, 'latin1')
  let length = 0
  for (let at = 0; at < bytes.length; at++) {
    let byte = bytes[at]!
    if (byte === PLUS) byte = BLANK
    if (byte === PERCENT) {
      const digits = text.slice(at + 1, at + 3)
      if (!/^[0-9a-fA-F]{2}$/.test(digits)) return undefined
      byte = Number.parseInt(digits, 16)
      at += 2
    }
    bytes[length++] = byte
  }
  return bytes.subarray(0, length)
}
