import {
  ask,
  close,
  connect,
  headerBlock,
  hpub,
  lines,
  open,
  openKeepingInfo,
  openLeaf,
  pub,
  type Step,
  script,
  send,
  sendCut,
  type Transcript,
  take,
  takeAll,
} from '../script.ts'

const PING = lines('PING')
/** No port at which anybody listens: a remote makes the server name its cluster. */
const REMOTE = 'remotes: [ { url: "nats-leaf://127.0.0.1:1" } ]'

const listener = (block: string, top = '') => `
server_name: carol
leafnodes { host: 127.0.0.1, port: -1, ${block} }
${top}
`
/** Most scripts send plain text, so nothing must get compressed. */
const PLAIN = listener('compression: off')

/** CONNECT of a leaf; without members it says nothing at all. */
function login(members: Readonly<Record<string, unknown>> = {}): string {
  return `CONNECT ${JSON.stringify(members)}\r\n`
}

function lmsg(words: string, payload: string): string {
  return `LMSG ${words} ${payload.length}\r\n${payload}\r\n`
}

/** nats-server announces services of its system account in each account. */
const isOwnInterest = (frame: string) => frame.startsWith('LS+ $SYS.')
/** Level 3 promises to understand message tracing; who does not, says 1. */
const maskLevel = (frame: string) => frame.replace(/^(INFO .*"proto":)[13],/, '$1<proto>,')
const maskLoop = (frame: string) =>
  maskLevel(frame).replace(/^LS\+ \$LDS\.[A-Za-z0-9]{22}\r\n$/, 'LS+ <loop>\r\n')
/** The INFO after CONNECT has scripts of its own. */
const maskInfo = (frame: string) => maskLoop(frame).replace(/^INFO .*"connect_info":true.*/, 'INFO')

const EXTRAS = { anyOrder: true, drops: isOwnInterest } as const

function leafScript(
  name: string,
  steps: readonly (Step | readonly Step[])[],
  config = PLAIN,
  extras: Partial<Transcript> = {},
): Transcript {
  return script(`leaf: ${name}`, steps, config, { ...EXTRAS, mask: maskInfo, ...extras })
}

/** A leaf A that is logged in and sends each text. */
function logged(name: string, sends: string | readonly string[], config = PLAIN): Transcript {
  const texts = typeof sends === 'string' ? [sends] : sends
  return leafScript(name, [...linked('A'), ...texts.flatMap((text) => ask('A', text))], config)
}

function linked(on: string, members: Readonly<Record<string, unknown>> = {}): Step[] {
  return [...openLeaf(on), ...ask(on, login(members))]
}

/** A client C with these lines, ready before the leaf comes. */
function client(...texts: readonly string[]): Step[] {
  return [...open('C'), ...ask('C', connect({ headers: true }) + lines(...texts, 'PING'))]
}

/** Also shows that the connection is open, and that all before has been dealt with. */
const alive = (on: string): Step[] => ask(on, PING)

// ── INFO and CONNECT ────────────────────────────────────────────────────────────────────────

const INFO_CONFIGS: Readonly<Record<string, string>> = {
  'compression off': PLAIN,
  'compression by default': listener(''),
  'compression accept': listener('compression: accept'),
  'compression s2_best': listener('compression: best'),
  'compression not supported': listener('compression: not_supported'),
  'with a remote, which makes it name a cluster': listener(`compression: off, ${REMOTE}`),
  'max_payload, no headers': listener(
    'compression: off',
    'max_payload: 1000\nno_header_support: true',
  ),
  users: listener('compression: off, authorization { users: [ { user: a, password: b } ] }'),
}

const INFO_SCRIPTS = Object.entries(INFO_CONFIGS).map(([name, config]) =>
  script(`leaf: INFO, ${name}`, [openKeepingInfo('A', 'leaf'), take('A')], config, { mask: maskLevel }),
)

