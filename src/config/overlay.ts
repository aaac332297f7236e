/** Puts what a program gives over defaults, before anything is known about its types. */

/** What is no object is passed on, for the schema to refuse. */
export function overlay(defaults: object, given: unknown): unknown {
  if (!isObject(given)) return given
  const set = Object.entries(given).filter(([, value]) => value !== undefined)
  return { ...defaults, ...Object.fromEntries(set) }
}

/** As overlay, for each element. */
export function overlayEach(given: unknown, merge: (element: unknown) => unknown): unknown {
  return Array.isArray(given) ? given.map((element: unknown) => merge(element)) : given
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
