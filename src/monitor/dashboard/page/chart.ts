/** Two lines over the last minutes, on a canvas. */
export class Chart {
  readonly #canvas: HTMLCanvasElement
  readonly #format: (value: number) => string
  readonly #series: (readonly [number, number])[] = []

  /** @param format of the greatest value, which stands beside the top */
  constructor(canvas: HTMLCanvasElement, format: (value: number) => string) {
    this.#canvas = canvas
    this.#format = format
  }

  add(first: number, second: number): void {
    this.#series.push([first, second])
    if (this.#series.length > POINTS_MAX) this.#series.shift()
    this.draw()
  }

  draw(): void {
    const canvas = this.#canvas
    const { width, height } = canvas.getBoundingClientRect()
    const scale = devicePixelRatio
    canvas.width = Math.round(width * scale)
    canvas.height = Math.round(height * scale)
    const pen = canvas.getContext('2d')
    if (pen === null || width === 0) return
    pen.scale(scale, scale)
    const style = getComputedStyle(document.documentElement)
    const colour = (name: string) => style.getPropertyValue(`--${name}`)
    const top = niceTop(Math.max(0, ...this.#series.flat()))
    const room = height - MARGIN
    pen.font = `12px ${style.fontFamily}`
    pen.strokeStyle = colour('line')
    pen.fillStyle = colour('soft')
    for (const share of [0, 0.5, 1]) {
      const y = MARGIN + room * (1 - share) - 0.5
      pen.beginPath()
      pen.moveTo(0, y)
      pen.lineTo(width, y)
      pen.stroke()
      if (share > 0) pen.fillText(this.#format(top * share), 2, y - 3)
    }
    pen.lineWidth = 2
    for (const [index, name] of ['in', 'out'].entries()) {
      pen.strokeStyle = colour(name)
      pen.beginPath()
      for (const [at, values] of this.#series.entries()) {
        const x = width - ((this.#series.length - 1 - at) * width) / (POINTS_MAX - 1)
        const y = MARGIN + room * (1 - (values[index] ?? 0) / top)
        if (at === 0) pen.moveTo(x, y)
        else pen.lineTo(x, y)
      }
      pen.stroke()
    }
  }
}

/** Five minutes of seconds. */
const POINTS_MAX = 300
/** For the figure above the highest line. */
const MARGIN = 16

/** The next 1, 2 or 5 with zeros. */
function niceTop(value: number): number {
  if (value <= 0) return 1
  const power = 10 ** Math.floor(Math.log10(value))
  const step = [1, 2, 5, 10].find((factor) => factor * power >= value) ?? 10
  return step * power
}
