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

export const VIOLATION = "-ERR 'Authorization Violation'"
export const UNKNOWN = "-ERR 'Unknown Protocol Operation'"
const TIMEOUT = "-ERR 'Authentication Timeout'"
const TOO_LONG = "-ERR 'maximum control line exceeded'"
const TOO_LARGE = "-ERR 'Maximum Payload Violation'"
const BAD_SUBJECT = "-ERR 'Invalid Subscription'"
const NOT_FOR_CLIENTS = "-ERR 'attempted to connect to leaf node port'"
const CLUSTER_SPACES = "-ERR 'cluster name cannot contain spaces'"

const LONG_LINE = 'x'.repeat(LIMITS.maxControlLine * 16 + 100)
const CLIENT_CONNECT = 'CONNECT {"verbose":false,"pedantic":false,"lang":"go","version":"1.0"}\r\n'
/** What a TLS client says first. */
const CLIENT_HELLO = Buffer.from(
  '16030100a5010000a10303ebf1a1c20f9ae5e0e2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f70819',
  'hex',
)

const BEFORE_CONNECT: Script[] = (
  [
    ['LS+', 'LS+ foo\r\n', [VIOLATION, 'closed']],
    ['LS-', 'LS- foo\r\n', [VIOLATION, 'closed']],
    ['LMSG', 'LMSG foo 2\r\nhi\r\n', [VIOLATION, 'closed']],
    ['HMSG', 'HMSG foo 12 14\r\nNATS/1.0\r\n\r\nhi\r\n', [VIOLATION, 'closed']],
    ['-ERR about a loop', "-ERR 'Loop detected for leafnode account'\r\n", [VIOLATION, 'closed']],
    ['PING', 'PING\r\n', [VIOLATION, 'closed']],
    ['PONG', 'PONG\r\n', [VIOLATION, 'closed']],
    ['SUB', 'SUB foo 1\r\n', [VIOLATION, 'closed']],
    ['nonsense', 'NONSENSE\r\n', [VIOLATION, 'closed']],
    ['a request for a web page', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n', [VIOLATION, 'closed']],
    ['TLS', CLIENT_HELLO, [VIOLATION, 'closed']],
    ['zeros', new Uint8Array(200), [VIOLATION, 'closed']],
    ['a line that is too long', `CONNECT {"name":"${LONG_LINE}"}\r\n`, [TOO_LONG, 'closed']],
    ['an endless line', LONG_LINE, [VIOLATION, 'closed']],
    ['a client', CLIENT_CONNECT, [NOT_FOR_CLIENTS, 'closed']],
    [
      'a client that goes on at once',
      `${CLIENT_CONNECT}PING\r\nSUB foo 1\r\nPUB foo 2\r\nhi\r\n`,
      [NOT_FOR_CLIENTS, 'closed'],
    ],
    [
      'a gateway',
      'CONNECT {"gateway":"G1","name":"g"}\r\n',
      ['-ERR \'Rejecting connection from gateway "G1" on the leafnode port\'', 'closed'],
    ],
    ['a choice of account', 'CONNECT {"account":"A"}\r\n', [VIOLATION, 'closed']],
    ['a new account', 'CONNECT {"new_account":true}\r\n', [VIOLATION, 'closed']],
    ['CONNECT with an array', 'CONNECT [1,2]\r\n', ['closed']],
    ['CONNECT with half an object', 'CONNECT {"name":\r\n', ['closed']],
    ['CONNECT with nothing', 'CONNECT\r\n', ['closed']],
    ['CONNECT with wrong types', 'CONNECT {"name":1,"headers":"yes"}\r\n', ['closed']],
    ['a cluster name with spaces', 'CONNECT {"cluster":"a b"}\r\n', [CLUSTER_SPACES, 'closed']],
    [
      'INFO with an unknown compression',
      'INFO {"compression":"zip"}\r\n',
      ['-ERR \'unsupported route compression mode "zip"\'', 'closed'],
    ],
    ['INFO with an empty compression', 'INFO {}\r\nLS+ foo\r\n', [VIOLATION, 'closed']],
    [
      'INFO twice',
      'INFO {"compression":"off"}\r\nINFO {"compression":"off"}\r\n',
      [TIMEOUT, 'closed'],
    ],
    [
      'INFO and a message',
      'INFO {"compression":"off"}\r\nLMSG foo 2\r\nhi\r\n',
      [VIOLATION, 'closed'],
    ],
    ['INFO with half an object', 'INFO {"compression"\r\n', ['closed']],
  ] as const
).map(([what, bytes, answers]) => ({
  name: `before CONNECT: ${what}`,
  sends: [bytes],
  answers,
}))

const AFTER_CONNECT: Script[] = (
  [
    ['CONNECT twice', 'CONNECT {}\r\n', ['INFO', 'open']],
    ['CONNECT as a client', CLIENT_CONNECT, [NOT_FOR_CLIENTS, 'closed']],
    ['SUB', 'SUB foo 1\r\n', ['closed']],
    ['UNSUB', 'UNSUB 1\r\n', ['open']],
    ['PUB', 'PUB foo 2\r\nhi\r\n', ['open']],
    ['MSG', 'MSG foo 1 2\r\nhi\r\n', [UNKNOWN, 'closed']],
    ['HPUB', 'HPUB foo 12 14\r\nNATS/1.0\r\n\r\nhi\r\n', ['closed']],
    ['RS+', 'RS+ $G foo\r\n', ['closed']],
    ['RMSG', 'RMSG $G foo 2\r\nhi\r\n', ['open']],
    ['+OK', '+OK\r\n', ['open']],
    ['nonsense', 'NONSENSE\r\n', [UNKNOWN, 'closed']],
    ['an empty line', '\r\n', [UNKNOWN, 'closed']],
    ['LF alone as the end of lines', 'LS+ lf.alone\nPING\n', ['PONG', 'open']],
    ['lower case', 'ls+ lower.case\r\nlmsg lower.case 2\r\nhi\r\n', ['open']],
    ['LS+ with two arguments', 'LS+ foo bar\r\n', ['closed']],
    ['LS+ with four arguments', 'LS+ foo bar 1 2\r\n', ['closed']],
    ['LS+ with nothing', 'LS+\r\n', [UNKNOWN, 'closed']],
    ['LS+ with a weight that is none', 'LS+ foo bar x\r\n', ['open']],
    ['LS+ with no weight at all', 'LS+ foo bar 0\r\n', ['open']],
    ['LS+ with a weight below 0', 'LS+ foo bar -3\r\n', ['open']],
    ['LS+ with a broken subject', 'LS+ foo..bar\r\n', [BAD_SUBJECT, 'open']],
    ['LS+ of everything below nothing', 'LS+ >.foo\r\n', [BAD_SUBJECT, 'open']],
    ['LS- of nobody knows what', 'LS- foo..bar\r\nLS- x y\r\nLS- a b c d\r\n', ['open']],
    ['LS+ that is too long', `LS+ ${LONG_LINE}\r\n`, [TOO_LONG, 'closed']],
    ['LS+ that never ends', `LS+ ${LONG_LINE}`, [TOO_LONG, 'closed']],
    [
      'LS+ beyond the limit',
      Array.from({ length: LIMITS.maxSubscriptions + 2 }, (_, i) => `LS+ s.${i}\r\n`).join(''),
      ["-ERR 'maximum subscriptions exceeded'", "-ERR 'maximum subscriptions exceeded'", 'open'],
    ],
    ['LMSG with nothing', 'LMSG\r\n', [UNKNOWN, 'closed']],
    ['LMSG without a size', 'LMSG foo\r\nhi\r\n', ['closed']],
    ['LMSG with a size below 0', 'LMSG foo -1\r\n\r\n', ['closed']],
    ['LMSG with a size that is no number', 'LMSG foo 2x\r\nhi\r\n', ['closed']],
    ['LMSG with a huge size', 'LMSG foo 999999999\r\n', [TOO_LARGE, 'closed']],
    ['LMSG with more digits than a size has', 'LMSG foo 99999999999999999999\r\n', ['closed']],
    ['LMSG above max_payload', `LMSG foo ${LIMITS.maxPayload + 1}\r\n`, [TOO_LARGE, 'closed']],
    ['LMSG with groups but no indicator', 'LMSG foo bar baz q 2\r\nhi\r\n', ['closed']],
    ['LMSG that says less than it has', 'LMSG foo 1\r\nhi\r\n', [UNKNOWN, 'closed']],
    ['LMSG that says more than it has', 'LMSG foo 3\r\nhi\r\nPING\r\n', [UNKNOWN, 'closed']],
    ['LMSG with a wildcard', 'LMSG foo.* 2\r\nhi\r\nLMSG > 2\r\nhi\r\n', ['open']],
    ['LMSG with a broken subject', 'LMSG foo..bar 2\r\nhi\r\n', ['open']],
    [
      'HMSG whose headers are longer than itself',
      'HMSG foo 14 12\r\nNATS/1.0\r\n\r\n\r\n',
      ['closed'],
    ],
    ['HMSG without sizes', 'HMSG foo\r\n', ['closed']],
    ['HMSG whose headers are none', 'HMSG foo 4 6\r\nabcdef\r\n', ['open']],
    ['-ERR about something', "-ERR 'Something'\r\n", ['open']],
    ['-ERR about a loop', "-ERR 'Loop detected for leafnode account'\r\n", ['closed']],
    ['-ERR with nothing', '-ERR\r\n', [UNKNOWN, 'closed']],
    ['INFO once', 'INFO {"server_name":"x","leafnode_urls":["a:1"]}\r\n', ['open']],
    [
      'INFO with permissions',
      'INFO {"import":{"deny":[">"]},"export":{"deny":[">"]}}\r\n',
      ['open'],
    ],
    ['INFO with half an object', 'INFO {"server_name"\r\n', ['closed']],
    [
      'INFO with a cluster name with spaces',
      'INFO {}\r\nINFO {"cluster":"a b"}\r\n',
      [CLUSTER_SPACES, 'closed'],
    ],
  ] as const
).map(([what, bytes, answers]) => ({
  name: `after CONNECT: ${what}`,
  joins: true,
  sends: [bytes],
  answers,
}))

const SLOW: Script[] = [
  { name: 'silence', sends: [], answers: [TIMEOUT, 'closed'] },
  {
    name: 'CONNECT letter by letter',
    sends: [...'CONNECT {"name":"slow"}'],
    answers: [TIMEOUT, 'closed'],
  },
]

export const SCRIPTS: readonly Script[] = [...BEFORE_CONNECT, ...AFTER_CONNECT, ...SLOW]
