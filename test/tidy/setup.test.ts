import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { ROOT } from '../support/peers.ts'

const run = promisify(execFile)

function makeFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'setup-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return folder
}

/** Takes the lock, then makes and removes a folder: mkdir fails if another one is inside. */
function lockUser(folder: string): Promise<unknown> {
  const script = `
    import { mkdirSync, rmdirSync } from 'node:fs'
    import { setTimeout as sleep } from 'node:timers/promises'
    import { withLock } from ${JSON.stringify(pathToFileURL(join(ROOT, 'scripts', 'lock.mjs')))}
    await withLock(${JSON.stringify(join(folder, 'lock'))}, () => {}, async () => {
      mkdirSync(${JSON.stringify(join(folder, 'inside'))})
      await sleep(30)
      rmdirSync(${JSON.stringify(join(folder, 'inside'))})
    })`
  return run(process.execPath, ['--input-type=module', '--eval', script])
}

test('set-ups of one tree wait for each other, and a dead one holds up nobody', async (t) => {
  const folder = makeFolder(t)
  const { pid } = spawnSync(process.execPath, ['--version'])
  mkdirSync(join(folder, 'lock'))
  writeFileSync(join(folder, 'lock', `${pid}.0123456789ab`), '')
  await Promise.all([1, 2, 3, 4].map(() => lockUser(folder)))
  assert.equal(existsSync(join(folder, 'lock')), false)
})

for (const [what, source, refusal] of [
  [
    'a data section',
    'export function text(): usize { return changetype<usize>("some text") }',
    /kernel\.wasm has a data section of \d+ bytes/,
  ],
  [
    'an import',
    '@external("env", "now") declare function now(): f64\n' +
      'export function time(): f64 { return now() }',
    /kernel\.wasm imports function env\.now/,
  ],
] as const) {
  test(`a kernel with ${what} is not built`, async (t) => {
    const folder = makeFolder(t)
    mkdirSync(join(folder, 'src', 'kernel', 'assembly'), { recursive: true })
    writeFileSync(join(folder, 'src', 'kernel', 'assembly', 'index.ts'), source)
    const script = join(ROOT, 'scripts', 'build-kernel.mjs')
    await assert.rejects(run(process.execPath, [script, folder]), refusal)
    assert.equal(existsSync(join(folder, 'dist', 'kernel.wasm')), false)
  })
}
