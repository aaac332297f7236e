import {
  ask,
  close,
  connect,
  headerBlock,
  hpub,
  lines,
  open,
  pause,
  pub,
  script,
  send,
  single,
  take,
} from '../script.ts'

const PING = lines('PING')

const PERMISSIONS = `
authorization {
  users = [
    { user: all, password: p }
    { user: one, password: p, permissions: { publish: "a.*", subscribe: "a.*" } }
    { user: full, password: p, permissions: { publish: "a.>", subscribe: "a.>" } }
    { user: none, password: p, permissions: { publish: { deny: ">" }, subscribe: { deny: ">" } } }
    { user: stars, password: p, permissions: {
      publish: { allow: ">", deny: ["*.secret", "top.>"] }
      subscribe: { allow: ["*.*", "deep.>"], deny: ["x.secret", "deep.*.no", "deep.end.>"] }
    } }
    { user: queues, password: p, permissions: {
      subscribe: { allow: ["q.*", "grp.* *.dev", "all.> g"], deny: ["q.no bad", "q.x bad.*"] }
    } }
    { user: qonly, password: p, permissions: { subscribe: { allow: "foo bar" } } }
    { user: qdeny, password: p, permissions: { subscribe: { deny: ["foo.bar bad", "foo.baz"] } } }
    { user: many, password: p, permissions: {
      subscribe: "svc.>", allow_responses: { max: 3, expires: "1m" } } }
    { user: brief, password: p, permissions: {
      subscribe: "svc.>", allow_responses: { max: 10, expires: "150ms" } } }
    { user: endless, password: p, permissions: {
      subscribe: "svc.>", allow_responses: { max: -1, expires: "-1s" } } }
    { user: both, password: p, permissions: {
      publish: "always", subscribe: "svc.>", allow_responses: true } }
    { user: deaf, password: p, permissions: {
      publish: { deny: "_INBOX.no" }, subscribe: "svc.>", allow_responses: true } }
  ]
}
`

function as(user: string, members: Readonly<Record<string, unknown>> = {}): string {
  return connect({ user, pass: 'p', ...members })
}

const subs = (...texts: readonly string[]) =>
  texts.map((text, i) => lines(`SUB ${text} ${i}`)).join('')
const pubs = (...subjects: readonly string[]) => subjects.map((one) => pub(one, 'x')).join('')

const SUBJECTS = ['a.b', 'a', 'a.b.c', 'b.a', 'x.secret', 'top', 'top.a', 'deep.a.no', 'deep.end.b']
const PATTERNS = [
  ...['a.*', 'a.>', '*.*', '>', '*', 'a.b q', 'x.secret', '*.secret', 'deep.>', 'deep.*.no'],
  ...['deep.*.*', 'deep.end.b', 'deep.end.*', 'deep.end.> q', 'a.b.c'],
]
const QUEUES = [
  ...['q.a', 'q.a any', 'q.no', 'q.no bad', 'q.no good', 'q.x bad.a', 'q.* bad', 'grp.a'],
  ...['grp.a a.dev', 'grp.a a.prod', 'grp.* a.dev', 'all.a', 'all.a g', 'all.a.b h', 'all.> g'],
  ...['foo', 'foo bar', 'foo baz', 'foo.bar', 'foo.bar bad', 'foo.bar ok', 'foo.* bad', 'foo.baz'],
]

const MATRIX = ['all', 'one', 'full', 'none', 'stars'].flatMap((user) => [
  single(`permissions of ${user}: PUB`, as(user) + pubs(...SUBJECTS) + PING, PERMISSIONS),
  single(`permissions of ${user}: SUB`, as(user) + subs(...PATTERNS) + PING, PERMISSIONS),
  single(
    `permissions of ${user}: verbose and pedantic`,
    as(user, { verbose: true, pedantic: true }) +
      pubs(...SUBJECTS, 'a.*', 'a..b') +
      subs(...PATTERNS, 'a..b', 'a b c.*') +
      PING,
    PERMISSIONS,
  ),
])

