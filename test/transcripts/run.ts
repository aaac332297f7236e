import { cutFrames } from '../support/frames.ts'
import { RawClient } from '../support/raw-client.ts'
import { DEADLINE_MS, sleep } from '../support/wait.ts'
import { normaliseFrame } from './normalise.ts'
import type { Place } from './place.ts'
import type { Step, Transcript } from './script.ts'

/** Pseudo frame: the server has closed the connection, by FIN or RST. */
const CLOSED = '<closed>'
/**
 * After the last step nothing more may come; wrong extras come at once, so a short look will do.
 */
const FINAL_QUIET_MS = 25
const PING = 'PING\r\n'

/** What the takes of one script saw, in the order of the steps. */
export type Answers = readonly (readonly string[])[]

class Connection {
  readonly client: RawClient
  readonly #transcript: Transcript
  #taken = 0

  constructor(client: RawClient, transcript: Transcript) {
    this.client = client
    this.#transcript = transcript
  }

  /**
   * All frames so far, without INFO where it is not asked for, and with the end of the connection.
   */
  frames(): string[] {
    const { frames, rest } = cutFrames(this.client.received)
    const { drops, mask } = this.#transcript
    const keepsPings = this.#transcript.keepsPings === true
    const seen = frames
      .filter((frame) => (keepsPings || frame !== PING) && drops?.(frame) !== true)
      .map(normaliseFrame)
    const masked = mask === undefined ? seen : seen.map(mask)
    if (this.client.closedBy === null) return masked
    if (rest !== '') masked.push(`<cut off> ${rest}`)
    return [...masked, CLOSED]
  }

