import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { decodeAccountClaims } from '../../../src/auth/jwt/decode.ts'
import { JwtStore, type JwtStoreOptions } from '../../../src/auth/resolver/jwt-store.ts'
import { STORED_BYTES_MAX } from '../../../src/auth/resolver/store-files.ts'
import { denied, FakeFiles, missing, noSpace } from './fake-files.ts'
import { FakeTime } from './fake-time.ts'
import { accountJwt, forged, NOW_S, newKey } from './tokens.ts'

const DIRECTORY = '/jwt'
const [A, B, C] = [newKey(), newKey(), newKey()].sort() as [string, string, string]

interface Bench {
  readonly files: FakeFiles
  readonly time: FakeTime
  readonly changes: string[]
  readonly troubles: string[]
  open(options?: Partial<JwtStoreOptions>): Promise<JwtStore>
}

function bench(content: Readonly<Record<string, string>> = {}): Bench {
  const files = new FakeFiles()
  files.directories.add(DIRECTORY)
  for (const [name, text] of Object.entries(content)) files.files.set(`${DIRECTORY}/${name}`, text)
  const time = new FakeTime()
  const changes: string[] = []
  const troubles: string[] = []
  const open = (options: Partial<JwtStoreOptions> = {}): Promise<JwtStore> =>
    JwtStore.open({
      directory: DIRECTORY,
      limit: 0,
      evicts: false,
      ttlMs: 0,
      deletion: 'rename',
      files,
      nowMs: time.nowMs,
      after: time.after,
      refusal: (jwt) => {
        const decoded = decodeAccountClaims(jwt)
        return decoded.ok ? undefined : decoded.why
      },
      onChanged: (publicKey) => changes.push(publicKey),
      onTrouble: (text) => troubles.push(text),
      ...options,
    })
  return { files, time, changes, troubles, open }
}

function pathOf(publicKey: string): string {
  return `${DIRECTORY}/${publicKey}.jwt`
}

function xor(...jwts: readonly string[]): string {
  const sum = new Uint8Array(32)
  for (const jwt of jwts) {
    createHash('sha256')
      .update(jwt)
      .digest()
      .forEach((byte, at) => {
        sum[at]! ^= byte
      })
  }
  return Buffer.from(sum).toString('hex')
}

async function hashOf(store: JwtStore): Promise<string> {
  return Buffer.from(await store.hash()).toString('hex')
}

test('keeps each JWT in a file of its own and finds it again', async () => {
  const { files, changes, open } = bench()
  const store = await open()
  const jwt = accountJwt(A)
  assert.equal(await store.load(A), undefined)
  assert.equal(await store.save(A, jwt), true)
  assert.equal(await store.save(A, jwt), false, 'the same once more')
  assert.equal(files.files.get(pathOf(A)), jwt)
  assert.deepEqual([...files.files.keys()], [pathOf(A)], 'nothing else is left behind')
  assert.equal(await store.load(A), jwt)
  assert.deepEqual(changes, [A])
})

test('writes to the disk before the file gets its name', async () => {
  const { files, open } = bench()
  const store = await open()
  await store.scanned
  files.calls.length = 0
  await store.save(A, accountJwt(A))
  const newPath = `${DIRECTORY}/.${A}.new`
  assert.deepEqual(files.calls, [
    `write ${newPath} durable`,
    `rename ${newPath} ${pathOf(A)}`,
    `syncDirectory ${DIRECTORY}`,
  ])
})

test('makes the directory, also when it goes away later', async () => {
  const { files, open } = bench()
  files.directories.clear()
  const store = await open()
  assert.deepEqual([...files.directories], [DIRECTORY])
  files.directories.clear()
  await store.save(A, accountJwt(A))
  assert.equal(await store.load(A), accountJwt(A))
})

