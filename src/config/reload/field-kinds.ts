import { isDeepStrictEqual } from 'node:util'
import type { Options } from '../option-types.ts'
import { type ReloadField, refusal, UNCHANGED } from './reload-field.ts'

/** The two common kinds of fields: those that never change, and those that do with one line. */

type Shown<Option extends keyof Options> = (value: Options[Option]) => string

/** A field that no reload may change. */
export function fixed<Option extends keyof Options>(
  name: string,
  option: Option,
  show: Shown<Option> = String,
): ReloadField {
  return {
    name,
    options: [option],
    compare: ({ old, next }) =>
      isDeepStrictEqual(old[option], next[option])
        ? UNCHANGED
        : refusal(name, show(old[option]), show(next[option])),
  }
}

/** @param line what the log says behind `Reloaded: `; undefined: nothing */
export function free<Option extends keyof Options>(
  name: string,
  option: Option,
  key: string,
  line: Shown<Option> | undefined,
): ReloadField {
  return {
    name,
    options: [option],
    compare: ({ old, next }) => {
      if (isDeepStrictEqual(old[option], next[option])) return UNCHANGED
      const lines = line === undefined ? [] : [`Reloaded: ${line(next[option])}`]
      return { lines, changed: [key] }
    },
  }
}

/** As free(); the line is the key of the file and the value. */
export function named<Option extends keyof Options>(
  name: string,
  option: Option,
  key: string,
  show: Shown<Option> = String,
): ReloadField {
  return free(name, option, key, (value) => `${key} = ${show(value)}`)
}
