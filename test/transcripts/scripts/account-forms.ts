import { connect, headerBlock, hpub, lines, type Make, pub } from '../script.ts'

/** What the scripts of imports and exports have in common. */

export const PING = lines('PING')

export function as(user: string, members: Readonly<Record<string, unknown>> = {}): string {
  return connect({ user, pass: 'p', headers: true, no_responders: true, ...members })
}

export const subs = (...texts: readonly string[]) =>
  texts.map((text, i) => lines(`SUB ${text} ${i}`)).join('')
export const pubs = (...subjects: readonly string[]) =>
  subjects.map((one) => pub(one, 'x')).join('')

/** `$` followed by a word is a variable in configurations: names of accounts are quoted. */
export const user = (name: string) => `users: [ { user: ${name}, password: p } ]`

/** Reply subjects of the server itself that a connection was given, the oldest first. */
export function repliesOf(heard: string): readonly string[] {
  return [...heard.matchAll(/^H?MSG \S+ \S+ (?:\S+ )?(_R_\.\S+)/gm)].map(([, reply]) => reply!)
}

/** Answers the request that `on` has got, counted from 0; negative: from the last one. */
export function answer(on: string, payload: string, which = -1, reply = ''): Make {
  return (heard) => pub(repliesOf(heard(on)).at(which) ?? 'none', payload, reply) + PING
}

export function answerWithHeader(on: string, payload: string): Make {
  return (heard) => hpub(repliesOf(heard(on)).at(-1) ?? 'none', headerBlock('X: y'), payload) + PING
}

const LONG_REPLY = /_R_\.\w+\.\w+(\.\w+\.T)?/g

/**
 * Puts letters for what is random or measured: reply subjects of the server, times, ids. The sizes
 * of frames with measured numbers go, too, and the second blank that nats-server puts where its own
 * messages have no reply.
 */
function maskAccounts(frame: string): string {
  const isTracked = (_: string, tail?: string) => (tail === undefined ? '_R_.r' : '_R_.r.T')
  const masked = frame
    .replaceAll(LONG_REPLY, isTracked)
    .replace(/"(start|timestamp|id|host|server|name)":"[^"]*"/g, '"$1":"…"')
    .replace(/"(rtt|id|service|system|total)":\d+/g, '"$1":0')
  if (!/"(rtt|timestamp)":/.test(masked)) return masked
  return masked
    .replace(/^(MSG .*?) ? \d+\r\n/, '$1 n\r\n')
    .replace(/^(HMSG .*?) \d+ \d+\r\n/, '$1 n\r\n')
}

export const MASKED = { mask: maskAccounts }
