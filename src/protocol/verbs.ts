/**
 * The words a line may start with, as a tree walked byte by byte: a byte without a branch is an
 * error the moment it is seen, long before the line ends.
 */
export type ConnectionKind = 'client' | 'leaf'

export type Verb =
  | 'CONNECT'
  | 'INFO'
  | 'SUB'
  | 'UNSUB'
  | 'PING'
  | 'PONG'
  | 'OK'
  | 'ERR'
  | 'PUB'
  | 'HPUB'
  | 'LSUB'
  | 'LUNSUB'
  | 'LMSG'
  | 'HMSG'
  /** Account interest, a matter of gateways: leaf connections read past it. */
  | 'ASUB'
  | 'AUNSUB'

/**
 * What follows the word: `rest` = anything up to the line end, ignored; `argument` = at least one
 * blank, then the argument; `adjacent` = the argument, blanks before it are optional.
 */
export type VerbForm = 'rest' | 'argument' | 'adjacent'

type VerbRow = readonly [word: string, verb: Verb, form: VerbForm]

const COMMON: readonly VerbRow[] = [
  ['CONNECT', 'CONNECT', 'adjacent'],
  ['INFO', 'INFO', 'adjacent'],
  ['PING', 'PING', 'rest'],
  ['PONG', 'PONG', 'rest'],
  ['+OK', 'OK', 'rest'],
  ['-ERR', 'ERR', 'argument'],
  ['PUB', 'PUB', 'argument'],
  ['HPUB', 'HPUB', 'argument'],
  ['HMSG', 'HMSG', 'argument'],
]

const CLIENT: readonly VerbRow[] = [
  ...COMMON,
  ['SUB', 'SUB', 'argument'],
  ['UNSUB', 'UNSUB', 'argument'],
]

/**
 * nats-server reads route and client words on leaf connections too, and takes them for the leaf's
 * own.
 */
const LEAF: readonly VerbRow[] = [
  ...COMMON,
  ['LS+', 'LSUB', 'argument'],
  ['RS+', 'LSUB', 'argument'],
  ['SUB', 'LSUB', 'argument'],
  ['LS-', 'LUNSUB', 'argument'],
  ['RS-', 'LUNSUB', 'argument'],
  ['UNSUB', 'LUNSUB', 'argument'],
  ['LMSG', 'LMSG', 'argument'],
  ['RMSG', 'LMSG', 'argument'],
  ['A+', 'ASUB', 'argument'],
  ['A-', 'AUNSUB', 'argument'],
  ['Au', 'AUNSUB', 'argument'],
]

/** The one letter whose upper case is refused: `Au` and `au` are read, `AU` is not. */
const EXACT_WORD = 'Au'

export type VerbNode = {
  readonly branches: ReadonlyMap<number, VerbNode>
  /** Set at the last letter of a word. No word is the beginning of another. */
  readonly verb: Verb | null
  readonly form: VerbForm
}

type Growing = { branches: Map<number, Growing>; verb: Verb | null; form: VerbForm }

function growing(): Growing {
  return { branches: new Map(), verb: null, form: 'rest' }
}

function spellings(word: string, i: number): string[] {
  const letter = word[i]!
  if (word === EXACT_WORD && i === word.length - 1) return [letter]
  return [letter.toUpperCase(), letter.toLowerCase()]
}

function buildTree(rows: readonly VerbRow[]): VerbNode {
  const root = growing()
  for (const [word, verb, form] of rows) {
    let node = root
    for (let i = 0; i < word.length; i++) {
      const codes = spellings(word, i).map((letter) => letter.charCodeAt(0))
      const next = node.branches.get(codes[0]!) ?? growing()
      for (const code of codes) node.branches.set(code, next)
      node = next
    }
    node.verb = verb
    node.form = form
  }
  return root
}

export const VERB_TREES: Readonly<Record<ConnectionKind, VerbNode>> = {
  client: buildTree(CLIENT),
  leaf: buildTree(LEAF),
}
