import { connect, headerBlock, hpub, lines, pub, single } from '../script.ts'

const PING = lines('PING')
const START = connect()

/** Inputs that are no commands, or bad ones; some end the connection silently, some with -ERR. */
const ILLEGAL: Readonly<Record<string, string>> = {
  'an unknown verb': 'ZZZ\r\n',
  'an unknown verb that begins like a known one': 'PUBS foo 2\r\nok\r\n',
  'PUB with no word': 'PUB\r\n',
  'PUB with blanks only': 'PUB  \r\n',
  'PUB with a subject only': 'PUB foo\r\n',
  'PUB with subject and reply, no size': 'PUB foo bar \r\n',
  'PUB with four words': 'PUB foo bar baz 2\r\nok\r\n',
  'PUB with a negative size': 'PUB foo -1\r\n\r\n',
  'PUB with a plus sign': 'PUB foo +2\r\nok\r\n',
  'PUB with letters as size': 'PUB foo 2x\r\nok\r\n',
  'PUB with a hexadecimal size': 'PUB foo 0x2\r\nok\r\n',
  'PUB with ten digits': 'PUB foo 1234567890\r\n',
  'PUB with nineteen digits': 'PUB foo 1234567890123456789\r\n',
  'PUB with ten digits, zeros in front': 'PUB foo 0000000002\r\nok\r\n',
  'PUB, payload longer than said': 'PUB foo 2\r\nokay\r\n',
  'PUB, payload shorter than said': 'PUB foo 4\r\nok\r\nPUB foo 2\r\nok\r\n',
  'PUB, payload followed by a blank': 'PUB foo 2\r\nok \r\n',
  'PUB, payload ended by a bare line feed': 'PUB foo 2\r\nok\nPING\r\n',
  'PUB, payload ended by CR CR': 'PUB foo 2\r\nok\r\r\n',
  SUB: 'SUB\r\n',
  'SUB with a subject only': 'SUB foo\r\n',
  'SUB with four words': 'SUB foo bar baz 22\r\n',
  SUBZZZ: 'SUBZZZ foo 1\r\n',
  UNSUB: 'UNSUB\r\n',
  'UNSUB with three words': 'UNSUB 1 2 3\r\n',
  UNSUB_2: 'UNSUB_2\r\n',
  Px: 'Px\r\n',
  PIx: 'PIx\r\n',
  PINx: 'PINx\r\n',
  POx: 'POx\r\n',
  Sx: 'Sx\r\n',
  Ux: 'Ux\r\n',
  UNSx: 'UNSx\r\n',
  Hx: 'HPx\r\n',
  Cx: 'Cx\r\n',
  CONNECx: 'CONNECx {}\r\n',
  '+x': '+x\r\n',
  '-x': '-x\r\n',
  Ix: 'Ix\r\n',
  'INFO with blanks': 'INFO  \r\n',
  MSG: 'MSG foo 1 2\r\nok\r\n',
  'RS+ of routes': 'RS+ $G foo\r\n',
  'LS+ of leaf nodes': 'LS+ foo\r\n',
  'A+ of gateways': 'A+ $G\r\n',
  'a blank before the verb': ' PING\r\n',
  'a tab before the verb': '\tPING\r\n',
  'an empty line': '\r\n',
  'a line feed': '\n',
  'a zero byte': '\0',
  'a byte above 127': '\xff\xfe',
  'an HTTP request': 'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
  'a TLS hello': '\x16\x03\x01\x02\x00\x01\x00\x01\xfc',
}

/** Odd input that is legal. */
const LEGAL: Readonly<Record<string, string>> = {
  'PING with words': 'PING foo bar\r\n',
  PINGfoo: 'PINGfoo\r\n',
  'PONG unasked': 'PONG\r\nPONG x\r\n',
  'a bare line feed after PING': 'PING\n',
  'verbs in mixed case': 'sUb foo 1\r\npUb foo 2\r\nok\r\nuNsUb 1\r\npInG\r\n',
  'blanks and tabs between words': 'SUB \t foo\t\t1 \r\nPUB\tfoo \t r  2 \t\r\nok\r\n',
  'SUB ended by a bare line feed': 'SUB foo 1\nPUB foo 2\nok\r\n',
  'SUB with a CR in the line': 'SUB foo 1\r\r\nPUB foo 2\r\nok\r\n',
  'UNSUB with trailing blanks': 'SUB foo 1\r\nUNSUB 1   \r\nPUB foo 2\r\nok\r\n',
  'SUB with three words and blanks at the end': 'SUB foo q 1  \r\nPUB foo 0\r\n\r\n',
  'many PINGs in one packet': 'PING\r\n'.repeat(50),
}

const SMALL_PAYLOAD = 'max_payload: 1000\n'
const SMALL_LINE = 'max_control_line: 256\n'
const FEW_SUBSCRIPTIONS = 'max_subscriptions: 3\n'
const FEW_TOKENS = 'max_sub_tokens: 5\n'