test('does not open a directory that cannot be read, and says why', async () => {
  const { files, open } = bench()
  files.fault = (call) => {
    if (call === 'list') throw denied()
  }
  await assert.rejects(open(), { message: `open ${DIRECTORY}: permission denied` })
  files.fault = (call) => {
    if (call === 'makeDirectory') throw denied()
  }
  await assert.rejects(open(), { message: `mkdir ${DIRECTORY}: permission denied` })
})

test('reads only names before it is open', async () => {
  const { files, open } = bench({ [`${A}.jwt`]: accountJwt(A), [`${B}.jwt`]: accountJwt(B) })
  let release: () => void = () => {}
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  const read = files.read.bind(files)
  let mayRead = false
  files.read = async (path, bytesMax) => {
    if (!mayRead) await held
    return read(path, bytesMax)
  }
  const store = await open()
  mayRead = true
  assert.equal(await store.load(A), accountJwt(A), 'a fetch does not wait for the others')
  assert.equal(store.count, 0)
  release()
  await store.scanned
  assert.equal(store.count, 2)
})

test('tells the XOR of all hashes', async () => {
  const { open } = bench({ [`${A}.jwt`]: accountJwt(A) })
  const store = await open()
  assert.equal(await hashOf(store), xor(accountJwt(A)))
  await store.save(B, accountJwt(B))
  assert.equal(await hashOf(store), xor(accountJwt(A), accountJwt(B)))
  const newer = accountJwt(A, { issuedAt: NOW_S + 1 })
  await store.save(A, newer)
  assert.equal(await hashOf(store), xor(newer, accountJwt(B)))
  await store.delete(A)
  await store.delete(B)
  assert.equal(await hashOf(store), '0'.repeat(64))
})

test('goes on with the rest when files are corrupt, foreign or cannot be read', async () => {
  const { files, troubles, open } = bench({
    [`${A}.jwt`]: accountJwt(A),
    [`${B}.jwt`]: accountJwt(C),
    [`${C}.jwt`]: accountJwt(C),
    'notes.jwt': 'x',
    'README.md': 'x',
    [`${newKey()}.jwt.deleted`]: 'x',
  })
  files.fault = (call, path) => {
    if (call === 'read' && path === pathOf(C)) throw denied()
  }
  const store = await open()
  assert.deepEqual(await store.list(), [A])
  assert.deepEqual(troubles.sort(), [
    `JWT store: ${pathOf(B)} holds no JWT of its account`,
    `JWT store: ${DIRECTORY}/notes.jwt is not named after an account`,
    `JWT store: open ${pathOf(C)}: permission denied`,
  ])
  await assert.rejects(store.load(C), { message: `open ${pathOf(C)}: permission denied` })
  assert.equal(await store.load(B), undefined, 'is not given to anybody')
  await store.save(B, accountJwt(B))
  assert.deepEqual(await store.list(), [A, B], 'and can be replaced')
})

test('names ten bad files at most, and counts the others', async () => {
  const content = Object.fromEntries(Array.from({ length: 25 }, () => [`${newKey()}.jwt`, '{}']))
  const { troubles, open } = bench(content)
  await (await open()).scanned
  assert.equal(troubles.length, 11)
  assert.equal(troubles.at(-1), 'JWT store: and 15 more files like that')
})

test('a failed write leaves the old JWT and tells file and reason', async () => {
  for (const failing of ['write', 'rename'] as const) {
    const { files, open } = bench({ [`${A}.jwt`]: accountJwt(A) })
    const store = await open()
    const before = await hashOf(store)
    files.fault = (call) => {
      if (call === failing) throw noSpace()
    }
    const newer = accountJwt(A, { issuedAt: NOW_S + 1 })
    await assert.rejects(store.save(A, newer), {
      message: `write ${pathOf(A)}: no space left on device`,
    })
    assert.equal(await store.load(A), accountJwt(A))
    assert.equal(await hashOf(store), before)
    assert.deepEqual([...files.files.keys()], [pathOf(A)], 'half a file is not left behind')
    files.fault = () => {}
    assert.equal(await store.save(A, newer), true, 'it goes on when there is space again')
  }
})

