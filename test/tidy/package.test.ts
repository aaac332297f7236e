import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { ROOT } from '../support/peers.ts'

const MANIFEST = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
/** Reads an option, listens to an error, and misuses neither. */
const CONSUMER = `
  import { BrokerError, OptionsError, startBroker, type PartialOptions, type RunningBroker }
    from 'sable-broker'
  const options: PartialOptions = { port: -1, authorization: { token: 'abc' } }
  const broker: RunningBroker = await startBroker(options)
  const texts: string[] = [broker.url, new BrokerError('BRK_X', 'x').code, OptionsError.name]
  await broker.close()
  // @ts-expect-error the port is a number
  await startBroker({ port: '4222' })
  console.log(texts.length)
`
const COMPILER_OPTIONS = {
  target: 'es2024',
  module: 'nodenext',
  strict: true,
  noEmit: true,
  types: [],
}

/** The files npm would pack of a tree that is set up, in the folder of a project that has them. */
describe('the package', () => {
  let project: string
  let packed: string
  let files: readonly string[]
  before(() => {
    project = mkdtempSync(join(tmpdir(), 'package-'))
    packed = join(project, 'node_modules', MANIFEST.name)
    const output = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
      cwd: ROOT,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    const [{ files: listed }] = JSON.parse(output)
    files = listed.map(({ path }: { path: string }) => path)
    for (const path of files) {
      mkdirSync(dirname(join(packed, path)), { recursive: true })
      cpSync(join(ROOT, path), join(packed, path))
    }
    const script = join(ROOT, 'scripts', 'build-package.mjs')
    execFileSync(process.execPath, [script, '--types', join(packed, 'dist', 'types')])
    for (const name of Object.keys(MANIFEST.dependencies)) {
      const link = join(project, 'node_modules', name)
      mkdirSync(dirname(link), { recursive: true })
      symlinkSync(join(ROOT, 'node_modules', name), link)
    }
    writeFileSync(join(project, 'package.json'), '{"type":"module"}')
  })
  after(() => rmSync(project, { recursive: true }))

  test('holds what it runs and reads, and nothing it is made or tested with', () => {
    for (const name of ['nats-server', 'protocol-worker', 'routing-worker', 'crypto-task']) {
      assert.ok(files.includes(`dist/${name}.js`), name)
    }
    for (const path of ['bin/launch.sh', 'dist/kernel.wasm', 'dist/bench.js', 'LICENSE']) {
      assert.ok(files.includes(path), path)
    }
    const tops = new Set(files.map((path) => path.split('/')[0]!))
    for (const top of ['src', 'test', 'scripts', 'tools', 'node_modules', '.ci']) {
      assert.ok(!tops.has(top), top)
    }
    assert.deepEqual(
      files.filter((path) => path.startsWith('dist/.')),
      [],
    )
  })

  test('has every file that its manifest names', () => {
    const named = [...Object.values(MANIFEST.bin), ...Object.values(MANIFEST.exports['.'])]
    for (const path of named as string[]) {
      const folder = dirname(join(packed, path))
      assert.ok(readdirSync(folder).includes(path.split('/').at(-1)!), path)
    }
  })

  test('its commands run from a folder that holds nothing else of the project', () => {
    for (const [name, path] of Object.entries<string>(MANIFEST.bin)) {
      const program = join(packed, path)
      const options = {
        encoding: 'utf8',
        env: { ...process.env, SABLE_NODE: process.execPath },
      } as const
      const isTutorialTool = !['nats-server', 'sable'].includes(name)
      const run = spawnSync(program, [isTutorialTool ? '-h' : '--version'], options)
      assert.equal(run.status, 0, run.stderr)
      if (isTutorialTool) assert.match(run.stderr, RegExp(`^Usage: ${name} `))
      else assert.match(run.stdout, /\d+\.\d+\.\d+/)
    }
  })

  test('a program that embeds it is type checked and runs', () => {
    const source = join(project, 'consumer.ts')
    writeFileSync(source, CONSUMER)
    const tsconfig = { compilerOptions: COMPILER_OPTIONS, files: ['consumer.ts'] }
    writeFileSync(join(project, 'tsconfig.json'), JSON.stringify(tsconfig))
    const compiler = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc')
    const check = spawnSync(process.execPath, [compiler, '--project', project], {
      encoding: 'utf8',
    })
    assert.equal(check.status, 0, check.stdout + check.stderr)
    const run = spawnSync(process.execPath, [source], { encoding: 'utf8' })
    assert.equal(run.status, 1, 'a port that is no number is refused')
    assert.match(run.stderr, /OptionsError/)
  })
})