  newFrames(): string[] {
    return this.frames().slice(this.#taken)
  }

  take(frameCountMax = Number.POSITIVE_INFINITY): string[] {
    const frames = this.newFrames().slice(0, frameCountMax)
    this.#taken += frames.length
    return frames
  }

  /** Waits for a frame not taken yet: the server has worked off what was sent before. */
  async waitForOne(): Promise<void> {
    const isThere = (): boolean => this.client.closedBy !== null || this.newFrames().length > 0
    await this.client.waitFor('an answer', isThere, DEADLINE_MS / 2).catch(() => {})
  }

  /** All that was not taken, unfinished frames too. */
  takeRest(): string[] {
    const { rest } = cutFrames(this.client.received)
    const isCutOff = rest !== '' && this.client.closedBy === null
    return isCutOff ? [...this.take(), rest] : this.take()
  }
}

/**
 * Runs a script once and returns what was seen.
 *
 * @param expected without it (recording) each take waits for silence; with it each take waits only
 *   until as many frames are there as expected, so that the time a server takes does not matter
 * @param cutAt position at which the bytes of the first send are cut in two, for `splitsEverywhere`
 */
export async function runTranscript(
  transcript: Transcript,
  place: Place,
  expected?: Answers,
  cutAt?: number,
): Promise<Answers> {
  const connections = new Map<string, Connection>()
  const answers: string[][] = []
  let cut = cutAt
  /** Frames taken from connections of the pool. */
  let pooledCount = 0
  try {
    for (const [index, step] of transcript.steps.entries()) {
      if (step.kind === 'send' && cut !== undefined) {
        await runStep({ ...step, cuts: [cut], pauseMs: 1 }, transcript, connections, place)
        cut = undefined
      } else if (step.kind === 'take') {
        const wanted = expected?.[answers.length]
        if (wanted !== undefined && transcript.pool?.includes(step.on) === true) {
          const isLastRound = transcript.steps.slice(index).every(({ kind }) => kind === 'take')
          const pooled = (expected?.at(-1)?.length ?? 0) - pooledCount
          if (isLastRound) await waitForPool(transcript.pool, connections, pooled)
          else await find(connections, step.on).waitForOne()
          const frames = find(connections, step.on).take()
          pooledCount += frames.length
          answers.push(frames)
        } else {
          answers.push(await runTake(step, find(connections, step.on), wanted))
        }
      } else {
        await runStep(step, transcript, connections, place)
      }
    }
    const surplus = await takeSurplus(connections, cutAt === undefined ? FINAL_QUIET_MS : 0)
    if (surplus.length > 0) answers.push(surplus)
    return answers
  } catch (error) {
    const seen = [...connections].map(([name, { client }]) => `${name}: ${client.describe()}`)
    throw new Error(`${String(error)}\n${seen.join('\n')}`)
  } finally {
    for (const { client } of connections.values()) client.close()
  }
}

/** Positions at which `splitsEverywhere` cuts the first send. */
export function cutPositions(transcript: Transcript): readonly number[] {
  const first = transcript.steps.find((step) => step.kind === 'send')
  const byteCount = first === undefined ? 0 : first.bytes.length
  return Array.from({ length: Math.max(0, byteCount - 1) }, (_, index) => index + 1)
}

async function runTake(
  step: Extract<Step, { kind: 'take' }>,
  connection: Connection,
  wanted: readonly string[] | undefined,
): Promise<string[]> {
  const { client } = connection
  if (wanted === undefined) {
    await client.readUntilQuiet(step.settleMs)
    return connection.take()
  }
  const isDone = (): boolean =>
    client.closedBy !== null || connection.newFrames().length >= wanted.length
  // Too few frames are a difference to be shown, not an error of the run.
  await client.waitFor(`${wanted.length} frames`, isDone, DEADLINE_MS / 2).catch(() => {})
  return connection.take(client.closedBy === null ? wanted.length : undefined)
}

/** Waits until the pooled connections together have so many frames that were not taken yet. */
async function waitForPool(
  pool: readonly string[],
  connections: ReadonlyMap<string, Connection>,
  frameCount: number,
): Promise<void> {
  const endMs = Date.now() + DEADLINE_MS / 2
  const count = (): number =>
    pool.reduce((sum, name) => sum + (connections.get(name)?.newFrames().length ?? 0), 0)
  while (count() < frameCount && Date.now() < endMs) await sleep(2)
}

async function runStep(
  step: Exclude<Step, { kind: 'take' }>,
  transcript: Transcript,
  connections: Map<string, Connection>,
  place: Place,
): Promise<void> {
  switch (step.kind) {
    case 'open': {
      const port = step.to === 'leaf' ? place.leafPort : place.port
      const connection = new Connection(await RawClient.connect(port), transcript)
      connections.set(step.on, connection)
      if (step.keepsInfo) return
      await connection.client.readUntil('\r\n')
      const info = connection.take(1)[0] ?? ''
      if (!info.startsWith('INFO {')) throw new Error(`${step.on}: no INFO but ${info}`)
      return
    }
    case 'accept':
      connections.set(step.on, new Connection(await place.acceptDial(), transcript))
      return
    case 'send': {
      const { client } = find(connections, step.on)
      await client.sendPieces(piecesOf(step), step.pauseMs)
      return
    }
    case 'sendMade': {
      const heard = (on: string) => find(connections, on).client.received.toString('latin1')
      await find(connections, step.on).client.send(step.make(heard))
      return
    }
    case 'close':
      find(connections, step.on).client.close()
      connections.delete(step.on)
      return
    case 'pause':
      await sleep(step.durationMs)
  }
}

function piecesOf(step: Extract<Step, { kind: 'send' }>): string[] {
  if (step.cuts === 'bytes') return [...step.bytes]
  const ends = [...step.cuts, step.bytes.length]
  return ends.map((end, index) => step.bytes.slice(ends[index - 1] ?? 0, end))
}

/** Frames no take has looked at; the scripts are written so that there are none. */
async function takeSurplus(
  connections: ReadonlyMap<string, Connection>,
  quietMs: number,
): Promise<string[]> {
  if (quietMs > 0) await sleep(quietMs)
  return [...connections].flatMap(([name, connection]) =>
    connection.takeRest().map((frame) => `surplus on ${name}: ${frame}`),
  )
}

function find(connections: ReadonlyMap<string, Connection>, name: string): Connection {
  const connection = connections.get(name)
  if (connection === undefined) throw new Error(`the script has no open connection "${name}"`)
  return connection
}

/**
 * Brings answers into the form in which they are compared and stored: sorted where the script says
 * so, and pooled connections put together.
 */
export function canonical(transcript: Transcript, answers: Answers): Answers {
  const takes = transcript.steps.filter((step) => step.kind === 'take')
  const pooled: string[] = []
  const own = answers.map((frames, index) => {
    if (transcript.pool?.includes(takes[index]?.on ?? '') === true) {
      pooled.push(...frames)
      return []
    }
    return transcript.anyOrder === true ? [...frames].sort() : frames
  })
  return transcript.pool === undefined ? own : [...own, pooled.sort()]
}
