import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { JwtStore } from '../../../src/auth/resolver/jwt-store.ts'
import { FakeFiles, noSpace } from './fake-files.ts'
import { FakeTime } from './fake-time.ts'
import { accountJwt, NOW_S, newKey } from './tokens.ts'

const DIRECTORY = '/jwt'
const KEYS = [newKey(), newKey(), newKey()]
/** JWTs of every key, issued in three different seconds, two in each. */
const JWTS = KEYS.map((key) =>
  [0, 0, 1, 1, 2, 2].map((late, name) =>
    accountJwt(key, { issuedAt: NOW_S + late, name: `${name}` }),
  ),
)

type KeyStep =
  | { readonly kind: 'save' | 'newer' | 'merge'; readonly key: number; readonly jwt: number }
  | { readonly kind: 'delete'; readonly key: number }
type Step = KeyStep | { readonly kind: 'reload' | 'reopen' }
/** What goes wrong during a step: the server ends there, or only the call fails. */
type Fault = 'none' | 'crash before write' | 'crash before rename' | 'crash after rename' | 'full'

const key = fc.nat({ max: KEYS.length - 1 })
const jwt = fc.nat({ max: 5 })
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constantFrom('save' as const, 'newer' as const, 'merge' as const),
    key,
    jwt,
  }),
  fc.record({ kind: fc.constant('delete' as const), key }),
  fc.record({ kind: fc.constantFrom('reload' as const, 'reopen' as const) }),
)
const fault: fc.Arbitrary<Fault> = fc.constantFrom(
  'none',
  'none',
  'crash before write',
  'crash before rename',
  'crash after rename',
  'full',
)

/** The end of the process: what is under way never comes back. */
class Crash extends Error {}

class Machine {
  readonly files = new FakeFiles()
  readonly #time = new FakeTime()
  #store: JwtStore | undefined

  async store(): Promise<JwtStore> {
    this.#store ??= await JwtStore.open({
      directory: DIRECTORY,
      limit: 0,
      evicts: false,
      ttlMs: 0,
      deletion: 'remove',
      files: this.files,
      nowMs: this.#time.nowMs,
      after: this.#time.after,
      refusal: () => undefined,
      onChanged: () => {},
      onTrouble: () => {},
    })
    return this.#store
  }

  forget(): void {
    this.#store = undefined
  }

  setFault(fault: Fault): void {
    let isDown = false
    this.files.fault = (call) => {
      // After a crash not even the cleaning up happens.
      if (isDown) throw new Crash()
      if (fault === 'full' && call === 'write') throw noSpace()
      isDown =
        (fault === 'crash before write' && call === 'write') ||
        (fault === 'crash before rename' && call === 'rename') ||
        (fault === 'crash after rename' && call === 'syncDirectory')
      if (isDown) throw new Crash()
    }
  }
}

async function take(store: JwtStore, next: Step): Promise<void> {
  switch (next.kind) {
    case 'save':
      await store.save(KEYS[next.key]!, JWTS[next.key]![next.jwt]!)
      return
    case 'newer':
      await store.saveIfNewer(KEYS[next.key]!, JWTS[next.key]![next.jwt]!)
      return
    case 'merge':
      await store.merge(`${KEYS[next.key]}|${JWTS[next.key]![next.jwt]}\n`)
      return
    case 'delete':
      await store.delete(KEYS[next.key]!)
      return
    case 'reload':
      await store.reload()
      return
    case 'reopen':
  }
}

function isLater(jwt: string, old: string | undefined): boolean {
  const issuedAt = (text: string): number =>
    JSON.parse(Buffer.from(text.split('.')[1]!, 'base64url').toString()).iat as number
  return old === undefined || issuedAt(jwt) > issuedAt(old)
}

test('holds what was stored last, whatever fails and whenever the server ends', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(step, fault), { maxLength: 25 }), async (steps) => {
      const machine = new Machine()
      const held = new Map<string, string>()
      for (const [next, wrong] of steps) {
        const store = await machine.store()
        await store.scanned
        machine.setFault(wrong)
        let isDone = true
        await take(store, next).catch(() => {
          isDone = false
        })
        machine.setFault('none')
        if (!isDone || next.kind === 'reopen') machine.forget()
        const now = await machine.store()
        if ('key' in next) expect(held, next, isDone, await now.load(KEYS[next.key]!))
        await check(now, held, machine.files)
      }
    }),
    { numRuns: 300 },
  )
})

/** Brings `held` up to date with what is there, which must be the old JWT or the new one. */
function expect(
  held: Map<string, string>,
  next: KeyStep,
  isDone: boolean,
  found: string | undefined,
): void {
  const name = KEYS[next.key]!
  const old = held.get(name)
  const wanted = next.kind === 'delete' ? undefined : JWTS[next.key]![next.jwt]!
  const mustTake = next.kind === 'save' || next.kind === 'delete' || isLater(wanted!, old)
  if (isDone && mustTake) assert.equal(found, wanted)
  else assert.ok(found === old || found === wanted, 'neither the old JWT nor the new one')
  if (next.kind !== 'save' && found !== old && found !== undefined && old !== undefined) {
    assert.ok(!isLater(old, found), 'an older JWT has replaced a newer one')
  }
  if (found === undefined) held.delete(name)
  else held.set(name, found)
}

async function check(
  store: JwtStore,
  held: ReadonlyMap<string, string>,
  files: FakeFiles,
): Promise<void> {
  assert.deepEqual(await store.list(), [...held.keys()].sort())
  const fresh = new Machine()
  fresh.files.directories.add(DIRECTORY)
  for (const [name, text] of held) fresh.files.files.set(`${DIRECTORY}/${name}.jwt`, text)
  assert.deepEqual(await store.hash(), await (await fresh.store()).hash())
  const names = [...files.files.keys()].filter((path) => path.endsWith('.jwt'))
  assert.equal(names.length, held.size)
}
