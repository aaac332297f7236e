/**
 * A second, plain reading of nats-server's protocol: a state machine fed one byte at a time. Slow,
 * and written to share nothing with src/protocol, so that tests can hold one against the other.
 * States carry nats-server's names; argument states collect, payload states count.
 *
 * It decides like readOperation where nats-server's answer depends on how reads were split.
 */
export type ReferenceKind = 'client' | 'leaf'

export type ReferenceOperation = {
  readonly verb: string
  /** One character per byte. */
  readonly argument: string
  readonly payload: string | null
}

export type ReferenceEnd =
  | 'open'
  | 'unknownProtocolOperation'
  | 'controlLineExceeded'
  | 'authorization'
  | 'badArguments'

export type ReferenceOptions = {
  readonly kind: ReferenceKind
  readonly controlLineBytesMax: number
  /** Until a CONNECT was read, everything else is refused. */
  readonly awaitingAuth: boolean
}

/** Where each letter leads. A row lists accepted bytes; anything else is an error. */
const LETTERS: Readonly<Record<string, readonly (readonly [bytes: string, next: string])[]>> = {
  OP_H: [
    ['Pp', 'OP_HP'],
    ['Mm', 'OP_HM'],
  ],
  OP_HP: [['Uu', 'OP_HPU']],
  OP_HPU: [['Bb', 'OP_HPUB']],
  OP_HM: [['Ss', 'OP_HMS']],
  OP_HMS: [['Gg', 'OP_HMSG']],
  OP_P: [
    ['Uu', 'OP_PU'],
    ['Ii', 'OP_PI'],
    ['Oo', 'OP_PO'],
  ],
  OP_PU: [['Bb', 'OP_PUB']],
  OP_PI: [['Nn', 'OP_PIN']],
  OP_PIN: [['Gg', 'OP_PING']],
  OP_PO: [['Nn', 'OP_PON']],
  OP_PON: [['Gg', 'OP_PONG']],
  OP_S: [['Uu', 'OP_SU']],
  OP_SU: [['Bb', 'OP_SUB']],
  OP_U: [['Nn', 'OP_UN']],
  OP_UN: [['Ss', 'OP_UNS']],
  OP_UNS: [['Uu', 'OP_UNSU']],
  OP_UNSU: [['Bb', 'OP_UNSUB']],
  OP_C: [['Oo', 'OP_CO']],
  OP_CO: [['Nn', 'OP_CON']],
  OP_CON: [['Nn', 'OP_CONN']],
  OP_CONN: [['Ee', 'OP_CONNE']],
  OP_CONNE: [['Cc', 'OP_CONNEC']],
  OP_CONNEC: [['Tt', 'OP_CONNECT']],
  OP_I: [['Nn', 'OP_IN']],
  OP_IN: [['Ff', 'OP_INF']],
  OP_INF: [['Oo', 'OP_INFO']],
  OP_PLUS: [['Oo', 'OP_PLUS_O']],
  OP_PLUS_O: [['Kk', 'OP_PLUS_OK']],
  OP_MINUS: [['Ee', 'OP_MINUS_E']],
  OP_MINUS_E: [['Rr', 'OP_MINUS_ER']],
  OP_MINUS_ER: [['Rr', 'OP_MINUS_ERR']],
  // Leaf connections only; the first byte already told them apart.
  OP_L: [
    ['Ss', 'OP_LS'],
    ['Mm', 'OP_M'],
  ],
  OP_LS: [
    ['+', 'OP_SUB'],
    ['-', 'OP_UNSUB'],
  ],
  OP_R: [
    ['Ss', 'OP_RS'],
    ['Mm', 'OP_M'],
  ],
  OP_RS: [
    ['+', 'OP_SUB'],
    ['-', 'OP_UNSUB'],
  ],
  OP_M: [['Ss', 'OP_MS']],
  OP_MS: [['Gg', 'OP_MSG']],
  OP_A: [
    ['+', 'OP_ASUB'],
    ['-u', 'OP_AUSUB'],
  ],
}

