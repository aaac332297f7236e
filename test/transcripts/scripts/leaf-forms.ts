import {
  ask,
  connect,
  lines,
  open,
  openLeaf,
  type Step,
  script,
  type Transcript,
} from '../script.ts'

export const PING = lines('PING')
/** No port at which anybody listens: a remote makes the server name its cluster. */
export const REMOTE = 'remotes: [ { url: "nats-leaf://127.0.0.1:1" } ]'

export const listener = (block: string, top = '') => `
server_name: carol
leafnodes { host: 127.0.0.1, port: -1, ${block} }
${top}
`
/** Most scripts send plain text, so nothing must get compressed. */
export const PLAIN = listener('compression: off')

/** CONNECT of a leaf; without members it says nothing at all. */
export function login(members: Readonly<Record<string, unknown>> = {}): string {
  return `CONNECT ${JSON.stringify(members)}\r\n`
}

export function lmsg(words: string, payload: string): string {
  return `LMSG ${words} ${payload.length}\r\n${payload}\r\n`
}

/** nats-server announces services of its system account in each account. */
export const isOwnInterest = (frame: string) => frame.startsWith('LS+ $SYS.')
/** Level 3 promises to understand message tracing; who does not, says 1. */
export const maskLevel = (frame: string) => frame.replace(/^(INFO .*"proto":)[13],/, '$1<proto>,')
export const maskLoop = (frame: string) =>
  maskLevel(frame).replace(/^LS\+ \$LDS\.[A-Za-z0-9]{22}\r\n$/, 'LS+ <loop>\r\n')
/** The INFO after CONNECT has scripts of its own. */
export const maskInfo = (frame: string) =>
  maskLoop(frame).replace(/^INFO .*"connect_info":true.*/, 'INFO')

const EXTRAS = { anyOrder: true, drops: isOwnInterest } as const

export function leafScript(
  name: string,
  steps: readonly (Step | readonly Step[])[],
  config = PLAIN,
  extras: Partial<Transcript> = {},
): Transcript {
  return script(`leaf: ${name}`, steps, config, { ...EXTRAS, mask: maskInfo, ...extras })
}

/** A leaf A that is logged in and sends each text. */
export function logged(
  name: string,
  sends: string | readonly string[],
  config = PLAIN,
): Transcript {
  const texts = typeof sends === 'string' ? [sends] : sends
  return leafScript(name, [...linked('A'), ...texts.flatMap((text) => ask('A', text))], config)
}

export function linked(on: string, members: Readonly<Record<string, unknown>> = {}): Step[] {
  return [...openLeaf(on), ...ask(on, login(members))]
}

/** A client C with these lines, ready before the leaf comes. */
export function client(...texts: readonly string[]): Step[] {
  return [...open('C'), ...ask('C', connect({ headers: true }) + lines(...texts, 'PING'))]
}

/** Also shows that the connection is open, and that all before has been dealt with. */
export const alive = (on: string): Step[] => ask(on, PING)
