/** Shows the messages of a subject until it is ended: `nats-sub`. */
import { connectClient } from './client.ts'
import type { FlagValues } from './flags.ts'
import type { LineLog } from './line-log.ts'
import { checkSubscribeSubject } from './subject.ts'
import { COMMON_FLAGS, connectionLines, LONG_LIVED, TLS_FLAGS, type Tool } from './tool.ts'

export const SUB = {
  synopsis:
    '[-s server] [-creds file] [-nkey file] [-tlscert file] [-tlskey file] [-tlscacert file] ' +
    '[-t] <subject>',
  flags: { ...COMMON_FLAGS, ...TLS_FLAGS, t: { fallback: false, help: 'Display timestamps' } },
  argumentsMin: 1,
  argumentsMax: 1,
} as const satisfies Tool

/** @throws ToolError */
export async function sub(
  log: LineLog,
  values: FlagValues<typeof SUB.flags>,
  [subject]: readonly [string],
): Promise<number> {
  checkSubscribeSubject(subject)
  const { promise: givenUp, resolve: giveUp } = Promise.withResolvers<void>()
  const settings = { name: 'NATS Sample Subscriber', ...LONG_LIVED }
  const client = await connectClient(values, settings, connectionLines(log, '', giveUp))
  let received = 0
  client.connection.subscribe(subject, {
    callback: (error, message) => {
      if (error !== null) return
      received++
      log.line(`[#${received}] Received on [${message.subject}]: '`, message.data, "'")
    },
  })
  await client.flushed()
  log.line(`Listening on [${subject}]`)
  log.showsTime = values.t
  await givenUp
  return 1
}
