import {
  ask,
  headerBlock,
  hpub,
  lines,
  openLeaf,
  pub,
  send,
  sendCut,
  type Transcript,
  take,
} from '../script.ts'
import { alive, client, leafScript, linked, listener, lmsg, PING, PLAIN } from './leaf-forms.ts'

const HEADER = headerBlock('A: b')
const hmsg = (words: string, payload: string, header = HEADER) =>
  `HMSG ${words} ${header.length} ${header.length + payload.length}\r\n${header}${payload}\r\n`

const AUDIENCE = client('SUB foo 1', 'SUB foo q 2', 'SUB foo p 3', 'SUB bar q 4')
const MESSAGE_FORMS = {
  plain: lmsg('foo', 'x'),
  'with reply': lmsg('foo r', 'x'),
  'one group': lmsg('foo | q', 'x'),
  'two groups': lmsg('foo | q p', 'x'),
  'a group nobody is in': lmsg('foo | z', 'x'),
  'groups with reply': lmsg('foo + r q p', 'x'),
  'a group twice': lmsg('foo | q q', 'x'),
  'plain, where only groups are': lmsg('bar', 'x'),
  'tabs and blanks': 'LMSG\tfoo  r \t 1\r\nx\r\n',
  'lower case': 'lmsg foo 1\r\nx\r\n',
  empty: 'LMSG foo 0\r\n\r\n',
  'a subject with wildcards': lmsg('foo.*', 'x'),
  'an empty token': lmsg('foo..bar', 'x'),
  headers: hmsg('foo', 'x'),
  'headers and reply': hmsg('foo r', 'x'),
  'headers and groups': hmsg('foo | q', 'x'),
  'headers, groups and reply': hmsg('foo + r q p', 'x'),
  'headers only': hmsg('foo', ''),
  'no size': 'LMSG foo\r\n',
  nothing: 'LMSG\r\n',
  'a negative size': 'LMSG foo -1\r\n',
  'a size in letters': 'LMSG foo x\r\n',
  'a size of ten digits': 'LMSG foo 1000000000\r\n',
  'a bad indicator': 'LMSG foo x q 1\r\nx\r\n',
  'a long indicator': 'LMSG foo || q 1\r\nx\r\n',
  'only an indicator': 'LMSG foo | 1\r\nx\r\n',
  'a reply indicator without groups': 'LMSG foo + r 1\r\nx\r\n',
  'a payload that is too long': 'LMSG foo 1\r\nxyz\r\n',
  'HMSG with one size': 'HMSG foo 4\r\nabcd\r\n',
  'HMSG with a header larger than all': 'HMSG foo 5 4\r\nabcd\r\n',
  'HMSG with a bad indicator': 'HMSG foo x q 1 1\r\nx\r\n',
  'HMSG with a header length of 0': 'HMSG foo 0 1\r\nx\r\n',
  'HMSG with a negative header length': 'HMSG foo -1 1\r\nx\r\n',
  'HMSG with a header that is none': 'HMSG foo 2 3\r\nabc\r\n',
  MSG: 'MSG foo 1 1\r\nx\r\n',
  SUB: 'SUB foo 1\r\n',
  UNSUB: 'UNSUB 1\r\n',
  RMSG: 'RMSG A foo 1\r\nx\r\n',
  'RS+': 'RS+ A foo\r\n',
  'A+': 'A+ A\r\n',
  '+OK': '+OK\r\n',
  '-ERR': "-ERR 'Some Text'\r\n",
  'an unknown verb': 'NONSENSE foo\r\n',
  'an empty line': '\r\n',
  PONG: 'PONG\r\n',
  'ping in lower case': 'ping\r\n',
  'PING with an argument': 'PING x\r\n',
}

