import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Target } from './arguments.ts'

const ANSWER_MS_MAX = 5_000

/** First line of what each started program says to --version, by the name of the target. */
export async function versionsOf(targets: readonly Target[]): Promise<Record<string, string>> {
  const entries = await Promise.all(
    targets.map(async (target) => [target.name, await versionOf(target)] as const),
  )
  return Object.fromEntries(
    entries.filter((entry): entry is [string, string] => entry[1] !== undefined),
  )
}

/** Undefined: it was running before, or does not say. */
async function versionOf(target: Target): Promise<string | undefined> {
  if (!('command' in target)) return undefined
  try {
    const options = { timeout: ANSWER_MS_MAX, encoding: 'utf8' } as const
    const { stdout } = await promisify(execFile)(target.command[0]!, ['--version'], options)
    return stdout.split('\n')[0]!.trim() || undefined
  } catch {
    return undefined
  }
}
