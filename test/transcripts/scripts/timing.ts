import {
  ask,
  connect,
  headerBlock,
  hpub,
  lines,
  open,
  pub,
  script,
  send,
  sendCut,
  single,
  take,
} from '../script.ts'

const PING = lines('PING')
const HEADERS = connect({ headers: true })
const BLOCK = headerBlock('Bar: Baz')
const EACH_BYTE = 'bytes'
const FAST_PINGS = 'ping_interval: "200ms"\nping_max: 2\n'

const MIXED =
  HEADERS +
  lines('SUB foo 1', 'SUB bar q 2', 'PING') +
  pub('foo', 'hello', 'r') +
  hpub('bar', BLOCK, 'x\r\ny') +
  lines('UNSUB 1 5', 'UNSUB 2', 'PING')

/** Pings of the server, and commands in pieces. */
export const TIMING_SCRIPTS = [
  script(
    'the server pings about two seconds after CONNECT',
    [open('A'), send('A', connect() + PING), take('A', 2700), ask('A', lines('PONG', 'PING'))],
    '',
    { keepsPings: true },
  ),
  script(
    'a client that never answers pings is closed as stale',
    [open('A'), send('A', connect()), take('A', 1500)],
    FAST_PINGS,
    { keepsPings: true },
  ),
  script(
    'a client that never sends CONNECT is pinged and closed as well',
    [open('A'), take('A', 1500)],
    FAST_PINGS,
    { keepsPings: true },
  ),
  single('commands cut at each position', MIXED, '', { splitsEverywhere: true }),
  single(
    'a verbose session cut at each position',
    [
      lines('CONNECT {"verbose":true}', 'sub a.b 7', 'ping') +
        pub('a.b', 'p') +
        lines('unsub 7', 'PING'),
    ],
    '',
    { splitsEverywhere: true },
  ),
  single(
    'an illegal verb cut at each position',
    connect() + lines('SUB foo 1') + pub('foo', 'x') + lines('ZZZ'),
    '',
    {
      splitsEverywhere: true,
    },
  ),
  single('a bad payload end cut at each position', `${connect()}PUB foo 2\r\nokx\r\n`, '', {
    splitsEverywhere: true,
  }),
  script('commands one byte at a time', [open('A'), sendCut('A', MIXED, EACH_BYTE), take('A')]),
  script('a large payload in pieces', [
    open('A'),
    sendCut(
      'A',
      connect() + lines('SUB big 1') + pub('big', '0123456789'.repeat(20_000)) + PING,
      [50, 100, 4096, 65_536, 65_537, 131_072, 200_000],
    ),
    take('A'),
  ]),
  script('a long control line in pieces is still limited', [
    open('A'),
    sendCut('A', `${connect()}SUB ${'a'.repeat(5000)}`, [1000, 2000, 3000, 4000, 4500], 5),
    take('A'),
  ]),
  script('many small messages and one large in one packet', [
    open('A'),
    send('A', connect() + lines('SUB mix.* 1')),
    ask(
      'A',
      Array.from({ length: 200 }, (_, i) => pub(`mix.${i}`, 'x'.repeat(i))).join('') +
        pub('mix.big', 'y'.repeat(70_000)) +
        pub('mix.end', '') +
        PING,
    ),
  ]),
]