const MESSAGE_SCRIPTS = [
  ...Object.entries(MESSAGE_FORMS).map(([name, text]) =>
    leafScript(`message form: ${name}`, [
      AUDIENCE,
      linked('A'),
      send('A', text + PING),
      take('A'),
      take('C'),
    ]),
  ),
  leafScript('LMSG cut everywhere', [
    client('SUB foo 1'),
    linked('A'),
    sendCut('A', lmsg('foo + r q', 'hello') + lmsg('foo', ''), 'bytes'),
    take('C'),
    sendCut('A', `${hmsg('foo r', 'hello')}LS+ x q 12\r\nPING\r\n`, 'bytes'),
    take('C'),
    take('A'),
    send('C', pub('x', 'y')),
    take('A'),
  ]),
  leafScript(
    'a client sends headers, the leaf takes them',
    [
      client(),
      linked('A', { headers: true }),
      ask('A', lines('LS+ foo', 'PING')),
      send('C', hpub('foo', HEADER, 'x') + hpub('foo', HEADER, 'y', 'r') + pub('foo', 'z')),
      take('A'),
    ],
    PLAIN,
    { anyOrder: false },
  ),
  leafScript(
    'a client sends headers, the leaf does not take them',
    [
      client(),
      linked('A'),
      ask('A', lines('LS+ foo', 'PING')),
      send('C', hpub('foo', HEADER, 'x') + hpub('foo', HEADER, '', 'r') + pub('foo', 'z')),
      take('A'),
    ],
    PLAIN,
    { anyOrder: true },
  ),
  leafScript('headers and groups towards a leaf', [
    client(),
    linked('A', { headers: true }),
    ask('A', lines('LS+ foo q 1', 'PING')),
    send('C', hpub('foo', HEADER, 'x') + hpub('foo', HEADER, 'y', 'r')),
    take('A'),
  ]),
  leafScript('no echo', [linked('A'), ask('A', `LS+ foo\r\nLS+ *\r\n${lmsg('foo', 'x')}PING\r\n`)]),
  leafScript('a local member of the group comes first', [
    client('SUB foo q 1'),
    linked('A'),
    ask('A', lines('LS+ foo q 5', 'LS+ foo p 1', 'PING')),
    send('C', pub('foo', 'x')),
    take('A'),
    take('C'),
  ]),
  leafScript('no leaf is asked whether anybody is there', [
    client('SUB r 9'),
    linked('A'),
    send('A', lmsg('nobody r', 'x')),
    alive('A'),
    ask('C', PING),
  ]),
  leafScript(
    'max_payload',
    [
      client('SUB foo 1'),
      linked('A'),
      send('A', lmsg('foo', 'x'.repeat(100))),
      take('C'),
      ask('A', `LMSG foo 101\r\n`),
    ],
    listener('compression: off', 'max_payload: 100'),
  ),
  leafScript(
    'max_payload counts the headers',
    [client('SUB foo 1'), linked('A'), ask('A', hmsg('foo', 'x'.repeat(90)))],
    listener('compression: off', 'max_payload: 100'),
  ),
  leafScript(
    'a control line within 16 times max_control_line',
    [
      client(`SUB ${'a'.repeat(200)} 1`),
      linked('A'),
      send('A', lmsg('a'.repeat(200), 'x')),
      take('C'),
    ],
    listener('compression: off', 'max_control_line: 256'),
  ),
  leafScript(
    'a control line over 16 times max_control_line',
    [linked('A'), ask('A', `LS+ ${'a'.repeat(4200)}\r\n`)],
    listener('compression: off', 'max_control_line: 256'),
  ),
]

// ── logins and times ────────────────────────────────────────────────────────────────────────

const SINGLE = listener('compression: off, authorization { user: u, password: p }')
const MANY = listener(
  'compression: off, authorization { users: [ { user: u, password: p }, { user: v, password: q } ] }',
)
const NKEY = listener(
  `compression: off, authorization { nkey: UCK5N7N66OBOINFXAYC2ACJQYFSOD4VYNU6APEJTAVFZB2SVHLKGEW7L }`,
)
const TOKEN = listener('compression: off', 'authorization { token: t }')
const SERVER_USER = listener('compression: off', 'authorization { user: su, password: sp }')

const LOGINS: readonly (readonly [string, string, Readonly<Record<string, unknown>>])[] = [
  ['the one user', SINGLE, { user: 'u', pass: 'p' }],
  ['the one user, a wrong password', SINGLE, { user: 'u', pass: 'x' }],
  ['the one user, another name', SINGLE, { user: 'v', pass: 'p' }],
  ['the one user, nothing', SINGLE, {}],
  ['the one user, a token', SINGLE, { auth_token: 'p' }],
  ['users, the first', MANY, { user: 'u', pass: 'p' }],
  ['users, the second', MANY, { user: 'v', pass: 'q' }],
  ['users, a password of the other', MANY, { user: 'v', pass: 'p' }],
  ['users, nobody', MANY, { user: 'w', pass: 'p' }],
  ['users, nothing', MANY, {}],
  ['users, a name that would break the log', MANY, { user: 'a"b\nc', pass: 'p' }],
  [
    'an nkey, no signature',
    NKEY,
    { nkey: 'UCK5N7N66OBOINFXAYC2ACJQYFSOD4VYNU6APEJTAVFZB2SVHLKGEW7L' },
  ],
  [
    'an nkey, a bad signature',
    NKEY,
    { nkey: 'UCK5N7N66OBOINFXAYC2ACJQYFSOD4VYNU6APEJTAVFZB2SVHLKGEW7L', sig: 'A'.repeat(86) },
  ],
  ['an nkey, nothing', NKEY, {}],
  ['a token of the server', TOKEN, { auth_token: 't' }],
  ['a wrong token', TOKEN, { auth_token: 'x' }],
  ['a token of the server, nothing', TOKEN, {}],
  ['the user of the server', SERVER_USER, { user: 'su', pass: 'sp' }],
  ['the user of the server, a wrong password', SERVER_USER, { user: 'su', pass: 'p' }],
  ['the user of the server, nothing', SERVER_USER, {}],
]
const LOGIN_SCRIPTS = LOGINS.map(([name, config, members]) =>
  leafScript(`login with ${name}`, linked('A', members), config),
)

const TIME_SCRIPTS = [
  leafScript(
    'no CONNECT within the time',
    [openLeaf('A'), take('A', 900)],
    listener('compression: off, authorization { user: u, password: p, timeout: 0.3 }'),
  ),
  leafScript(
    'no CONNECT within the time where compression is on offer',
    [openLeaf('A'), take('A', 900)],
    listener('authorization { timeout: 0.3 }'),
  ),
  leafScript('the first PING', [linked('A'), take('A', 1600)], PLAIN, {
    keepsPings: true,
  }),
  leafScript(
    'three PING without answer',
    [linked('A'), take('A', 2000)],
    listener('compression: off', 'ping_interval: "200ms"\nping_max: 1'),
    { keepsPings: true },
  ),
]

export const LEAF_MESSAGE_SCRIPTS: readonly Transcript[] = [
  ...MESSAGE_SCRIPTS,
  ...LOGIN_SCRIPTS,
  ...TIME_SCRIPTS,
]
