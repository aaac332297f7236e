import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { parseConfigFile, parseConfigText } from '../../src/config/config-parser.ts'
import { parsePlain, plainMap, refusalOf } from './config-text.ts'

const BCRYPT = '$2a$11$ooo0000000000000000000eXQUCL3O6l7hFqWpF1mXnlJ7yqm8pWy'

test('a variable is looked for in the maps around it, innermost first', () => {
  assert.deepEqual(parsePlain('x: 1\nm { x: 2, n { y: $x } }\nz: $x'), {
    x: 1n,
    m: { x: 2n, n: { y: 2n } },
    z: 1n,
  })
})

test('a variable may stand for a map or an array, and in an array', () => {
  assert.deepEqual(parsePlain('x: {a: 1}\ny: [$x, $z]\nw: 1', { z: '5' }), {
    x: { a: 1n },
    y: [{ a: 1n }, 5n],
    w: 1n,
  })
})

test('a variable must be defined before it is used', () => {
  assert.equal(
    refusalOf(() => parsePlain('a: 1\nb: $c\nc: 1')),
    "variable reference for 'c' on line 2 can not be found",
  )
})

test('the environment is asked last, and speaks the same language', () => {
  const environment = { n: '5', t: '"5"', s: 'text', l: '[1, {a: $deep}]', deep: 'on', e: '' }
  assert.deepEqual(parsePlain('a: $n, b: $t, c: $s, d: $l, e: $e', environment), {
    a: 5n,
    b: '5',
    c: 'text',
    d: [1n, { a: true }],
    e: '',
  })
  assert.deepEqual(parsePlain('n: 6\na: $n', environment), { n: 6n, a: 6n })
})

test('the environment does not see the keys of the file', () => {
  assert.equal(
    refusalOf(() => parsePlain('x: 1\ny: $v', { v: '$x' })),
    "variable reference for 'v' on line 2 could not be parsed: " +
      "variable reference for 'x' on line 1 can not be found",
  )
})

test('variables of the environment that refer to each other in a circle are refused', () => {
  assert.match(
    refusalOf(() => parsePlain('x: $a', { a: '$b', b: '$a' })) ?? '',
    /^variable reference for 'a' on line 1 could not be .*: variable reference cycle for 'a'$/,
  )
})

test('a bcrypt hash needs no quotes, in its 2a form only', () => {
  assert.deepEqual(parsePlain(`a: ${BCRYPT}`), { a: BCRYPT })
  assert.deepEqual(parsePlain(`a: "${BCRYPT.replace('2a', '2b')}"`), {
    a: BCRYPT.replace('2a', '2b'),
  })
  assert.match(
    refusalOf(() => parsePlain(`a: ${BCRYPT.replace('2a', '2b')}`)) ?? '',
    /can not be found$/,
  )
})

test('quotes and escapes make a dollar sign plain text', () => {
  assert.deepEqual(parsePlain(String.raw`a: "$x", b: '$x', c: \x24x`), {
    a: '$x',
    b: '$x',
    c: '$x',
  })
})

test('only what was referred to counts as a constant', () => {
  const config = parseConfigText('a: 1\nb: 2\nc: $a', {})
  assert.deepEqual(
    [...config].map(([key, node]) => [key, node.usedVariable]),
    [
      ['a', true],
      ['b', false],
      ['c', false],
    ],
  )
})

const folder = mkdtempSync(join(tmpdir(), 'sable-include-'))
after(() => rmSync(folder, { recursive: true }))

function write(name: string, text: string): string {
  const file = join(folder, name)
  writeFileSync(file, text)
  return file
}

test('keys of an included file join those of the map it stands in', () => {
  mkdirSync(join(folder, 'sub'))
  write('sub/inner.conf', 'deep: 3')
  write('sub/outer.conf', 'x: 1\ninclude "inner.conf"')
  const file = write('main.conf', "include sub/outer.conf\nm { include 'sub/inner.conf' }\ny: $x")
  const config = parseConfigFile(file, {})
  assert.deepEqual(plainMap(config), { x: 1n, deep: 3n, m: { deep: 3n }, y: 1n })
  assert.equal(config.get('deep')?.file, join(folder, 'sub/inner.conf'))
})

test('an included file does not see the keys of the file around it', () => {
  write('part.conf', 'b: $a')
  const file = write('around.conf', 'a: 1\ninclude part.conf')
  assert.equal(
    refusalOf(() => parseConfigFile(file, {})),
    "error parsing include file 'part.conf', variable reference for 'a' on line 1 can not be found",
  )
})

test('the path of an include is relative to the file, even when it begins with a slash', () => {
  write('rooted.conf', 'a: 1')
  const file = write('asking.conf', 'include /rooted.conf')
  assert.deepEqual(plainMap(parseConfigFile(file, {})), { a: 1n })
})

test('a file that includes itself is refused', () => {
  const file = write('loop.conf', 'include loop.conf')
  assert.match(
    refusalOf(() => parseConfigFile(file, {})) ?? '',
    /include cycle for '.*loop\.conf'$/,
  )
})

test('files that cannot be read are named with the reason', () => {
  const missing = join(folder, 'missing.conf')
  assert.equal(
    refusalOf(() => parseConfigFile(missing, {})),
    `open ${missing}: no such file or directory`,
  )
  assert.equal(
    refusalOf(() => parseConfigFile(folder, {})),
    `read ${folder}: is a directory`,
  )
  const file = write('hopeful.conf', '\ninclude "missing.conf"')
  assert.equal(
    refusalOf(() => parseConfigFile(file, {})),
    `error parsing include file 'missing.conf', open ${missing}: no such file or directory`,
  )
})
