import assert from 'node:assert/strict'
import { describe } from 'node:test'
import { serverTest } from '../order/worker-counts.ts'
import { RawClient } from '../support/raw-client.ts'
import { forEachOf } from './many.ts'

const CONNECT = 'CONNECT {"verbose":false,"headers":true,"no_responders":true}\r\n'
/** Lines around the broken one show what is still served, and what comes of it. */
const BEFORE = `${CONNECT}SUB § 1\r\nPUB § 3\r\none\r\n`
const AFTER = 'PUB § 3\r\ntwo\r\nPING\r\n'

/** Stands for a subject of each connection's own. */
const SUBJECT_SIGN = /§/g
let lastSubject = 10_000

/** Each of them ends the connection, or is an error that it survives. */
const BROKEN = [
  ...[
    'PUB § 5\r\nhelloXX\r\n',
    'PUB § 5\r\nhello\rX',
    'PUB § -1\r\n',
    'PUB § x\r\n\r\n',
    'PUB §\r\n',
  ],
  ...[
    'PUB  \r\n',
    'PUB § c d 5\r\nhello\r\n',
    'PUB § 99999999999999999999\r\n',
    'PUB § 2000000\r\n',
  ],
  ...['HPUB § 20 5\r\nhello\r\n', 'HPUB § 12 12\r\nNATS/1.0\r\n\rX\r\n', 'HPUB § 5\r\nhello\r\n'],
  ...['HPUB § x 5\r\nhello\r\n', 'HPUB § 3 5\r\nhello\r\n', 'HPUB § 0 5\r\nhello\r\n'],
  ...['SUB\r\n', 'SUB §\r\n', 'SUB a b c d\r\n', 'SUB b..c 9\r\n', 'SUB >.b 9\r\n', 'SUB §. 9\r\n'],
  ...[
    'UNSUB\r\n',
    'UNSUB 1 x\r\n',
    'UNSUB 1 2 3\r\n',
    'UNSUB 99\r\n',
    'FOO\r\n',
    'P\r\n',
    'PIN\r\n',
  ],
  ...[
    'PINGG\r\n',
    'PONGX\r\n',
    '\0\0\0\0',
    'GET / HTTP/1.1\r\n\r\n',
    'CONNECT x\r\n',
    'CONNECT\r\n',
  ],
  ...['MSG § 1 5\r\nhello\r\n', 'INFO x\r\n', '+OK\r\n', "-ERR 'x'\r\n", '\r\n', '\n', '\r\r\n'],
  `SUB ${'s'.repeat(200)} ${'9'.repeat(3950)}\r\n`,
]

/** What comes back after INFO when the pieces are sent apart. */
async function answerTo(port: number, pieces: readonly string[]): Promise<string> {
  const subject = `s${++lastSubject}`
  await using client = await RawClient.connect(port)
  await client.readUntil('\r\n')
  await client.sendPieces(pieces.map((piece) => piece.replace(SUBJECT_SIGN, subject)))
  const isDone = () => client.closedBy !== null || client.received.includes('PONG\r\n')
  await client.waitFor('PONG or the end', isDone)
  const text = client.received.toString('latin1').replaceAll(subject, '§')
  const state = client.closedBy === null ? 'open' : 'closed'
  return `${state}: ${text.slice(text.indexOf('\r\n') + 2).replace(/^INFO .*\r\n/m, '')}`
}

describe('broken frames', () => {
  serverTest('have the same end wherever they are split', 2, '', async ({ server }) => {
    const cases = BROKEN.flatMap((broken) => {
      const step = Math.max(1, Math.floor(broken.length / 24))
      const splits = Array.from({ length: Math.ceil(broken.length / step) }, (_, i) => i * step)
      return splits.map((at) => ({ broken, at }))
    })
    const whole = new Map<string, string>()
    await forEachOf(BROKEN.length, 8, async (i) => {
      const broken = BROKEN[i]!
      whole.set(broken, await answerTo(server.port, [BEFORE + broken + AFTER]))
    })
    await forEachOf(cases.length, 8, async (i) => {
      const { broken, at } = cases[i]!
      const pieces = [BEFORE + broken.slice(0, at), broken.slice(at) + AFTER]
      const answer = await answerTo(server.port, pieces)
      const expected = whole.get(broken)
      assert.equal(answer, expected, `${JSON.stringify(broken.slice(0, 60))} split at ${at}`)
    })
    for (const [broken, answer] of whole) {
      assert.match(answer, /MSG § 1 3\r\none\r\n/, `what came before ${JSON.stringify(broken)}`)
    }
  })
})
