import { NkeyPair } from '../../../src/auth/nkeys.ts'
import {
  ask,
  close,
  connect,
  lines,
  type Make,
  open,
  openKeepingInfo,
  pause,
  pub,
  type Step,
  script,
  sendMade,
  single,
  take,
} from '../script.ts'

const PING = lines('PING')
const key = (fill: number) => NkeyPair.fromSecret('user', new Uint8Array(32).fill(fill))
const ALICE = key(1)
const BOB = key(2)
const STRANGER = key(3)

const NKEYS = `
authorization {
  users = [
    { nkey: ${ALICE.publicKey} }
    { nkey: ${BOB.publicKey}, permissions: { publish: "bob.>", subscribe: "bob.>" } }
    { user: carl, password: p }
  ]
}
`

const WS_NKEY = `
authorization {
  users = [
    { nkey: ${ALICE.publicKey}, allowed_connection_types: ["WEBSOCKET"] }
    { user: w, password: p, allowed_connection_types: ["websocket", "MQTT"] }
    { user: s, password: p, allowed_connection_types: ["standard"] }
  ]
}
`

const ANON_NKEY = `
accounts {
  A: { users: [ { nkey: ${ALICE.publicKey} }, { user: a, password: p } ] }
  B: { users: [ { nkey: ${BOB.publicKey} } ] }
}
no_auth_user: ${ALICE.publicKey}
`

const ANON_PERMISSIONS = `
accounts {
  A: { users: [
    { user: anon, password: x, permissions: { publish: "ok", subscribe: "ok" } }
    { user: a, password: p }
  ] }
}
no_auth_user: anon
`

const DEFAULTS = `
authorization {
  default_permissions: { publish: ["d.>"], subscribe: { allow: ["d.>", "_INBOX.>"], deny: "d.no" } }
  users = [
    { user: plain, password: p }
    { user: own, password: p, permissions: { publish: "own.>" } }
    { nkey: ${ALICE.publicKey} }
  ]
}
`

const ACCOUNT_DEFAULTS = `
accounts {
  A: {
    default_permissions: { publish: { deny: "secret" }, subscribe: ["a.>"] }
    users: [ { user: a, password: p }, { user: open, password: p, permissions: { publish: ">" } } ]
  }
}
`

const SYSTEM_ONLY = `
accounts { $SYS: { users: [ { user: admin, password: p } ] } }
`
const SYSTEM_NAMED = `
accounts {
  SYS: { users: [ { user: admin, password: p } ] }
  A: { users: [ { user: a, password: p } ] }
}
system_account: SYS
`

function signed(pair: NkeyPair, members: Readonly<Record<string, unknown>> = {}): Make {
  return (heard) => {
    const nonce = /"nonce":"([^"]+)"/.exec(heard('A'))?.[1] ?? ''
    return connect({ nkey: pair.publicKey, sig: pair.sign(nonce), ...members })
  }
}

function nkey(name: string, make: Make, then = '', config = NKEYS) {
  const whole: Make = (heard) => make(heard) + then + PING
  return script(`nkey: ${name}`, [open('A'), sendMade('A', whole), take('A')], config)
}

const tries = (what: string, config: string, cases: Readonly<Record<string, string>>) =>
  Object.entries(cases).map(([name, bytes]) => single(`${what}: ${name}`, bytes, config))

const matrix = (user: string) =>
  connect({ user, pass: 'p' }) +
  ['d.a', 'd.no', 'own.a', 'x'].map((subject) => pub(subject, 'x')).join('') +
  lines('SUB d.* 1', 'SUB d.no 2', 'SUB own.a 3', 'SUB > 4', 'SUB _INBOX.x 5') +
  pub('d.yes', 'x') +
  pub('d.no', 'x') +
  PING

/** One login by one connection, which then sends these. */
const asUser = (user: string, ...texts: readonly string[]): Step[] => [
  ...open('A'),
  ...ask('A', connect({ user, pass: 'p' }) + texts.join('') + PING),
]