const INFO_AFTER_CONNECT = Object.entries(INFO_CONFIGS)
  .filter(([name]) => name !== 'users')
  .map(([name, config]) =>
    leafScript(`INFO after CONNECT, ${name}`, linked('A'), config, { mask: maskLoop }),
  )

const ALL_KEYS = {
  version: '2.10.0',
  server_id: `N${'A'.repeat(55)}`,
  name: 'all',
  domain: 'd',
  cluster: 'c',
  headers: true,
  jetstream: true,
  deny_pub: ['no.>'],
  compress_mode: 'off',
  remote_account: 'R',
  protocol: 1,
  is_hub: false,
  isolate: false,
  user: '',
  pass: '',
  auth_token: '',
  jwt: '',
  nkey: '',
  sig: '',
  tls_required: false,
  compression: false,
  nobody_knows: 1,
}

const CONNECT_SCRIPTS = [
  leafScript('CONNECT with all keys', [linked('A', ALL_KEYS), alive('A')], PLAIN, {
    mask: maskLoop,
  }),
  ...Object.entries({
    'a key of the wrong type': { name: 1 },
    'lang, as clients do': { lang: 'go', version: '1' },
    'a gateway': { gateway: 'G' },
    'an account': { account: 'A' },
    new_account: { new_account: true },
    'a cluster name with a space': { cluster: 'a b' },
    'a name with a space': { name: 'a b' },
    is_hub: { is_hub: true },
    'credentials nobody asked for': { user: 'u', pass: 'p' },
    'a jwt nobody asked for': { jwt: 'x.y.z', sig: 'sig' },
    'an nkey nobody asked for': { nkey: `U${'A'.repeat(55)}`, sig: 'sig' },
  }).map(([name, members]) =>
    leafScript(`CONNECT with ${name}`, [linked('A', members), alive('A')]),
  ),
  leafScript('CONNECT that is no JSON', [openLeaf('A'), ask('A', 'CONNECT {"name":\r\n')]),
  leafScript('CONNECT without argument', [openLeaf('A'), ask('A', 'CONNECT\r\n')]),
  leafScript('CONNECT twice', [linked('A'), ask('A', login()), alive('A')]),
  leafScript('CONNECT in pieces', [
    openLeaf('A'),
    sendCut('A', login({ name: 'slow', cluster: 'c' }), [1, 7, 12, 30]),
    take('A'),
    alive('A'),
  ]),
  leafScript('CONNECT, LS+ and LMSG in one piece', [
    client('SUB foo 1'),
    openLeaf('A'),
    send('A', `${login()}LS+ bar\r\n${lmsg('foo', 'hello')}PING\r\n`),
    take('A'),
    take('C'),
  ]),
  ...[
    ['LS+', 'LS+ foo\r\n'],
    ['LS-', 'LS- foo\r\n'],
    ['LMSG', lmsg('foo', 'x')],
    ['PING', PING],
    ['PONG', 'PONG\r\n'],
    ['-ERR', "-ERR 'x'\r\n"],
    ['+OK', '+OK\r\n'],
    ['INFO', 'INFO {}\r\n'],
    ['an unknown verb', 'NONSENSE\r\n'],
    ['an HTTP request', 'GET / HTTP/1.1\r\n\r\n'],
  ].map(([name, text = '']) =>
    leafScript(`${name} before CONNECT`, [openLeaf('A'), ask('A', text), ask('A', login())]),
  ),
  leafScript(
    'INFO before CONNECT that settles on no compression',
    [openLeaf('A'), ask('A', 'INFO {"compression":"off"}\r\n'), ask('A', login({ name: 'a' }))],
    listener(''),
  ),
  leafScript(
    'INFO before CONNECT with a mode that nobody knows',
    [openLeaf('A'), ask('A', 'INFO {"compression":"zip"}\r\n')],
    listener(''),
  ),
  leafScript(
    'CONNECT at once where compression is on offer',
    [linked('A'), alive('A')],
    listener(''),
  ),
  leafScript(
    'LS+ before CONNECT where compression is on offer',
    [openLeaf('A'), ask('A', 'LS+ foo\r\n')],
    listener(''),
  ),
  leafScript(
    'the name of the own cluster',
    [linked('A', { cluster: 'carol' })],
    INFO_CONFIGS['with a remote, which makes it name a cluster'],
  ),
]

