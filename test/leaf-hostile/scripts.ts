/** What hostile or mistaken peers send to a leaf port, and what comes back. */
export interface Script {
  readonly name: string
  /** Sent in these pieces, 60 ms apart, after the INFO of the server. */
  readonly sends: readonly (string | Uint8Array)[]
  /** Let in first, with a CONNECT that says nothing. */
  readonly joins?: boolean
  /**
   * Lines that come back: INFO without its contents, no PING, no interest; then how it ends. A
   * connection that stays open has been asked for a PONG, which is not shown.
   */
  readonly answers: readonly string[]
}

/** Sizes that the server of the scripts is given. */
export const LIMITS = {
  maxPayload: 1000,
  /** Times 16 for leafs. */
  maxControlLine: 128,
  maxSubscriptions: 5,
  authTimeoutMs: 600,
} as const

const LONG_LINE = 'x'.repeat(LIMITS.maxControlLine * 16 + 100)
const CLIENT_CONNECT = 'CONNECT {"verbose":false,"pedantic":false,"lang":"go","version":"1.0"}\r\n'
/** What a TLS client says first. */
const CLIENT_HELLO = Buffer.from(
  '16030100a5010000a10303ebf1a1c20f9ae5e0e2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f70819',
  'hex',
)

const BEFORE_CONNECT: Script[] = (
  [
    ['LS+', 'LS+ foo\r\n'],
    ['LS-', 'LS- foo\r\n'],
    ['LMSG', 'LMSG foo 2\r\nhi\r\n'],
    ['HMSG', 'HMSG foo 12 14\r\nNATS/1.0\r\n\r\nhi\r\n'],
    ['-ERR about a loop', "-ERR 'Loop detected for leafnode account'\r\n"],
    ['PING', 'PING\r\n'],
    ['PONG', 'PONG\r\n'],
    ['SUB', 'SUB foo 1\r\n'],
    ['nonsense', 'NONSENSE\r\n'],
    ['a request for a web page', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['TLS', CLIENT_HELLO],
    ['zeros', new Uint8Array(200)],
    ['a line that is too long', `CONNECT {"name":"${LONG_LINE}"}\r\n`],
    ['an endless line', LONG_LINE],
    ['a client', CLIENT_CONNECT],
    ['a client that goes on at once', `${CLIENT_CONNECT}PING\r\nSUB foo 1\r\nPUB foo 2\r\nhi\r\n`],
    ['a gateway', 'CONNECT {"gateway":"G1","name":"g"}\r\n'],
    ['a choice of account', 'CONNECT {"account":"A"}\r\n'],
    ['a new account', 'CONNECT {"new_account":true}\r\n'],
    ['CONNECT with an array', 'CONNECT [1,2]\r\n'],
    ['CONNECT with half an object', 'CONNECT {"name":\r\n'],
    ['CONNECT with nothing', 'CONNECT\r\n'],
    ['CONNECT with wrong types', 'CONNECT {"name":1,"headers":"yes"}\r\n'],
    ['a cluster name with spaces', 'CONNECT {"cluster":"a b"}\r\n'],
    ['INFO with an unknown compression', 'INFO {"compression":"zip"}\r\n'],
    ['INFO with an empty compression', 'INFO {}\r\nLS+ foo\r\n'],
    ['INFO twice', 'INFO {"compression":"off"}\r\nINFO {"compression":"off"}\r\n'],
    ['INFO and a message', 'INFO {"compression":"off"}\r\nLMSG foo 2\r\nhi\r\n'],
    ['INFO with half an object', 'INFO {"compression"\r\n'],
  ] as const
).map(([what, bytes]) => ({
  name: `before CONNECT: ${what}`,
  sends: [bytes],
  answers: [],
}))

const AFTER_CONNECT: Script[] = (
  [
    ['CONNECT twice', 'CONNECT {}\r\n'],
    ['CONNECT as a client', CLIENT_CONNECT],
    ['SUB', 'SUB foo 1\r\n'],
    ['UNSUB', 'UNSUB 1\r\n'],
    ['PUB', 'PUB foo 2\r\nhi\r\n'],
    ['MSG', 'MSG foo 1 2\r\nhi\r\n'],
    ['HPUB', 'HPUB foo 12 14\r\nNATS/1.0\r\n\r\nhi\r\n'],
    ['RS+', 'RS+ $G foo\r\n'],
    ['RMSG', 'RMSG $G foo 2\r\nhi\r\n'],
    ['+OK', '+OK\r\n'],
    ['nonsense', 'NONSENSE\r\n'],
    ['an empty line', '\r\n'],
    ['LF alone as the end of lines', 'LS+ lf.alone\nPING\n'],
    ['lower case', 'ls+ lower.case\r\nlmsg lower.case 2\r\nhi\r\n'],
    ['LS+ with two arguments', 'LS+ foo bar\r\n'],
    ['LS+ with four arguments', 'LS+ foo bar 1 2\r\n'],
    ['LS+ with nothing', 'LS+\r\n'],
    ['LS+ with a weight that is none', 'LS+ foo bar x\r\n'],
    ['LS+ with no weight at all', 'LS+ foo bar 0\r\n'],
    ['LS+ with a weight below 0', 'LS+ foo bar -3\r\n'],
    ['LS+ with a broken subject', 'LS+ foo..bar\r\n'],
    ['LS+ of everything below nothing', 'LS+ >.foo\r\n'],
    ['LS- of nobody knows what', 'LS- foo..bar\r\nLS- x y\r\nLS- a b c d\r\n'],
    ['LS+ that is too long', `LS+ ${LONG_LINE}\r\n`],
    ['LS+ that never ends', `LS+ ${LONG_LINE}`],
    [
      'LS+ beyond the limit',
      Array.from({ length: LIMITS.maxSubscriptions + 2 }, (_, i) => `LS+ s.${i}\r\n`).join(''),
    ],
    ['LMSG with nothing', 'LMSG\r\n'],
    ['LMSG without a size', 'LMSG foo\r\nhi\r\n'],
    ['LMSG with a size below 0', 'LMSG foo -1\r\n\r\n'],
    ['LMSG with a size that is no number', 'LMSG foo 2x\r\nhi\r\n'],
    ['LMSG with a huge size', 'LMSG foo 999999999\r\n'],
    ['LMSG with more digits than a size has', 'LMSG foo 99999999999999999999\r\n'],
    ['LMSG above max_payload', `LMSG foo ${LIMITS.maxPayload + 1}\r\n`],
    ['LMSG with groups but no indicator', 'LMSG foo bar baz q 2\r\nhi\r\n'],
    ['LMSG that says less than it has', 'LMSG foo 1\r\nhi\r\n'],
    ['LMSG that says more than it has', 'LMSG foo 3\r\nhi\r\nPING\r\n'],
    ['LMSG with a wildcard', 'LMSG foo.* 2\r\nhi\r\nLMSG > 2\r\nhi\r\n'],
    ['LMSG with a broken subject', 'LMSG foo..bar 2\r\nhi\r\n'],
    ['HMSG whose headers are longer than itself', 'HMSG foo 14 12\r\nNATS/1.0\r\n\r\n\r\n'],
    ['HMSG without sizes', 'HMSG foo\r\n'],
    ['HMSG whose headers are none', 'HMSG foo 4 6\r\nabcdef\r\n'],
    ['-ERR about something', "-ERR 'Something'\r\n"],
    ['-ERR about a loop', "-ERR 'Loop detected for leafnode account'\r\n"],
    ['-ERR with nothing', '-ERR\r\n'],
    ['INFO once', 'INFO {"server_name":"x","leafnode_urls":["a:1"]}\r\n'],
    ['INFO with permissions', 'INFO {"import":{"deny":[">"]},"export":{"deny":[">"]}}\r\n'],
    ['INFO with half an object', 'INFO {"server_name"\r\n'],
    ['INFO with a cluster name with spaces', 'INFO {}\r\nINFO {"cluster":"a b"}\r\n'],
  ] as const
).map(([what, bytes]) => ({
  name: `after CONNECT: ${what}`,
  joins: true,
  sends: [bytes],
  answers: [],
}))

const SLOW: Script[] = [
  { name: 'silence', sends: [], answers: [] },
  {
    name: 'CONNECT letter by letter',
    sends: [...'CONNECT {"name":"slow"}'],
    answers: [],
  },
]

export const SCRIPTS: readonly Script[] = [...BEFORE_CONNECT, ...AFTER_CONNECT, ...SLOW]
