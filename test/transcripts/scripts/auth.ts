import {
  ask,
  connect,
  headerBlock,
  hpub,
  lines,
  open,
  openKeepingInfo,
  pause,
  pub,
  script,
  single,
  take,
} from '../script.ts'

const PING = lines('PING')
/** bcrypt of "s3cr3t" with the lowest cost, to be quick. */
const HASH = '$2b$04$PsGmJFK0OkHWxdCDZvXLZeXLQl0HggVUnECZbJ0Bq8OEOnMgPchN6'

const TOKEN = 'authorization { token: "s3cr3t" }\n'
const USER = 'authorization { user: derek, password: s3cr3t }\n'
const BCRYPT_USER = `authorization { user: derek, password: "${HASH}" }\n`
const BCRYPT_TOKEN = `authorization { token: "${HASH}" }\n`
const USERS = `
authorization {
  users = [
    { user: alice, password: foo }
    { user: bob, password: "${HASH}" }
    { user: pete, password: bar, permissions: { publish: "pete.>", subscribe: "pete.>" } }
  ]
}
`
const NO_AUTH_USER = `
accounts {
  A: { users: [ { user: anon, password: x }, { user: alice, password: foo } ] }
  B: { users: [ { user: bea, password: foo } ] }
}
no_auth_user: anon
`
const PERMISSIONS = `
authorization {
  users = [
    { user: lists, password: p, permissions: {
      publish: { allow: ["ok.>", "req.*"], deny: ["ok.no"] }
      subscribe: { allow: ["in.>", "_INBOX.>", "ok.>"], deny: ["in.no", "in.*.no"] }
    } }
    { user: deny, password: p, permissions: {
      publish: { deny: "foo.bar" }, subscribe: { deny: "foo.baz" }
    } }
    { user: queue, password: p, permissions: {
      subscribe: { allow: ["foo *.dev", "> *.prod"], deny: "bar v1" }
    } }
    { user: responder, password: p, permissions: { subscribe: "svc.*", allow_responses: true } }
    { user: twice, password: p, permissions: {
      subscribe: "svc.*", allow_responses: { max: 2, expires: "1m" }
    } }
    { user: all, password: p }
  ]
}
`

function as(user: string, members: Readonly<Record<string, unknown>> = {}): string {
  return connect({ user, pass: 'p', ...members })
}

function connectAs(what: string, config: string, cases: Record<string, Record<string, string>>) {
  return Object.entries(cases).map(([name, members]) =>
    single(`${what}: ${name}`, connect(members) + PING, config),
  )
}

