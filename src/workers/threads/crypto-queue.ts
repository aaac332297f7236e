import { isIPv6 } from 'node:net'
import type { BcryptAsker } from '../../auth/password.ts'

/** A verification that waits for a thread. */
export interface WaitingTask {
  readonly password: string
  readonly hash: string
  readonly asker: BcryptAsker
  readonly answer: (isRight: boolean) => void
}

/** Groups of an IPv6 address that name a network; who has one has all addresses in it. */
const NETWORK_GROUPS = 4
const GROUPS = 8

/**
 * Verifications that wait, in a line for each network they come from. Lines are served in turn, so
 * that one network with many logins does not keep others waiting; when there are too many in all,
 * the longest line gives up its last.
 */
export class CryptoQueue {
  /** By network; who is served goes to the end. */
  readonly #lines = new Map<string, WaitingTask[]>()
  #size = 0

  get size(): number {
    return this.#size
  }

  add(task: WaitingTask): void {
    const network = networkOf(task.asker.address)
    const line = this.#lines.get(network)
    if (line === undefined) this.#lines.set(network, [task])
    else line.push(task)
    this.#size++
  }

  /**
   * Takes out the one that has to go when there are too many: the last of the longest line, of
   * lines of the same length the last to come into being.
   */
  giveUp(): WaitingTask | undefined {
    let longest: WaitingTask[] = []
    for (const line of this.#lines.values()) if (line.length >= longest.length) longest = line
    const task = longest.pop()
    if (task === undefined) return undefined
    this.#size--
    if (longest.length === 0) this.#lines.delete(networkOf(task.asker.address))
    return task
  }

  /** The next one that somebody still waits for; those before it are answered with false. */
  next(nowMs: number): WaitingTask | undefined {
    for (;;) {
      const task = this.#take()
      if (task === undefined) return undefined
      const { deadlineMs } = task.asker
      if (deadlineMs === 0 || nowMs < deadlineMs) return task
      task.answer(false)
    }
  }

  /** Answers whatever waits for that connection with false. */
  forget(connection: number): void {
    for (const [network, line] of this.#lines) {
      const gone = line.filter(({ asker }) => asker.connection === connection)
      if (gone.length === 0) continue
      const kept = line.filter((task) => !gone.includes(task))
      if (kept.length === 0) this.#lines.delete(network)
      else this.#lines.set(network, kept)
      this.#size -= gone.length
      for (const task of gone) task.answer(false)
    }
  }

  /** Answers everything with false. */
  clear(): void {
    const all = [...this.#lines.values()].flat()
    this.#lines.clear()
    this.#size = 0
    for (const task of all) task.answer(false)
  }

  #take(): WaitingTask | undefined {
    for (const [network, line] of this.#lines) {
      const task = line.shift()
      this.#lines.delete(network)
      if (line.length > 0) this.#lines.set(network, line)
      if (task !== undefined) this.#size--
      return task
    }
    return undefined
  }
}

/** The address, or the network that an IPv6 address is in. */
export function networkOf(address: string): string {
  const plain = address.split('%', 1)[0]!
  if (!isIPv6(plain) || plain.includes('.')) return address
  const [before = '', after] = plain.split('::')
  const first = groupsOf(before)
  if (after === undefined) return first.slice(0, NETWORK_GROUPS).join(':')
  const last = groupsOf(after)
  const zeros = new Array<string>(GROUPS - first.length - last.length).fill('0')
  return [...first, ...zeros, ...last].slice(0, NETWORK_GROUPS).join(':')
}

function groupsOf(text: string): string[] {
  if (text === '') return []
  return text.split(':').map((group) => Number.parseInt(group, 16).toString(16))
}
