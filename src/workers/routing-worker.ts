/** Thread of the routing worker. */
import { parentPort, workerData } from 'node:worker_threads'
import { IoThread, post } from './io-thread.ts'
import { RoutingWorker } from './routing-worker-role.ts'
import type { ThreadStart, ToThread } from './thread-messages.ts'

const start = workerData as ThreadStart
const thread = new IoThread(start, () => worker)
const worker = new RoutingWorker(thread, start.settings)

function onMessage(message: ToThread): void {
  switch (message.type) {
    case 'peer':
      thread.connectPeer(message.thread, message.port)
      break
    case 'connection':
      worker.leafs.acceptor.accept(message.socket, message.cid)
      break
    case 'relayedLeaf':
      worker.leafs.acceptor.acceptRelayed(message.port, message.facts, message.cid)
      break
    case 'answer':
      worker.leafs.main.onAnswer(message.id, message.answer)
      break
    case 'lameDuck':
      post({ type: 'lameDuckTold', count: worker.leafs.tellLameDuck() })
      break
    case 'leafReport':
      post({ type: 'leafReport', report: worker.leafs.report(message.withSubscriptions) })
      break
    case 'peerDied':
      thread.forgetPeer(message.thread)
      post({ type: 'forgotten', thread: message.thread })
      break
    case 'shutdown':
      worker.leafs.closeAll()
      thread.log.flush()
      post({ type: 'ended' })
      break
    case 'fail':
      thread.fail(message.how)
  }
}

await worker.open()
// What has been sent meanwhile comes now.
parentPort?.on('message', onMessage)
// From here on the thread sleeps until it is rung.
thread.poll()
post({ type: 'ready' })