test('removes what a crash has left behind', async () => {
  const { files, open } = bench({ [`.${A}.new`]: 'half', [`${A}.jwt`]: accountJwt(A) })
  await (await open()).scanned
  assert.deepEqual([...files.files.keys()], [pathOf(A)])
})

test('stores once more what was removed or broken from outside', async () => {
  const { files, open } = bench()
  const store = await open()
  await store.save(A, accountJwt(A))
  files.files.delete(pathOf(A))
  assert.equal(await store.save(A, accountJwt(A)), true)
  files.files.set(pathOf(A), 'broken')
  assert.equal(await store.load(A), undefined)
  assert.equal(await store.saveIfNewer(A, accountJwt(A)), true)
  assert.equal(await store.load(A), accountJwt(A))
})

test('from other servers it takes what is newer, and nothing else', async () => {
  const { changes, open } = bench()
  const store = await open()
  const [old, middle, young] = [-1, 0, 1].map((s) => accountJwt(A, { issuedAt: NOW_S + s }))
  assert.equal(await store.saveIfNewer(A, middle!), true)
  assert.equal(await store.saveIfNewer(A, middle!), false)
  assert.equal(await store.saveIfNewer(A, old!), false)
  assert.equal(await store.load(A), middle)
  assert.equal(await store.saveIfNewer(A, young!), true)
  assert.equal(await store.load(A), young)
  await store.save(A, old!)
  assert.equal(await store.load(A), old, 'an administrator may go back')
  assert.equal(changes.length, 3)
})

test('of two JWTs of the same second both servers keep the same', async () => {
  const jwts = ['x', 'y'].map((name) => accountJwt(A, { name }))
  const kept = await Promise.all(
    [jwts, jwts.toReversed()].map(async (order) => {
      const store = await bench().open()
      for (const jwt of order) await store.saveIfNewer(A, jwt)
      return store.load(A)
    }),
  )
  assert.equal(kept[0], kept[1])
})

test('refuses forged, foreign and broken JWTs of other servers', async () => {
  const { files, open } = bench()
  const store = await open()
  await assert.rejects(store.saveIfNewer(A, forged(accountJwt(A))), {
    message: 'claim failed V2 signature verification',
  })
  const mismatch = { message: 'jwt subject nkey and provided nkey do not match' }
  await assert.rejects(store.saveIfNewer(A, accountJwt(B)), mismatch)
  await assert.rejects(store.saveIfNewer(A, ''), mismatch)
  await assert.rejects(store.saveIfNewer(A, 'a.b.c'), mismatch)
  await assert.rejects(store.saveIfNewer('../../x', accountJwt(A)), {
    message: 'invalid public key',
  })
  assert.equal(files.files.size, 0)
})

test('a forged file with a late date does not keep the genuine JWT out', async () => {
  const late = forged(accountJwt(A, { issuedAt: NOW_S + 1000 }))
  const { open } = bench({ [`${A}.jwt`]: late })
  const store = await open()
  assert.equal(await store.saveIfNewer(A, accountJwt(A)), true)
  assert.equal(await store.load(A), accountJwt(A))
})

test('deletes by another name, or for good', async () => {
  for (const deletion of ['rename', 'remove'] as const) {
    const { files, open } = bench({ [`${A}.jwt`]: accountJwt(A) })
    const store = await open({ deletion })
    assert.equal(await store.delete(A), true)
    assert.equal(await store.delete(A), false)
    assert.equal(await store.load(A), undefined)
    assert.deepEqual(await store.list(), [])
    const left = deletion === 'rename' ? [`${pathOf(A)}.deleted`] : []
    assert.deepEqual([...files.files.keys()], left)
  }
})

