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
import { answer, as, MASKED, PING, pubs, subs, user } from './account-forms.ts'

const MEASURED = `
server_name: carol
accounts {
  SVC: {
    users: [ { user: svc, password: p }, { user: few, password: p, permissions: {
      publish: "metrics.>", subscribe: "all", allow_responses: true } } ]
    exports: [
      { service: "all", latency: { sampling: 100%, subject: "metrics.all" } }
      { service: "shared", latency: { sampling: 100%, subject: "metrics.shared" } }
      { service: "sampled", latency: { sampling: headers, subject: "metrics.sampled" } }
      { service: "brief", threshold: "150ms", latency: { sampling: 100%, subject: "metrics.brief" } }
    ]
  }
  REQ: {
    ${user('req')}
    imports: [
      { service: { account: SVC, subject: "all" } }
      { service: { account: SVC, subject: "shared" }, share: true }
      { service: { account: SVC, subject: "sampled" } }
      { service: { account: SVC, subject: "brief" } }
    ]
    exports: [ { service: "all" }, { service: "shared" } ]
  }
  FAR: {
    ${user('far')}
    imports: [
      { service: { account: REQ, subject: "all" } }, { service: { account: REQ, subject: "shared" } }
    ]
  }
}
`

/** M gets the measurements, S serves, R asks. */
const stage = (subject: string) => [
  open('M', 'S', 'R'),
  ask('M', as('svc') + subs('metrics.>') + PING),
  ask('S', as('svc') + subs(subject) + PING),
  ask('R', as('req') + subs('in.*') + PING),
]

const measured = (name: string, steps: Parameters<typeof script>[1]) =>
  script(`latency: ${name}`, steps, MEASURED, MASKED)

const HEADERS: Readonly<Record<string, readonly string[]>> = {
  none: ['A: b'],
  uber: ['Uber-Trace-Id: 1:2:3:1', 'Uberctx-X: y'],
  'uber, not sampled': ['Uber-Trace-Id: 1:2:3:0'],
  'B3 sampled': ['X-B3-Sampled: 1', 'X-B3-TraceId: abc', 'X-B3-SpanId: def', 'Other: x'],
  'B3 not sampled': ['X-B3-Sampled: 0', 'X-B3-TraceId: abc'],
  'B3 trace only': ['X-B3-TraceId: abc', 'X-B3-ParentSpanId: p'],
  'b3 in one': ['b3: 80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1'],
  'b3 denied': ['b3: 0'],
  'b3 with flag 0': ['b3: a-b-0'],
  traceparent: [
    'traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    'tracestate: a=b',
  ],
  'traceparent, not sampled': [
    'traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00',
  ],
}

/** What exported services take, as it is published. */
export const ACCOUNT_LATENCY_SCRIPTS = [
  ...['all', 'shared'].map((subject) =>
    measured(`an answer to ${subject}`, [
      ...stage(subject),
      ask('R', pub(subject, 'q', 'in.1') + PING),
      take('S'),
      sendMade('S', answer('S', 'a')),
      take('S'),
      take('R'),
      take('M'),
    ]),
  ),
  ...['all', 'shared'].map((subject) =>
    measured(`a chain that ends at ${subject}`, [
      open('M', 'S', 'F'),
      ask('M', as('svc') + subs('metrics.>') + PING),
      ask('S', as('svc') + subs(subject) + PING),
      ask('F', as('far') + subs('in.*') + PING),
      ask('F', pub(subject, 'q', 'in.1') + PING),
      take('S'),
      sendMade('S', answer('S', 'a')),
      take('S'),
      take('F'),
      take('M'),
    ]),
  ),
  measured('a responder that may only answer', [
    open('M', 'S', 'R'),
    ask('M', as('svc') + subs('metrics.>') + PING),
    ask('S', as('few') + subs('all') + PING),
    ask('R', as('req') + subs('in.*') + PING),
    ask('R', pub('all', 'q', 'in.1') + PING),
    take('S'),
    sendMade('S', answer('S', 'a')),
    take('S'),
    take('R'),
    take('M'),
  ]),
  measured('no reply', [...stage('all'), ask('R', pub('all', 'q') + PING), take('S'), take('M')]),
  measured('nobody serves', [
    open('M', 'R'),
    ask('M', as('svc') + subs('metrics.>') + PING),
    ask('R', as('req') + subs('in.*') + pub('all', 'q', 'in.1') + PING),
    take('M'),
  ]),
  measured('too late', [
    ...stage('brief'),
    ask('R', pub('brief', 'q', 'in.1') + PING),
    take('S'),
    pause(700),
    take('M'),
    sendMade('S', answer('S', 'a')),
    take('S'),
  ]),
  measured('the requester is gone', [
    ...stage('all'),
    ask('R', pub('all', 'q', 'in.1') + PING),
    take('S'),
    close('R'),
    take('M'),
  ]),
  measured('the requester has unsubscribed', [
    ...stage('all'),
    ask('R', pub('all', 'q', 'in.1') + PING),
    take('S'),
    ask('R', lines('UNSUB 0', 'PING')),
    take('M'),
    sendMade('S', answer('S', 'a')),
    take('S'),
  ]),
  measured('a responder that is gone', [
    ...stage('brief'),
    ask('R', pub('brief', 'q', 'in.1') + PING),
    take('S'),
    close('S'),
    pause(700),
    take('M'),
  ]),
  ...Object.entries(HEADERS).map(([name, headers]) =>
    measured(`sampled by headers: ${name}`, [
      ...stage('sampled'),
      ask('R', hpub('sampled', headerBlock(...headers), 'q', 'in.1') + PING),
      take('S'),
      sendMade('S', answer('S', 'a')),
      take('S'),
      take('R'),
      take('M'),
    ]),
  ),
  measured('measurements may be published by anybody of the account', [
    ...stage('all'),
    ask('S', pubs('metrics.all') + PING),
    take('M'),
  ]),
]
