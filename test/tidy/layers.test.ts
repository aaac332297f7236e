import { posix } from 'node:path'
import { test } from 'node:test'
import { assertNone, type SourceFile, sourceFiles } from './source-files.ts'

/**
 * The folders of src/, lowest level first. A file imports from its own folder, from lower levels,
 * and from folders beside its own as long as no circle comes of it.
 */
const LEVELS: readonly (readonly string[])[] = [
  ['base'],
  ['protocol', 'kernel'],
  ['router', 'io', 'auth', 'monitor', 'config'],
  ['workers'],
  ['broker.ts', 'lifecycle'],
  ['tools', 'index.ts', 'server-command.ts'],
  ['nats-server.ts'],
]

/** Modules of Node that a folder must not touch, and the files that are excepted. */
const CLOSED_MODULES = [
  { folder: 'router', modules: /^node:(net|tls|dgram|https?|http2)$/, except: null },
  { folder: 'protocol', modules: /^node:worker_threads$/, except: null },
  { folder: 'kernel', modules: /^node:/, except: /^src\/kernel\/kernel\.ts$/ },
] as const

const COMMENTS = /\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm
const IMPORTS = /(?:\bfrom|\bimport|\bimport\()\s*'([^']+)'/g

interface Import {
  readonly file: string
  readonly specifier: string
}

function importsOf({ path, text }: SourceFile): readonly Import[] {
  const code = text.replace(COMMENTS, '')
  return [...code.matchAll(IMPORTS)].map(([, specifier]) => ({ file: path, specifier: specifier! }))
}

/**
 * `src/router/leaf/link.ts` → `router`; a file of src/ itself is its own folder; null outside src/.
 */
function folderOf(path: string): string | null {
  const [top, folder] = path.split('/')
  return top === 'src' && folder !== undefined ? folder : null
}

function levelOf(folder: string): number {
  return LEVELS.findIndex((folders) => folders.includes(folder))
}

const files = sourceFiles('src/**/*.ts').filter(({ path }) => !path.includes('/assembly/'))
const imports = files.flatMap(importsOf)
const crossings = imports
  .filter(({ specifier }) => specifier.startsWith('.'))
  .map(({ file, specifier }) => {
    const target = posix.join(posix.dirname(file), specifier)
    return { file, target, from: folderOf(file)!, to: folderOf(target) }
  })
  .filter(({ from, to }) => from !== to)

test('every folder of src has a level', () => {
  const folders = new Set(files.map(({ path }) => folderOf(path)!))
  assertNone([...folders].filter((folder) => levelOf(folder) === -1))
})

test('no file of src imports from a higher level or from outside src', () => {
  const wrong = crossings.filter(({ from, to }) => to === null || levelOf(to) > levelOf(from))
  assertNone(wrong.map(({ file, target }) => `${file} imports ${target}`))
})

test('no folders of one level import each other in a circle', () => {
  const beside = crossings.filter(({ from, to }) => levelOf(from) === levelOf(to ?? ''))
  const reaches = (from: string, goal: string, seen: ReadonlySet<string>): boolean =>
    beside.some(
      ({ from: source, to }) =>
        source === from &&
        (to === goal || (!seen.has(to!) && reaches(to!, goal, new Set([...seen, to!])))),
    )
  const circular = beside.filter(({ from, to }) => reaches(to!, from, new Set([to!])))
  assertNone(circular.map(({ file, target }) => `${file} imports ${target}`))
})

for (const { folder, modules, except } of CLOSED_MODULES) {
  test(`${folder} imports nothing that matches ${modules}`, () => {
    const wrong = imports.filter(
      ({ file, specifier }) =>
        folderOf(file) === folder && modules.test(specifier) && !except?.test(file),
    )
    assertNone(wrong.map(({ file, specifier }) => `${file} imports ${specifier}`))
  })
}
