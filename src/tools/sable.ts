/** The `sable` command: what the project offers beside the broker. */
import { NATS_VERSION, SABLE_VERSION } from '../base/version.ts'
import { importTool } from './import-tool.ts'

const HELP = `Usage: sable <command> [options]

Commands
  bench    load a NATS server and measure it; see sable bench --help
  version  show the version
  help     show this

The broker itself is the command nats-server.
`

process.exitCode = await run(process.argv.slice(2))

/** @returns the exit code */
async function run([command, ...args]: readonly string[]): Promise<number> {
  switch (command) {
    case 'bench': {
      const { runBench } = await importTool('bench')
      return runBench(args)
    }
    case 'version':
    case '--version':
    case '-v':
      process.stdout.write(`sable ${SABLE_VERSION} (nats-server v${NATS_VERSION} compatible)\n`)
      return 0
    case 'help':
    case '--help':
    case '-h':
      process.stdout.write(HELP)
      return 0
    case undefined:
      process.stderr.write(HELP)
      return 1
    default:
      process.stderr.write(`sable: unknown command: ${command}\nTry 'sable help'.\n`)
      return 1
  }
}
