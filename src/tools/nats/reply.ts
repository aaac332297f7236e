/** Answers the requests of a subject, all with one text, until it is ended: `nats-rply`. */
import { connectClient } from './client.ts'
import { useFailure } from './client-errors.ts'
import type { FlagValues } from './flags.ts'
import type { LineLog } from './line-log.ts'
import { checkQueue, checkSubscribeSubject } from './subject.ts'
import { COMMON_FLAGS, connectionLines, LONG_LIVED, type Tool } from './tool.ts'

export const REPLY = {
  synopsis: '[-s server] [-creds file] [-nkey file] [-t] [-q queue] <subject> <response>',
  flags: {
    ...COMMON_FLAGS,
    t: { fallback: false, help: 'Display timestamps' },
    q: { fallback: 'NATS-RPLY-22', help: 'Queue Group Name' },
  },
  argumentsMin: 2,
  argumentsMax: Number.POSITIVE_INFINITY,
} as const satisfies Tool

/** @throws ToolError */
export async function reply(
  log: LineLog,
  values: FlagValues<typeof REPLY.flags>,
  [subject, response]: readonly [string, string],
): Promise<number> {
  checkSubscribeSubject(subject)
  checkQueue(values.q)
  const { promise: givenUp, resolve: giveUp } = Promise.withResolvers<'given up'>()
  const settings = { name: 'NATS Sample Responder', ...LONG_LIVED }
  const lines = connectionLines(log, ' ', () => giveUp('given up'))
  const client = await connectClient(values, settings, lines)
  let received = 0
  client.connection.subscribe(subject, {
    queue: values.q,
    callback: (error, message) => {
      if (error !== null) return
      received++
      log.line(`[#${received}] Received on [${message.subject}]: '`, message.data, "'")
      try {
        message.respond(response)
      } catch (error) {
        // More than the server takes; thrown on, it would end the reading of the connection.
        log.line(useFailure(error))
      }
    },
  })
  await client.flushed()
  log.line(`Listening on [${subject}]`)
  log.showsTime = values.t
  if ((await Promise.race([givenUp, interrupted()])) === 'interrupted') {
    // Requests that are on their way to us still get their reply.
    log.line()
    log.line('Draining...')
    await client.drain()
    log.line('Exiting')
  }
  return 1
}

/** The first SIGINT; a second one ends the process. */
function interrupted(): Promise<'interrupted'> {
  return new Promise((resolve) => process.once('SIGINT', () => resolve('interrupted')))
}