test('does not delete unless told to, and says when it cannot', async () => {
  const { files, open } = bench({ [`${A}.jwt`]: accountJwt(A) })
  const keeping = await open({ deletion: 'none' })
  await assert.rejects(keeping.delete(A), { message: 'store is not set up to for delete' })
  const store = await open()
  files.fault = (call) => {
    if (call === 'rename') throw denied()
  }
  await assert.rejects(store.delete(A), {
    message: `rename ${pathOf(A)} ${pathOf(A)}.deleted: permission denied`,
  })
  assert.equal(await store.load(A), accountJwt(A))
})

test('refuses a new account at its limit, not a change', async () => {
  const { open } = bench({ [`${A}.jwt`]: accountJwt(A) })
  const store = await open({ limit: 2 })
  await store.save(B, accountJwt(B))
  await assert.rejects(store.save(C, accountJwt(C)), { message: 'jwt store is full' })
  assert.equal(await store.save(A, accountJwt(A, { issuedAt: NOW_S + 1 })), true)
  await store.delete(A)
  assert.equal(await store.save(C, accountJwt(C)), true)
})

test('as a cache drops what was not used for longest', async () => {
  const { files, open } = bench()
  const store = await open({ limit: 2, evicts: true })
  await store.save(A, accountJwt(A))
  await store.save(B, accountJwt(B))
  await store.load(A)
  await store.save(C, accountJwt(C))
  assert.deepEqual([...files.files.keys()].sort(), [pathOf(A), pathOf(C)])
  assert.equal(await hashOf(store), xor(accountJwt(A), accountJwt(C)))
})

test('drops JWTs when they expire', async () => {
  const { files, time, open } = bench({
    [`${A}.jwt`]: accountJwt(A, { expires: NOW_S + 90 }),
    [`${B}.jwt`]: accountJwt(B, { expires: NOW_S - 1 }),
    [`${C}.jwt`]: accountJwt(C),
  })
  const store = await open()
  await time.pass(0)
  assert.deepEqual([...files.files.keys()].sort(), [pathOf(A), pathOf(C)])
  await time.pass(60_000)
  assert.equal(store.count, 2)
  await time.pass(60_000)
  assert.deepEqual([...files.files.keys()], [pathOf(C)])
  assert.equal(await hashOf(store), xor(accountJwt(C)))
})

test('with a time to live drops what was not used for so long, whatever it says', async () => {
  const { files, time, open } = bench()
  const store = await open({ ttlMs: 10_000, evicts: true })
  await store.save(A, accountJwt(A, { expires: NOW_S + 1 }))
  await store.save(B, accountJwt(B))
  await time.pass(6000)
  await store.load(A)
  await time.pass(6000)
  assert.deepEqual([...files.files.keys()], [pathOf(A)])
  await time.pass(10_000)
  assert.equal(files.files.size, 0)
})

test('a file that cannot be dropped is tried again, the others go', async () => {
  const { files, time, troubles, open } = bench({
    [`${A}.jwt`]: accountJwt(A, { expires: NOW_S - 1 }),
    [`${B}.jwt`]: accountJwt(B, { expires: NOW_S - 1 }),
  })
  files.fault = (call, path) => {
    if (call === 'remove' && path === pathOf(A)) throw denied()
  }
  const store = await open()
  await time.pass(0)
  assert.deepEqual([...files.files.keys()], [pathOf(A)])
  assert.deepEqual(troubles, [`JWT store: remove ${pathOf(A)}: permission denied`])
  assert.deepEqual(await store.list(), [], 'it is not shown any more')
  files.fault = () => {}
  await time.pass(60_000)
  assert.equal(files.files.size, 0)
})

