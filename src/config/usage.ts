import { COMMAND_FLAGS, type CommandFlag, FLAG_GROUPS } from './command-flags.ts'

const FLAG_COLUMN_WIDTH = 36
const SHORT_NAME = /^(?:.|[A-Z]+)$/

/** The text of `--help`, in the layout nats-server's users know. */
export function usageText(): string {
  const groups = FLAG_GROUPS.filter((group) => group !== 'Other').map((group) => {
    const flags = COMMAND_FLAGS.filter((flag) => flag.group === group)
    return `${group} Options:\n${flags.map(usageLine).join('')}`
  })
  return `\nUsage: nats-server [options]\n\n${groups.join('\n')}\n`
}

function usageLine(flag: CommandFlag): string {
  const spellings = flag.names.map((name) => (SHORT_NAME.test(name) ? `-${name}` : `--${name}`))
  const value = flag.value === undefined ? '' : ` <${flag.value}>`
  const isLongOnly = spellings[0]!.startsWith('--')
  const column = `${isLongOnly ? '    ' : ''}${spellings.join(', ')}${value}`
  return `    ${column.padEnd(FLAG_COLUMN_WIDTH)} ${flag.doc}\n`
}
