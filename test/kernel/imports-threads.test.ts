import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EXPORTER, IMPORTER, type ImportReaderResult } from './import-names.ts'
import type { KernelThread } from './kernel-thread.ts'
import { CONTROL_STOP, Random, startThreads } from './real-threads.ts'
import { KERNELS } from './threads.ts'

const READER = new URL('./import-reader.ts', import.meta.url)
const CHURN_MS = 1500
const READERS = 2
const IMPORTS_MAX = 12
/** Between two looks at the lanes and the clock. */
const CHANGES_AT_ONCE = 50
const PATTERNS = ['a', 'a.*', '>', '*', 'b.>', '*.c', '*.a.b', '*.>']

/** Makes and removes imports and mappings, and gives their memory back at once. */
class Churn {
  readonly #router: KernelThread
  readonly #random: Random
  readonly #imports: { readonly entry: number; readonly block: number }[] = []
  #mappings = 0
  #lastId = 0

  constructor(router: KernelThread, seed: number) {
    this.#router = router
    this.#random = new Random(seed)
  }

  change(): void {
    const dice = this.#random.below(100)
    if (dice < 15) this.#map(this.#random.below(3) > 0)
    else if (this.#random.below(IMPORTS_MAX) >= this.#imports.length) this.#insert()
    else this.#remove(this.#random.below(this.#imports.length))
    this.#router.exports.reclaim()
  }

  #block(kind: string): number {
    const { exports, layout, kernel } = this.#router
    const id = ++this.#lastId
    const name = `${kind}${id}`
    const block = exports.createBlock(layout.IMPORT_TEXT + name.length)
    assert.notEqual(block, 0)
    this.#router.setWord(block + layout.IMPORT_ID, id)
    this.#router.setWord(block + layout.IMPORT_ACCOUNT, exports.accountAddress(IMPORTER))
    this.#router.setWord(block + layout.IMPORT_IS_IDENTITY, 0)
    this.#router.setWord(block + layout.IMPORT_TEXT_BYTES, name.length)
    kernel.bytes.write(name, block + layout.IMPORT_TEXT, 'latin1')
    return block
  }

  #insert(): void {
    const { exports, layout } = this.#router
    const subject = PATTERNS[this.#random.below(PATTERNS.length)]!
    const isStream = this.#random.below(3) > 0
    const kind = isStream ? layout.ENTRY_KIND_STREAM_IMPORT : layout.ENTRY_KIND_SERVICE_IMPORT
    const block = this.#block(isStream ? 'i' : 's')
    const [at] = this.#router.place(subject)
    const entry = exports.insertImport(EXPORTER, at!, subject.length, kind, block)
    assert.notEqual(entry, 0)
    this.#imports.push({ entry, block })
  }

  #remove(index: number): void {
    const [one] = this.#imports.splice(index, 1)
    this.#router.exports.removeEntry(one!.entry)
    this.#router.exports.retireBlock(one!.block)
  }

  #map(isOn: boolean): void {
    const old = this.#mappings
    this.#mappings = isOn ? this.#block('m') : 0
    this.#router.exports.setMappings(EXPORTER, this.#mappings)
    if (old !== 0) this.#router.exports.retireBlock(old)
  }

  end(): void {
    while (this.#imports.length > 0) this.#remove(0)
    this.#map(false)
    this.#router.exports.reclaim()
  }
}

for (const { name, module } of KERNELS) {
  test(`threads on the ${name} kernel see imports and mappings whole, or not at all`, async () => {
    const seed = Math.floor(Math.random() * 2 ** 30)
    const tasks = Array.from({ length: READERS }, () => undefined)
    const threads = await startThreads<undefined, ImportReaderResult>(READER, tasks, seed, {
      module,
    })
    try {
      const { router, control } = threads
      const churn = new Churn(router, seed)
      const count = router.sublistField('SUBLIST_COUNT')
      Atomics.store(control, CONTROL_STOP, 0)
      const end = performance.now() + CHURN_MS
      while (performance.now() < end) {
        for (let i = 0; i < CHANGES_AT_ONCE; i++) churn.change()
        router.drainLanes()
      }
      churn.end()
      Atomics.store(control, CONTROL_STOP, 1)
      for (const { published, imported, services, mapped } of await threads.results) {
        const seen = `${published} published, ${imported} imported, ${services} services, ${mapped}`
        assert.ok(published > 300 && imported > 0 && services > 0 && mapped > 0, seen)
      }
      assert.equal(router.sublistField('SUBLIST_COUNT'), count)
    } catch (error) {
      throw new Error(`failed with seed ${seed}`, { cause: error })
    } finally {
      await threads.end()
    }
  })
}
