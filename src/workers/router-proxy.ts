import type { Kernel } from '../kernel/kernel.ts'

/**
 * A protocol worker's end of the way to the routing worker: interest to add and to remove, in
 * order. What finds no room in the lane waits here, and holds the lane: no message may overtake
 * the interest that was announced before it.
 */
export class RouterProxy {
  readonly #kernel: Kernel
  readonly #router: number
  /** kind, slot, generation, … in the order they must go. */
  #backlog: number[] = []
  #backlogFrom = 0

  constructor(kernel: Kernel) {
    this.#kernel = kernel
    this.#router = kernel.layout.ROUTER_THREAD
  }

  subscribe(slot: number): void {
    this.#send(this.#kernel.layout.RECORD_SUBSCRIBE, slot)
  }

  unsubscribe(slot: number): void {
    this.#send(this.#kernel.layout.RECORD_UNSUBSCRIBE, slot)
  }

  /** Lane position behind everything sent so far; undefined while some of it still waits here. */
  position(): number | undefined {
    return this.hasBacklog ? undefined : this.#kernel.exports.claimedPosition(this.#router)
  }

  /** Whether the routing worker has applied everything before a position. */
  hasApplied(position: number): boolean {
    return ((this.#kernel.exports.consumedPosition(this.#router) - position) | 0) >= 0
  }

  get hasBacklog(): boolean {
    return this.#backlogFrom < this.#backlog.length
  }

  /** Sends what waited for room, as far as there is room now. */
  flush(): void {
    const { exports } = this.#kernel
    const backlog = this.#backlog
    let at = this.#backlogFrom
    while (
      at < backlog.length &&
      exports.sendControl(this.#router, backlog[at]!, backlog[at + 1]!, backlog[at + 2]!)
    ) {
      at += 3
    }
    this.#backlogFrom = at
    if (at < backlog.length || backlog.length === 0) return
    this.#backlog = []
    this.#backlogFrom = 0
    exports.holdLane(this.#router, 0)
  }

  /** The routing worker is a new one, which learns of all subscriptions from their slots. */
  reset(): void {
    this.#backlog = []
    this.#backlogFrom = 0
    this.#kernel.exports.holdLane(this.#router, 0)
  }

  #send(kind: number, slot: number): void {
    const { exports, layout, words } = this.#kernel
    const generation = words[(slot + layout.SUB_GENERATION) >> 2]!
    if (!this.hasBacklog && exports.sendControl(this.#router, kind, slot, generation)) return
    exports.holdLane(this.#router, 1)
    this.#backlog.push(kind, slot, generation)
  }
}
