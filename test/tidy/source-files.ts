import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { ROOT } from '../support/peers.ts'

/** One text file of the repository; `path` is relative to its root. */
export interface SourceFile {
  readonly path: string
  readonly text: string
}

const IGNORED = ['node_modules', 'dist', '.git', 'coverage']

/** The files that match, in order of their paths, without what is installed or built. */
export function sourceFiles(...patterns: readonly string[]): readonly SourceFile[] {
  return globSync([...patterns], { cwd: ROOT, exclude: (name) => IGNORED.includes(name) })
    .sort()
    .map((path) => ({ path, text: readFileSync(`${ROOT}/${path}`, 'utf8') }))
}

/** Fails with the findings, one a line, if there are any. */
export function assertNone(findings: readonly string[]): void {
  assert.ok(findings.length === 0, `\n${findings.join('\n')}`)
}
