import assert from 'node:assert/strict'
import test, { after, before } from 'node:test'
import fc from 'fast-check'
import { CONNECT_DEFAULTS, decodeConnect } from '../../src/protocol/connect.ts'
import { decodeInfo } from '../../src/protocol/info.ts'
import { isValidSubscriptionSubject } from '../../src/protocol/subjects.ts'
import { errorLine, VIOLATIONS } from '../../src/protocol/violations.ts'
import type { ReferenceOperation } from '../reference/reference-parser.ts'
import { program, skipReason } from '../support/peers.ts'
import { RawClient } from '../support/raw-client.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'
import { until } from '../support/wait.ts'
import { drive } from './drive.ts'
import { streamOf } from './streams.ts'

/**
 * Sends the same bytes to a real nats-server and to readOperation, and compares what comes back
 * with what a verbose server has to answer if it read the operations that readOperation read.
 */
type Kind = 'client' | 'leaf'
type Answer = { readonly text: string; readonly closes: boolean }

const SEED = 20_261_123
const CONTROL_LINE = 128
const natsServer = program('nats-server')
const skip = skipReason(natsServer)
let server: ServerProcess
let leafPort = 0

before(async () => {
  if (skip) return
  server = await startServer(natsServer, {
    config: `leafnodes { listen: "127.0.0.1:-1" }
      max_control_line: ${CONTROL_LINE}
      ping_interval: "1h"`,
  })
  // The ports file of nats-server does not name leaf node listeners.
  const pattern = /leafnode connections on 127\.0\.0\.1:(\d+)/
  leafPort = await until('the leaf node port in the log', () => {
    const found = pattern.exec(server.log)
    return found !== null && Number(found[1])
  })
})
after(async () => {
  await server?.stop()
})

function answerTo({ verb, argument }: ReferenceOperation, kind: Kind): Answer {
  const stays = (text: string): Answer => ({ text, closes: false })
  const closes: Answer = { text: '', closes: true }
  const bytes = Buffer.from(argument, 'latin1')
  switch (verb) {
    case 'PING':
      return stays('PONG\r\n')
    case 'CONNECT':
      return decodeConnect(bytes, CONNECT_DEFAULTS).ok ? stays('+OK\r\n') : closes
    case 'INFO':
      return decodeInfo(bytes).ok ? stays('') : closes
    case 'ERR':
      return kind === 'client' ? closes : stays('')
    case 'SUB':
    case 'LSUB': {
      const subject = argument.trimStart().split(/[ \t\r\n]+/)[0]!
      const { badSubject, leafBadSubject } = VIOLATIONS
      if (isValidSubscriptionSubject(subject)) return stays(kind === 'client' ? '+OK\r\n' : '')
      return stays(errorLine(kind === 'client' ? badSubject.wire : leafBadSubject.wire))
    }
    case 'UNSUB':
    case 'PUB':
    case 'HPUB':
    case 'HMSG':
      return stays(kind === 'client' ? '+OK\r\n' : '')
    default:
      return stays('')
  }
}

function predict(bytes: string, kind: Kind): Answer {
  const { operations, end } = drive([Buffer.from(bytes, 'latin1')], {
    kind,
    controlLineBytesMax: CONTROL_LINE,
    awaitingAuth: false,
  })
  let text = ''
  for (const operation of operations) {
    const answer = answerTo(operation, kind)
    text += answer.text
    if (answer.closes) return { text, closes: true }
  }
  if (end === 'open') return { text, closes: false }
  const wire = VIOLATIONS[end].wire
  return { text: text + (wire === null ? '' : errorLine(wire)), closes: true }
}

async function connect(kind: Kind): Promise<RawClient> {
  const client = await RawClient.connect(kind === 'client' ? server.port : leafPort)
  await client.readUntil('\r\n')
  await client.send(
    kind === 'client'
      ? 'CONNECT {"verbose":true,"pedantic":false,"headers":true,"echo":false}\r\nPING\r\n'
      : 'CONNECT {"headers":true}\r\nPING\r\n',
  )
  await client.readUntil('PONG\r\n')
  return client
}

