/** Shows what a JWT says, and why a server would refuse it. */

import { decodeAccountClaims, decodeOperatorClaims } from '../../auth/jwt/decode.ts'
import { readToolCommand, tellToolError } from '../command-line.ts'
import { describeFlags, type Flags } from '../nats/flags.ts'
import { ToolError } from '../nats/tool-error.ts'
import type { ToolOutput } from '../tool-output.ts'
import { describeToken } from './describe.ts'
import { judge } from './judge.ts'
import { readToken } from './token-file.ts'

const FLAGS = {
  account: { fallback: '', help: 'JWT of the account, a file or the text' },
  operator: { fallback: '', help: 'JWT of the operator, a file or the text' },
  h: { fallback: false, help: 'Show help message' },
} as const satisfies Flags

const SYNOPSIS = '[-account jwt] [-operator jwt] <file|text|->'
const BAD_FLAGS_CODE = 2

/** @returns the exit code: 1 if something speaks against the JWT, 2 for bad flags, else 0 */
export function runJwt(
  calledAs: string,
  args: readonly string[],
  output: ToolOutput = process,
): number {
  const usage = `Usage: ${calledAs} ${SYNOPSIS}\n${describeFlags(FLAGS)}`
  const syntax = { usage, flags: FLAGS, wordCount: 1, badFlagsCode: BAD_FLAGS_CODE }
  const command = readToolCommand(syntax, flagsFirst(args), output)
  if ('exitCode' in command) return command.exitCode
  try {
    return show(command.words[0]!, command.values, output.stdout)
  } catch (error) {
    return tellToolError(calledAs, error, output)
  }
}

/** The JWT may stand before the flags, too. */
function flagsFirst(args: readonly string[]): readonly string[] {
  const [first, ...rest] = args
  const isToken = first !== undefined && (first === '-' || !first.startsWith('-'))
  return isToken ? [...rest, first] : args
}

function show(
  source: string,
  { account, operator }: { readonly account: string; readonly operator: string },
  stdout: ToolOutput['stdout'],
): number {
  const presented = readToken(source)
  const chain = {
    account: account === '' ? undefined : claimsOf('account', account),
    operator: operator === '' ? undefined : claimsOfOperator(operator),
  }
  const nowMs = Date.now()
  const findings = judge(presented, chain, nowMs)
  stdout.write(describeToken(presented, findings, nowMs))
  return findings.reasons.length === 0 ? 0 : 1
}

function claimsOf(name: string, source: string) {
  const decoded = decodeAccountClaims(readToken(source).token)
  if (!decoded.ok) throw new ToolError(`the JWT given as ${name} is not usable: ${decoded.why}`)
  return decoded.claims
}

function claimsOfOperator(source: string) {
  const decoded = decodeOperatorClaims(readToken(source).token)
  if (!decoded.ok) throw new ToolError(`the JWT given as operator is not usable: ${decoded.why}`)
  return decoded.claims
}
