/**
 * Runs the tests on the pinned Node, after a set-up if one is due.
 *
 *   node scripts/test.mjs [option of node --test | file or pattern]...
 *
 *   FAILED_FILES=<file>   where the names of files with a failed test are written, one on each line
 */

import { run } from './runtime.mjs'
import { ensureSetup } from './setup.mjs'
import { ROOT } from './tree.mjs'

const ALL_TESTS = 'test/**/*.test.ts'
/**
 * Tests start servers of several threads each: more files at once would only wait for each other.
 */
const FILES_AT_ONCE = 2
const TEST_TIMEOUT_MS = 120_000

const args = process.argv.slice(2)
const patterns = args.filter((arg) => !arg.startsWith('-'))
const options = args.filter((arg) => arg.startsWith('-'))
const failedFiles = process.env.FAILED_FILES ?? ''
try {
  const node = await ensureSetup()
  process.exitCode = await run(
    node,
    [
      '--test',
      `--test-concurrency=${FILES_AT_ONCE}`,
      `--test-timeout=${TEST_TIMEOUT_MS}`,
      ...['--test-reporter=spec', '--test-reporter-destination=stdout'],
      ...(failedFiles === '' ? [] : listingInto(failedFiles)),
      ...options,
      ...(patterns.length === 0 ? [ALL_TESTS] : patterns),
    ],
    { cwd: ROOT },
  )
} catch (error) {
  console.error(`test: ${error.message}`)
  process.exitCode = 1
}

function listingInto(file) {
  const reporter = new URL('failed-files.mjs', import.meta.url).href
  return [`--test-reporter=${reporter}`, `--test-reporter-destination=${file}`]
}