/** Logging in by nkeys, without saying who, and into what the configuration says of users. */
export const ACCOUNT_LOGIN_SCRIPTS = [
  script('nkey: INFO has a nonce', [openKeepingInfo('A'), take('A')], NKEYS),
  nkey('right', signed(ALICE)),
  nkey('INFO after CONNECT', signed(ALICE, { protocol: 1 })),
  nkey('right, verbose', signed(ALICE, { verbose: true })),
  nkey('with permissions', signed(BOB), lines('SUB a 1', 'SUB bob.x 2') + pub('bob.x', 'x')),
  nkey('unknown', signed(STRANGER)),
  nkey('signed by another', () => connect({ nkey: ALICE.publicKey, sig: BOB.sign('x') })),
  nkey('no signature', () => connect({ nkey: ALICE.publicKey })),
  nkey('signature is no base64', () => connect({ nkey: ALICE.publicKey, sig: '!!!' })),
  nkey('signature of standard base64', (heard) => {
    const nonce = /"nonce":"([^"]+)"/.exec(heard('A'))?.[1] ?? ''
    const sig = Buffer.from(ALICE.sign(nonce), 'base64url').toString('base64')
    return connect({ nkey: ALICE.publicKey, sig })
  }),
  nkey('signature alone', (heard) => connect({ sig: /"nonce":"([^"]+)"/.exec(heard('A'))?.[1] })),
  nkey('no key', () => connect({ nkey: 'UABC', sig: 'x' })),
  nkey('a user beside it', signed(ALICE, { user: 'carl', pass: 'p' })),
  nkey('a wrong user beside it', signed(ALICE, { user: 'carl', pass: 'x' })),
  nkey('a user instead', () => connect({ user: 'carl', pass: 'p' })),
  nkey('the key as a user', () => connect({ user: ALICE.publicKey, pass: '' })),
  nkey('nothing', () => connect()),
  nkey('of another connection type', signed(ALICE), '', WS_NKEY),
  script(
    'nkey: a second CONNECT signs the same nonce',
    [
      open('A'),
      sendMade('A', (heard) => `${signed(BOB)(heard)}SUB bob.x 1\r\nPING\r\n`),
      take('A'),
      sendMade('A', (heard) => `${signed(ALICE)(heard)}SUB a 1\r\nPUB a 1\r\nx\r\nPING\r\n`),
      take('A'),
    ],
    NKEYS,
  ),
  ...tries('connection types', WS_NKEY, {
    'websocket only': connect({ user: 'w', pass: 'p' }) + PING,
    standard: connect({ user: 's', pass: 'p' }) + PING,
  }),
  script('no_auth_user nkey: INFO', [openKeepingInfo('A'), take('A')], ANON_NKEY),
  ...tries('no_auth_user nkey', ANON_NKEY, {
    'CONNECT alone': connect({ protocol: 1 }) + lines('SUB a 1') + pub('a', 'x') + PING,
    'PUB first': pub('a', 'x') + lines('SUB a 1') + PING,
    'PING first': PING + lines('SUB a 1') + pub('a', 'x') + PING,
    'another user': connect({ user: 'a', pass: 'p', protocol: 1 }) + PING,
    'a wrong user': connect({ user: 'a', pass: 'x' }) + PING,
    'a token': connect({ auth_token: 'x' }) + PING,
    'the key without signature': connect({ nkey: ALICE.publicKey }) + PING,
    'another key without signature': connect({ nkey: BOB.publicKey }) + PING,
  }),
  ...tries('no_auth_user with permissions', ANON_PERMISSIONS, {
    'PUB first': pub('ok', 'x') + pub('no', 'x') + lines('SUB ok 1', 'SUB no 2') + PING,
    'SUB first': lines('SUB no 2', 'SUB ok 1') + pub('ok', 'x') + PING,
    'PING first': PING + pub('no', 'x') + PING,
    'UNSUB first': lines('UNSUB 1', 'SUB ok 1') + pub('ok', 'x') + PING,
    'PONG first': lines('PONG', 'SUB ok 1') + pub('ok', 'x') + PING,
    'INFO first': lines('INFO {}', 'SUB ok 1') + pub('ok', 'x') + PING,
    'an unknown verb first': lines('ZZZ'),
    'silent, then CONNECT as another': `${pub('ok', 'x')}${lines('SUB ok 1')}${connect({
      user: 'a',
      pass: 'p',
      protocol: 1,
    })}${lines('SUB no 1')}${pub('no', 'x')}${PING}`,
    'silent, then a wrong CONNECT': `${pub('ok', 'x')}${connect({ user: 'a', pass: 'x' })}${PING}`,
    'user only': connect({ user: 'anon' }) + PING,
    'password only': connect({ pass: 'x' }) + PING,
    'verbose CONNECT': connect({ verbose: true }) + pub('no', 'x') + pub('ok', 'x') + PING,
  }),
  script(
    'no_auth_user: one that stays silent has no time limit',
    [open('A'), pause(600), ask('A', PING)],
    `${ANON_PERMISSIONS}authorization { timeout: 0.3 }\n`,
  ),
  ...tries('default permissions', DEFAULTS, { plain: matrix('plain'), own: matrix('own') }),
  nkey(
    'default permissions',
    signed(ALICE),
    lines('SUB x 1', 'SUB d.a 2') + pub('x', 'x') + pub('d.a', 'x'),
    DEFAULTS,
  ),
  script(
    'default permissions of an account',
    asUser('a', lines('SUB a.b 1', 'SUB b 2'), pub('secret', 'x'), pub('a.b', 'x')),
    ACCOUNT_DEFAULTS,
  ),
  script(
    'default permissions of an account, and own ones',
    asUser('open', lines('SUB a.b 1', 'SUB b 2'), pub('secret', 'x'), pub('b', 'x')),
    ACCOUNT_DEFAULTS,
  ),
  script('only a system user: INFO', [openKeepingInfo('A'), take('A')], SYSTEM_ONLY),
  ...tries('only a system user', SYSTEM_ONLY, {
    'nobody in particular': connect({ protocol: 1 }) + lines('SUB a 1') + pub('a', 'x') + PING,
    'PUB first': pub('a', 'x') + PING,
    'the system user': connect({ user: 'admin', pass: 'p', protocol: 1 }) + PING,
    'a wrong password': connect({ user: 'admin', pass: 'x' }) + PING,
    'somebody else': connect({ user: 'x', pass: 'x' }) + PING,
  }),
  ...tries('a named system account', SYSTEM_NAMED, {
    'its user': connect({ user: 'admin', pass: 'p', protocol: 1 }) + PING,
    'another user': connect({ user: 'a', pass: 'p', protocol: 1 }) + PING,
    nobody: connect() + PING,
  }),
  script(
    'a second CONNECT moves the connection to another account',
    [
      open('A', 'B'),
      ask('A', connect({ user: 'a', pass: 'p', protocol: 1 }) + lines('SUB x 1', 'PING')),
      ask('B', connect({ user: 'admin', pass: 'p', protocol: 1 }) + lines('SUB x 1', 'PING')),
      ask('A', connect({ user: 'admin', pass: 'p' }) + pub('x', 'moved') + PING),
      take('B'),
      ask('B', pub('x', 'back') + PING),
      ask('A', lines('SUB x 9', 'PING')),
      ask('B', pub('x', 'again') + PING),
      take('A'),
      close('A'),
    ],
    SYSTEM_NAMED,
  ),
]