const FIRST: Readonly<Record<ReferenceKind, readonly (readonly [bytes: string, next: string])[]>> =
  (() => {
    const client = [
      ['Pp', 'OP_P'],
      ['Hh', 'OP_H'],
      ['Ss', 'OP_S'],
      ['Uu', 'OP_U'],
      ['Cc', 'OP_C'],
      ['Ii', 'OP_I'],
      ['+', 'OP_PLUS'],
      ['-', 'OP_MINUS'],
    ] as const
    return {
      client,
      leaf: [...client, ['Rr', 'OP_R'], ['Ll', 'OP_L'], ['Aa', 'OP_A']] as const,
    }
  })()

/** After the word: a blank must follow. */
const NEEDS_BLANK: Readonly<Record<string, string>> = {
  OP_HPUB: 'HPUB_ARG',
  OP_HMSG: 'HMSG_ARG',
  OP_PUB: 'PUB_ARG',
  OP_SUB: 'SUB_ARG',
  OP_UNSUB: 'UNSUB_ARG',
  OP_MSG: 'MSG_ARG',
  OP_MINUS_ERR: 'MINUS_ERR_ARG',
  OP_ASUB: 'ASUB_ARG',
  OP_AUSUB: 'AUSUB_ARG',
}
const TAKES_BLANKS: Readonly<Record<string, string>> = {
  OP_CONNECT: 'CONNECT_ARG',
  OP_INFO: 'INFO_ARG',
}
const TO_LINE_END: Readonly<Record<string, string>> = {
  OP_PING: 'PING',
  OP_PONG: 'PONG',
  OP_PLUS_OK: 'OK',
}
const VERBS: Readonly<Record<ReferenceKind, Readonly<Record<string, string>>>> = (() => {
  const common = {
    HPUB_ARG: 'HPUB',
    HMSG_ARG: 'HMSG',
    PUB_ARG: 'PUB',
    CONNECT_ARG: 'CONNECT',
    INFO_ARG: 'INFO',
    MINUS_ERR_ARG: 'ERR',
  }
  return {
    client: { ...common, SUB_ARG: 'SUB', UNSUB_ARG: 'UNSUB' },
    leaf: {
      ...common,
      SUB_ARG: 'LSUB',
      UNSUB_ARG: 'LUNSUB',
      MSG_ARG: 'LMSG',
      ASUB_ARG: 'ASUB',
      AUSUB_ARG: 'AUNSUB',
    },
  }
})()

/**
 * Payload size of a message line by the grammar of core.md and leaf.md; -1 = bad arguments, null =
 * no payload.
 */
function payloadSize(verb: string, argument: string, kind: ReferenceKind): number | null {
  const pub = verb === 'PUB' || verb === 'HPUB'
  const words = argument.split(pub ? /[ \t]+/ : /[ \t\r\n]+/).filter((word) => word !== '')
  const size = (word: string | undefined) =>
    word !== undefined && /^[0-9]{1,9}$/.test(word) ? Number(word) : -1
  const total = size(words.at(-1))
  const headers = size(words.at(-2))
  const headersOk = headers >= 0 && headers <= total
  switch (verb) {
    case 'PUB':
      return words.length === 2 || words.length === 3 ? total : -1
    case 'HPUB':
      return (words.length === 3 || words.length === 4) && headersOk ? total : -1
    case 'LMSG':
      if (words.length < 2 || (words.length > 3 && !/^[+|]$/.test(words[1]!))) return -1
      return total
    case 'HMSG':
      if (kind === 'client') return 0 // its line is never looked at
      if (words.length < 3 || (words.length > 4 && !/^[+|]$/.test(words[1]!))) return -1
      return headersOk ? total : -1
    case 'LSUB':
      return words.length === 1 || words.length === 3 ? null : -1
    case 'SUB':
      return words.length === 2 || words.length === 3 ? null : -1
    case 'UNSUB':
      return words.length === 1 || words.length === 2 ? null : -1
    default:
      return null
  }
}

