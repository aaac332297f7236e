/**
 * Bundles the TypeScript entries into dist/, flat, so that `new URL('./x.js', import.meta.url)`
 * means the same from every file there.
 *
 *   node scripts/build-bundle.mjs [root of the tree]
 */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join, resolve } from 'node:path'
import { build } from 'esbuild'
import { buildDashboard } from './build-dashboard.mjs'
import { ROOT, readJson } from './tree.mjs'

/** Threads and programs: they run, and export nothing. They start with the compile cache on. */
const PROGRAMS = {
  'nats-server': 'src/nats-server.ts',
  sable: 'src/tools/sable.ts',
  'protocol-worker': 'src/workers/protocol-worker.ts',
  'routing-worker': 'src/workers/routing-worker.ts',
}
/** Modules: somebody imports what they export. */
const MODULES = {
  index: 'src/index.ts',
  'crypto-task': 'src/workers/crypto-task.ts',
  bench: 'bench/cli.ts',
  'load-worker': 'bench/load-worker.ts',
  'bench-relay': 'bench/relay/relay.ts',
}
/**
 * Packages that stay what `npm install` brought: they are imported late or by name. pino is in the
 * bundle, because every start needs it and its dozen files cost 10 ms more (measured).
 */
const EXTERNAL_PACKAGES = [
  '@nats-io/transport-node',
  'bcryptjs',
  'fastest-validator',
  'hdr-histogram-js',
  'piscina',
  'prom-client',
  'tweetnacl',
]
/** The dashboard: its source, and the one file that is made of it. */
const PAGE = 'src/monitor/dashboard/page/index.html'
const PAGE_FILE = 'dashboard.html'
/** What bundled CommonJS calls for Node's own modules. */
const REQUIRE_BANNER =
  "import { createRequire as createRequire_ } from 'node:module';" +
  'const require = createRequire_(import.meta.url);'
/**
 * Names of the files of the last build, so that the next one can remove what it no longer makes.
 */
const MANIFEST = '.bundle-files.json'
const CHUNK_NAMES = '[name]-[hash]'
const CHUNK_FILE = /-[A-Z0-9]{8}\.js$/

/**
 * The cache is switched on in each thread before its real module is compiled: saves about 30 ms of
 * 260 ms with three workers. A variable in the environment does the same but leaks into children.
 * Servers are often killed before they end by themselves, in tests soon, hence the flush shortly
 * after the start.
 */
function program(path) {
  return `
    import { enableCompileCache, flushCompileCache } from 'node:module'
    import { fileURLToPath } from 'node:url'
    enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/sable', import.meta.url)))
    setTimeout(flushCompileCache, 250).unref()
    await import(${JSON.stringify(`./${path}`)})
  `
}

/** Gives esbuild the text above as the entry `program:<path>`. */
const programPlugin = {
  name: 'program',
  setup(bundler) {
    bundler.onResolve({ filter: /^program:/ }, ({ path }) => ({
      path: path.slice('program:'.length),
      namespace: 'program',
    }))
    bundler.onLoad({ filter: /.*/, namespace: 'program' }, ({ path }) => ({
      contents: program(path),
      resolveDir: root,
    }))
  },
}

const root = resolve(process.argv[2] ?? ROOT)
const dist = join(root, 'dist')
mkdirSync(dist, { recursive: true })
const work = mkdtempSync(join(dist, '.bundle-'))
try {
  await bundle()
  install()
} catch (error) {
  // esbuild has already printed what is wrong with the sources.
  if (error.errors === undefined) throw error
  process.exitCode = 1
} finally {
  rmSync(work, { recursive: true, force: true })
}

async function bundle() {
  const entryPoints = {}
  for (const [name, path] of Object.entries(PROGRAMS)) {
    if (existsSync(join(root, path))) entryPoints[name] = `program:${path}`
  }
  for (const [name, path] of Object.entries(MODULES)) {
    if (existsSync(join(root, path))) entryPoints[name] = join(root, path)
  }
  if (Object.keys(entryPoints).length === 0) return
  // Not minified: names in stack traces stay, without the helper that keepNames runs per closure.
  await build({
    absWorkingDir: root,
    entryPoints,
    outdir: work,
    bundle: true,
    splitting: true,
    chunkNames: CHUNK_NAMES,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    external: EXTERNAL_PACKAGES,
    banner: { js: REQUIRE_BANNER },
    charset: 'utf8',
    legalComments: 'none',
    logLevel: 'warning',
    plugins: [programPlugin],
  })
  if (existsSync(join(root, PAGE))) writeFileSync(join(work, PAGE_FILE), await buildDashboard(root))
}

/**
 * Chunks go first and entries last, so that a process started meanwhile finds all of one build.
 * Chunks of the build before this one stay for the processes that still run it; older ones go.
 */
function install() {
  const made = readdirSync(work)
  const previous = readJson(join(dist, MANIFEST)) ?? []
  writeFileSync(join(work, MANIFEST), JSON.stringify(made))
  const isChunk = (name) => CHUNK_FILE.test(name)
  const entries = made.filter((name) => !isChunk(name))
  for (const name of [...made.filter(isChunk), ...entries, MANIFEST]) {
    renameSync(join(work, name), join(dist, name))
  }
  const isKept = (name) => made.includes(name) || (isChunk(name) && previous.includes(name))
  for (const name of readdirSync(dist)) {
    if (name.endsWith('.js') && !isKept(name)) rmSync(join(dist, name), { force: true })
  }
}
