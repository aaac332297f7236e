import assert from 'node:assert/strict'
import type { TestConnection } from '../support/client-libraries.ts'
import { Collector, respondWith, textOf } from '../support/collector.ts'
import type { ServerProcess } from '../support/server-process.ts'
import { until } from '../support/wait.ts'
import { crossInterest } from './cross.ts'
import type { Bench } from './pairs.ts'

const TIMEOUT_MS = 10_000
/** Nothing, a word, and more than any buffer on the way holds. */
const TEXTS = ['', 'hello', 'x'.repeat(300_000)]
const MIXED_COUNT = 300

/** Requests and messages of all sizes, both ways over a link. */
export async function exchange(
  one: TestConnection,
  other: TestConnection,
  linkMs = TIMEOUT_MS * 2,
): Promise<void> {
  const prefix = `exchange.${crypto.randomUUID()}`
  const ends = [
    { from: one, to: other, subject: `${prefix}.a` },
    { from: other, to: one, subject: `${prefix}.b` },
  ]
  for (const { to, subject } of ends) respondWith(to, `${subject}.echo`, (text) => text)
  const seen = ends.map(({ to, subject }) => new Collector(to, `${subject}.mixed`))
  await Promise.all(ends.map(({ from, to }) => crossInterest(to, from, linkMs)))
  await Promise.all(ends.map(({ from, subject }) => echoAll(from, `${subject}.echo`)))
  const sent = Array.from({ length: MIXED_COUNT }, (_, index) => mixedText(index))
  for (const text of sent) {
    for (const { from, subject } of ends) from.publish(`${subject}.mixed`, text)
  }
  for (const { messages, texts } of await Promise.all(
    seen.map(async (collector) => {
      await collector.waitFor(MIXED_COUNT)
      return collector
    }),
  )) {
    assert.equal(messages.length, MIXED_COUNT)
    assert.ok(texts.every((text, index) => text === sent[index]))
  }
}

/** Tiny ones and large ones in turn, some of which no compression makes smaller. */
function mixedText(index: number): string {
  if (index % 50 === 0) return `${index} ${'abc'.repeat(20_000)}`
  if (index % 31 === 0) {
    return Array.from({ length: 200 }, (_, at) => Math.sin(index * at).toString(36)).join('')
  }
  return `${index} ${'y'.repeat(index % 60)}`
}

async function echoAll(from: TestConnection, subject: string): Promise<void> {
  for (const text of TEXTS) {
    assert.equal(textOf(await from.request(subject, text, { timeout: TIMEOUT_MS })), text)
  }
}

/** Waits until the log of a server has such a line. */
export function logged(server: ServerProcess, pattern: RegExp): Promise<boolean> {
  return until(
    () => `a line like ${pattern} in the log of ${server.program.name}\n${server.logTail}`,
    () => pattern.test(server.log),
    TIMEOUT_MS * 2,
  )
}

/** Both ends of a link carry messages. */
export async function assertLinked(bench: Bench, hub: ServerProcess, leaf: ServerProcess) {
  await exchange(await bench.connect(hub), await bench.connect(leaf))
}

/** Nothing of the leaf has come to the hub so far: its interest would have. */
export async function assertApart(bench: Bench, hub: ServerProcess, leaf: ServerProcess) {
  const [atHub, atLeaf] = [await bench.connect(hub), await bench.connect(leaf)]
  const subject = `apart.${crypto.randomUUID()}`
  respondWith(atLeaf, subject, String)
  await atLeaf.flush()
  await assert.rejects(atHub.request(subject, '', { timeout: 2000 }), { code: '503' })
}
