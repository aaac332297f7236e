/** First in, first out; as many as there are. */
export class TimeQueue {
  #times = new Float64Array(1024)
  #from = 0
  #to = 0

  push(time: number): void {
    const { length } = this.#times
    if (this.#to - this.#from === length) {
      const grown = new Float64Array(2 * length)
      for (let i = this.#from; i < this.#to; i++) {
        grown[i % grown.length] = this.#times[i % length]!
      }
      this.#times = grown
    }
    this.#times[this.#to % this.#times.length] = time
    this.#to += 1
  }

  /** @throws RangeError when there is none: an answer nobody has asked for */
  shift(): number {
    if (this.#from === this.#to) throw new RangeError('more answers than requests')
    const time = this.#times[this.#from % this.#times.length]!
    this.#from += 1
    return time
  }
}
