/** Brings node_modules in line with package-lock.json. */
import { delimiter, join } from 'node:path'
import { run } from './runtime.mjs'
import { readJson } from './tree.mjs'

/**
 * Whether node_modules holds what the lock file names. npm keeps its own record of what it
 * installed, so this needs no stamp and also accepts an `npm ci` made by hand. What is missing
 * there and optional belongs to other platforms.
 */
export function hasDependencies(root) {
  const wanted = readJson(join(root, 'package-lock.json'))
  const installed = readJson(join(root, 'node_modules', '.package-lock.json'))
  if (wanted === undefined) throw new Error(`no package-lock.json in ${root}`)
  if (installed === undefined) return false
  return Object.entries(wanted.packages).every(([path, { version, integrity, link, optional }]) => {
    const found = installed.packages[path]
    if (path === '') return true
    if (found === undefined) return optional === true
    return link ? found.link === true : found.version === version && found.integrity === integrity
  })
}

/**
 * `npm ci` with the npm that started us, else the one on PATH. No package needs an install script,
 * so none runs.
 */
export async function installDependencies(root) {
  const args = ['ci', '--include=dev', '--include=optional', '--ignore-scripts', '--loglevel=error']
  const code = await runNpm(root, args)
  if (code !== 0) throw new Error(`npm ci ended with ${code}`)
}

function runNpm(root, args) {
  const options = { cwd: root, env: outsideEnvironment(root), stdio: ['ignore', 2, 2] }
  const { npm_execpath: npm, npm_node_execpath: node } = process.env
  // Only npm itself: yarn and pnpm name themselves in the same variable.
  if (npm?.endsWith('npm-cli.js') && node && !node.startsWith(root)) {
    return run(node, [npm, ...args], options)
  }
  return run('npm', args, options)
}

/** npm ci removes node_modules with the Node in it, so npm must run on one from elsewhere. */
function outsideEnvironment(root) {
  const folders = (process.env.PATH ?? '').split(delimiter)
  const outside = folders.filter((folder) => !folder.startsWith(join(root, 'node_modules')))
  return { ...process.env, PATH: outside.join(delimiter), NODE_ENV: 'development' }
}
