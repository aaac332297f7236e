import { execFileSync } from 'node:child_process'

/** What can change the cost of a message. */
const COSTLY_PATHS = ['src', 'bin', 'scripts/build-bundle.mjs', 'scripts/build-kernel.mjs']

export interface BaseCommit {
  readonly commit: string
  /** Why this one, for the report. */
  readonly why: string
}

/**
 * The commit to compare with: what the environment names (GUARD_BASE: any revision), else where a
 * branch has left the remote's main line, else the state before the last change to the broker.
 *
 * @returns undefined where the history does not reach that far: in a shallow clone, or without git
 * @throws when GUARD_BASE names nothing
 */
export function findBaseCommit(root: string): BaseCommit | undefined {
  const asked = process.env['GUARD_BASE'] ?? ''
  if (asked !== '') {
    const commit = git(root, 'rev-parse', '--verify', '--quiet', `${asked}^{commit}`)
    if (commit === undefined) throw new Error(`GUARD_BASE is no commit of this clone: ${asked}`)
    return { commit, why: 'GUARD_BASE' }
  }
  const fork = git(root, 'merge-base', 'HEAD', 'origin/HEAD')
  if (fork !== undefined && hasChanged(root, fork)) {
    return { commit: fork, why: 'where the branch begins' }
  }
  const last = git(root, 'log', '-1', '--format=%H', 'HEAD', '--', ...COSTLY_PATHS)
  const commit = last && git(root, 'rev-parse', '--verify', '--quiet', `${last}^`)
  return commit ? { commit, why: 'before the last change to the broker' } : undefined
}

function hasChanged(root: string, since: string): boolean {
  return Boolean(git(root, 'log', '-1', '--format=%H', `${since}..HEAD`, '--', ...COSTLY_PATHS))
}

/** What git prints, without the end of line; undefined when it fails or is not there. */
function git(root: string, ...args: string[]): string | undefined {
  try {
    return execFileSync('git', args, {
      cwd: root,
      stdio: ['ignore', 'pipe', 'ignore'],
      encoding: 'utf8',
    }).trim()
  } catch {
    return undefined
  }
}
