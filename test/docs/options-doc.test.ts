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
  const unused = Object.entries(OPTION_SECTIONS).flatMap(([section, entries]) =>
    entries
      .filter(({ option }) => !new RegExp(`\\b${option}\\b`).test(code))
      .map(({ key }) => pathOf(section, key))
      .filter((path) => !REFUSALS.has(path)),
  )
  const section = sectionOf('Accepted, without effect')
  const listed = [...section.matchAll(/^\| `([a-z_.]+)` \|/gm)].map(([, path]) => path)
  assert.deepEqual(listed.sort(), unused.sort())
})
