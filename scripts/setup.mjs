/**
 * Brings a clone to where it can run: dependencies, kernels, bundle, each only if its inputs
 * changed.
 *
 *   node scripts/setup.mjs [--force]
 *
 * Any Node from 18 on may run this; everything after the dependencies runs on the pinned Node. All
 * output goes to stderr, because programs that start the broker read its stdout.
 */
import { existsSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { hasDependencies, installDependencies } from './dependencies.mjs'
import { withLock } from './lock.mjs'
import { findNode, run } from './runtime.mjs'
import { filesBelow, hashOf, ROOT, readJson } from './tree.mjs'

const DIST = join(ROOT, 'dist')
const STAMP = join(DIST, '.setup-stamp.json')
const LOCK = join(DIST, '.setup-lock')

const isAssembly = (path) => path.includes('/assembly/')
const isTypeScript = (path) => path.endsWith('.ts')

/**
 * What is built, by which script, from which files; `tool` is the package whose version counts too.
 */
const BUILDS = [
  {
    name: 'kernel',
    script: 'build-kernel.mjs',
    tool: 'assemblyscript',
    isInput: (path) => isTypeScript(path) && isAssembly(path),
    outputSuffix: '.wasm',
  },
  {
    name: 'bundle',
    script: 'build-bundle.mjs',
    tool: 'esbuild',
    isInput: (path) => isTypeScript(path) && !isAssembly(path),
    outputSuffix: '.js',
  },
]

/** Does what is missing and returns the path of the Node to use; throws if that cannot be done. */
export async function ensureSetup({ force = false } = {}) {
  if (force || !isUpToDate()) {
    const onWait = (pid) => say(`waiting for the set-up of process ${pid}`)
    await withLock(LOCK, onWait, () => setUp(force))
  }
  return findNode(ROOT)
}

function isUpToDate() {
  return hasDependencies(ROOT) && BUILDS.every((build) => isBuilt(build, inputsHash(build)))
}

async function setUp(force) {
  if (!hasDependencies(ROOT)) {
    say('dependencies: npm ci')
    await installDependencies(ROOT)
  }
  const node = findNode(ROOT)
  for (const build of BUILDS) {
    const hash = inputsHash(build)
    if (isBuilt(build, hash) && !force) continue
    say(build.name)
    const args = [join(ROOT, 'scripts', build.script)]
    const code = await run(node, args, { cwd: ROOT, stdio: ['ignore', 2, 2] })
    if (code !== 0) throw new Error(`${build.name}: ${build.script} ended with ${code}`)
    // Hashed before the build: what is edited while it runs counts as a change.
    writeStamp(build, hash)
  }
}

function inputsHash({ script, tool, isInput }) {
  const files = ['src', 'bench'].flatMap((folder) => filesBelow(join(ROOT, folder), isInput))
  const scripts = filesBelow(join(ROOT, 'scripts'), (path) => path.endsWith(script))
  const { version } = readJson(join(ROOT, 'node_modules', tool, 'package.json')) ?? {}
  return hashOf(ROOT, [...files, ...scripts, join(ROOT, 'package.json')], [tool, version])
}

function isBuilt({ name }, hash) {
  const stamp = readJson(STAMP)?.[name]
  return stamp?.hash === hash && stamp.outputs.every((output) => existsSync(join(DIST, output)))
}

function writeStamp({ name, outputSuffix }, hash) {
  const outputs = readdirSync(DIST).filter((file) => file.endsWith(outputSuffix))
  const stamp = { ...readJson(STAMP), [name]: { hash, outputs } }
  writeFileSync(`${STAMP}.new`, `${JSON.stringify(stamp, undefined, 2)}\n`)
  renameSync(`${STAMP}.new`, STAMP)
}

function say(text) {
  console.error(`set-up: ${text}`)
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    await ensureSetup({ force: process.argv.includes('--force') })
  } catch (error) {
    say(error.message)
    process.exitCode = 1
  }
}
