/** Runs a tool by its name: usage texts, exit codes, and the one line an error is. */
import { describeFlags, type Flags, type FlagValues, parseFlags } from './flags.ts'
import { LineLog } from './line-log.ts'
import { PUB, pub } from './pub.ts'
import { REPLY, reply } from './reply.ts'
import { REQUEST, request } from './request.ts'
import { SUB, sub } from './sub.ts'
import type { Tool } from './tool.ts'
import { ToolError } from './tool-error.ts'

/** Exit code when flags make no sense; missing arguments give 1. */
const BAD_FLAGS_CODE = 2

export type ToolName = 'sub' | 'pub' | 'request' | 'reply'

/**
 * Ends the process: with 0 when the tool did what it was called for, or help was asked for.
 *
 * @param calledAs the name in the usage text
 */
export async function runNatsTool(
  name: ToolName,
  calledAs: string,
  args: readonly string[],
): Promise<never> {
  const log = new LineLog()
  const code = await exitCode(name, calledAs, args, log)
  // Not process.exitCode: a connection that is being closed must not hold up the shell.
  process.exit(code)
}

function exitCode(
  name: ToolName,
  calledAs: string,
  args: readonly string[],
  log: LineLog,
): Promise<number> {
  switch (name) {
    case 'sub':
      return call(SUB, sub, calledAs, args, log)
    case 'pub':
      return call(PUB, pub, calledAs, args, log)
    case 'request':
      return call(REQUEST, request, calledAs, args, log)
    case 'reply':
      return call(REPLY, reply, calledAs, args, log)
  }
}

async function call<Of extends Flags & { readonly h: { readonly fallback: false } }>(
  tool: Tool<Of>,
  work: (log: LineLog, values: FlagValues<Of>, rest: never) => Promise<number>,
  calledAs: string,
  args: readonly string[],
  log: LineLog,
): Promise<number> {
  const usage = `Usage: ${calledAs} ${tool.synopsis}\n${describeFlags(tool.flags)}`
  const parsed = parseFlags(tool.flags, args)
  if (parsed.outcome !== 'parsed') {
    if (parsed.outcome === 'refused') log.line(parsed.reason)
    log.text(usage)
    return parsed.outcome === 'refused' ? BAD_FLAGS_CODE : 0
  }
  const { values, rest } = parsed
  if (values.h) {
    log.text(usage)
    return 0
  }
  if (rest.length < tool.argumentsMin || rest.length > tool.argumentsMax) {
    log.text(usage)
    return 1
  }
  try {
    // The number of arguments was checked; that it fits is in each tool's first lines.
    return await work(log, values, rest as never)
  } catch (error) {
    if (!(error instanceof ToolError)) throw error
    log.line(error.message)
    return 1
  }
}
