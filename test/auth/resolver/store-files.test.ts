import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { JwtStore } from '../../../src/auth/resolver/jwt-store.ts'
import { systemFiles } from '../../../src/auth/resolver/store-files.ts'
import { encodePublicNkey } from '../../../src/protocol/nkey-encoding.ts'
import { accountJwt, newKey } from './tokens.ts'

function folder(context: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'jwt-store-'))
  context.after(() => {
    chmodSync(path, 0o700)
    rmSync(path, { recursive: true })
  })
  return path
}

interface Opened {
  readonly store: JwtStore
  readonly troubles: string[]
}

async function open(directory: string): Promise<Opened> {
  const troubles: string[] = []
  const store = await JwtStore.open({
    directory,
    limit: 0,
    evicts: false,
    ttlMs: 0,
    deletion: 'rename',
    files: systemFiles,
    nowMs: Date.now,
    after: (ms, run) => {
      const timer = setTimeout(run, ms).unref()
      return () => clearTimeout(timer)
    },
    refusal: () => undefined,
    onChanged: () => {},
    onTrouble: (text) => troubles.push(text),
  })
  return { store, troubles }
}

test('keeps JWTs on a real disk, for nobody else to read', async (context) => {
  const directory = join(folder(context), 'deep', 'down')
  const { store } = await open(directory)
  const key = newKey()
  await store.save(key, accountJwt(key))
  assert.deepEqual(readdirSync(directory), [`${key}.jwt`])
  const path = join(directory, `${key}.jwt`)
  assert.equal(readFileSync(path, 'utf8'), accountJwt(key))
  assert.equal(statSync(path).mode & 0o777, 0o600)
  assert.equal(statSync(directory).mode & 0o777, 0o700)
  await store.close()
  const again = await open(directory)
  assert.equal(await again.store.load(key), accountJwt(key))
  assert.deepEqual(await again.store.list(), [key])
  await again.store.delete(key)
  assert.deepEqual(readdirSync(directory), [`${key}.jwt.deleted`])
  await again.store.close()
})

test('directories, pipes and huge files in place of a JWT hold nothing up', async (context) => {
  const directory = folder(context)
  const [good, pipe, sub, huge] = [newKey(), newKey(), newKey(), newKey()]
  writeFileSync(join(directory, `${good}.jwt`), accountJwt(good))
  execFileSync('mkfifo', [join(directory, `${pipe}.jwt`)])
  mkdirSync(join(directory, `${sub}.jwt`))
  writeFileSync(join(directory, `${huge}.jwt`), Buffer.alloc(1024 * 1024 + 1, 'x'))
  const { store, troubles } = await open(directory)
  assert.deepEqual(await store.list(), [good])
  const path = (key: string): string => join(directory, `${key}.jwt`)
  assert.deepEqual(
    troubles.sort(),
    [
      `JWT store: ${path(pipe)} holds no JWT of its account`,
      `JWT store: open ${path(sub)}: is a directory`,
      `JWT store: open ${path(huge)}: file too large`,
    ].sort(),
  )
  await assert.rejects(store.save(sub, accountJwt(sub)), /^ResolverError: write .*\.jwt: /)
  assert.deepEqual(
    readdirSync(directory).filter((name) => name.startsWith('.')),
    [],
  )
  await store.close()
})

test('ten thousand accounts', async (context) => {
  const COUNT = 10_000
  const directory = folder(context)
  const jwt = accountJwt(newKey())
  const keys = Array.from({ length: COUNT }, () => encodePublicNkey('account', randomBytes(32)))
  for (const key of keys) {
    const [head, body, end] = jwt.split('.') as [string, string, string]
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as object
    const other = Buffer.from(JSON.stringify({ ...claims, sub: key })).toString('base64url')
    writeFileSync(join(directory, `${key}.jwt`), `${head}.${other}.${end}`)
  }
  globalThis.gc?.()
  const heapBytes = process.memoryUsage().heapUsed
  const startMs = performance.now()
  const { store, troubles } = await open(directory)
  const openMs = performance.now() - startMs
  await store.scanned
  const scannedMs = performance.now() - startMs
  globalThis.gc?.()
  const grownBytes = process.memoryUsage().heapUsed - heapBytes
  const listMs = performance.now()
  assert.deepEqual(await store.list(), keys.sort())
  const packMs = performance.now()
  let packed = 0
  await store.pack(() => {
    packed++
  })
  const endMs = performance.now()
  assert.equal(packed, COUNT)
  assert.equal(store.count, COUNT)
  assert.deepEqual(troubles, [])
  const ms = (span: number): string => `${Math.round(span)} ms`
  context.diagnostic(
    `open ${ms(openMs)}, all read ${ms(scannedMs)}, list ${ms(packMs - listMs)}, ` +
      `pack ${ms(endMs - packMs)}` +
      // Without --expose-gc the figure would tell nothing.
      (globalThis.gc === undefined ? '' : `, heap ${Math.round(grownBytes / 1024)} KiB`),
  )
  await store.close()
})