/** Errors, and the limits of the configuration. */
export const ILLEGAL_SCRIPTS = [
  ...Object.entries(ILLEGAL).map(([what, bytes]) =>
    single(`illegal: ${what}`, START + lines('SUB > 1') + bytes + PING),
  ),
  ...Object.entries(LEGAL).map(([what, bytes]) => single(`legal: ${what}`, START + bytes + PING)),
  single('an error does not lose the answers before it', [
    START + lines('SUB foo 1') + pub('foo', 'first') + lines('PING', 'ZZZ', 'PING'),
  ]),
  single('default max_payload: one byte too many', [
    START + lines(`PUB foo ${1024 * 1024 + 1}`) + PING,
  ]),
  single(
    'max_payload: exactly',
    START + lines('SUB foo 1') + pub('foo', 'x'.repeat(1000)) + PING,
    SMALL_PAYLOAD,
  ),
  single('max_payload: one more', START + pub('foo', 'x'.repeat(1001)) + PING, SMALL_PAYLOAD),
  single(
    'max_payload: a size far above, nothing sent',
    START + lines('PUB foo 199380988'),
    SMALL_PAYLOAD,
  ),
  single('max_payload: said in INFO after CONNECT', connect({ protocol: 1 }) + PING, SMALL_PAYLOAD),
  single(
    'max_payload: headers and payload count together, exactly',
    connect({ headers: true }) +
      lines('SUB foo 1') +
      hpub('foo', headerBlock('A: b'), 'x'.repeat(982)) +
      PING,
    SMALL_PAYLOAD,
  ),
  single(
    'max_payload: headers and payload count together, one more',
    connect({ headers: true }) + hpub('foo', headerBlock('A: b'), 'x'.repeat(983)) + PING,
    SMALL_PAYLOAD,
  ),
  single('max_control_line: unfinished line', `${START}SUB ${'a'.repeat(300)}`, SMALL_LINE),
  single(
    'max_control_line: finished line',
    START + lines(`SUB ${'a'.repeat(300)} 1`) + PING,
    SMALL_LINE,
  ),
  single('max_control_line: exactly', START + lines(`SUB ${'a'.repeat(254)} 1`) + PING, SMALL_LINE),
  single(
    'max_control_line: one more',
    START + lines(`SUB ${'a'.repeat(255)} 1`) + PING,
    SMALL_LINE,
  ),
  single('max_control_line: PUB one more', START + pub('b'.repeat(255), 'x') + PING, SMALL_LINE),
  single('max_control_line: CONNECT', connect({ name: 'n'.repeat(256) }) + PING, SMALL_LINE),
  single('max_control_line: UNSUB', START + lines(`UNSUB ${'1'.repeat(257)}`) + PING, SMALL_LINE),
  single('default max_control_line: exactly', START + lines(`SUB ${'a'.repeat(4094)} 1`) + PING),
  single('default max_control_line: one more', START + lines(`SUB ${'a'.repeat(4095)} 1`) + PING),
  single('default max_control_line: longest subject travels', [
    START + lines(`SUB ${'a'.repeat(4090)} 1`) + pub('a'.repeat(4090), 'x') + PING,
  ]),
  single(
    'max_subscriptions: the fourth is refused, the connection stays',
    START +
      lines('SUB a 1', 'SUB b 2', 'SUB c 3', 'SUB d 4') +
      pub('a', 'x') +
      pub('d', 'y') +
      PING,
    FEW_SUBSCRIPTIONS,
  ),
  single(
    'max_subscriptions: a place is free again after UNSUB',
    START + lines('SUB a 1', 'SUB b 2', 'SUB c 3', 'UNSUB 2', 'SUB d 4') + pub('d', 'y') + PING,
    FEW_SUBSCRIPTIONS,
  ),
  single(
    'max_subscriptions: a place is free again after the last automatic delivery',
    START +
      lines('SUB a 1', 'UNSUB 1 1', 'SUB b 2', 'SUB c 3') +
      pub('a', 'x') +
      lines('SUB d 4', 'PING'),
    FEW_SUBSCRIPTIONS,
  ),
  single(
    'max_subscriptions: the same sid again at the limit',
    START + lines('SUB a 1', 'SUB b 2', 'SUB c 3', 'SUB c 3', 'PING'),
    FEW_SUBSCRIPTIONS,
  ),
  single('max_sub_tokens: exactly', START + lines('SUB a.b.c.d.e 1', 'PING'), FEW_TOKENS),
  single(
    'max_sub_tokens: one more',
    START + lines('SUB a.b.c.d.e.f 1', 'SUB a.*.c.d.e.> q 2', 'PING'),
    FEW_TOKENS,
  ),
  single(
    'max_sub_tokens: publishing is not limited',
    START + pub('a.b.c.d.e.f.g', 'x') + PING,
    FEW_TOKENS,
  ),
]