const QUEUE_MATRIX = ['queues', 'qonly', 'qdeny'].map((user) =>
  single(`permissions of ${user}: SUB with queue`, as(user) + subs(...QUEUES) + PING, PERMISSIONS),
)

const FILTERED = ['>', 'foo.*', '*.*', 'foo.>', '*.baz', 'foo.baz', '*.bar bad', 'foo.* good'].map(
  (pattern) =>
    script(
      `permissions: what is denied does not come by "${pattern}"`,
      [
        open('A', 'B'),
        ask('A', as('qdeny') + lines(`SUB ${pattern} 1`, 'PING')),
        ask(
          'B',
          as('all') + pubs('foo.bar', 'foo.baz', 'foo.qux', 'other.bar', 'foo.baz.a') + PING,
        ),
        take('A'),
      ],
      PERMISSIONS,
    ),
)

const RESPONSES = [
  script(
    'allow_responses: as many as allowed, each reply for itself',
    [
      open('A', 'B'),
      ask('A', as('many') + lines('SUB svc.a 1', 'PING')),
      ask(
        'B',
        as('all') +
          lines('SUB _INBOX.> 1') +
          pub('svc.a', 'q', '_INBOX.1') +
          pub('svc.a', 'q', '_INBOX.2') +
          PING,
      ),
      take('A'),
      ask('A', pubs(...Array(4).fill('_INBOX.1'), ...Array(4).fill('_INBOX.2'), '_INBOX.3') + PING),
      take('B'),
    ],
    PERMISSIONS,
  ),
  script(
    'allow_responses: not after its time',
    [
      open('A', 'B'),
      ask('A', as('brief') + lines('SUB svc.b 1', 'PING')),
      ask('B', as('all') + lines('SUB _INBOX.b 1') + pub('svc.b', 'q', '_INBOX.b') + PING),
      take('A'),
      pause(400),
      ask('A', pub('_INBOX.b', 'late') + PING),
    ],
    PERMISSIONS,
  ),
  script(
    'allow_responses: without end',
    [
      open('A', 'B'),
      ask('A', as('endless') + lines('SUB svc.c 1', 'PING')),
      ask('B', as('all') + lines('SUB _INBOX.c 1') + pub('svc.c', 'q', '_INBOX.c') + PING),
      take('A'),
      ask('A', pubs(...Array(20).fill('_INBOX.c')) + PING),
      take('B'),
    ],
    PERMISSIONS,
  ),
  script(
    'allow_responses: a new request with the same reply counts from the start',
    [
      open('A', 'B'),
      ask('A', as('both') + lines('SUB svc.d 1', 'PING')),
      ask('B', as('all') + lines('SUB _INBOX.d 1') + pub('svc.d', 'q', '_INBOX.d') + PING),
      take('A'),
      ask('A', pubs('_INBOX.d', '_INBOX.d', 'always', 'never') + PING),
      take('B'),
      ask('B', pub('svc.d', 'q', '_INBOX.d').repeat(2) + PING),
      take('A'),
      ask('A', pubs('_INBOX.d', '_INBOX.d') + PING),
      take('B'),
    ],
    PERMISSIONS,
  ),
  script(
    'allow_responses: a denied reply may be given when it was asked for',
    [
      open('A', 'B'),
      ask('A', as('deaf') + lines('SUB svc.e 1', 'PING')),
      ask('B', as('all') + lines('SUB _INBOX.* 1') + pub('svc.e', 'q', '_INBOX.no') + PING),
      take('A'),
      ask('A', pubs('_INBOX.no', '_INBOX.no', '_INBOX.yes', '_INBOX.yes') + PING),
      take('B'),
    ],
    PERMISSIONS,
  ),
  script(
    'allow_responses: by HPUB, and to a queue member',
    [
      open('A', 'B'),
      ask('A', as('many', { headers: true }) + lines('SUB svc.f workers 1', 'PING')),
      ask(
        'B',
        as('all', { headers: true }) +
          lines('SUB _INBOX.f 1') +
          hpub('svc.f', headerBlock('A: b'), 'q', '_INBOX.f') +
          PING,
      ),
      take('A'),
      ask('A', hpub('_INBOX.f', headerBlock('C: d'), 'r').repeat(4) + PING),
      take('B'),
    ],
    PERMISSIONS,
  ),
  script(
    'allow_responses: verbose',
    [
      open('A', 'B'),
      ask('A', as('both', { verbose: true }) + lines('SUB svc.g 1', 'PING')),
      ask('B', as('all') + pub('svc.g', 'q', '_INBOX.g') + PING),
      take('A'),
      ask('A', pubs('_INBOX.g', '_INBOX.g') + PING),
    ],
    PERMISSIONS,
  ),
  script(
    'allow_responses: the reply may be given after UNSUB',
    [
      open('A', 'B'),
      ask('A', as('both') + lines('SUB svc.h 1', 'UNSUB 1 1', 'PING')),
      ask('B', as('all') + lines('SUB _INBOX.h 1') + pub('svc.h', 'q', '_INBOX.h') + PING),
      take('A'),
      ask('A', pub('_INBOX.h', 'x', 'more') + PING),
      take('B'),
    ],
    PERMISSIONS,
  ),
]

