/**
 * Compiles the AssemblyScript kernels to dist/*.wasm, then refuses what would break in shared
 * memory.
 *
 *   node scripts/build-kernel.mjs [root of the tree]
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { run } from './runtime.mjs'
import { ROOT } from './tree.mjs'
import { DATA_SECTION_ID, listSections } from './wasm-sections.mjs'

/**
 * Upper bound of the imported memory: all of wasm32's 4 GiB. What is really reserved is the
 * broker's option.
 */
const MEMORY_PAGES_MAX = 65_536

const COMMON_FLAGS = [
  ...['-O3', '--runtime', 'stub'],
  ...['--enable', 'simd', '--enable', 'threads', '--enable', 'bulk-memory'],
  ...['--importMemory', '--sharedMemory'],
  ...['--initialMemory', '1', '--maximumMemory', String(MEMORY_PAGES_MAX)],
]
const FAST_FLAGS = ['--noAssert', '--use', 'CHECKED=0']
/**
 * A failed assertion traps instead of calling env.abort: that call would take the file's name as a
 * string, and strings are data segments. Function names stay in, so that the trap's stack says
 * where.
 */
const CHECKED_FLAGS = ['--use', 'CHECKED=1', '--use', 'abort=', '--debug']

const KERNELS = [
  { entry: 'src/kernel/assembly/index.ts', output: 'kernel.wasm', flags: FAST_FLAGS },
  { entry: 'src/kernel/assembly/index.ts', output: 'kernel.checked.wasm', flags: CHECKED_FLAGS },
  { entry: 'bench/kernel/assembly/index.ts', output: 'bench-kernel.wasm', flags: FAST_FLAGS },
]
const ALLOWED_IMPORTS = ['env.memory', 'env.abort', 'host.transform', 'host.destinations']

const root = resolve(process.argv[2] ?? ROOT)
const dist = join(root, 'dist')
const asc = fileURLToPath(import.meta.resolve('assemblyscript/bin/asc.js'))

mkdirSync(dist, { recursive: true })
const work = mkdtempSync(join(dist, '.kernel-'))
try {
  const kernels = KERNELS.filter(({ entry }) => existsSync(join(root, entry)))
  await Promise.all(kernels.map(compile))
  for (const { output } of kernels) check(output)
  for (const { output } of kernels) renameSync(join(work, output), join(dist, output))
} catch (error) {
  console.error(`build-kernel: ${error.message}`)
  process.exitCode = 1
} finally {
  rmSync(work, { recursive: true, force: true })
}

async function compile({ entry, output, flags }) {
  const args = [asc, entry, '-o', join(work, output), ...COMMON_FLAGS, ...flags]
  const code = await run(process.execPath, args, { cwd: root, stdio: ['ignore', 2, 2] })
  if (code !== 0) throw new Error(`asc ended with ${code} on ${entry} for ${output}`)
}

/**
 * Each thread instantiates the module on the one memory. A data segment would be written again by
 * each of them, over what the others keep there; an import nobody gives would fail in the thread,
 * not here.
 */
function check(output) {
  const bytes = readFileSync(join(work, output))
  const data = listSections(bytes).find(({ id }) => id === DATA_SECTION_ID)
  if (data !== undefined) {
    throw new Error(
      `${output} has a data section of ${data.bytes} bytes: ` +
        'strings and static arrays are not allowed in a kernel',
    )
  }
  for (const { module, name, kind } of WebAssembly.Module.imports(new WebAssembly.Module(bytes))) {
    if (!ALLOWED_IMPORTS.includes(`${module}.${name}`)) {
      throw new Error(`${output} imports ${kind} ${module}.${name}; allowed: ${ALLOWED_IMPORTS}`)
    }
  }
}
