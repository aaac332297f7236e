import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { NATS_VERSION, SABLE_VERSION } from '../../src/base/version.ts'
import { ROOT } from '../support/peers.ts'

test('the version in the source is that of the package', () => {
  const manifest: { readonly version: string } = JSON.parse(
    readFileSync(join(ROOT, 'package.json'), 'utf8'),
  )
  assert.equal(SABLE_VERSION, manifest.version)
})

test('the version claimed to clients is a plain one, which they compare part by part', () => {
  assert.match(NATS_VERSION, /^\d+\.\d+\.\d+$/)
})
