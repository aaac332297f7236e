import {
  ask,
  close,
  connect,
  lines,
  open,
  openKeepingInfo,
  openLeaf,
  pub,
  script,
  send,
  sendCut,
  type Transcript,
  take,
  takeAll,
} from '../script.ts'
import {
  alive,
  client,
  isOwnInterest,
  leafScript,
  linked,
  listener,
  lmsg,
  logged,
  login,
  maskInfo,
  maskLevel,
  maskLoop,
  PING,
  PLAIN,
  REMOTE,
} from './leaf-forms.ts'

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
  script(`leaf: INFO, ${name}`, [openKeepingInfo('A', 'leaf'), take('A')], config, {
    mask: maskLevel,
  }),
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
const VERSION_SCRIPTS = ['2.9.25', '2.10.0', '2.10.0-beta.1', '2.11', '2.09.1', 'x', ''].map(
  (version) =>
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
      ask('C', lines('UNSUB 3', 'PING')),
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

export const LEAF_SCRIPTS: readonly Transcript[] = [
  ...INFO_SCRIPTS,
  ...INFO_AFTER_CONNECT,
  ...CONNECT_SCRIPTS,
  ...VERSION_SCRIPTS,
  ...LATER_INFO,
  ...INTEREST_SCRIPTS,
  ...DUPLICATE_SCRIPTS,
  logged('LS+ and LS- of one subject in one piece', lines('LS+ a', 'LS- a', 'LS+ a', 'PING')),
]
