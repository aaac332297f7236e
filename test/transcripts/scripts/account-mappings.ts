import { ask, headerBlock, hpub, lines, open, pub, script, single, take } from '../script.ts'
import { as, PING, pubs, subs, user } from './account-forms.ts'

const MAPPINGS = `
accounts {
  A: {
    users: [
      { user: a, password: p }
      { user: few, password: p, permissions: { publish: ["foo", "pub.*"], subscribe: ">" } }
      { user: dest, password: p, permissions: { publish: { deny: ["bar", "req.x"] } } }
    ]
    mappings: {
      foo: bar
      "foo.*.bar": "req.$1"
      "first.*": "one.{{wildcard(1)}}"
      "second.>": "two.>"
      "chain.a": "chain.b"
      "chain.b": "chain.c"
      "part.*": "part.{{partition(3,1)}}.{{wildcard(1)}}"
      "swap.*.*": "swapped.$2.$1"
      "split.*": "sp.{{split(1,-)}}"
      "sl.*": "sl2.{{slicefromleft(1,2)}}"
      "sr.*": "sr2.{{splitfromright(1,2)}}"
      "none": [ { destination: lost, weight: 0% } ]
      "half": [ { destination: half, weight: 0% } ]
      "sure": [ { destination: certain, weight: 100% } ]
      "rest": [ { destination: elsewhere, weight: 0% } ]
      "clu": [ { destination: c1, weight: 100%, cluster: X }, { destination: c2, weight: 100% } ]
      "only": [ { destination: c1, weight: 100%, cluster: X } ]
      "pub.*": "priv.$1"
      "to.svc": "svc.x"
      "to.stream": "str.x"
      "self.*": "self.$1"
    }
    exports: [ { stream: "str.>" }, { service: "svc.>" }, { service: "exposed" } ]
    imports: [ { service: { account: B, subject: "b.svc" }, to: "far" } ]
  }
  B: {
    ${user('b')}
    mappings: { "b.svc": "b.real", "here.*": "exposed", "exposed": "nowhere" }
    imports: [
      { stream: { account: A, subject: "str.>" } }, { service: { account: A, subject: "svc.>" } }
      { service: { account: A, subject: "exposed" } }
    ]
    exports: [ { service: "b.svc" } ]
  }
}
`

const SUBJECTS = [
  ...['foo', 'foo.x.bar', 'first.a', 'second.a.b', 'chain.a', 'chain.b', 'part.a', 'part.b'],
  ...['part.zz', 'swap.1.2', 'split.-a-b--c', 'sl.abcdef', 'sr.abcdef', 'none', 'half', 'sure'],
  ...['rest', 'clu', 'only', 'pub.x', 'self.a', 'plain'],
]

const GLOBAL = `
mappings: { foo: bar, "w.*": "x.$1" }
`

const LOSS = `
mappings: { foo: [ { destination: foo, weight: 50% } ], "lost": [ { dest: lost, weight: 0% } ] }
`

const random = (frame: string) => frame.replace(/^MSG rnd\.\d /, 'MSG rnd.n ')

// Not with the CONNECT in one piece: nats-server maps nothing of the read that brings it.

/** Subject mappings of accounts. */
export const ACCOUNT_MAPPING_SCRIPTS = [
  ...SUBJECTS.map((subject) =>
    script(
      `mappings: PUB ${subject}`,
      [
        open('A', 'B'),
        ask('A', as('a') + subs('>') + PING),
        ask('B', as('a') + PING),
        ask('B', pub(subject, 'x', 'r') + PING),
        take('A'),
      ],
      MAPPINGS,
    ),
  ),
  single(
    'mappings: of the global account',
    subs('bar', 'foo', 'x.*') + pubs('foo', 'w.1') + PING,
    GLOBAL,
    {
      drops: (frame) => frame === '+OK\r\n',
    },
  ),
  ...['few', 'dest'].map((name) =>
    single(
      `mappings: permissions of ${name} are for what comes out`,
      [as(name) + subs('>') + PING, pubs('foo', 'bar', 'foo.x.bar', 'pub.a', 'priv.a') + PING],
      MAPPINGS,
      { anyOrder: true },
    ),
  ),
  single(
    'mappings: verbose',
    [as('few', { verbose: true }) + subs('>') + PING, pubs('foo', 'bar', 'pub.a') + PING],
    MAPPINGS,
    { anyOrder: true },
  ),
  single(
    'mappings: HPUB with a reply',
    [as('a') + subs('bar') + PING, hpub('foo', headerBlock('A: b'), 'x', 'foo') + PING],
    MAPPINGS,
  ),
  script(
    'mappings: nobody listens to what comes out',
    [
      open('A'),
      ask('A', as('a') + subs('in.*', 'foo') + PING),
      ask('A', pub('foo', 'x', 'in.1') + PING),
    ],
    MAPPINGS,
  ),
  single(
    'mappings: replies are mapped when they are published',
    [
      as('a') + subs('bar', 'one.*') + PING,
      pub('foo', 'x', 'first.x') + pub('first.x', 'y') + PING,
    ],
    MAPPINGS,
  ),
  script(
    'mappings: into a stream that is exported',
    [
      open('A', 'B'),
      ask('B', as('b') + subs('>') + PING),
      ask('A', as('a') + PING),
      ask('A', pubs('to.stream') + PING),
      take('B'),
    ],
    MAPPINGS,
  ),
  single(
    'mappings: loss',
    as('a', { user: '' }) + subs('lost') + pubs('lost', 'lost', 'lost') + PING,
    LOSS,
  ),
  script(
    'mappings: of the account whose service is imported',
    [
      open('A', 'B'),
      ask('B', as('b') + subs('b.real', 'b.svc') + PING),
      ask('A', as('a') + PING),
      ask('A', pubs('far', 'to.svc') + PING),
      take('B'),
    ],
    MAPPINGS,
    { mask: (frame) => frame.replace(/"rtt":\d+/, '"rtt":0').replace(/ \d+ \d+\r\n/, ' n\r\n') },
  ),
  script(
    'mappings: into an import',
    [
      open('A', 'B'),
      ask('A', as('a') + subs('>') + PING),
      ask('B', as('b') + subs('mine') + PING),
      ask('B', pubs('here.a', 'exposed') + pub('svc.x', 'x') + PING),
      take('A'),
    ],
    MAPPINGS,
    { mask: (frame) => frame.replace(/"rtt":\d+/, '"rtt":0').replace(/ \d+ \d+\r\n/, ' n\r\n') },
  ),
  script(
    'mappings: random numbers',
    [
      open('A'),
      ask('A', as('a') + lines('SUB rnd.* 1') + PING),
      ask('A', pubs('r.x', 'r.y') + PING),
    ],
    `accounts { A: { ${user('a')}, mappings: { "r.*": "rnd.{{random(5)}}" } } }`,
    { mask: random },
  ),
]
