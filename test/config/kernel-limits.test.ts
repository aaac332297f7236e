/** The options' ranges are numbers of the kernel, which src/config must not import. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OPTION_TABLE } from '../../src/config/option-table.ts'
import { compileKernel } from '../../src/kernel/kernel.ts'
import {
  createSharedMemory,
  SHARED_MEMORY_BYTES_MAX,
  SHARED_MEMORY_BYTES_MIN,
} from '../../src/kernel/shared-memory.ts'

const module = compileKernel()
const create = (workerCount: number, totalBytes: number) =>
  createSharedMemory(module, { workerCount, totalBytes })

function rangeOf(key: string): readonly number[] | undefined {
  return OPTION_TABLE.find((entry) => entry.key === key)?.range
}

test('the option workers may be as large as the kernel has room for threads', () => {
  const { layout } = create(1, SHARED_MEMORY_BYTES_MIN).kernel
  assert.deepEqual(rangeOf('workers'), [0, layout.THREAD_COUNT_MAX - 1])
})

test('the option shared_memory has the range of the memory', () => {
  assert.deepEqual(rangeOf('shared_memory'), [SHARED_MEMORY_BYTES_MIN, SHARED_MEMORY_BYTES_MAX])
})

test('the memory is made at both ends of the ranges', () => {
  create(1, SHARED_MEMORY_BYTES_MIN)
  create(31, SHARED_MEMORY_BYTES_MAX)
})

test('beyond the ranges it is refused', () => {
  const refusals = [
    [1, 268_435_455, 'shared_memory=268435455 is not between 268435456 and 2147483648'],
    [1, 2_147_483_649, 'shared_memory=2147483649 is not between 268435456 and 2147483648'],
    [32, SHARED_MEMORY_BYTES_MAX, 'workers=32 is more than 31'],
  ] as const
  for (const [workerCount, totalBytes, message] of refusals) {
    assert.throws(() => create(workerCount, totalBytes), { name: 'RangeError', message })
  }
})

test('memory too small for the workers is refused with what they need, and that is enough', () => {
  const text = /^shared_memory=268435456 is too small for workers=31, which need (\d+)$/
  let neededBytes = 0
  assert.throws(
    () => create(31, SHARED_MEMORY_BYTES_MIN),
    ({ message }: RangeError) => {
      neededBytes = Number(text.exec(message)?.[1])
      return neededBytes > 0
    },
  )
  create(31, neededBytes)
  assert.throws(() => create(31, neededBytes - 1), RangeError)
})