const MIN_VERSION = listener('compression: off, min_version: 2.10.0')
const VERSION_SCRIPTS = [
  '2.9.25',
  '2.10.0',
  '2.10.0-beta.1',
  '2.11',
  '2.09.1',
  'x',
  '',
].map((version) =>
  leafScript(
    `min_version 2.10.0 and version "${version}"`,
    [linked('A', { version })],
    MIN_VERSION,
  ),
)

const INFO_OF_LEAF = [
  ['nothing', {}],
  ['gossip', { leafnode_urls: ['127.0.0.1:1'], server_id: 'x' }],
  ['permissions', { import: { deny: ['>'] }, export: { deny: ['>'] } }],
  ['a cluster name', { cluster: 'other', server_name: 'n' }],
] as const
const LATER_INFO = INFO_OF_LEAF.map(([name, info]) =>
  leafScript(`INFO after CONNECT from the leaf with ${name}`, [
    client('SUB foo 1'),
    linked('A'),
    ask('A', `LS+ bar\r\nINFO ${JSON.stringify(info)}\r\nINFO ${JSON.stringify(info)}\r\nPING\r\n`),
    send('A', lmsg('foo', 'up')),
    take('C'),
    send('C', pub('bar', 'down')),
    take('A'),
  ]),
)

// ── interest ────────────────────────────────────────────────────────────────────────────────

const UNTAKEN = (subject: string) => [
  send('C', `PUB ${subject} r 0\r\n\r\n`),
  take('A'),
  ...ask('C', PING),
]
const LEAVING = client('SUB r 9')