/** What came after the handshake, without what a leaf is told by the way. */
function answers(client: RawClient, handshakeBytes: number, kind: Kind): string {
  const text = client.received.toString('latin1', handshakeBytes)
  return kind === 'client' ? text : text.replace(/^(?:PING|LS[+-] .*|INFO .*)\r\n/gm, '')
}

async function compare(parts: readonly string[], kind: Kind): Promise<void> {
  const bytes = parts.join('')
  const expected = predict(bytes, kind)
  await using client = await connect(kind)
  const handshakeBytes = client.receivedBytes
  const sent: string[] = []
  for (const part of parts) {
    if (predict(sent.join(''), kind).closes) break // more would only provoke a reset
    sent.push(part)
  }
  await client.sendPieces(sent)
  await client.waitFor(`the answers to ${JSON.stringify(parts)}`, () => {
    const enough = answers(client, handshakeBytes, kind).length >= expected.text.length
    return client.closedBy !== null || (!expected.closes && enough)
  })
  const text = answers(client, handshakeBytes, kind)
  assert.deepEqual(
    { parts, text, closes: client.closedBy !== null },
    { parts, text: expected.text, closes: expected.closes },
  )
}

const LONG = 'x'.repeat(CONTROL_LINE)

/** Every line ends with an answer, so that the last PONG proves that nothing is left to come. */
const LINES: Readonly<Record<Kind, readonly string[]>> = {
  client: [
    ...['PING garbage\n', 'ping\r\n', 'PINGx\rPING\n', 'PONG\r\n', 'PONGx\n', '+OK\r\n', '+okay\n'],
    ...[
      '\r\n',
      '\n',
      ' PING\r\n',
      '\tPING\r\n',
      'X',
      'PX',
      'PUBX',
      'SUBZ',
      'PUBLISH',
      'PUB\r\n',
      'PUB\n',
    ],
    ...[
      'PUB \r\n',
      'PUB \n\r\n',
      'PUB \np.foo 2\r\nab\r\n',
      'PUB \rp.foo 2\nab\r\n',
      'PUB  \t p.foo\t2 \nab\r\n',
    ],
    ...[
      'PUB f\roo 22\nab\r\n',
      'PUB foo 2\r\r\nab\r\n',
      'PUB foo 2\n',
      'PUB foo 2\r\nabc\r\n',
      'PUB foo 2\r\nab\n',
    ],
    ...[
      'PUB foo 2\r\nab\rx',
      'PUB foo 0\r\n\r\n',
      'PUB foo 0\r\nx',
      'PUB foo\r\n',
      'PUB foo a b 1\r\n',
      'PUB foo -1\r\n',
    ],
    ...[
      'PUB foo 1234567890\r\n',
      'PUB foo 000000002\r\nab\r\n',
      'PUB foo 0000000002\r\n',
      'PUB foo +2\r\n',
      'PUB .. 0\r\n\r\n',
    ],
    ...[
      'SUB \r\n',
      'SUB\r\n',
      'SUB \n\n',
      'SUB \nfoo 1\r\n',
      'SUB f\roo 12\n',
      'SUB f\roo q 12\r\n',
      'SUB foo\r\n',
    ],
    ...[
      'SUB foo 1 2 3\r\n',
      'SUB a..b 1\r\n',
      'SUB >.a 1\r\n',
      'SUB a>.b* 1\r\n',
      'SUB foo 1\r\r\n',
      'SUB foo\r1 2\n',
    ],
    ...[
      'UNSUB \r\n',
      'UNSUB\r\n',
      'UNSUB 1\r\n',
      'UNSUB 1 x\r\n',
      'UNSUB 1 2 3\r\n',
      'UNSUB \n1\n',
      'UNSUBX',
    ],
    ...[
      'HPUB foo 2 4\r\nabcd\r\n',
      'HPUB foo r 2 4\nabcd\r\n',
      'HPUB foo 5 4\r\n',
      'HPUB foo x 4\r\n',
      'HPUB foo 4\r\n',
    ],
    ...[
      'HPUB \r\n',
      'HPUB\r\n',
      'HPUB a b c 1 1\r\n',
      'HMSG \r\n\r\n',
      'HMSG a b 5\r\n\r\n',
      'HMSG a b 5\r\nhello\r\n',
    ],
    ...[
      'HMSG\r\n',
      'HMX',
      'HX',
      'MSG foo 1 2\r\n',
      'LS+ foo\r\n',
      'RS+ foo\r\n',
      'A+ foo\r\n',
      'LMSG f 1\r\n',
    ],
    ...['-ERR\r\n', "-ERR 'bye'\r\n", '-ERR \r\n', '-X', '+X', '+OX'],
    ...[
      'CONNECT\r\n',
      'CONNECT\n{}\r\n',
      'CONNECT{}\n',
      'CONNECT\t{} \r\n',
      'CONNECT {bad\r\n',
      'CONNECT null\r\n',
    ],
    ...[
      'CONNECT []\r\n',
      'CONNECT {}x\r\n',
      'CONNECT {"USER":"a","user":null,"x":{"y":[1,{}]}}\r\n',
      'CONNECTX\r\n',
    ],
    ...[
      'CONNECT {"user":1}\r\n',
      'CONNECT {"protocol":1.0}\r\n',
      'CONNECT {"protocol":1e0}\r\n',
      'CONNECT {"cluster":5}\r\n',
    ],
    ...[
      'CONNECT {"protocol":-0}\r\n',
      'CONNECT {"import":[]}\r\n',
      'CONNECT {"import":{"allow":[null,"a"]}}\r\n',
    ],
    ...[
      'CONNECT {"u\\u017fer":1}\r\n',
      'CONNECT {"U\\u017fer":"a"}\r\n',
      'CONNECT {"name":"\\ud800\\x"}\r\n',
    ],
    ...[
      'CONNECT {"name":"\xff\\ud800"}\r\n',
      'CONNECT {"name":"a\tb"}\r\n',
      'CONNECT {"protocol":9223372036854775808}\r\n',
    ],
    ...[
      'INFO\r\n',
      'INFO{}\r\n',
      'INFO {"port":"x"}\r\n',
      'INFO {"port":1,"leafnode_urls":[null]} \r\n',
      'INFO {"ip":[]}\r\n',
    ],
    ...[
      'INFO {"max_payload":2147483648}\r\n',
      'INFO {"client_id":-0}\r\n',
      'INFO {"client_id":18446744073709551615}\r\n',
    ],
    ...[
      `UNSUB ${LONG}\r\n`,
      `UNSUB ${LONG}\n`,
      `UNSUB ${LONG}x\n`,
      `UNSUB ${LONG}x`,
      `SUB ${LONG}x`,
      `PUB ${LONG}x`,
    ],
    ...[
      `UNSUB    ${LONG}\r\n`,
      `UNSUB ${LONG} \r\n`,
      `UNSUB a\r${LONG.slice(1)}\n`,
      `UNSUB a\r${LONG.slice(2)}x\n`,
    ],
    ...[
      `CONNECT ${LONG}x`,
      `PING${LONG}x\n`,
      `-ERR ${LONG}x`,
      `INFO ${LONG}x`,
      `HMSG ${LONG}x`,
      `HPUB ${LONG}x`,
    ],
  ],
  leaf: [
    ...[
      'LS+ foo\r\n',
      'ls+ foo q 3\r\n',
      'LS+ foo q\r\n',
      'LS+ foo q 1 2\r\n',
      'LS+ \r\n',
      'LS+\r\n',
      'LS+ foo q x\n',
    ],
    ...[
      'LS+ a..b\r\n',
      'LS+ >.a\r\n',
      'LS- foo\r\n',
      'LS- \r\n',
      'LS- a b c d\r\n',
      'LSX',
      'LX',
      'LS+X',
    ],
    ...[
      'LMSG foo 2\r\nab\r\n',
      'LMSG foo r 2\r\nab\r\n',
      'LMSG foo + r q 2\r\nab\r\n',
      'LMSG foo | q w 2\r\nab\r\n',
    ],
    ...[
      'LMSG foo r q 2\r\n',
      'LMSG foo ++ q 2\r\n',
      'LMSG foo + q 2\r\nab\r\n',
      'LMSG foo\r\n',
      'LMSG foo x\r\n',
    ],
    ...[
      'LMSG \nfoo 2\nab\r\n',
      'LMSG foo\r2 1\nab\r\n',
      'LMSG foo 2\r\nabc',
      'LMSG \r\n',
      'LMSG\r\n',
    ],
    ...[
      'HMSG foo 2 4\r\nabcd\r\n',
      'HMSG foo r 2 4\r\nabcd\r\n',
      'HMSG foo + r q 2 4\r\nabcd\r\n',
      'HMSG f | q 2 4\r\nabcd\r\n',
    ],
    ...[
      'HMSG foo 5 4\r\n',
      'HMSG foo 4\r\n',
      'HMSG foo r q 2 4\r\n',
      'HMSG foo x 4\r\n',
      'HMSG foo 2 x\r\n',
    ],
    ...[
      'SUB foo\r\n',
      'SUB foo 1\r\n',
      'UNSUB foo\r\n',
      'RS+ foo q 1\r\n',
      'RS- foo\r\n',
      'RMSG foo 2\r\nab\r\n',
      'RX',
    ],
    ...[
      'PUB foo 2\r\nab\r\n',
      'PUB foo 2 3 4\r\n',
      'HPUB foo 2 2\r\nab\r\n',
      'A+ x\r\n',
      'A- x\r\n',
      'Au x\r\n',
      'aU',
      'A+\r\n',
    ],
    ...[
      'MSG foo 1 2\r\n',
      '\r\n',
      ' ',
      'X',
      'PING x\n',
      'PONG\r\n',
      '+OK\r\n',
      "-ERR 'x'\r\n",
      '-ERR\r\n',
    ],
    ...[
      `LS- ${LONG.repeat(16)}\r\n`,
      `LS- ${LONG.repeat(16)}x\n`,
      `LS+ ${LONG.repeat(16)}x`,
      `LMSG ${LONG.repeat(17)}`,
    ],
  ],
}

