import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { OPTION_SECTIONS } from '../../src/config/option-table.ts'
import { ROOT } from '../support/peers.ts'
import { sourceFiles } from '../tidy/source-files.ts'

const page = readFileSync(join(ROOT, 'docs', 'OPTIONS.md'), 'utf8')

/** The part of the page between a heading and the next one. */
function sectionOf(title: string): string {
  const [, section] = page.split(`## ${title}\n`)
  assert.ok(section !== undefined, `docs/OPTIONS.md has no heading "${title}"`)
  return section.split('\n## ')[0]!
}

/** `leafnodes.no_advertise` for each option of the tables. */
function pathOf(section: string, key: string): string {
  return section === '' ? key : `${section}.${key}`
}

test('docs/OPTIONS.md is what scripts/options-doc.mjs writes today', () => {
  const script = join(ROOT, 'scripts', 'options-doc.mjs')
  const { status, stderr } = spawnSync(process.execPath, [script, '--check'], { encoding: 'utf8' })
  assert.equal(status, 0, stderr)
})

/** Whose whole effect is that a broker does or does not start. */
const REFUSALS: ReadonlyMap<string, string> = new Map([
  ['websocket.no_tls', 'noTls'],
  ['websocket.jwt_cookie', 'jwtCookie'],
])

/** Whose effect is what other options become before anybody sees them, and where that is. */
const SETTLED: ReadonlyMap<string, readonly [option: string, file: string]> = new Map([
  ['no_system_account', ['noSystemAccount', 'src/config/system-account.ts']],
  ['authorization.users', ['users', 'src/config/account-authorization-reader.ts']],
  ['accounts.A.users', ['users', 'src/config/account-readers.ts']],
])

test('options said to settle others do so', () => {
  for (const [option, path] of SETTLED.values()) {
    assert.match(sourceFiles(path)[0]?.text ?? '', new RegExp(`\\b${option}\\b`))
  }
})

test('options said to decide only about the start do so', () => {
  const [checks] = sourceFiles('src/config/websocket-checks.ts')
  for (const option of REFUSALS.values()) {
    assert.match(checks?.text ?? '', new RegExp(`\\b${option}\\b`))
  }
})

test('an option is listed as one without effect exactly if only src/config knows its name', () => {
  const code = sourceFiles('src/**/*.ts')
    .filter(({ path }) => !path.startsWith('src/config/') && !path.includes('/assembly/'))
    .map(({ text }) => text)
    .join('\n')
  const isUsed = ({ option, objectKey }: { option: string; objectKey?: string }): boolean => {
    return objectKey !== '' && new RegExp(`\\b${objectKey ?? option}\\b`).test(code)
  }
  const unused = Object.entries(OPTION_SECTIONS).flatMap(([section, entries]) =>
    entries
      .filter((entry) => !isUsed(entry))
      .map(({ key }) => pathOf(section, key))
      .filter((path) => !REFUSALS.has(path) && !SETTLED.has(path)),
  )
  const section = sectionOf('Accepted, without effect')
  const listed = [...section.matchAll(/^\| `([A-Za-z_.]+)` \|/gm)].map(([, path]) => path)
  assert.deepEqual(listed.sort(), unused.sort())
})
