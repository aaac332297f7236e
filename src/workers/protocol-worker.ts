/** Thread of one protocol worker. */
import { runProtocolThread } from './protocol-thread.ts'
import { ThreadInbox } from './threads/thread-inbox.ts'

const inbox = new ThreadInbox()
await runProtocolThread(await inbox.start, inbox)
