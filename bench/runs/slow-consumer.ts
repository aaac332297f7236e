import net from 'node:net'
import type { Endpoint } from '../drivers/tasks.ts'
import type { Measurement } from '../measurement.ts'
import type { SlowConsumerScenario } from '../scenarios/types.ts'
import type { Site } from '../site.ts'
import { within } from '../within.ts'
import { amountsOf, type RunContext } from './context.ts'
import { ThroughputLoad } from './throughput.ts'

const OPEN_MS_MAX = 10_000

/**
 * Messages to fast subscribers, then the same beside one that has subscribed and reads nothing. The
 * fast ones must get every message both times; the slow one may be slowed down for, or closed.
 */
export async function runSlowConsumer(
  scenario: SlowConsumerScenario,
  site: Site,
  context: RunContext,
): Promise<Measurement> {
  const { warmup, measured } = amountsOf(context, scenario.amounts)
  const load = await ThroughputLoad.open(scenario, site, context, [warmup, measured])
  let slow: net.Socket | undefined
  try {
    await load.run(warmup)
    const quiet = await load.run(measured)
    const opened = openDeaf(site.subscribeAt)
    slow = await within(OPEN_MS_MAX, opened, () => 'the slow consumer is not let in')
    const beside = await load.run(measured)
    const hash = await load.hash()
    return {
      metrics: {
        publishedPerSecond: quiet.publishedPerSecond,
        besideSlowPerSecond: beside.publishedPerSecond,
        ofRateWithoutSlow: beside.publishedPerSecond / quiet.publishedPerSecond,
      },
      hash,
      messages: quiet.published + beside.published,
      generatorBusy: quiet.generatorBusy,
    }
  } finally {
    slow?.destroy()
    await load.end()
  }
}

/** Resolves when it is subscribed to what is published; nobody reads from then on. */
function openDeaf({ host, port, user, password: pass }: Endpoint): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host, port, noDelay: true })
    const connect = JSON.stringify({ verbose: false, pedantic: false, user, pass })
    socket.on('error', reject) // closed for being slow: by then this is settled
    socket.write(`CONNECT ${connect}\r\nSUB bench.> 1\r\nPING\r\n`)
    let text = ''
    const onData = (chunk: Buffer): void => {
      text += chunk.toString('latin1')
      if (!text.includes('PONG\r\n')) return
      socket.off('data', onData)
      socket.pause()
      resolve(socket)
    }
    socket.on('data', onData)
  })
}
