/** Bytes, or where the text stops to be base64. */
export type Base64Result =
  | { readonly ok: true; readonly bytes: Uint8Array }
  | { readonly ok: false; readonly why: string }

const NO_RAW_URL = /[^A-Za-z0-9_-]/
const STANDARD = /^[A-Za-z0-9+/]*={0,2}$/
const LINE_ENDS = /[\r\n]/g
const GROUP = 4

/**
 * Decodes base64url without padding as Go's base64.RawURLEncoding does: line ends between the
 * characters count as nothing, unused bits at the end may have any value, all else is refused.
 */
export function decodeRawUrlBase64(text: string): Base64Result {
  const wrong = text.replace(LINE_ENDS, 'A').search(NO_RAW_URL)
  if (wrong !== -1) return illegal(wrong)
  const plain = text.replace(LINE_ENDS, '')
  if (plain.length % GROUP === 1) return illegal(text.length - 1)
  return { ok: true, bytes: Buffer.from(plain, 'base64url') }
}

/** Decodes base64 with its padding as Go's base64.StdEncoding does; undefined: it is none. */
export function decodeStandardBase64(text: string): Uint8Array | undefined {
  const plain = text.replace(LINE_ENDS, '')
  const isWhole = plain.length % GROUP === 0 && STANDARD.test(plain)
  return isWhole ? Buffer.from(plain, 'base64') : undefined
}

function illegal(at: number): Base64Result {
  return { ok: false, why: `illegal base64 data at input byte ${at}` }
}
