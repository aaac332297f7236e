import { writePayload } from '../publish-block.ts'

/**
 * Requests of one requester, each with a reply subject of its own, as clients have; sent again and
 * again in order.
 */
export class RequestFrames {
  readonly #count: number
  /** All as one, and where each begins; the last entry is the end. */
  readonly #bytes: Buffer
  readonly #starts: readonly number[]

  /** @param requester goes into the payloads as the number of their stream */
  constructor(
    subject: string,
    inbox: string,
    requester: number,
    payloadBytes: number,
    count: number,
  ) {
    const frames = Array.from({ length: count }, (_, sequence) => {
      const control = `PUB ${subject} ${inbox}.${sequence} ${payloadBytes}\r\n`
      const frame = Buffer.alloc(control.length + payloadBytes + 2, 'x')
      frame.write(control, 0, 'latin1')
      writePayload(frame, control.length, payloadBytes, requester, sequence)
      frame.write('\r\n', frame.length - 2, 'latin1')
      return frame
    })
    this.#count = count
    this.#bytes = Buffer.concat(frames)
    const starts = [0]
    for (const { length } of frames) starts.push(starts.at(-1)! + length)
    this.#starts = starts
  }

  /** Up to `max` requests from number `sent` on, as far as they are in one piece. */
  from(sent: number, max: number): { readonly bytes: Buffer; readonly count: number } {
    const first = sent % this.#count
    const count = Math.min(max, this.#count - first)
    return { bytes: this.#bytes.subarray(this.#starts[first], this.#starts[first + count]), count }
  }
}