const INTEREST_SCRIPTS = [
  ...[
    'LS+',
    'LS+ ',
    'LS+ foo bar',
    'LS+ foo bar 1 2',
    'LS+ foo q x',
    'LS+ foo q -1',
    'LS+ foo q 0',
    'LS+ foo q 1.5',
    'LS+ foo q 99999999999',
    'LS+ foo..bar',
    'LS+ .foo',
    'LS+ foo.',
    'LS+ foo.>.x',
    'LS+ >',
    'LS+ *',
    'LS+ foo*',
    'LS+\tfoo',
    'ls+ foo',
    'LS+  foo  ',
    'LS+ foo  q  2',
    'LS+foo',
    'LS-',
    'LS- foo',
    'LS- foo q',
    'LS- foo q 1',
    'LS- foo bar baz qux',
    'LS-\tfoo',
    'ls- foo',
    'LS',
    'LS*',
    'L',
    'LSX foo',
    'LMSX',
  ].map((line) =>
    leafScript(`line ${JSON.stringify(line)}`, [...linked('A'), ...ask('A', lines(line, 'PING'))]),
  ),
  leafScript('LS+ is what brings messages, LS- ends it', [
    client(),
    linked('A'),
    ask('A', lines('LS+ foo', 'LS+ bar.*', 'PING')),
    send('C', pub('foo', 'one') + pub('bar.x', 'two', 'reply.to') + pub('baz', 'not')),
    take('A'),
    ask('A', lines('LS- foo', 'PING')),
    send('C', pub('foo', 'gone') + pub('bar.y', 'last')),
    take('A'),
  ]),
  leafScript('the same LS+ again counts once', [
    LEAVING,
    linked('A'),
    ask('A', lines('LS+ foo', 'LS+ foo', 'LS+ foo', 'PING')),
    UNTAKEN('foo'),
    ask('A', lines('LS- foo', 'PING')),
    UNTAKEN('foo'),
  ]),
  leafScript('LS- of what was never announced', [
    client(),
    linked('A'),
    ask('A', lines('LS- never', 'LS- never q', 'LS+ foo', 'LS- foo q', 'PING')),
    send('C', pub('foo', 'x')),
    take('A'),
  ]),
  leafScript('a queue weight changes', [
    client(),
    linked('A'),
    ask('A', lines('LS+ foo q 3', 'LS+ foo q 1', 'LS+ foo q 7', 'PING')),
    send('C', pub('foo', 'x', 'r')),
    take('A'),
    ask('A', lines('LS- foo q', 'PING')),
    send('C', pub('foo', 'y')),
    ask('C', PING),
    alive('A'),
  ]),
  leafScript('plain and queue interest in one message', [
    client(),
    linked('A'),
    ask('A', lines('LS+ foo', 'LS+ foo.> q 1', 'LS+ *.* q 2', 'LS+ foo.bar', 'PING')),
    send('C', pub('foo.bar', 'x') + pub('foo.bar', 'y', 'r') + pub('foo.baz', 'z')),
    take('A'),
  ]),
  leafScript(
    'two groups, with and without reply',
    [
      client(),
      linked('A'),
      ask('A', lines('LS+ foo q 1', 'LS+ foo p 1', 'PING')),
      send('C', pub('foo', 'x')),
      take('A'),
      send('C', pub('foo', 'y', 'r')),
      take('A'),
    ],
    PLAIN,
    { mask: (frame) => maskInfo(frame).replace(/q p|p q/, '<p and q>') },
  ),
  leafScript('what clients want is announced once, and taken back once', [
    linked('A'),
    open('C'),
    ask('C', connect() + lines('SUB foo 1', 'SUB foo 2', 'SUB foo.* 3', 'PING')),
    take('A'),
    ask('C', lines('UNSUB 1', 'PING')),
    alive('A'),
    ask('C', lines('UNSUB 2', 'UNSUB 3', 'PING')),
    take('A'),
  ]),
  leafScript(
    'groups are announced with each change of their number',
    [
      linked('A'),
      open('C'),
      ask('C', connect() + lines('SUB foo q 1', 'SUB foo q 2', 'SUB foo q 3', 'PING')),
      take('A'),
      ask('C', lines('UNSUB 2', 'PING')),
      take('A'),
      close('C'),
      take('A'),
    ],
    PLAIN,
    { anyOrder: false },
  ),
  leafScript('UNSUB after a number of messages, by messages of a leaf', [
    client('SUB foo 1', 'UNSUB 1 2'),
    linked('A'),
    send('A', lmsg('foo', 'a') + lmsg('foo', 'b') + lmsg('foo', 'c')),
    take('A'),
    take('C'),
  ]),
  leafScript(
    'a leaf hears what another leaf wants, and not what it wants itself',
    [
      linked('A', { name: 'a' }),
      linked('B', { name: 'b' }),
      take('A'),
      ask('B', lines('LS+ foo', 'LS+ foo q 2', 'PING')),
      take('A'),
      send('A', lmsg('foo', 'plain') + lmsg('foo | q', 'both')),
      take('B'),
      ask('B', lines('LS- foo', 'LS+ foo q 1', 'PING')),
      take('A'),
      close('B'),
      take('A'),
    ],
    PLAIN,
    { anyOrder: true },
  ),
  leafScript(
    'two leafs of one cluster do not hear of each other',
    [
      linked('A', { name: 'a', cluster: 'c' }),
      linked('B', { name: 'b', cluster: 'c' }),
      ask('B', lines('LS+ foo', 'PING')),
      alive('A'),
      send('A', lmsg('foo', 'x')),
      alive('A'),
      alive('B'),
    ],
    PLAIN,
    { mask: maskInfo },
  ),
  leafScript('isolate: other leafs are kept from it, clients are not', [
    linked('A', { name: 'a' }),
    ask('A', lines('LS+ from.a', 'PING')),
    client('SUB from.c 1'),
    take('A'),
    linked('B', { name: 'b', isolate: true }),
    ask('A', lines('LS+ later.from.a', 'PING')),
    ask('B', lines('LS+ from.b', 'PING')),
    take('A'),
  ]),
  leafScript(
    'isolate_leafnode_interest: all are kept from each other',
    [
      linked('A', { name: 'a' }),
      ask('A', lines('LS+ from.a', 'PING')),
      linked('B', { name: 'b' }),
      ask('B', lines('LS+ from.b', 'PING')),
      alive('A'),
      client('SUB from.c 1'),
      takeAll('A', 'B'),
    ],
    listener('compression: off, isolate_leafnode_interest: true'),
  ),
  leafScript('deny_pub: nothing of it comes', [
    client(),
    linked('A', { deny_pub: ['no.>', 'not'] }),
    ask('A', lines('LS+ >', 'LS+ no.x', 'LS+ not q 1', 'PING')),
    send('C', pub('no.x', '1') + pub('not', '2') + pub('is', '3')),
    take('A'),
  ]),
  leafScript('JetStream subjects do not cross', [
    client('SUB $JS.API.X 1', 'SUB $KV.x 2', 'SUB $OBJ.x 3', 'SUB > 4'),
    linked('A'),
    ask('A', lines('LS+ >', 'LS+ $JS.API.Y', 'LS+ $KV.y', 'PING')),
    send(
      'C',
      pub('$JS.API.Y', '1') + pub('$KV.y', '2') + pub('$OBJ.z', '3') + pub('$JS.ACK.z', '4'),
    ),
    take('C'),
    take('A'),
  ]),
  ...['$JS.API.X', '$KV.x', '$OBJ.x', '$JS.ACK.x', '$JS.FC.x', '_INBOX.x', '$SYS.x'].map(
    (subject) =>
      leafScript(`a leaf sends to ${subject}`, [
        client('SUB > 1'),
        linked('A'),
        ask('A', `${lmsg(subject, 'x')}PING\r\n`),
        take('C'),
      ]),
  ),
]