/** Authorization by token, password and permissions. */
export const AUTH_SCRIPTS = [
  script('authorization: INFO says that it is required', [openKeepingInfo('A'), take('A')], TOKEN),
  ...connectAs('token', TOKEN, {
    right: { auth_token: 's3cr3t' },
    wrong: { auth_token: 'S3cr3t' },
    none: {},
    'as a password': { user: 'x', pass: 's3cr3t' },
  }),
  ...Object.entries({
    PING: 'PING\r\n',
    PONG: 'PONG\r\n',
    SUB: 'SUB foo 1\r\n',
    PUB: 'PUB foo 2\r\nok\r\n',
    UNSUB: 'UNSUB 1\r\n',
    INFO: 'INFO {}\r\n',
    'an unknown verb': 'ZZZ\r\n',
    'an unknown verb with C': 'CXX\r\n',
  }).map(([what, bytes]) => single(`token: ${what} before CONNECT`, bytes, TOKEN)),
  single('token: a bad CONNECT', lines('CONNECT {bad'), TOKEN),
  single(
    'token: verbose +OK when accepted',
    lines('CONNECT {"verbose":true,"auth_token":"s3cr3t"}', 'PING'),
    TOKEN,
  ),
  single(
    'token: second CONNECT with a wrong token',
    connect({ auth_token: 's3cr3t' }) + PING + connect({ auth_token: 'x' }) + PING,
    TOKEN,
  ),
  ...connectAs('password', USER, {
    right: { user: 'derek', pass: 's3cr3t' },
    'wrong password': { user: 'derek', pass: 'x' },
    'wrong user': { user: 'Derek', pass: 's3cr3t' },
    none: {},
    'user only': { user: 'derek' },
  }),
  ...connectAs('bcrypt password', BCRYPT_USER, {
    right: { user: 'derek', pass: 's3cr3t' },
    wrong: { user: 'derek', pass: 'x' },
    'the hash itself': { user: 'derek', pass: HASH },
  }),
  ...connectAs('bcrypt token', BCRYPT_TOKEN, {
    right: { auth_token: 's3cr3t' },
    wrong: { auth_token: 'x' },
  }),
  ...connectAs('users', USERS, {
    'first, right': { user: 'alice', pass: 'foo' },
    'first, wrong': { user: 'alice', pass: 'bar' },
    'bcrypt, right': { user: 'bob', pass: 's3cr3t' },
    'bcrypt, wrong': { user: 'bob', pass: 'foo' },
    unknown: { user: 'eve', pass: 'foo' },
    'a token': { auth_token: 'foo' },
  }),
  script(
    'authentication timeout',
    [open('A'), take('A', 1500)],
    'authorization { token: x, timeout: 0.3 }\n',
  ),
  script(
    'authentication timeout ends with CONNECT',
    [open('A'), ask('A', connect({ auth_token: 'x' }) + PING), pause(500), ask('A', PING)],
    'authorization { token: x, timeout: 0.3 }\n',
  ),
  single(
    'a second CONNECT as another user changes the permissions',
    [
      connect({ user: 'alice', pass: 'foo' }) + lines('SUB foo 1') + pub('foo', 'a') + PING,
      connect({ user: 'pete', pass: 'bar' }) +
        lines('SUB foo 1', 'SUB pete.x 2') +
        pub('foo', 'b') +
        pub('pete.x', 'c') +
        PING,
    ],
    USERS,
  ),
  script(
    'no_auth_user: INFO does not ask for authorization',
    [openKeepingInfo('A'), take('A')],
    NO_AUTH_USER,
  ),
  single(
    'no_auth_user: PUB and SUB without CONNECT',
    lines('SUB foo 1') + pub('foo', 'x') + PING,
    NO_AUTH_USER,
  ),
  single(
    'no_auth_user: CONNECT without credentials',
    connect({ protocol: 1 }) + lines('SUB foo 1') + pub('foo', 'x') + PING,
    NO_AUTH_USER,
  ),
  single(
    'no_auth_user: a wrong password is not helped',
    connect({ user: 'alice', pass: 'x' }) + PING,
    NO_AUTH_USER,
  ),
  script(
    'accounts are apart',
    [
      open('A', 'B', 'C'),
      ask('A', connect({ user: 'alice', pass: 'foo' }) + lines('SUB shared 1', 'PING')),
      ask(
        'B',
        connect({ user: 'bea', pass: 'foo' }) +
          lines('SUB shared 1', 'SUB > 2') +
          pub('other', 'x') +
          PING,
      ),
      ask('C', connect() + pub('shared', 'from anon') + PING),
      take('A'),
      ask('B', PING),
    ],
    NO_AUTH_USER,
  ),
  single(
    'permissions: publish allow and deny',
    [
      as('lists') +
        ['ok.x', 'ok.no', 'req.a', 'req.a.b', 'other', 'ok'].map((s) => pub(s, 'x')).join('') +
        PING,
    ],
    PERMISSIONS,
  ),
  single(
    'permissions: publish error in verbose mode has no +OK',
    [as('lists', { verbose: true }) + pub('other', 'x') + pub('ok.x', 'x') + PING],
    PERMISSIONS,
  ),
  single(
    'permissions: HPUB is checked too',
    [as('lists', { headers: true }) + hpub('other', headerBlock('A: b'), 'x') + PING],
    PERMISSIONS,
  ),
  single(
    'permissions: subscribe allow and deny',
    [
      as('lists') +
        ['in.a', 'in.>', 'in.*', 'in.no', 'in.a.no', 'other', '>', '*']
          .map((s, i) => lines(`SUB ${s} ${i}`))
          .join('') +
        PING,
    ],
    PERMISSIONS,
  ),
  single(
    'permissions: subscribe error in verbose mode has no +OK',
    [as('lists', { verbose: true }) + lines('SUB other 1', 'SUB in.a 2', 'SUB other q 3', 'PING')],
    PERMISSIONS,
  ),
  script(
    'permissions: a denied subject is filtered out of a wider subscription',
    [
      open('A', 'B'),
      ask('A', as('deny') + lines('SUB foo.* 1', 'SUB > 2', 'SUB foo.baz 3', 'PING')),
      ask('B', as('all') + pub('foo.bar', 'yes') + pub('foo.baz', 'no') + PING),
      take('A'),
      ask('A', pub('foo.bar', 'denied') + pub('foo.qux', 'fine') + PING),
    ],
    PERMISSIONS,
    { anyOrder: true },
  ),
  single(
    'permissions: queue names',
    [
      as('queue') +
        ['foo v1.dev 1', 'foo v1.prod 2', 'foo x 3', 'foo 4', 'bar v1.prod 5', 'bar v1 6', 'bar 7']
          .map((s) => lines(`SUB ${s}`))
          .join('') +
        PING,
    ],
    PERMISSIONS,
  ),
  script(
    'permissions: allow_responses lets one reply out',
    [
      open('A', 'B'),
      ask('A', as('responder') + lines('SUB svc.x 1') + pub('_INBOX.one', 'early') + PING),
      ask('B', as('all') + lines('SUB _INBOX.one 1') + pub('svc.x', 'q', '_INBOX.one') + PING),
      take('A'),
      ask(
        'A',
        pub('_INBOX.one', 'first') + pub('_INBOX.one', 'second') + pub('elsewhere', 'x') + PING,
      ),
      take('B'),
    ],
    PERMISSIONS,
  ),
  script(
    'permissions: allow_responses with a maximum of two',
    [
      open('A', 'B'),
      ask('A', as('twice') + lines('SUB svc.y 1', 'PING')),
      ask('B', as('all') + lines('SUB _INBOX.two 1') + pub('svc.y', 'q', '_INBOX.two') + PING),
      take('A'),
      ask('A', pub('_INBOX.two', 'x').repeat(3) + PING),
      take('B'),
    ],
    PERMISSIONS,
  ),
  single(
    'permissions: the reply of a request is not checked',
    [as('lists') + lines('SUB ok.x 1') + pub('ok.x', 'q', 'not.allowed') + PING],
    PERMISSIONS,
  ),
]
