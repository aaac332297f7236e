/**
 * The other end: the script plays the hub that the server dials.
 */
import {
  accept,
  ask,
  connect,
  HUB_ADDRESS,
  headerBlock,
  hpub,
  lines,
  open,
  pub,
  type Step,
  send,
  type Transcript,
  take,
} from '../script.ts'
import { alive, client, leafScript, lmsg, maskLevel, maskLoop, PING } from './leaf-forms.ts'

/** A user of no consequence. */
const SEED = 'SUAIBDPBAUTWCWBKIO6XHQNINK5FWJW4OHLXC3HQ2KFE4PEJUA44CNHTC4'

function dialler(remote: string, block = '', login = ''): string {
  return `
server_name: carol
leafnodes { reconnect: "50ms", ${block} remotes: [ { url: "nats-leaf://${login}${HUB_ADDRESS}", ${remote} } ] }
`
}
const PLAIN = dialler('compression: off')

/** INFO of a hub that does no compression, changed in these members; undefined takes one out. */
function info(members: Readonly<Record<string, unknown>> = {}): string {
  const all = {
    server_id: `N${'B'.repeat(55)}`,
    server_name: 'hub',
    version: '2.15.0',
    proto: 1,
    go: 'go1',
    host: '127.0.0.1',
    port: 1,
    headers: true,
    auth_required: true,
    max_payload: 1_048_576,
    client_id: 7,
    nonce: 'abcdefghijklmno',
    compression: 'off',
    info_on_connect: true,
    leafnode_urls: [],
    ...members,
  }
  return `INFO ${JSON.stringify(all)} \r\n`
}

/** What answers CONNECT. */
const connectInfo = (members: Readonly<Record<string, unknown>> = {}) =>
  info({ nonce: undefined, connect_info: true, remote_account: '$G', ...members })

const EXTRAS: Partial<Transcript> = { mask: maskOwn }

function maskOwn(frame: string): string {
  return maskLoop(maskLevel(frame))
    .replace(/^(CONNECT .*"protocol":)[13]\b/, '$1<proto>')
    .replace(/^INFO .*("compression":"[^"]*").*/, 'INFO {$1}')
}

function hubScript(
  name: string,
  steps: readonly (Step | readonly Step[])[],
  config = PLAIN,
  extras: Partial<Transcript> = {},
): Transcript {
  return leafScript(`towards a hub: ${name}`, steps, config, { ...EXTRAS, ...extras })
}

/** The server has dialled and knows its hub. */
const hubbed = (
  members: Readonly<Record<string, unknown>> = {},
  later: Readonly<Record<string, unknown>> = {},
): Step[] => [accept('A'), ...ask('A', info(members)), ...ask('A', connectInfo(later))]

// ── CONNECT ─────────────────────────────────────────────────────────────────────────────────

const REMOTES: Readonly<Record<string, string>> = {
  'nothing else': PLAIN,
  'user and password': dialler('compression: off', '', 'u:p@'),
  'a token': dialler('compression: off', '', 't@'),
  'an nkey': dialler(`compression: off, nkey: ${SEED}`),
  'hub: true': dialler('compression: off, hub: true'),
  'deny lists': dialler('compression: off, deny_imports: ["no.in.>", "x"], deny_exports: "no.out"'),
  request_isolation: dialler('compression: off, request_isolation: true'),
  isolate_leafnode_interest: dialler('compression: off, isolate_leafnode_interest: true'),
  'compression not supported': dialler('compression: not_supported'),
  'compression accept': dialler('compression: accept'),
}
const CONNECT_SCRIPTS = Object.entries(REMOTES).map(([name, config]) =>
  hubScript(`CONNECT with ${name}`, [hubbed(), alive('A')], config),
)

const HUBS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  'without headers': { headers: false },
  'that knows no compression': { compression: undefined },
  'without a nonce': { nonce: undefined },
  'of a cluster and a domain': { cluster: 'c', domain: 'd' },
  'of an older protocol': { proto: 0, version: '2.2.6' },
}
const HUB_KINDS = Object.entries(HUBS).map(([name, members]) =>
  hubScript(`a hub ${name}`, [hubbed(members), alive('A')]),
)

