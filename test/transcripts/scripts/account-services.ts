import {
  ask,
  close,
  headerBlock,
  hpub,
  lines,
  open,
  pause,
  pub,
  script,
  sendMade,
  take,
} from '../script.ts'
import {
  answer,
  answerWithHeader,
  as,
  MASKED,
  PING,
  repliesOf,
  subs,
  user,
} from './account-forms.ts'

const SERVICES = `
server_name: carol
accounts {
  SVC: {
    users: [
      { user: svc, password: p }
      { user: strict, password: p, permissions: { subscribe: ["one", "shared"], publish: "never",
        allow_responses: true } }
    ]
    exports: [
      { service: "one" }, { service: "wild.*.*" }, { service: "deep.>" }
      { service: "str", response: stream }, { service: "chk", response: chunked }
      { service: "priv", accounts: [REQ] }, { service: "shared" }
      { service: "brief", threshold: "200ms" }
      { service: "brief.str", response: stream, threshold: "250ms" }
      { service: "tok.*.x", account_token_position: 2 }
    ]
  }
  REQ: {
    users: [
      { user: req, password: p }
      { user: few, password: p, permissions: { publish: ["one", "wild.*.*"], subscribe: "in.>" } }
    ]
    imports: [
      { service: { account: SVC, subject: "one" } }
      { service: { account: SVC, subject: "one" }, to: "uno" }
      { service: { account: SVC, subject: "wild.*.*" }, to: "w.$2.$1" }
      { service: { account: SVC, subject: "deep.>" }, to: "down.>" }
      { service: { account: SVC, subject: "str" } }
      { service: { account: SVC, subject: "chk" } }
      { service: { account: SVC, subject: "priv" } }
      { service: { account: SVC, subject: "shared" }, share: true }
      { service: { account: SVC, subject: "brief" } }
      { service: { account: SVC, subject: "brief.str" } }
      { service: { account: SVC, subject: "tok.REQ.x" }, to: "tok" }
      { service: { account: OTHER, subject: "both" }, to: "both" }
    ]
    exports: [ { service: "uno" }, { service: "shared" } ]
  }
  OTHER: {
    users: [ { user: other, password: p } ]
    exports: [ { service: "both" } ]
  }
  FAR: {
    ${user('far')}
    imports: [
      { service: { account: REQ, subject: "uno" }, to: "far" }
      { service: { account: REQ, subject: "shared" }, to: "shared" }
    ]
  }
}
`

/** S serves these subjects, R is ready to ask. */
const served = (subjects: readonly string[], requester = 'req', server = 'svc') => [
  open('S', 'R'),
  ask('S', as(server) + subs(...subjects) + PING),
  ask('R', as(requester) + subs('in.*') + PING),
]

const service = (name: string, steps: Parameters<typeof script>[1]) =>
  script(`service imports: ${name}`, steps, SERVICES, MASKED)

const asked = (subject: string, server: string, requester = 'req') =>
  service(`${requester} asks ${subject}`, [
    ...served([server], requester),
    ask('R', pub(subject, 'question', 'in.1') + PING),
    take('S'),
    sendMade('S', answer('S', 'answer')),
    take('S'),
    take('R'),
    sendMade('S', answer('S', 'again')),
    take('S'),
    take('R'),
  ])

