import { createHash } from 'node:crypto'

/** Frames longer than this are kept as their first line and a hash. */
const FRAME_CHARS_MAX = 1500

const HOST_PORT = /^127\.0\.0\.1:\d+$/

/** Members of INFO in which two servers legitimately differ, and what must still hold for them. */
const INFO_SHAPES: Readonly<Record<string, (value: unknown) => boolean>> = {
  server_id: (value) => typeof value === 'string' && /^N[A-Z2-7]{55}$/.test(value),
  server_name: (value) => typeof value === 'string' && value !== '',
  version: (value) => typeof value === 'string' && /^2\.\d+\.\d+/.test(value),
  go: (value) => typeof value === 'string' && value !== '',
  host: (value) => typeof value === 'string' && value !== '',
  port: (value) => typeof value === 'number' && value > 0,
  client_id: (value) => typeof value === 'number' && value > 0,
  ip: (value) => typeof value === 'string' && HOST_PORT.test(value),
  leafnode_urls: (value) =>
    Array.isArray(value) && value.length === 1 && HOST_PORT.test(String(value[0])),
  nonce: (value) => typeof value === 'string' && /^[\w-]{15}$/.test(value),
  xkey: (value) => typeof value === 'string' && /^X[A-Z2-7]{55}$/.test(value),
}

/** The same for CONNECT, which a server sends to a leaf listener. */
const CONNECT_SHAPES: typeof INFO_SHAPES = {
  server_id: (value) => typeof value === 'string' && /^N[A-Z2-7]{55}$/.test(value),
  version: (value) => typeof value === 'string' && /^2\.\d+\.\d+/.test(value),
  sig: (value) => typeof value === 'string' && /^[\w-]{86}$/.test(value),
}

/** Members that need not be there: build facts of the one, the own version of the other. */
const INFO_OPTIONAL = ['git_commit', 'sable']

/** Values the scripts configure, which must come out as they are. */
const CONFIGURED: Readonly<Record<string, unknown>> = { server_name: 'carol', host: 'me', port: 1 }

/**
 * Makes a frame comparable between servers: INFO and CONNECT lose their random values, long
 * payloads become hashes.
 */
export function normaliseFrame(frame: string): string {
  if (frame.startsWith('INFO ')) return normaliseJson('INFO', INFO_SHAPES, frame)
  if (frame.startsWith('CONNECT ')) return normaliseJson('CONNECT', CONNECT_SHAPES, frame)
  if (frame.length <= FRAME_CHARS_MAX) return frame
  const hash = createHash('sha256').update(frame, 'latin1').digest('hex')
  return `${frame.slice(0, frame.indexOf('\r\n') + 2)}<${frame.length} bytes, sha256 ${hash}>`
}

function normaliseJson(verb: string, shapes: typeof INFO_SHAPES, frame: string): string {
  let info: Record<string, unknown>
  try {
    info = JSON.parse(frame.slice(verb.length + 1)) as Record<string, unknown>
  } catch {
    return frame
  }
  const members: string[] = []
  for (const [key, value] of Object.entries(info)) {
    if (INFO_OPTIONAL.includes(key)) continue
    const isShaped = shapes[key]
    const isKept = isShaped === undefined || CONFIGURED[key] === value
    if (isKept) members.push(`${JSON.stringify(key)}:${JSON.stringify(value)}`)
    else if (key === 'server_name' && value === info['server_id'])
      members.push('"server_name":<id>')
    else members.push(`"${key}":${isShaped(value) ? `<${key}>` : `<bad: ${String(value)}>`}`)
  }
  const end = frame.endsWith('} \r\n') ? ' \r\n' : '\r\n'
  return `${verb} {${members.join(',')}}${end}`
}
