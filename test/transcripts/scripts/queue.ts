import { ask, close, connect, lines, open, pause, pub, script, single, takeAll } from '../script.ts'

const PING = lines('PING')
const START = connect()

/** Which of several group members got it is the server's choice: hide the sid. */
function hideSid(frame: string): string {
  return frame.replace(/^MSG (\S+) \S+ /, 'MSG $1 <sid> ')
}

function numbered(subject: string, count: number): string {
  return Array.from({ length: count }, (_, index) => pub(subject, `m${index}`)).join('')
}

/** Queue groups: one member gets each message. */
export const QUEUE_SCRIPTS = [
  single(
    'a group of two on one connection gets each message once',
    START + lines('SUB q1.foo g 1', 'SUB q1.foo g 2') + numbered('q1.foo', 20) + PING,
    '',
    { mask: hideSid },
  ),
  single(
    'two groups get each message once each',
    START +
      lines('SUB q2.foo g 1', 'SUB q2.foo h 1b', 'SUB q2.foo h 2') +
      numbered('q2.foo', 10) +
      PING,
    '',
    { mask: hideSid, anyOrder: true },
  ),
  single(
    'a plain subscription gets all beside a group',
    START +
      lines('SUB q3.foo 1', 'SUB q3.foo g 2', 'SUB q3.foo g 3') +
      numbered('q3.foo', 10) +
      PING,
    '',
    { mask: hideSid, anyOrder: true },
  ),
  single(
    'members with wildcards are in one group with literal ones',
    START + lines('SUB q4.* g 1', 'SUB q4.foo g 2', 'SUB q4.> g 3') + numbered('q4.foo', 20) + PING,
    '',
    { mask: hideSid },
  ),
  single('a group of one', START + lines('SUB q5.foo g 1') + pub('q5.foo', 'x', 'r') + PING),
  single('a member that unsubscribed gets nothing', [
    START + lines('SUB q6.foo g 1', 'SUB q6.foo g 2', 'UNSUB 2') + numbered('q6.foo', 10) + PING,
  ]),
  single(
    'members with a maximum leave the group when it is reached',
    START +
      lines('SUB q7.foo g 1', 'SUB q7.foo g 2', 'UNSUB 1 3', 'UNSUB 2 3') +
      numbered('q7.foo', 10) +
      PING,
    '',
    { mask: hideSid },
  ),
  single(
    'queue names are not checked',
    [START + lines('SUB q8.foo a..b.> 1', 'SUB q8.foo * 2') + pub('q8.foo', 'x') + PING],
    '',
    { anyOrder: true },
  ),
  script(
    'a group over three connections gets each message once',
    [
      open('A', 'B', 'C', 'P'),
      ask('A', START + lines('SUB q9.foo g 1', 'PING')),
      ask('B', START + lines('SUB q9.foo g 2', 'PING')),
      ask('C', START + lines('SUB q9.* g 3', 'PING')),
      ask('P', START + numbered('q9.foo', 60) + PING),
      takeAll('A', 'B', 'C'),
    ],
    '',
    { mask: hideSid, pool: ['A', 'B', 'C'] },
  ),
  script('a group goes on when a member has gone', [
    open('A', 'B', 'P'),
    ask('A', START + lines('SUB q10.foo g 1', 'PING')),
    ask('B', START + lines('SUB q10.foo g 2', 'PING')),
    close('A'),
    pause(100),
    ask('P', START + numbered('q10.foo', 20) + PING),
    takeAll('B'),
  ]),
  script('a member with echo off leaves its own messages to the others', [
    open('A', 'B'),
    ask('B', START + lines('SUB q11.foo g 2', 'PING')),
    ask('A', connect({ echo: false }) + lines('SUB q11.foo g 1') + numbered('q11.foo', 20) + PING),
    takeAll('B'),
  ]),
]