const WRONG_STARTS: Readonly<Record<string, string>> = {
  'INFO of a client port': info({ leafnode_urls: undefined, info_on_connect: undefined }),
  'INFO of a route port': info({ client_id: undefined, leafnode_urls: undefined }),
  'INFO without client_id': info({ client_id: undefined }),
  'INFO with a client_id of 0': info({ client_id: 0 }),
  'INFO that is no JSON': 'INFO {"server_id":\r\n',
  'INFO with a space in the cluster name': info({ cluster: 'a b' }),
  'an unknown verb': 'NONSENSE\r\n',
  'an HTTP answer': 'HTTP/1.1 400 Bad Request\r\n\r\n',
}
const START_SCRIPTS = Object.entries(WRONG_STARTS).map(([name, text]) =>
  hubScript(`it begins with ${name}`, [accept('A'), ask('A', text)]),
)

const IMPATIENT = dialler('compression: off, first_info_timeout: "300ms"')
const WAITS = [
  hubScript('no INFO', [accept('A'), take('A', 900)], IMPATIENT),
  hubScript('no answer to CONNECT', [accept('A'), ask('A', info()), take('A', 2600)]),
  hubScript('a hub that does not answer CONNECT', [
    client('SUB foo 1'),
    accept('A'),
    ask('A', info({ info_on_connect: undefined })),
    alive('A'),
  ]),
  hubScript('the first PING', [hubbed(), take('A', 1600)], PLAIN, { keepsPings: true }),
]

// ── compression ─────────────────────────────────────────────────────────────────────────────

const MODES = ['s2_auto', 's2_fast', 's2_better', 's2_best', 'accept']
const PEER_MODES = [
  undefined,
  'off',
  'not supported',
  'accept',
  's2_auto',
  's2_fast',
  's2_best',
  'zip',
]
const COMPRESSION_SCRIPTS = MODES.flatMap((mode) =>
  PEER_MODES.map((compression) =>
    hubScript(
      `compression ${mode}, a hub with ${compression ?? 'none'}`,
      [accept('A'), ask('A', info({ compression }))],
      dialler(`compression: ${mode}`),
    ),
  ),
)

// ── later ───────────────────────────────────────────────────────────────────────────────────