for (const kind of ['client', 'leaf'] as const) {
  test(`a real nats-server reads each line of a ${kind} as we do`, { skip }, async () => {
    for (const line of LINES[kind]) await compare([`${line}PING\r\n`], kind)
  })

  test(`a real nats-server reads random streams of a ${kind} as we do`, { skip }, async () => {
    const streams = fc.sample(streamOf({ kind, awaitingAuth: false }), { seed: SEED, numRuns: 400 })
    let compared = 0
    for (const stream of streams) {
      // nats-server's first read takes 512 bytes, and a line with a CR inside must not be split.
      if (stream.length > 480) continue
      // A second handshake of a leaf is another matter.
      if (kind === 'leaf' && /CONNECT|INFO/i.test(stream)) continue
      if (!endsClean(`${stream}PING\r\n`, kind)) continue
      compared++
      await compare([`${stream}PING\r\n`], kind)
    }
    assert.ok(compared > 100, `compared=${compared}`)
  })
}

/** Either closed, or with nothing unfinished: only then is there an end to wait for. */
function endsClean(bytes: string, kind: Kind): boolean {
  const { text, closes } = predict(bytes, kind)
  return (
    closes ||
    (text.endsWith('PONG\r\n') && predict(`${bytes}PING\r\n`, kind).text.length > text.length)
  )
}

const SPLIT: Readonly<Record<Kind, string>> = {
  client:
    'PUB p.foo r 5\r\nhel\r\n\r\nHPUB p 2 4\r\nabcd\r\nSUB \t s q 1\r\nUNSUB 1 2\r\nPING x\r\n' +
    '+OK\r\nCONNECT {}\r\nINFO {}\r\nPONG\r\nPUB x 0\n\r\nPING\r\nPUBX',
  leaf:
    'LS+ baz q 2\r\nLS+ bar\r\nLS- bar\r\nLMSG foo + r q 3\r\nabc\r\nHMSG foo | q 2 4\r\nabcd\r\n' +
    "PING\r\n-ERR 'x'\r\nLMSG foo 1\r\na\r\nA+ x\r\nPING \r\nLMSG foo 1\r\nabc",
}

for (const kind of ['client', 'leaf'] as const) {
  test(`a real nats-server reads a ${kind}’s stream as we do wherever it is split`, {
    skip,
  }, async () => {
    const bytes = SPLIT[kind]
    for (let cut = 1; cut < bytes.length; cut++) {
      await compare([bytes.slice(0, cut), bytes.slice(cut)], kind)
    }
  })
}