test('packs everything that is there and valid, and merges it elsewhere', async () => {
  const gone = newKey()
  const { files, troubles, open } = bench({
    [`${A}.jwt`]: accountJwt(A),
    [`${B}.jwt`]: accountJwt(B),
    [`${C}.jwt`]: accountJwt(C),
    [`${gone}.jwt`]: accountJwt(gone),
  })
  const store = await open()
  await store.scanned
  files.files.delete(pathOf(gone))
  files.fault = (call, path) => {
    if (call === 'read' && path === pathOf(B)) throw denied()
  }
  const lines: string[] = []
  await store.pack((line) => lines.push(line))
  assert.deepEqual(lines, [`${A}|${accountJwt(A)}`, `${C}|${accountJwt(C)}`])
  assert.equal(troubles.length, 1)

  const other = await bench().open()
  await other.merge(`${lines.join('\n')}\n\n`)
  assert.deepEqual(await other.list(), [A, C])
  assert.equal(await hashOf(other), xor(accountJwt(A), accountJwt(C)))
})

test('a bad line in a pack does not keep the others out', async () => {
  const store = await bench().open()
  const bad = ['x', `${A}|a|b`, `${A}|${forged(accountJwt(A))}`, `U|${accountJwt(A)}`]
  for (const line of bad) {
    await assert.rejects(store.merge(`${line}\n${B}|${accountJwt(B)}`))
    assert.deepEqual(await store.list(), [B])
    await store.delete(B)
  }
  await assert.rejects(store.merge('xy'), {
    message: `line in package didn't contain 2 entries: "xy"`,
  })
  await assert.rejects(store.merge('x|y'), {
    message: 'key to merge is not a valid public account key',
  })
  const long = await store.merge('z'.repeat(10_000)).catch((error: Error) => error.message)
  assert.ok(String(long).length < 200, 'a long line is not logged in full')
})

test('a reload finds what was changed from outside', async () => {
  for (const evicts of [false, true]) {
    const { files, changes, open } = bench({
      [`${A}.jwt`]: accountJwt(A),
      [`${B}.jwt`]: accountJwt(B),
    })
    const store = await open({ evicts })
    await store.scanned
    const newer = accountJwt(A, { issuedAt: NOW_S + 1 })
    files.files.set(pathOf(A), newer)
    files.files.delete(pathOf(B))
    files.files.set(pathOf(C), accountJwt(C))
    await store.reload()
    assert.deepEqual(await store.list(), [A, C])
    assert.equal(await hashOf(store), xor(newer, accountJwt(C)))
    assert.deepEqual(changes, evicts ? [A, C] : [A])
  }
})

test('says so when the directory is gone', async () => {
  const { files, open } = bench({ [`${A}.jwt`]: accountJwt(A) })
  const store = await open()
  await store.scanned
  files.fault = (call) => {
    if (call === 'list') throw missing()
  }
  const reason = { message: `open ${DIRECTORY}: no such file or directory` }
  await assert.rejects(store.list(), reason)
  await assert.rejects(
    store.pack(() => {}),
    reason,
  )
  await assert.rejects(store.reload(), reason)
  files.fault = () => {}
  assert.deepEqual(await store.list(), [A])
})

test('takes no JSON bombs and nothing too long', async () => {
  const bomb = Buffer.from('['.repeat(500_000)).toString('base64url')
  const deep = Buffer.from(`{"sub":"${A}","x":${'['.repeat(300_000)}${']'.repeat(300_000)}}`)
  const long = `${A}${'x'.repeat(STORED_BYTES_MAX)}`
  const { open } = bench({
    [`${A}.jwt`]: `a.${bomb}.c`,
    [`${B}.jwt`]: long,
  })
  const store = await open()
  assert.deepEqual(await store.list(), [])
  await assert.rejects(store.saveIfNewer(A, `a.${bomb}.c`))
  await assert.rejects(store.saveIfNewer(A, `a.${deep.toString('base64url')}.c`))
  assert.equal(await store.save(A, accountJwt(A)), true)
})

test('ends its timer and its changes when closed', async () => {
  const { time, open } = bench()
  const store = await open()
  await time.pass(0)
  assert.equal(time.timerCount, 1)
  const saved = store.save(A, accountJwt(A))
  await store.close()
  assert.equal(await Promise.race([saved, Promise.resolve('still under way')]), true)
  assert.equal(time.timerCount, 0)
})