const LIMITS = `
accounts {
  CONN: { users: [ { user: conn, password: p } ], limits: { max_connections: 2 } }
  SUBS: { users: [ { user: subs, password: p } ], limits: { max_subscriptions: 3 } }
  PAY: { users: [ { user: pay, password: p } ], limits: { max_payload: 8 } }
  BIG: { users: [ { user: big, password: p } ], limits: { max_payload: 100MB } }
  FREE: { users: [ { user: free, password: p } ] }
}
max_payload: 20
`

const ACCOUNT_LIMITS = [
  script(
    'account limits: connections',
    [
      open('A', 'B', 'C', 'D'),
      ask('A', as('conn') + PING),
      ask('B', as('conn', { verbose: true }) + PING),
      ask('C', as('conn', { verbose: true }) + PING),
      ask('D', as('free') + PING),
      ask('A', PING),
      close('A'),
      close('B'),
      pause(100),
      open('C'),
      ask('C', as('conn', { verbose: true }) + PING),
    ],
    LIMITS,
  ),
  single(
    'account limits: subscriptions of one connection',
    [
      as('subs', { verbose: true }) + subs('a', 'b', 'c', 'd', 'e q') + PING,
      lines('UNSUB 0', 'SUB f 9', 'SUB g 10', 'PING'),
    ],
    LIMITS,
  ),
  script(
    'account limits: subscriptions of two connections',
    [
      open('A', 'B'),
      ask('A', as('subs') + subs('a', 'b') + PING),
      ask('B', as('subs') + subs('a', 'b', 'c') + PING),
      ask('A', subs('a', 'b', 'c', 'd') + PING),
    ],
    LIMITS,
  ),
  script(
    'account limits: payload',
    [
      open('A', 'B', 'C', 'D', 'E'),
      ask('A', as('pay', { protocol: 1 }) + lines('SUB a 1') + pub('a', '12345678') + PING),
      ask('A', pub('a', '123456789') + PING),
      ask('B', as('big', { protocol: 1 }) + pub('a', '12345678901234567890') + PING),
      ask('C', as('big') + pub('a', '123456789012345678901') + PING),
      ask('D', as('free') + pub('a', '123456789012345678901') + PING),
      send('E', as('pay', { headers: true })),
      ask('E', hpub('a', headerBlock(), '') + PING),
    ],
    LIMITS,
  ),
]

/** What users may do, and how many of them. */
export const ACCOUNT_PERMISSION_SCRIPTS = [
  ...MATRIX,
  ...QUEUE_MATRIX,
  ...FILTERED,
  ...RESPONSES,
  ...ACCOUNT_LIMITS,
]
