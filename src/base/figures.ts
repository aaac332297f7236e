/** Figures as people read them: short, with the three digits that count. */

const STEPS = ['', ' k', ' M', ' G', ' T'] as const

function scaled(value: number, base: number): string {
  let rest = value
  let step = 0
  while (Math.abs(rest) >= base * 0.9995 && step < STEPS.length - 1) {
    rest /= base
    step++
  }
  const digits = step === 0 || rest >= 100 ? 0 : rest >= 10 ? 1 : 2
  return `${rest.toFixed(digits)}${STEPS[step]}`
}

export function count(value: number): string {
  return scaled(value, 1000)
}

export function rate(perSecond: number): string {
  return `${scaled(perSecond, 1000)}/s`
}

export function bytes(value: number): string {
  const text = scaled(value, 1024)
  return /[a-zA-Z]$/.test(text) ? `${text.replace('k', 'K')}iB` : `${text} B`
}

export function percent(share: number): string {
  return `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`
}

/** Milliseconds, in the unit that fits. */
export function time(ms: number): string {
  if (ms === 0) return '–'
  if (ms < 1) return `${(ms * 1000).toFixed(ms < 0.01 ? 1 : 0)} µs`
  if (ms < 1000) return `${ms.toFixed(ms < 10 ? 1 : 0)} ms`
  return `${(ms / 1000).toFixed(1)} s`
}

export function span(ms: number): string {
  const minutes = Math.floor(ms / 60_000)
  const hours = Math.floor(minutes / 60)
  const days = Math.floor(hours / 24)
  if (days > 0) return `${days} d ${hours % 24} h`
  if (hours > 0) return `${hours} h ${minutes % 60} min`
  if (minutes > 0) return `${minutes} min`
  return `${Math.floor(ms / 1000)} s`
}

export function clock(atMs: number): string {
  return new Date(atMs).toLocaleTimeString()
}