const HEADER = headerBlock('A: b')
const wants = client('SUB foo 1', 'SUB foo q 2', 'SUB bar.* 3', 'SUB bar.no 4')
const LATER_SCRIPTS = [
  hubScript('what clients want is told after the INFO that answers CONNECT', [
    wants,
    accept('A'),
    ask('A', info()),
    ask('A', PING),
    ask('A', connectInfo()),
  ]),
  hubScript('messages both ways', [
    wants,
    hubbed(),
    send('A', lmsg('foo | q', 'a') + lmsg('bar.x r', 'b') + lines('LS+ up', 'LS+ up q 2', 'PING')),
    take('C'),
    take('A'),
    send('C', pub('up', 'c', 'r') + hpub('up', HEADER, 'd') + pub('down', 'e')),
    take('A'),
  ]),
  hubScript('import: what may not come is not asked for', [
    wants,
    hubbed({}, { import: { allow: ['foo', 'bar.*'], deny: ['bar.no'] } }),
    send('A', lmsg('foo', 'a') + lmsg('bar.no', 'b') + lmsg('bar.x', 'c') + lmsg('baz', 'd')),
    take('C'),
    alive('A'),
  ]),
  hubScript('import: a new wish that is not allowed', [
    hubbed({}, { import: { deny: ['no.>'] } }),
    open('C'),
    ask('C', connect() + lines('SUB no.x 1', 'SUB no.> 2', 'SUB > 3', 'SUB yes 4', 'PING')),
    take('A'),
  ]),
  hubScript('export: what may not go stays', [
    client(),
    hubbed({}, { export: { allow: ['up.>'], deny: ['up.no'] } }),
    ask('A', lines('LS+ up.*', 'LS+ up.no', 'LS+ other', 'LS+ >', 'PING')),
    send('C', pub('up.a', '1') + pub('up.no', '2') + pub('other', '3') + pub('up.b', '4')),
    take('A'),
  ]),
  hubScript('a later INFO that only tells of addresses', [
    client('SUB foo 1'),
    hubbed({}, { import: { deny: ['no.>'] } }),
    ask('A', info({ nonce: undefined }) + PING),
    open('D'),
    ask('D', connect() + lines('SUB no.x 1', 'SUB yes 2', 'PING')),
    take('A'),
  ]),
  hubScript('-ERR changes nothing', [
    hubbed(),
    ask(
      'A',
      lines("-ERR 'Some Text'", '-ERR \'Permissions Violation for Publish to "x"\'', 'PING'),
    ),
  ]),
  ...['LS+ foo bar', 'LMSG foo x\r\n', 'HMSG foo 5 4', 'NONSENSE', '+OK', 'ping'].map((line) =>
    hubScript(`line ${JSON.stringify(line)}`, [hubbed(), ask('A', lines(line, 'PING'))]),
  ),
  hubScript('JetStream subjects', [
    client('SUB $JS.API.X 1', 'SUB $KV.> 2', 'SUB $JS.ACK.> 3'),
    hubbed(),
    send('A', lmsg('$JS.API.X', 'a') + lmsg('$KV.x', 'b') + lmsg('$JS.ACK.x', 'c') + PING),
    take('C'),
    take('A'),
  ]),
  hubScript(
    'deny lists',
    [
      client('SUB no.in.x 1', 'SUB no.* 2', 'SUB x 3', 'SUB y 4'),
      hubbed(),
      ask('A', lines('LS+ no.out', 'LS+ *.out', 'LS+ yes', 'PING')),
      send('C', pub('no.out', '1') + pub('yes', '2')),
      take('A'),
      send('A', lmsg('no.in.x', 'a') + lmsg('x', 'b') + lmsg('y', 'c')),
      take('C'),
    ],
    REMOTES['deny lists'],
  ),
]

/** Each makes the server wait before it dials again, so each has a server of its own. */
const FATAL = (name: string, steps: readonly (Step | readonly Step[])[], remote = '') =>
  hubScript(name, steps, `${dialler(`compression: off, ${remote}`)}# ${name}\n`)
const HUB_ROLE = 'hub: true, deny_exports: "no.out.>", deny_imports: "no.in.>"'
const FATAL_SCRIPTS = [
  ...[
    ['a message that is allowed', lmsg('foo', 'a')],
    ['LS+ under deny_exports', lines('LS+ no.out.x')],
    ['LS+ under deny_imports', lines('LS+ no.in.x')],
    ['LS+ with a wildcard over both', lines('LS+ no.>')],
  ].map(([name, text = '']) =>
    FATAL(
      `hub: true, ${name}`,
      [client('SUB foo 1', 'SUB no.> 2'), hubbed(), send('A', text + PING), take('A'), take('C')],
      HUB_ROLE,
    ),
  ),
  FATAL('the cluster name is that of the server itself', [
    accept('A'),
    ask('A', info({ cluster: 'carol' })),
    ask('A', connectInfo({ cluster: 'carol' })),
  ]),
  ...[
    'Authorization Violation',
    'Authentication Timeout',
    'remote leafnode has same cluster name',
    'connection rejected since minimum version required is "2.99.0"',
    'Loop detected for leafnode account="$G". Delaying attempt to reconnect for 30s',
  ].map((text) => FATAL(`-ERR '${text}'`, [hubbed(), ask('A', lines(`-ERR '${text}'`, 'PING'))])),
]

export const LEAF_HUB_SCRIPTS: readonly Transcript[] = [
  ...CONNECT_SCRIPTS,
  ...HUB_KINDS,
  ...START_SCRIPTS,
  ...WAITS,
  ...COMPRESSION_SCRIPTS,
  ...LATER_SCRIPTS,
  ...FATAL_SCRIPTS,
]
