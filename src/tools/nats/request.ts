/** Sends one request and shows the first reply: `nats-req`. */
import { connectClient } from './client.ts'
import { requestFailure } from './client-errors.ts'
import type { FlagValues } from './flags.ts'
import type { LineLog } from './line-log.ts'
import { checkPublishSubject } from './subject.ts'
import { COMMON_FLAGS, errorLines, SHORT_LIVED, type Tool } from './tool.ts'
import { ToolError } from './tool-error.ts'

/** Time for the reply. */
const REPLY_MS_MAX = 2000

export const REQUEST = {
  synopsis: '[-s server] [-creds file] [-nkey file] <subject> <msg>',
  flags: COMMON_FLAGS,
  argumentsMin: 2,
  argumentsMax: Number.POSITIVE_INFINITY,
} as const satisfies Tool

/** @throws ToolError */
export async function request(
  log: LineLog,
  values: FlagValues<typeof REQUEST.flags>,
  [subject, text]: readonly [string, string],
): Promise<number> {
  const settings = { name: 'NATS Sample Requestor', ...SHORT_LIVED }
  const client = await connectClient(values, settings, errorLines(log))
  try {
    checkPublishSubject(subject)
    const reply = await client.connection.request(subject, text, { timeout: REPLY_MS_MAX })
    log.line(`Published [${subject}] : '${text}'`)
    log.line(`Received  [${reply.subject}] : '`, reply.data, "'")
  } catch (error) {
    await client.heard()
    throw new ToolError(`${client.lastError ?? requestFailure(error)} for request`)
  }
  await client.close()
  return 0
}
