import assert from 'node:assert/strict'
import { test } from 'node:test'
import { interpretCommandLine } from '../../src/config/command-line.ts'
import { TemporaryFiles } from '../config/temporary-files.ts'
import { type CodeBlock, codeBlocks, PAGES } from './markdown.ts'

/** The language that marks a block as a configuration of this broker, complete and valid. */
const CONFIG_LANGUAGE = 'conf'

const files = new TemporaryFiles()
const blocks: readonly CodeBlock[] = PAGES.flatMap(codeBlocks)
const examples = blocks.filter(({ language }) => language === CONFIG_LANGUAGE)

test('there are configurations in the documentation', () => {
  assert.ok(examples.length > 0)
})

for (const { path, line, text } of examples) {
  test(`the configuration at ${path}:${line} is taken without a warning`, () => {
    const result = interpretCommandLine(['-c', files.write(text)], {})
    assert.equal(result.kind === 'exit' ? result.stderr : '', '')
    assert.deepEqual(result.kind === 'run' ? result.warnings : [], [])
  })
}

test('every code block says which language it is in', () => {
  const unnamed = blocks.filter(({ language }) => language === '')
  assert.deepEqual(
    unnamed.map(({ path, line }) => `${path}:${line}`),
    [],
  )
})
