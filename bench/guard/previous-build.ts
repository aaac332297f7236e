import { execFileSync } from 'node:child_process'
import { symlinkSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const BUILD_SCRIPTS = ['build-kernel.mjs', 'build-bundle.mjs']

/** The broker of an earlier commit, built in a folder of its own. */
export interface PreviousBuild extends AsyncDisposable {
  /** Its nats-server program. */
  readonly program: string
}

/**
 * Builds a commit with the dependencies that are installed now.
 *
 * @param root of the clone that has the commit
 * @throws when the commit cannot be built with these dependencies
 */
export async function buildCommit(root: string, commit: string): Promise<PreviousBuild> {
  const folder = await mkdtemp(join(tmpdir(), 'sable-guard-'))
  try {
    const archive = execFileSync('git', ['archive', commit], { cwd: root, maxBuffer: 2 ** 28 })
    execFileSync('tar', ['-x', '-C', folder], { input: archive })
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
    for (const script of BUILD_SCRIPTS) {
      execFileSync(process.execPath, [join(folder, 'scripts', script)], {
        cwd: folder,
        stdio: ['ignore', 'ignore', 'inherit'],
      })
    }
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    throw error
  }
  return {
    program: join(folder, 'bin', 'nats-server'),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  }
}
