import assert from 'node:assert/strict'

const LINE =
  /^(LS\+ (?<added>\S+)|LS\+ (?<group>\S+ \S+) (?<weight>\d+)|LS- (?<gone>\S+(?: \S+)?))$/

/** A peer that believes LS lines, and finds fault with each that tells it nothing new. */
export class StrictPeer {
  /** Weights by key; 1 for plain interest. */
  readonly table = new Map<string, number>()

  apply(lines: string): void {
    assert.ok(lines.endsWith('\r\n'), 'lines are complete')
    for (const line of lines.slice(0, -2).split('\r\n')) this.#applyLine(line)
  }

  #applyLine(line: string): void {
    const { added, group, weight, gone } = LINE.exec(line)?.groups ?? {}
    if (gone !== undefined) {
      assert.ok(this.table.delete(gone), `known before it is taken back: ${line}`)
      return
    }
    const key = added ?? group
    assert.ok(key !== undefined, `a line of interest: ${line}`)
    const told = Number(weight ?? 1)
    assert.notEqual(this.table.get(key), told, `not known yet: ${line}`)
    this.table.set(key, told)
  }
}
