import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ConfigError } from '../../src/config/config-error.ts'
import { parseConfigText } from '../../src/config/config-parser.ts'
import { type PlainData, type PlainMap, parsePlain } from './config-text.ts'

const keys = fc.stringMatching(/^[a-zA-Z_][\w.-]{0,8}$/).filter((key) => key !== 'include')
// NUL ends a text in this language, even in quotes.
const texts = fc.string({ unit: 'binary' }).filter((text) => !text.includes('\0'))
const int64s = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
const floats = fc
  .tuple(fc.integer({ min: -1e9, max: 1e9 }), fc.integer({ min: 1, max: 999 }))
  .map(([whole, thousandths]) => Number(`${whole}.${thousandths}5`))
const dates = fc
  .date({ min: new Date('1000-01-01'), max: new Date('9999-12-31'), noInvalidDate: true })
  .map((date) => new Date(Math.floor(date.getTime() / 1000) * 1000))

const { map: maps } = fc.letrec<{ data: PlainData; map: PlainMap }>((tie) => ({
  data: fc.oneof(
    { depthSize: 'small' },
    texts,
    int64s,
    floats,
    fc.boolean(),
    dates,
    fc.array(tie('data'), { maxLength: 4 }),
    tie('map'),
  ),
  map: fc.dictionary(keys, tie('data'), { maxKeys: 5, noNullPrototype: true }),
}))

/** Choices of style are drawn from a list, so that one seed gives one text. */
class Renderer {
  readonly #choices: readonly number[]
  #index = 0

  constructor(choices: readonly number[]) {
    this.#choices = choices
  }

  map(map: PlainMap): string {
    return Object.entries(map)
      .map(([key, data]) => {
        const spelling = this.#pick(key, `"${key}"`, `'${key}'`)
        return `${spelling}${this.#pick(': ', ' = ', ' ', '=')}${this.#data(data)}`
      })
      .join(this.#pick('\n', '; # on\n', ',\n', '\n// between\n'))
  }

  #data(data: PlainData): string {
    if (typeof data === 'string') return this.#text(data)
    if (typeof data === 'boolean')
      return data ? this.#pick('true', 'ON') : this.#pick('no', 'false')
    if (typeof data === 'number' || typeof data === 'bigint') return String(data)
    if (data instanceof Date) return `${data.toISOString().slice(0, 19)}Z`
    if (!Array.isArray(data)) return `{${this.#pick(' ', '\n')}${this.map(data)}\n}`
    const separator = this.#pick(' ,', '\n', ', # on\n')
    return `[${data.map((element) => this.#data(element)).join(separator)} ]`
  }

  #text(text: string): string {
    if (!text.includes("'") && this.#pick(true, false)) return `'${text}'`
    return `"${text.replace(/[\\"]/g, '\\$&').replace(/\r/g, '\\r')}"`
  }

  #pick<T>(...options: readonly T[]): T {
    const choice = this.#choices[this.#index++ % this.#choices.length] ?? 0
    return options[choice % options.length]!
  }
}

const choices = fc.array(fc.nat(60), { minLength: 1, maxLength: 20 })

test('whatever is written down is read back', () => {
  fc.assert(
    fc.property(maps, choices, (map, style) => {
      assert.deepEqual(parsePlain(`${new Renderer(style).map(map)}\n`), map)
    }),
    { numRuns: 300 },
  )
})

test('JSON is understood as it is', () => {
  const json = fc.dictionary(
    fc.stringMatching(/^\w{1,8}$/),
    fc.oneof(fc.stringMatching(/^[^\0\\"]*$/), fc.boolean(), fc.integer()),
  )
  fc.assert(
    fc.property(json, (object) => {
      const means = Object.entries(object).map(([key, value]) => {
        return [key, typeof value === 'number' ? BigInt(value) : value] as const
      })
      const text = JSON.stringify(object, null, 1)
      if (/\\[bfu]/.test(text)) return // escapes this language does not have
      assert.deepEqual(parsePlain(text), Object.fromEntries(means))
    }),
  )
})

function answersOrRefuses(input: string | Buffer): void {
  try {
    parseConfigText(input, { HOME: '[1, {x: $HOME}]' })
  } catch (error) {
    assert.ok(error instanceof ConfigError, `${error}`)
  }
}

test('random bytes end in a configuration or in a refusal, never in anything else', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => answersOrRefuses(Buffer.from(bytes))),
    { numRuns: 500 },
  )
})

test('so does random text made of the marks of the language', () => {
  const marks = [...'{}[]()"\'=:,;#/\\\n\r \t\0$.-+xk0159é', 'include ', '$HOME', '2016-', '\\x4']
  const soup = fc.array(fc.constantFrom(...marks), { maxLength: 60 }).map((parts) => parts.join(''))
  fc.assert(fc.property(soup, answersOrRefuses), { numRuns: 2_000 })
})
