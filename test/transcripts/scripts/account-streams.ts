import { ask, close, connect, lines, open, pub, script, take } from '../script.ts'
import { as, PING, pubs, subs, user } from './account-forms.ts'

const STREAMS = `
accounts {
  EXP: {
    ${user('exp')}
    exports: [
      { stream: "pub.>" }, { stream: "one" }, { stream: "two.*" }, { stream: "a.*.*" }
      { stream: "priv.*", accounts: [IMP] }, { stream: "tok.*.x", account_token_position: 2 }
      { stream: "three.*" }, { stream: "all.>" }
    ]
  }
  IMP: {
    users: [
      { user: imp, password: p }
      { user: part, password: p, permissions: {
        subscribe: { allow: ["pub.>", "uno", "*.*"], deny: ["pub.no"] } } }
    ]
    imports: [
      { stream: { account: EXP, subject: "pub.>" } }
      { stream: { account: EXP, subject: "one" }, to: "uno" }
      { stream: { account: EXP, subject: "two.*" }, prefix: "pre.fix" }
      { stream: { account: EXP, subject: "a.*.*" }, to: "b.$2.$1" }
      { stream: { account: EXP, subject: "priv.*" } }
      { stream: { account: EXP, subject: "tok.IMP.x" } }
      { stream: { account: EXP, subject: "three.*" }, to: "tri.$1.x" }
      { stream: { account: EXP, subject: "three.3" }, to: "tri.3.y" }
    ]
    exports: [ { stream: "pub.>" }, { stream: "uno" }, { stream: "tri.>" } ]
  }
  NEXT: {
    ${user('next')}
    imports: [
      { stream: { account: IMP, subject: "pub.>" }, prefix: "next" }
      { stream: { account: IMP, subject: "uno" } }
    ]
  }
  OTHER: {
    ${user('other')}
    imports: [
      { stream: { account: EXP, subject: "all.>" }, to: "x.all.>" }
      { stream: { account: EXP, subject: "pub.a" } }
    ]
  }
}
`

const SUBJECTS = [
  ...['pub.a', 'pub.a.b', 'pub', 'one', 'one.x', 'two.a', 'two.a.b', 'a.1.2', 'a.1', 'priv.x'],
  ...['tok.IMP.x', 'tok.OTHER.x', 'three.3', 'all.a', 'uno', 'pub.no'],
]
const INTERESTS = [
  ...['>', '*', 'pub.>', 'pub.*', 'pub.a', 'uno', 'one', 'pre.>', 'pre.fix.two.*', 'pre.fix.two.a'],
  ...['pre.*.two.a', 'two.a', 'b.*.*', 'b.2.1', 'b.>', 'b.*.1', 'b.2.*', 'a.1.2', 'priv.x'],
  ...['tok.IMP.x', 'tok.>', 'tri.>', 'tri.3.*', 'tri.*.x', 'tri.3.y', '*.*', '*.*.*', 'pub.no'],
]

const received = (by: string, interest: string) =>
  script(
    `stream imports: ${by} gets by "${interest}"`,
    [
      open('A', 'B'),
      ask('A', as(by) + lines(`SUB ${interest} 1`, 'PING')),
      ask('B', as('exp') + pubs(...SUBJECTS) + PING),
      take('A'),
    ],
    STREAMS,
    { anyOrder: true },
  )

/** Streams of other accounts. */
export const ACCOUNT_STREAM_SCRIPTS = [
  ...INTERESTS.map((interest) => received('imp', interest)),
  ...['>', 'pub.*', 'uno', '*.*'].map((interest) => received('part', interest)),
  ...['>', 'next.>', 'uno', 'next.pub.a'].map((interest) => received('next', interest)),
  ...['>', 'x.all.a', 'x.>', 'pub.*', 'pub.a'].map((interest) => received('other', interest)),
  script(
    'stream imports: what an importer publishes stays in its account',
    [
      open('A', 'B', 'C'),
      ask('A', as('exp') + subs('>') + PING),
      ask('B', as('imp') + subs('pub.>', 'uno') + pubs('pub.a', 'one', 'uno', 'b.2.1') + PING),
      ask('C', as('next') + subs('>') + PING),
      ask('B', pubs('pub.a', 'uno') + PING),
      take('A'),
      take('C'),
    ],
    STREAMS,
  ),
  script(
    'stream imports: reply and headers come along',
    [
      open('A', 'B'),
      ask('A', as('imp') + subs('pub.a', 'uno') + PING),
      ask('B', as('exp') + pub('pub.a', 'x', 'my.reply') + pub('one', 'y', '_INBOX.1') + PING),
      take('A'),
    ],
    STREAMS,
  ),
  script(
    'stream imports: nobody listens',
    [open('A'), ask('A', as('exp') + subs('in') + pub('one', 'x', 'in') + PING)],
    STREAMS,
  ),
  script(
    'stream imports: an importer that listens is a responder',
    [
      open('A', 'B'),
      ask('A', as('imp') + subs('uno') + PING),
      ask('B', as('exp') + subs('in') + pub('one', 'x', 'in') + PING),
      take('A'),
      close('A'),
      open('A'),
      ask('A', as('imp') + PING),
      ask('B', pub('one', 'x', 'in') + PING),
    ],
    STREAMS,
  ),
  script(
    'stream imports: UNSUB',
    [
      open('A', 'B'),
      ask('A', as('imp') + subs('pub.>', 'uno', 'tri.>', '>') + PING),
      ask('A', lines('UNSUB 3', 'PING')),
      ask('B', as('exp') + pubs('one', 'pub.a', 'three.1') + PING),
      take('A'),
      ask('A', lines('UNSUB 0', 'UNSUB 2', 'PING')),
      ask('B', pubs('one', 'pub.a', 'three.1') + PING),
      take('A'),
    ],
    STREAMS,
    { anyOrder: true },
  ),
  script(
    'stream imports: echo off',
    [
      open('A'),
      ask('A', connect({ user: 'exp', pass: 'p', echo: false }) + subs('one') + pubs('one') + PING),
    ],
    STREAMS,
  ),
  script(
    'stream imports: a client moves between accounts',
    [
      open('A', 'B'),
      ask('A', as('imp') + subs('uno', 'pub.a') + PING),
      ask('A', as('other') + subs('uno', 'pub.a') + PING),
      ask('B', as('exp') + pubs('one', 'pub.a') + PING),
      take('A'),
    ],
    STREAMS,
  ),
]
