/** Which Node runs the project, and how the scripts of this folder run other programs with it. */
import { execFileSync, spawn } from 'node:child_process'
import { join } from 'node:path'

export const SUPPORTED_NODE = '24.20 or newer in the 24 line, or 26.6 or newer'

/**
 * Whether a socket can be handed to a worker thread by this version of Node ("24.21.0", "v26.6.1").
 * The same rule stands in bin/launch.sh.
 */
export function isSupportedNode(version) {
  const [major, minor] = version.replace(/^v/, '').split('.').map(Number)
  if (major === 24) return minor >= 20
  if (major === 26) return minor >= 6
  return major > 26
}

/**
 * The Node to use: the pinned one of this tree, else the running one if it will do; throws
 * otherwise.
 */
export function findNode(root) {
  const pinned = join(root, 'node_modules', '.bin', 'node')
  const pinnedVersion = versionOf(pinned)
  if (pinnedVersion !== undefined && isSupportedNode(pinnedVersion)) return pinned
  if (isSupportedNode(process.versions.node)) return process.execPath
  throw new Error(
    `needs Node ${SUPPORTED_NODE}; ` +
      `found ${process.versions.node} at ${process.execPath} and ` +
      `${pinnedVersion ?? `none that runs on ${process.platform}-${process.arch}`} at ${pinned}`,
  )
}

function versionOf(node) {
  try {
    return execFileSync(node, ['--version'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
  } catch {
    return undefined
  }
}

/**
 * Runs a program in the foreground and resolves to its exit code (128 and up for a signal, as
 * shells count). Signals sent to this process go on to the program: its end decides when this
 * process ends.
 */
export function run(command, args, options) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: 'inherit', ...options })
    const forward = (signal) => child.kill(signal)
    for (const signal of FORWARDED) process.on(signal, forward)
    const settle = (finish) => {
      for (const signal of FORWARDED) process.off(signal, forward)
      finish()
    }
    child.on('error', (cause) =>
      settle(() => reject(new Error(`cannot run ${command}`, { cause }))),
    )
    child.on('close', (code, signal) =>
      settle(() => resolve(code ?? 128 + (SIGNAL_NUMBERS[signal] ?? 0))),
    )
  })
}

const SIGNAL_NUMBERS = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGABRT: 6,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGTERM: 15,
}
const FORWARDED = ['SIGHUP', 'SIGINT', 'SIGTERM']
