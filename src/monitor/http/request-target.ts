import { posix } from 'node:path'

export interface RequestTarget {
  /** Unescaped, UTF-8, as it was sent. */
  readonly path: string
  /** The same without empty parts, `.` and `..`. */
  readonly cleanPath: string
  /** What is behind the `?`, one character a byte. */
  readonly rawQuery: string
}

/** `http://host/path`, as requests to proxies have it. */
const ABSOLUTE = /^[a-zA-Z][a-zA-Z0-9+.-]*:\/\/[^/?]*/

/** @returns undefined for what is no target: a broken escape */
export function parseRequestTarget(target: string): RequestTarget | undefined {
  const local = target.replace(ABSOLUTE, '')
  const mark = local.indexOf('?')
  const raw = mark < 0 ? local : local.slice(0, mark)
  try {
    const path = decodeURIComponent(raw)
    return { path, cleanPath: cleanPath(path), rawQuery: mark < 0 ? '' : local.slice(mark + 1) }
  } catch {
    return undefined
  }
}

/** As Go's ServeMux: a slash at the end stays. */
function cleanPath(path: string): string {
  return path === '' ? '/' : posix.normalize(path.startsWith('/') ? path : `/${path}`)
}