export class ReferenceParser {
  readonly operations: ReferenceOperation[] = []
  end: ReferenceEnd = 'open'
  state = 'OP_START'
  readonly #options: ReferenceOptions
  #awaitingAuth: boolean
  #afterBlanks = ''
  #argument = ''
  #sawReturn = false
  #verb = ''
  #payload = ''
  #payloadSize = 0

  constructor(options: ReferenceOptions) {
    this.#options = options
    this.#awaitingAuth = options.awaitingAuth
  }

  feed(bytes: Uint8Array): void {
    for (const byte of bytes) {
      if (this.end !== 'open') return
      this.#step(String.fromCharCode(byte))
    }
  }

  #step(byte: string): void {
    const state = this.state
    if (state === 'OP_START') this.#start(byte)
    else if (state in NEEDS_BLANK) this.#blank(byte, NEEDS_BLANK[state]!)
    else if (state in TAKES_BLANKS) this.#beginArgument(byte, TAKES_BLANKS[state]!)
    else if (state === 'OP_SPC') this.#beginArgument(byte, this.#afterBlanks)
    else if (state in TO_LINE_END) {
      if (byte === '\n') this.#emit(TO_LINE_END[state]!, '', null)
    } else if (state.endsWith('_ARG')) this.#collect(byte)
    else if (state.startsWith('MSG_')) this.#message(byte)
    else this.#letter(byte, LETTERS[state]!)
  }

  #start(byte: string): void {
    if (this.#awaitingAuth && byte !== 'C' && byte !== 'c') this.end = 'authorization'
    else this.#letter(byte, FIRST[this.#options.kind])
  }

  #letter(byte: string, ways: readonly (readonly [bytes: string, next: string])[]): void {
    const way = ways.find(([bytes]) => bytes.includes(byte))
    if (way === undefined) this.end = 'unknownProtocolOperation'
    else this.state = way[1]
  }

  #blank(byte: string, argumentState: string): void {
    if (byte !== ' ' && byte !== '\t') {
      this.end = 'unknownProtocolOperation'
      return
    }
    this.state = 'OP_SPC'
    this.#afterBlanks = argumentState
  }

  #beginArgument(byte: string, argumentState: string): void {
    if (byte === ' ' || byte === '\t') return
    this.state = argumentState
    this.#argument = byte
    this.#sawReturn = false
    this.#checkLine(this.#argument)
  }

  #collect(byte: string): void {
    if (byte === '\n') {
      const argument = this.#sawReturn ? this.#argument.slice(0, -1) : this.#argument
      const verb = VERBS[this.#options.kind][this.state]!
      const size = payloadSize(verb, argument, this.#options.kind)
      if (size === -1) this.end = 'badArguments'
      else if (size === null) this.#emit(verb, argument, null)
      else {
        this.#verb = verb
        this.#argument = argument
        this.#payload = ''
        this.#payloadSize = size
        this.state = size === 0 ? 'MSG_END_R' : 'MSG_PAYLOAD'
      }
      return
    }
    if (byte === '\r') this.#sawReturn = true
    this.#argument += byte
    this.#checkLine(this.#sawReturn ? this.#argument.slice(0, -1) : this.#argument)
  }

  #checkLine(argument: string): void {
    const { kind, controlLineBytesMax } = this.#options
    if (argument.length > controlLineBytesMax * (kind === 'leaf' ? 16 : 1)) {
      this.end = 'controlLineExceeded'
    }
  }

  #message(byte: string): void {
    if (this.state === 'MSG_PAYLOAD') {
      this.#payload += byte
      if (this.#payload.length === this.#payloadSize) this.state = 'MSG_END_R'
    } else if (this.state === 'MSG_END_R' && byte === '\r') this.state = 'MSG_END_N'
    else if (this.state === 'MSG_END_N' && byte === '\n') {
      this.#emit(this.#verb, this.#argument, this.#payload)
    } else this.end = 'unknownProtocolOperation'
  }

  #emit(verb: string, argument: string, payload: string | null): void {
    this.operations.push({ verb, argument, payload })
    this.state = 'OP_START'
    if (verb === 'CONNECT') this.#awaitingAuth = false
  }
}
