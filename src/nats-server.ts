/** The `nats-server` program. Imports as little as it can: threads start before the rest loads. */
import { ThreadsAhead } from './workers/threads/thread-start.ts'

/** The one thread that every broker has. */
const ROUTING_WORKER = 0
/** Flags, and words, that ask for something else than a server. A wrong guess costs time only. */
const OTHER_REQUEST = /^-{0,2}(?:v|version|h|help|help_tls|t|sl|signal)(?:=.*)?$/

/** What `ps`, `pgrep` and /proc show. */
process.title = 'nats-server'

const argv = process.argv.slice(2)
const threads = new ThreadsAhead()
if (!argv.some((word) => OTHER_REQUEST.test(word))) threads.start(ROUTING_WORKER)
const { runCommand } = await import('./server-command.ts')
await runCommand(argv, threads)
