/** What tools print about a server, with everything in it that is each server's own left out. */
const MASKS: readonly (readonly [RegExp, string])[] = [
  [/127\.0\.0\.1:\d+/g, 'ADDRESS'],
  [/\bN[A-Z2-7]{55}\b/g, 'ID'],
  [/\$LDS\.\w+/g, '$LDS'],
  [/sha256:\w+/g, 'DIGEST'],
  [/Go Version: \S+/g, 'Go Version: …'],
  [/\b\d+\.\d+\.\d+\b/g, 'VERSION'],
  [/\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d\S*/g, 'TIME'],
  [/\b(?:\d+[dhm])*\d+(?:\.\d+)?(?:ns|µs|ms|s)\b/g, 'DURATION'],
  [/cid:\d+|Client ID: \d+|^│ L?\d+ +│/gm, 'CID'],
  // It depends on the round-trip time.
  [/\bs2_\w+/g, 's2'],
  // The answer says which version it comes from.
  [/^│ SYS .*/gm, 'SYS'],
  // Tables are as wide as what is in them.
  [/[─═]+/g, '─'],
  [/ +/g, ' '],
]

/** Commands that show what no two programs have in common: sizes of a process, its own traffic. */
const OF_THE_PROCESS = /^server (list|info|ping|check connection)\b/
/** nats-server lists what it has in maps, in any order. */
const UNORDERED = /^server account info\b/

export function maskedReport(text: string, command: string): string {
  const masked = MASKS.reduce((all, [pattern, word]) => all.replace(pattern, word), text)
  if (UNORDERED.test(command)) return masked.split('\n').sort().join('\n')
  return OF_THE_PROCESS.test(command) ? masked.replace(/\d+/g, '0') : masked
}

const CELLS_OF_THEMSELVES: ReadonlySet<string> = new Set([
  'HOST',
  'CID',
  'PENDING',
  'UPTIME',
  'LAST_ACTIVITY',
])

/** The connections that nats-top shows, in no order. */
export function topRows(text: string): readonly string[] {
  const lines = text.split('\n').map((line) => line.split(','))
  const at = lines.findIndex(([first]) => first === 'HOST')
  const names = lines[at] ?? []
  return lines
    .slice(at)
    .map((cells) => cells.map((cell, i) => topCell(cell, names[i] ?? '')).join(','))
    .sort()
}

function topCell(cell: string, name: string): string {
  if (CELLS_OF_THEMSELVES.has(name)) return ''
  // Subjects stand in any order; one of them is drawn by lot.
  return cell
    .replace(/\$LDS\.\w+/, '$LDS')
    .split('  ')
    .sort()
    .join('  ')
}