/** Services of other accounts. */
export const ACCOUNT_SERVICE_SCRIPTS = [
  asked('one', 'one'),
  asked('uno', '>'),
  asked('w.a.b', 'wild.>'),
  asked('w.a.b.c', 'wild.>'),
  asked('down.x.y', 'deep.>'),
  asked('down', 'deep.>'),
  asked('priv', 'priv'),
  asked('tok', 'tok.*.x'),
  asked('shared', 'shared'),
  asked('str', 'str'),
  asked('chk', 'chk'),
  asked('one', 'one', 'few'),
  asked('uno', 'one', 'few'),
  asked('far', 'one', 'far'),
  asked('shared', 'shared', 'far'),
  service('without a reply', [
    ...served(['one', 'shared']),
    ask('R', pub('one', 'event') + pub('shared', 'event') + PING),
    take('S'),
  ]),
  service('with headers, both ways', [
    ...served(['one']),
    ask('R', hpub('one', headerBlock('A: b', 'Nats-Request-Info: {}', 'C: d'), 'q', 'in.1') + PING),
    take('S'),
    sendMade('S', answerWithHeader('S', 'a')),
    take('S'),
    take('R'),
  ]),
  service('a header of somebody else is replaced', [
    ...served(['shared']),
    ask('R', hpub('shared', headerBlock('Nats-Request-Info: {"acc":"EVIL"}'), '', 'in.1') + PING),
    take('S'),
  ]),
  service('a responder without headers', [
    open('S', 'R'),
    ask('S', as('svc', { headers: false, no_responders: false }) + subs('one') + PING),
    ask('R', as('req') + subs('in.*') + pub('one', 'q', 'in.1') + PING),
    take('S'),
  ]),
  service('nobody serves', [
    open('R'),
    ask('R', as('req') + subs('in.*') + pub('one', 'q', 'in.1') + pub('w.a.b', 'q', 'in.2') + PING),
    ask('R', pub('one', 'q', 'no.interest') + pub('one', 'q') + PING),
  ]),
  service('nobody serves, verbose', [
    open('R'),
    ask('R', as('req', { verbose: true }) + subs('in.*') + pub('one', 'q', 'in.1') + PING),
  ]),
  service('nobody serves at the end of a chain', [
    open('R'),
    ask('R', as('far') + subs('in.*') + pub('far', 'q', 'in.1') + PING),
  ]),
  service('served in the own account, too', [
    ...served(['one']),
    open('L'),
    ask('L', as('req') + subs('one') + PING),
    ask('R', pub('one', 'q', 'in.1') + PING),
    take('S'),
    take('L'),
    sendMade('S', answer('S', 'from afar')),
    take('S'),
    ask('L', pub('in.1', 'from here') + PING),
    take('R'),
  ]),
  service('only served in the own account', [
    open('L', 'R'),
    ask('L', as('req') + subs('one') + PING),
    ask('R', as('req') + subs('in.*') + pub('one', 'q', 'in.1') + PING),
    take('L'),
  ]),
  service('a stream of answers', [
    ...served(['str']),
    ask('R', pub('str', 'q', 'in.1') + PING),
    take('S'),
    sendMade('S', (heard) => answer('S', 'one')(heard) + answer('S', 'two')(heard)),
    take('S'),
    take('R'),
    sendMade('S', answer('S', '')),
    take('S'),
    take('R'),
    sendMade('S', answer('S', 'after the end')),
    take('S'),
    take('R'),
  ]),
  service('an answer in chunks', [
    ...served(['chk']),
    ask('R', pub('chk', 'q', 'in.1') + PING),
    take('S'),
    sendMade('S', (heard) => answer('S', 'one')(heard) + answer('S', 'two')(heard)),
    take('S'),
    take('R'),
    sendMade('S', answer('S', '')),
    take('S'),
    take('R'),
    sendMade('S', answer('S', 'after the end')),
    take('S'),
    take('R'),
  ]),
  service('an answer with a reply', [
    ...served(['one']),
    ask('R', pub('one', 'q', 'in.1') + PING),
    take('S'),
    sendMade('S', answer('S', 'a', -1, 'back.1')),
    take('S'),
    take('R'),
  ]),
  service('an answer after its time', [
    ...served(['brief', 'brief.str']),
    ask('R', pub('brief', 'q', 'in.1') + PING),
    take('S'),
    pause(700),
    sendMade('S', answer('S', 'late')),
    take('S'),
    take('R'),
  ]),
  service('the requester has unsubscribed', [
    ...served(['one']),
    ask('R', pub('one', 'q', 'in.1') + PING),
    take('S'),
    ask('R', lines('UNSUB 0', 'PING')),
    sendMade('S', answer('S', 'too late')),
    take('S'),
    ask('R', subs('in.*') + PING),
    sendMade('S', answer('S', 'later still')),
    take('S'),
    take('R'),
  ]),
  service('the requester is gone, another one listens to the reply', [
    ...served(['one']),
    open('L'),
    ask('L', as('req') + subs('in.*') + PING),
    ask('R', pub('one', 'q', 'in.1') + PING),
    take('S'),
    close('R'),
    sendMade('S', answer('S', 'a')),
    take('S'),
    take('L'),
  ]),
  service('the reply belongs to another connection', [
    ...served(['one']),
    open('L'),
    ask('L', as('req') + subs('there') + PING),
    ask('R', pub('one', 'q', 'there') + PING),
    take('S'),
    sendMade('S', answer('S', 'a')),
    take('S'),
    take('L'),
  ]),
  service('two requests, answered the other way round', [
    ...served(['one', 'wild.*.*']),
    ask('R', pub('one', '1', 'in.1') + pub('w.2.1', '2', 'in.2') + PING),
    take('S'),
    sendMade('S', (heard) => answer('S', 'to 2', 1)(heard) + answer('S', 'to 1', 0)(heard)),
    take('S'),
    take('R'),
  ]),
  service('somebody else answers', [
    ...served(['one']),
    open('T', 'U'),
    ask('R', pub('one', 'q', 'in.1') + PING),
    take('S'),
    ask('T', as('other') + PING),
    sendMade('T', answer('S', 'of another account')),
    take('T'),
    ask('U', as('svc') + PING),
    sendMade('U', answer('S', 'of the same account')),
    take('U'),
    take('R'),
  ]),
  service('replies of the server may not be made up', [
    open('S'),
    ask(
      'S',
      as('svc') + subs('_R_.>', 'one') + pub('_R_.a.b', 'x') + pub('one', 'x', '_R_.a.b') + PING,
    ),
  ]),
  service('a responder that may only answer', [
    ...served(['one'], 'req', 'strict'),
    ask('R', pub('one', 'q', 'in.1') + PING),
    take('S'),
    sendMade('S', answer('S', 'a')),
    take('S'),
    take('R'),
    sendMade('S', answer('S', 'b')),
    take('S'),
  ]),
  service('a wire tap', [
    ...served(['one']),
    open('T', 'U'),
    ask('T', as('svc') + subs('>') + PING),
    ask('U', as('req') + subs('>') + PING),
    ask('R', pub('one', 'q', 'in.1') + PING),
    take('S'),
    sendMade('S', (heard) => answer('S', `to ${repliesOf(heard('S')).length}`)(heard)),
    take('S'),
    take('R'),
    take('T'),
    take('U'),
  ]),
  service('requests of the responding account itself are not changed', [
    open('S', 'R'),
    ask('S', as('svc') + subs('one') + PING),
    ask('R', as('svc') + subs('in.*') + pub('one', 'q', 'in.1') + PING),
    take('S'),
  ]),
]
