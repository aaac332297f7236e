/**
 * Makes dist/ what the npm package holds: a set-up tree, the type declarations of what `index.js`
 * exports, and no chunk of an earlier build.
 *
 *   node scripts/build-package.mjs
 *   node scripts/build-package.mjs --types <folder>      the declarations only, into that folder
 */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { findNode, run } from './runtime.mjs'
import { ensureSetup } from './setup.mjs'
import { ROOT, readJson } from './tree.mjs'

const DIST = join(ROOT, 'dist')
const MANIFEST = join(DIST, '.bundle-files.json')
const IMPORTS = /(?:\bfrom|\bimport\() ?["'](\.[^"']+)\.ts["']/g

/** Writes the declarations that src/index.ts leads to into `folder`, and none of the others. */
async function buildTypes(node, folder) {
  mkdirSync(DIST, { recursive: true })
  const work = mkdtempSync(join(DIST, '.types-'))
  try {
    const compiler = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc')
    const args = ['--project', join(ROOT, 'tsconfig.types.json'), '--outDir', work]
    const code = await run(node, [compiler, ...args], { cwd: ROOT, stdio: ['ignore', 2, 2] })
    if (code !== 0) throw new Error(`tsc ended with ${code}`)
    rmSync(folder, { recursive: true, force: true })
    for (const path of declarationsFrom(join(work, 'index.d.ts'))) {
      cpSync(path, join(folder, relative(work, path)))
    }
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

function declarationsFrom(path, found = new Set()) {
  if (found.has(path)) return found
  found.add(path)
  for (const [, specifier] of readFileSync(path, 'utf8').matchAll(IMPORTS)) {
    declarationsFrom(join(dirname(path), `${specifier}.d.ts`), found)
  }
  return found
}

/** Processes that still run an earlier build need its chunks; a package does not. */
function removeOldChunks() {
  const current = readJson(MANIFEST)
  for (const name of readdirSync(DIST)) {
    if (name.endsWith('.js') && !current.includes(name)) rmSync(join(DIST, name))
  }
}

const [option, folder] = process.argv.slice(2)
try {
  if (option === '--types') {
    await buildTypes(findNode(ROOT), folder)
  } else {
    const node = await ensureSetup()
    removeOldChunks()
    await buildTypes(node, join(DIST, 'types'))
  }
} catch (error) {
  console.error(`package: ${error.message}`)
  process.exitCode = 1
}
