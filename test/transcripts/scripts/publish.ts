import {
  ask,
  close,
  connect,
  lines,
  open,
  pause,
  pub,
  script,
  send,
  single,
  take,
  takeAll,
} from '../script.ts'

const PING = lines('PING')
const START = connect()

/** PUB, SUB and UNSUB as they are meant, and the quirks clients may have come to rely on. */
export const PUBLISH_SCRIPTS = [
  single('publish to an own subscription', START + lines('SUB foo 1') + pub('foo', 'hello') + PING),
  single('subscription id of any characters', [
    START + lines('SUB foo a-B.7*>') + pub('foo', 'hello') + PING,
  ]),
  single(
    'reply subject is passed on',
    START + lines('SUB foo 1') + pub('foo', 'hello', 'bar') + PING,
  ),
  single('empty payload', START + lines('SUB foo 1') + pub('foo', '') + PING),
  single('empty payload with reply', START + lines('SUB foo 1') + pub('foo', '', 'bar') + PING),
  single('size with leading zeros is passed on as written', [
    START + lines('SUB foo 1', 'PUB foo 005', 'hello', 'PUB foo r 000000000', '', 'PING'),
  ]),
  single('payload with control bytes, CRLF and all 256 values', [
    START +
      lines('SUB foo 1') +
      pub('foo', '\0\r\nPUB foo 1\r\n\xff') +
      pub('foo', String.fromCharCode(...Array(256).keys())) +
      PING,
  ]),
  single(
    'two subscriptions of one subject get a copy each',
    [START + lines('SUB foo 1', 'SUB foo 2') + pub('foo', 'x') + PING],
    '',
    { anyOrder: true },
  ),
  single(
    'literal and wildcard subscription get a copy each',
    [START + lines('SUB foo 1', 'SUB * 2', 'SUB > 3', 'SUB foo.* 4') + pub('foo', 'x') + PING],
    '',
    { anyOrder: true },
  ),
  single('the same SUB twice is one subscription', [
    START + lines('SUB foo 1', 'SUB foo 1') + pub('foo', 'x') + PING,
  ]),
  single('the same sid for another subject leaves the first', [
    START + lines('SUB foo 1', 'SUB bar 1') + pub('foo', 'x') + pub('bar', 'y') + PING,
  ]),
  single('a sid is free again after UNSUB', [
    START + lines('SUB foo 1', 'UNSUB 1', 'SUB bar 1') + pub('foo', 'x') + pub('bar', 'y') + PING,
  ]),
  single('tokens must match one to one', [
    START +
      lines('SUB one 1', 'SUB one.two.three 3') +
      pub('one.two', 'no') +
      pub('one.two.three', 'yes') +
      pub('one', 'yes') +
      PING,
  ]),
  ...Object.entries({
    '*.b': ['a.b', 'a.b.c', 'b', 'x.b'],
    'a.*': ['a', 'a.b', 'a.b.c', 'a.'],
    'a.*.c': ['a.b.c', 'a.c', 'a.b.c.d'],
    '*.*': ['a', 'a.b', 'a.b.c'],
    'a.>': ['a', 'a.b', 'a.b.c', 'b.a'],
    '*.>': ['a', 'a.b', 'a.b.c.d'],
    '>': ['a', 'a.b.c', '$x.y', '_z'],
    '*.b.>': ['a.b', 'a.b.c', 'x.b.c.d'],
  }).map(([pattern, subjects]) =>
    single(
      `wildcard ${pattern}`,
      START + lines(`SUB ${pattern} 1`) + subjects.map((s) => pub(s, s)).join('') + PING,
    ),
  ),
  single('wildcard signs inside a token are letters', [
    START +
      lines('SUB foo* 1', 'SUB f>o 2', 'SUB *bar 3', 'SUB foo.bar,*,>,baz 4') +
      ['foo*', 'fooo', 'f>o', 'fxo', '*bar', 'xbar', 'foo.bar,*,>,baz', 'foo.bar,x,y,baz']
        .map((subject) => pub(subject, subject))
        .join('') +
      PING,
  ]),
  single(
    'publishing to a wildcard subject, not pedantic',
    [
      START + lines('SUB foo.* 1', 'SUB foo.bar 2') + pub('foo.*', 'star') + PING,
      lines('SUB foo.> 3') + pub('foo.>', 'full') + PING,
    ],
    '',
    { anyOrder: true },
  ),
  single('publishing to subjects with empty tokens matches nothing', [
    START +
      lines('SUB > 1') +
      ['foo.', '.foo', 'foo..bar', '.', '..'].map((subject) => pub(subject, 'x')).join('') +
      PING,
  ]),
  single('subjects are bytes, in any case and encoding', [
    START +
      lines('SUB F\xc3\xbc\xff.\x01 1') +
      pub('F\xc3\xbc\xff.\x01', 'x') +
      pub('f', 'y') +
      PING,
  ]),
  single('UNSUB ends deliveries', [
    START + lines('SUB foo 1') + pub('foo', 'a') + lines('UNSUB 1') + pub('foo', 'b') + PING,
  ]),
  single('UNSUB of an unknown sid is no error', START + lines('UNSUB 77', 'UNSUB 78 5', 'PING')),
  single('UNSUB with a maximum', [
    START + lines('SUB foo 22', 'UNSUB 22 2') + pub('foo', 'ok').repeat(5) + PING,
  ]),
  single('UNSUB maximum counts what was delivered before', [
    START +
      lines('SUB foo 1') +
      pub('foo', 'a').repeat(2) +
      lines('UNSUB 1 3') +
      pub('foo', 'b').repeat(4) +
      PING,
  ]),
  single('UNSUB maximum that is already reached removes at once', [
    START +
      lines('SUB foo 1') +
      pub('foo', 'a').repeat(3) +
      lines('UNSUB 1 3') +
      pub('foo', 'b') +
      PING,
  ]),
  single('UNSUB maximum below what was delivered removes at once', [
    START +
      lines('SUB foo 1') +
      pub('foo', 'a').repeat(3) +
      lines('UNSUB 1 1') +
      pub('foo', 'b') +
      PING,
  ]),
  single('UNSUB after an UNSUB with maximum removes at once', [
    START + lines('SUB foo 1', 'UNSUB 1 5', 'UNSUB 1') + pub('foo', 'a') + PING,
  ]),
  single('a later UNSUB maximum replaces the earlier', [
    START + lines('SUB foo 1', 'UNSUB 1 1', 'UNSUB 1 3') + pub('foo', 'a').repeat(5) + PING,
  ]),
  ...['0', '-1', 'x', '12345678901'].map((max) =>
    single(`UNSUB with the maximum ${max}`, [
      START + lines('SUB foo 1', `UNSUB 1 ${max}`) + pub('foo', 'a').repeat(2) + PING,
    ]),
  ),
  single('echo off: no own messages', [
    connect({ echo: false }) + lines('SUB foo 1') + pub('foo', 'mine') + PING,
  ]),
  single('echo off: no own messages in a queue group either', [
    connect({ echo: false }) + lines('SUB foo q 1', 'SUB foo q 2') + pub('foo', 'mine') + PING,
  ]),
  script('echo off: others get the message', [
    open('A', 'B'),
    ask('B', START + lines('SUB foo 7') + PING),
    ask('A', connect({ echo: false }) + lines('SUB foo 1') + pub('foo', 'mine') + PING),
    take('B'),
    ask('B', pub('foo', 'yours') + PING),
    take('A'),
  ]),
  script('a message to two connections', [
    open('A', 'B', 'C'),
    ask('A', START + lines('SUB two.foo 1') + PING),
    ask('B', START + lines('SUB two.* 2') + PING),
    ask('C', START + pub('two.foo', 'hello', 'r') + PING),
    takeAll('A', 'B'),
  ]),
  script('order of many messages from one connection to another', [
    open('A', 'B'),
    ask('A', START + lines('SUB order.* 1') + PING),
    send(
      'B',
      START + Array.from({ length: 500 }, (_, i) => pub(`order.${i % 7}`, `m${i}`)).join(''),
    ),
    ask('B', PING),
    take('A'),
  ]),
  script('a subscription is there when its PONG has come', [
    open('A', 'B'),
    ask('A', START + lines(...Array.from({ length: 50 }, (_, i) => `SUB pong.${i} s${i}`), 'PING')),
    ask(
      'B',
      START + Array.from({ length: 50 }, (_, i) => pub(`pong.${i}`, `${i}`)).join('') + PING,
    ),
    take('A'),
  ]),
  script('SUB and PUB in one packet, again and again', [
    open('A'),
    ask(
      'A',
      START +
        Array.from(
          { length: 40 },
          (_, i) => lines(`SUB once.${i} s${i}`) + pub(`once.${i}`, 'x') + lines(`UNSUB s${i}`),
        ).join('') +
        PING,
    ),
  ]),
  script('a closed connection gets nothing and disturbs nobody', [
    open('A', 'B', 'C'),
    ask('A', START + lines('SUB gone.x 1') + PING),
    ask('B', START + lines('SUB gone.x 1') + PING),
    close('A'),
    pause(50),
    ask('C', START + pub('gone.x', 'still here') + PING),
    take('B'),
  ]),
  script('auto-unsubscribe counts messages of all publishers', [
    open('A', 'B', 'C'),
    ask('A', START + lines('SUB auto.x 1', 'UNSUB 1 3', 'PING')),
    ask('B', START + pub('auto.x', 'b').repeat(2) + PING),
    ask('C', START + pub('auto.x', 'c').repeat(2) + PING),
    take('A'),
    ask('A', PING),
  ]),
  script(
    'UNSUB with maximum 0 deliveries left closes nobody else',
    [
      open('A', 'B'),
      ask('A', START + lines('SUB left.x 1', 'UNSUB 1 1', 'SUB left.x 2', 'PING')),
      ask('B', START + pub('left.x', '1') + PING),
      take('A'),
      ask('B', pub('left.x', '2') + PING),
      take('A'),
    ],
    '',
    { anyOrder: true },
  ),
  single('a payload of 100 kB comes back whole', [
    START + lines('SUB big 1') + pub('big', 'abcdefghij'.repeat(10_000)) + PING,
  ]),
  single('a payload of the maximum size comes back whole', [
    START + lines('SUB big 1') + pub('big', 'x'.repeat(1024 * 1024)) + PING,
  ]),
  single('verbose: one +OK for each PUB, SUB and UNSUB', [
    lines(
      'CONNECT {"verbose":true,"pedantic":false}',
      'SUB foo 1',
      'SUB foo 1',
      'UNSUB 1',
      'UNSUB 9',
    ) +
      pub('foo', 'x') +
      PING,
  ]),
  single('verbose: +OK comes before the own message', [
    lines('CONNECT {"verbose":true,"pedantic":false}', 'SUB foo 1') + pub('foo', 'x') + PING,
  ]),
  single('pedantic: subscriptions to bad subjects', [
    lines('CONNECT {"verbose":false,"pedantic":true}') +
      ['foo.', '.foo.', 'foo..bar', 'foo.>.bar', '.', '>.foo', 'foo.bar.']
        .map((s, i) => lines(`SUB ${s} ${i}`))
        .join('') +
      PING,
  ]),
  single('not pedantic: subscriptions to bad subjects', [
    START +
      ['foo.', '.foo', 'foo..bar', 'foo.>.bar'].map((s, i) => lines(`SUB ${s} ${i}`)).join('') +
      PING,
  ]),
  single('pedantic: publishing to bad subjects', [
    lines('CONNECT {"verbose":false,"pedantic":true}', 'SUB > 1') +
      ['foo.*', 'foo.>', 'foo.', '.foo', 'foo..*', 'ok.foo*'].map((s) => pub(s, s)).join('') +
      PING,
  ]),
  single('verbose and pedantic: the error comes with +OK', [
    lines('CONNECT {"verbose":true,"pedantic":true}') +
      pub('foo.*', 'x') +
      lines('SUB foo. 1', 'PING'),
  ]),
  ...['$NRG.x', '_GR_.x', '$SYS.x', '$JS.API.INFO', '$G.x', '_R_.x'].map((subject) =>
    single(`publishing to ${subject}`, START + pub(subject, 'x') + PING),
  ),
  ...['_R_.x', '$JS.ACK.x', '_GR_.x', '_INBOX.x', '$SYS.x'].map((reply) =>
    single(
      `publishing with the reply ${reply}`,
      START + lines('SUB foo 1') + pub('foo', 'x', reply) + PING,
    ),
  ),
  single('verbose: no +OK after a refused publish', [
    lines('CONNECT {"verbose":true,"pedantic":false}') + pub('$NRG.x', 'x') + PING,
  ]),
  single(
    'a refused subject is quoted with its quotes escaped',
    START + pub('$NRG."a"\x01\xff', 'x') + PING,
  ),
  single('subscribing with the queue _sys_', START + lines('SUB foo _sys_ 1', 'PING')),
  single(
    'subscribing to $SYS and _INBOX subjects',
    START + lines('SUB $SYS.> 1', 'SUB _INBOX.> 2', 'PING'),
  ),
  script(
    'mappings give a message another subject',
    [
      open('A'),
      ask(
        'A',
        START +
          lines('SUB > 1') +
          pub('mapped.from', 'x', 'r') +
          pub('wild.7.end', 'y') +
          pub('free', 'z') +
          PING,
      ),
    ],
    'mappings: { "mapped.from": "mapped.to", "wild.*.end": "req.$1" }\n',
  ),
]
