import {
  ask,
  close,
  connect,
  headerBlock,
  hpub,
  lines,
  open,
  openKeepingInfo,
  pause,
  pub,
  script,
  send,
  sendCut,
  single,
  take,
  takeAll,
} from '../script.ts'

const PING = lines('PING')
const SUB = lines('SUB foo 1')

/** INFO, CONNECT and what a connection may do before and after it. */
export const CONNECT_SCRIPTS = [
  script('INFO comes unasked, with the default limits', [openKeepingInfo('A'), take('A')]),
  script(
    'INFO shows the configured server name and advertised address',
    [openKeepingInfo('A'), take('A')],
    'server_name: carol\nclient_advertise: "me:1"\n',
  ),
  single('CONNECT without JSON members keeps verbose and pedantic on', [
    lines('CONNECT {}', 'SUB foo. 1', 'SUB foo 1', 'PING'),
  ]),
  single('a client that never sends CONNECT is verbose and pedantic', [
    lines('PING', 'SUB foo 1') + pub('foo', 'hi') + pub('foo.*', 'hi') + lines('UNSUB 1', 'PING'),
  ]),
  single('CONNECT with verbose answers +OK', [
    lines('CONNECT {"verbose":true,"pedantic":false,"name":"n","lang":"l"}', 'PING'),
  ]),
  single('CONNECT without verbose answers nothing', [connect(), PING]),
  single('two CONNECTs are two +OK', [
    lines('CONNECT {"verbose":true}', 'CONNECT {"verbose":true}', 'PING'),
  ]),
  single('a second CONNECT drops the subscriptions of the first', [
    connect() + SUB + pub('foo', 'one') + PING,
    connect() + pub('foo', 'two') + PING,
  ]),
  single('a second CONNECT keeps the members it does not name', [
    lines('CONNECT {"verbose":true,"pedantic":false}', 'CONNECT {"name":"x"}', 'SUB foo 1', 'PING'),
  ]),
  single('the first PING after CONNECT with protocol 1 brings a second INFO', [
    connect({ protocol: 1 }) + PING,
    PING,
  ]),
  single('with protocol 0 there is no second INFO', [connect({ protocol: 0 }) + PING, PING]),
  single('a repeated CONNECT with protocol 1 and PING', [
    connect({ protocol: 1 }) + PING,
    connect({ protocol: 1 }) + PING,
  ]),
  ...[2, -1].map((protocol) =>
    single(`CONNECT with protocol ${protocol} is refused`, connect({ protocol }) + PING),
  ),
  single('CONNECT with no_responders but no headers is refused', [
    connect({ no_responders: true }) + PING,
  ]),
  single('CONNECT with no_responders and headers is accepted', [
    connect({ no_responders: true, headers: true }) + PING,
  ]),
  single('CONNECT that names an account is refused', connect({ account: 'X' }) + PING),
  single(
    'CONNECT with new_account is refused',
    connect({ new_account: true, account: 'X' }) + PING,
  ),
  single('CONNECT with an empty account is accepted', connect({ account: '' }) + PING),
  single('CONNECT keys are found in any case', [
    lines('CONNECT {"VERBOSE":true,"Pedantic":false}', 'PING'),
  ]),
  single('CONNECT keys that nobody knows are ignored', [
    lines('CONNECT {"verbose":false,"colour":"red","x":[1,{"y":2}]}', 'PING'),
  ]),
  single('a null in CONNECT leaves the default', lines('CONNECT {"verbose":null}', 'PING')),
  single('the last of two equal keys in CONNECT counts', [
    lines('CONNECT {"verbose":true,"verbose":false}', 'PING'),
  ]),
  single('blanks and tabs before and in the CONNECT JSON', [
    lines('CONNECT \t  { "verbose" : true , "pedantic" : false }  ', 'PING'),
  ]),
  single('CONNECT needs no blank before the JSON', lines('CONNECT{"verbose":false}', 'PING')),
  single('connect in small letters', lines('connect {"verbose":true}', 'ping')),
  single('CONNECT line ended by a bare line feed', 'CONNECT {"verbose":true}\nPING\n'),
  single('CONNECT with credentials on a server without authorization', [
    connect({ user: 'a', pass: 'b', auth_token: 'c' }) + PING,
  ]),
  ...Object.entries({
    'unfinished JSON': '{bad',
    'no JSON': '',
    'a JSON array': '[]',
    'a JSON number': '7',
    'a string for a boolean': '{"verbose":"yes"}',
    'a number for a string': '{"name":7}',
    'a fraction for protocol': '{"protocol":1.5}',
    'text after the JSON': '{"verbose":false} x',
  }).map(([what, json]) => single(`CONNECT with ${what}`, lines(`CONNECT ${json}`, 'PING'))),
  single('CONNECT with JSON null', lines('CONNECT null', 'PING')),
  script('CONNECT whose line end comes later', [
    open('A'),
    sendCut('A', lines('CONNECT {"verbose":true,"name":"n"}'), [34], 100),
    take('A'),
  ]),
  single('INFO from a client is ignored', connect() + lines('INFO {"x":1}', 'PING')),
  single('INFO from a client with bad JSON closes', connect() + lines('INFO {bad', 'PING')),
  single('+OK from a client is ignored', connect() + lines('+OK', '+ok x', 'PING')),
  single('-ERR from a client closes', connect() + lines("-ERR 'no'", 'PING')),
  script(
    'max_connections: the third is told so, and its place is free again after a close',
    [
      open('A', 'B'),
      openKeepingInfo('C'),
      take('C'),
      ask('A', connect() + PING),
      close('B'),
      pause(150),
      open('D'),
      ask('D', connect() + PING),
    ],
    'max_connections: 2\n',
  ),
  ...[0, -1].map((limit) =>
    script(
      `max_connections ${limit} lets nobody in`,
      [openKeepingInfo('A'), take('A')],
      `max_connections: ${limit}\n`,
    ),
  ),
  script(
    'no_header_support: INFO says so and headers are refused',
    [
      openKeepingInfo('A'),
      take('A'),
      ask('A', connect({ headers: true }) + PING),
      ask('A', lines('SUB foo 1') + hpub('foo', headerBlock('A: b'), 'x') + PING),
    ],
    'no_header_support: true\n',
  ),
  script(
    'no_header_support: no_responders cannot be had',
    [open('A'), ask('A', connect({ headers: true, no_responders: true }) + PING)],
    'no_header_support: true\n',
  ),
  script('each of three connections answers for itself', [
    open('A', 'B', 'C'),
    send('A', connect() + PING),
    send('B', lines('CONNECT {"verbose":true}', 'PING')),
    send('C', PING + PING),
    takeAll('A', 'B', 'C'),
  ]),
]