const NAMED = { name: 'a', cluster: 'c', remote_account: 'R' }
const DUPLICATE_SCRIPTS = [
  leafScript('a second connection of one server replaces the first', [
    linked('A', NAMED),
    linked('B', NAMED),
    take('A'),
    alive('B'),
  ]),
  ...Object.entries({ name: 'b', cluster: 'd', remote_account: 'S' }).map(([key, value]) =>
    leafScript(
      `another ${key}: both connections stay`,
      [linked('A', NAMED), linked('B', { ...NAMED, [key]: value }), alive('A'), alive('B')],
      PLAIN,
      { mask: maskInfo, drops: (frame) => isOwnInterest(frame) || frame.includes('$LDS') },
    ),
  ),
  leafScript('no remote_account: both connections stay', [
    linked('A', { name: 'a', cluster: 'c' }),
    linked('B', { name: 'a', cluster: 'c' }),
    alive('A'),
    alive('B'),
  ]),
]

// ── messages ────────────────────────────────────────────────────────────────────────────────

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
  leafScript('no echo', [
    linked('A'),
    ask('A', `LS+ foo\r\nLS+ *\r\n${lmsg('foo', 'x')}PING\r\n`),
  ]),
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

export const LEAF_SCRIPTS: readonly Transcript[] = [
  ...INFO_SCRIPTS,
  ...INFO_AFTER_CONNECT,
  ...CONNECT_SCRIPTS,
  ...VERSION_SCRIPTS,
  ...LATER_INFO,
  ...INTEREST_SCRIPTS,
  ...DUPLICATE_SCRIPTS,
  ...MESSAGE_SCRIPTS,
  ...LOGIN_SCRIPTS,
  ...TIME_SCRIPTS,
  logged('LS+ and LS- of one subject in one piece', lines('LS+ a', 'LS- a', 'LS+ a', 'PING')),
]
