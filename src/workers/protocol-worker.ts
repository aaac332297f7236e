/** Thread of one protocol worker. */
import { parentPort, workerData } from 'node:worker_threads'
import { IoThread, post } from './io-thread.ts'
import { ProtocolWorker } from './protocol-worker-role.ts'
import type { ThreadStart, ToThread } from './thread-messages.ts'
import { faultOf } from './tls-reload.ts'

const start = workerData as ThreadStart
const thread = new IoThread(start, () => worker)
const worker = new ProtocolWorker(thread, start.settings)

function onMessage(message: ToThread): void {
  switch (message.type) {
    case 'peer':
      thread.connectPeer(message.thread, message.port)
      break
    case 'connection': {
      const { listener, socket, cid, isRefused } = message
      if (listener === 'websocket') worker.acceptWebsocket(socket, cid, isRefused)
      else worker.accept(socket, cid, isRefused)
      break
    }
    case 'peerDied':
      thread.forgetPeer(message.thread)
      post({ type: 'forgotten', thread: message.thread })
      break
    case 'lameDuck':
      post({ type: 'lameDuckTold', count: worker.lameDuck.tell() })
      break
    case 'drain':
      worker.lameDuck.drain(message.durationMs, () => post({ type: 'drained' }))
      break
    case 'reloadTls':
      post({ type: 'tlsReloaded', fault: faultOf(() => worker.reloadTls())?.text ?? '' })
      break
    case 'shutdown':
      worker.closeAll()
      thread.log.flush()
      post({ type: 'ended' })
      break
    case 'fail':
      thread.fail(message.how)
  }
}

await worker.prepare()
// What has been sent meanwhile comes now.
parentPort?.on('message', onMessage)
// From here on the thread sleeps until it is rung.
thread.poll()
post({ type: 'ready' })
