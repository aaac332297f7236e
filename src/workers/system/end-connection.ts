import type { ClientSession } from '../clients/client-session.ts'
import type { IoThread } from '../io-thread/io-thread.ts'
import type { ConnectionEnded, EndConnection } from './system-questions.ts'

/** Closes a connection of the thread, or tells a client to look for another server. */
export function endConnection(thread: IoThread, { cid, how }: EndConnection): ConnectionEnded {
  const connection = thread.connections.find((one) => one?.isOpen && one.cid === cid)
  if (connection === undefined) return 'unknown'
  return thread.inTurn(() => {
    if (how === 'kick') {
      connection.close('kicked')
      return 'done'
    }
    // Leaf links are no clients.
    const { session } = connection
    if (!isClient(session)) return 'unknown'
    return session.tellLameDuck() ? 'done' : 'notReady'
  })
}

/** Without loading what only protocol workers need. */
function isClient(session: object): session is ClientSession {
  return 'tellLameDuck' in session
}
