/** The `sable` command: what the project offers beside the broker. */
import { NATS_VERSION, SABLE_VERSION } from '../base/version.ts'
import { importTool } from './import-tool.ts'
import type { ToolName } from './nats/run.ts'

const HELP = `Usage: sable <command> [options]

Commands
  sub      show the messages of a subject; also nats-sub
  pub      publish a message; also nats-pub
  request  send a request and show the reply; also nats-req
  reply    answer requests; also nats-rply
  jwt      show a JWT or credentials file, and why a server would refuse it
  nk       make keys, sign and verify
  passwd   make a bcrypt hash of a password
  healthcheck
           say by the exit code whether a server is well, for containers
  tap      show where the messages of a subject go, live
  top      show a server and its busiest connections, live
  bench    load a NATS server and measure it; see sable bench --help
  version  show the version
  help     show this

The flag -h shows the flags of sub, pub, request, reply, jwt, nk, passwd, healthcheck, tap
and top.
The broker itself is the command nats-server.
`

/** The programs of the NATS tutorials, which launchers name in the first argument. */
const TUTORIAL_NAMES: ReadonlyMap<string, ToolName> = new Map([
  ['nats-sub', 'sub'],
  ['nats-pub', 'pub'],
  ['nats-req', 'request'],
  ['nats-rply', 'reply'],
])

/** Whoever read along has gone (`sable top | head`): there is nobody left to write for. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit(0)
})

process.exitCode = await run(process.argv.slice(2))

/** @returns the exit code */
async function run([command, ...args]: readonly string[]): Promise<number> {
  switch (command) {
    case 'sub':
    case 'pub':
    case 'request':
    case 'reply':
      return runTutorialTool(command, `sable ${command}`, args)
    case 'jwt': {
      const { runJwt } = await import('./jwt/jwt-tool.ts')
      return runJwt('sable jwt', args)
    }
    case 'nk': {
      const { runNk } = await import('./nk.ts')
      return runNk('sable nk', args)
    }
    case 'healthcheck': {
      const { runHealthcheck } = await import('./healthcheck.ts')
      return runHealthcheck('sable healthcheck', args)
    }
    case 'passwd': {
      const { runPasswd } = await import('./passwd.ts')
      return runPasswd('sable passwd', args)
    }
    case 'tap': {
      const { runTap } = await import('./tap.ts')
      return runTap('sable tap', args)
    }
    case 'top': {
      const { runTop } = await import('./top/top-tool.ts')
      return runTop('sable top', args)
    }
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
    default: {
      const name = TUTORIAL_NAMES.get(command)
      if (name !== undefined) return runTutorialTool(name, command, args)
      process.stderr.write(`sable: unknown command: ${command}\nTry 'sable help'.\n`)
      return 1
    }
  }
}

/** Loads the client library late: no other command needs it. */
async function runTutorialTool(
  name: ToolName,
  calledAs: string,
  args: readonly string[],
): Promise<never> {
  const { runNatsTool } = await import('./nats/run.ts')
  return runNatsTool(name, calledAs, args)
}
