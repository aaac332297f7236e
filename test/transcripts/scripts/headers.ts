import {
  ask,
  connect,
  headerBlock,
  hpub,
  lines,
  open,
  pub,
  script,
  single,
  take,
  takeAll,
} from '../script.ts'

const PING = lines('PING')
const HEADERS = connect({ headers: true })
const ASKING = connect({ headers: true, no_responders: true })
const BLOCK = headerBlock('Bar: Baz')

/** Headers and the 503 status. */
export const HEADER_SCRIPTS = [
  single('HPUB comes back as HMSG', HEADERS + lines('SUB h 9') + hpub('h', BLOCK, 'hello') + PING),
  single('HPUB with reply', HEADERS + lines('SUB h 9') + hpub('h', BLOCK, 'hello', 'r') + PING),
  single('HPUB without payload', HEADERS + lines('SUB h 9') + hpub('h', BLOCK, '') + PING),
  single('HPUB with an empty header block', [
    HEADERS + lines('SUB h 9') + hpub('h', 'NATS/1.0\r\n\r\n', 'hello') + PING,
  ]),
  single('HPUB with a header size of 0', HEADERS + lines('SUB h 9', 'HPUB h 0 5', 'hello', 'PING')),
  single('what stands in the header block is not checked', [
    HEADERS + lines('SUB h 9') + hpub('h', 'nonsense', 'hello') + PING,
  ]),
  single('sizes with leading zeros are passed on', [
    HEADERS + lines('SUB h 9', 'HPUB h 0022 0027') + BLOCK + lines('hello', 'PING'),
  ]),
  single('hpub in small letters, tabs between the words', [
    HEADERS + lines('SUB h 9', 'hpub\th \t22\t27') + BLOCK + lines('hello', 'PING'),
  ]),
  single('PUB to a header client stays MSG', HEADERS + lines('SUB h 9') + pub('h', 'plain') + PING),
  single('many header lines, repeated keys, long values', [
    HEADERS +
      lines('SUB h 9') +
      hpub('h', headerBlock('A: 1', 'A: 2', 'b:3', `C: ${'x'.repeat(900)}`, 'D:'), 'p') +
      PING,
  ]),
  script('a client without headers gets the payload only', [
    open('A', 'B'),
    ask('A', connect() + lines('SUB strip.h 9', 'PING')),
    ask('B', HEADERS + lines('SUB strip.h 8') + hpub('strip.h', BLOCK, 'hello') + PING),
    take('A'),
    ask('B', hpub('strip.h', BLOCK, '', 'reply') + PING),
    take('A'),
  ]),
  script('a queue member without headers gets the payload only', [
    open('A', 'B'),
    ask('A', connect() + lines('SUB strip.q g 9', 'PING')),
    ask('B', HEADERS + hpub('strip.q', BLOCK, 'hello', 'r') + PING),
    take('A'),
  ]),
  single('HPUB without headers in CONNECT closes', [
    connect() + lines('SUB h 9') + hpub('h', BLOCK, 'hello') + PING,
  ]),
  single('HPUB before any CONNECT closes', hpub('h', BLOCK, 'hello') + PING),
  ...Object.entries({
    'header size above total': 'HPUB h 28 27',
    'two words': 'HPUB h 22',
    'five words': 'HPUB h r x 22 27',
    'a negative header size': 'HPUB h -1 5',
    'letters as size': 'HPUB h 22 abc',
    'ten digits': 'HPUB h 22 1234567890',
    'no words': 'HPUB',
  }).map(([what, line]) =>
    single(`HPUB with ${what}`, `${HEADERS}${lines(line)}${BLOCK}hello\r\n${PING}`),
  ),
  single('request to nobody gets the 503', [
    ASKING + lines('SUB _INBOX.a.* 1') + pub('nobody.echo', 'hi', '_INBOX.a.1') + PING,
  ]),
  single('request with headers to nobody gets the 503', [
    ASKING + lines('SUB _INBOX.a.* 1') + hpub('nobody.echo', BLOCK, 'hi', '_INBOX.a.1') + PING,
  ]),
  single('the 503 of a literal inbox', [
    ASKING + lines('SUB _INBOX.lit 1') + pub('nobody.there', '', '_INBOX.lit') + PING,
  ]),
  single('the 503 uses up an auto-unsubscribe or not', [
    ASKING +
      lines('SUB _INBOX.max 1', 'UNSUB 1 1') +
      pub('nobody.max', 'x', '_INBOX.max').repeat(2) +
      PING,
  ]),
  single('no 503 without no_responders', [
    HEADERS + lines('SUB _INBOX.b.* 1') + pub('nobody.echo', 'hi', '_INBOX.b.1') + PING,
  ]),
  single(
    'no 503 when nobody listens to the reply',
    ASKING + pub('nobody.echo', 'hi', '_INBOX.c.1') + PING,
  ),
  single(
    'no 503 for a publish without reply',
    ASKING + lines('SUB _INBOX.d 1') + pub('nobody.echo', 'hi') + PING,
  ),
  single('no 503 into a queue group', [
    ASKING + lines('SUB _INBOX.e g 1') + pub('nobody.echo', 'hi', '_INBOX.e') + PING,
  ]),
  script('no 503 when somebody else listens to the reply', [
    open('A', 'B'),
    ask('B', ASKING + lines('SUB _INBOX.f 1', 'PING')),
    ask('A', ASKING + pub('nobody.echo', 'hi', '_INBOX.f') + PING),
    take('B'),
  ]),
  script('no 503 when a responder is there, 503 when it has left', [
    open('A', 'B'),
    ask('B', connect() + lines('SUB service.f 1', 'PING')),
    ask('A', ASKING + lines('SUB _INBOX.g 1') + pub('service.f', 'q', '_INBOX.g') + PING),
    take('B'),
    ask('B', pub('_INBOX.g', 'answer') + PING),
    take('A'),
    ask('B', lines('UNSUB 1', 'PING')),
    ask('A', pub('service.f', 'q', '_INBOX.g') + PING),
  ]),
  script('no 503 when a queue group answers', [
    open('A', 'B'),
    ask('B', connect() + lines('SUB service.q g 1', 'PING')),
    ask('A', ASKING + lines('SUB _INBOX.h 1') + pub('service.q', 'q', '_INBOX.h') + PING),
    take('B'),
  ]),
  single('echo off: an own subscription is no responder', [
    connect({ headers: true, no_responders: true, echo: false }) +
      lines('SUB own.service 1', 'SUB _INBOX.i 2') +
      pub('own.service', 'q', '_INBOX.i') +
      PING,
  ]),
  script('request and reply between two connections', [
    open('A', 'B'),
    ask('B', HEADERS + lines('SUB echo.x 1', 'PING')),
    ask('A', ASKING + lines('SUB _INBOX.j.* 2') + pub('echo.x', 'q', '_INBOX.j.7') + PING),
    take('B'),
    ask('B', hpub('_INBOX.j.7', BLOCK, 'a') + PING),
    takeAll('A'),
  ]),
]
