/** Publishes one message: `nats-pub`. */
import { connectClient } from './client.ts'
import { useFailure } from './client-errors.ts'
import type { FlagValues } from './flags.ts'
import type { LineLog } from './line-log.ts'
import { checkPublishSubject } from './subject.ts'
import { COMMON_FLAGS, SHORT_LIVED, TLS_FLAGS, type Tool } from './tool.ts'
import { ToolError } from './tool-error.ts'

export const PUB = {
  synopsis:
    '[-s server] [-creds file] [-nkey file] [-tlscert file] [-tlskey file] [-tlscacert file] ' +
    '<subject> <msg>',
  flags: {
    ...COMMON_FLAGS,
    ...TLS_FLAGS,
    reply: { fallback: '', help: 'Sets a specific reply subject' },
  },
  argumentsMin: 2,
  argumentsMax: 2,
} as const satisfies Tool

/** @throws ToolError */
export async function pub(
  log: LineLog,
  values: FlagValues<typeof PUB.flags>,
  [subject, text]: readonly [string, string],
): Promise<number> {
  checkPublishSubject(subject)
  if (values.reply !== '') checkPublishSubject(values.reply)
  const client = await connectClient(values, { name: 'NATS Sample Publisher', ...SHORT_LIVED })
  try {
    const options = values.reply === '' ? {} : { reply: values.reply }
    client.connection.publish(subject, text, options)
  } catch (error) {
    throw new ToolError(useFailure(error))
  }
  await client.flushed()
  log.line(`Published [${subject}] : '${text}'`)
  await client.close()
  return 0
}
