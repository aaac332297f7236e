/** Thread of one protocol worker. */
import { parentPort, workerData } from 'node:worker_threads'
import { IoThread, post } from './io-thread/io-thread.ts'
import { ProtocolWorker } from './protocol-worker-role.ts'
import { faultOf } from './reload/tls-reload.ts'
import { outstandingResponses } from './reports/response-reports.ts'
import { endConnection } from './system/end-connection.ts'
import type { ThreadStart, ToThread } from './threads/thread-messages.ts'
import { type Answers, answerQuestion } from './threads/thread-questions.ts'

const start = workerData as ThreadStart
const thread = new IoThread(start, () => worker)
const worker = new ProtocolWorker(thread, start.settings)

const answers: Answers = {
  lameDuck: () => worker.lameDuck.tell(),
  drain: ({ durationMs }) => worker.lameDuck.drain(durationMs),
  reloadTls: () => faultOf(() => worker.reloadTls())?.text ?? '',
  measurements: async () => thread.measures.report(await worker.reports.openConnections()),
  topSubjects: ({ limit }) => thread.subjectCounts.take(limit),
  prepareReload: (order) => worker.reload.prepare(order),
  dropReload: ({ id }) => worker.reload.drop(id),
  applyReload: (order) => worker.reload.apply(order),
  closeExcess: ({ count }) => worker.reload.closeExcess(count),
  findConnections: (asked) => worker.reports.find(asked),
  reportConnections: (asked) => worker.reports.report(asked),
  openTraffic: () => worker.reports.traffic(),
  responses: ({ account }) =>
    outstandingResponses(worker.services.exporters.get(account)?.requests),
  planCache: ({ account }) => thread.planCacheReport(account),
  endConnection: (ask) => endConnection(thread, ask),
  setTaps: (specs) => {
    worker.tracer.tap.set(specs)
  },
  end: () => {
    worker.closeAll()
    worker.reports.tellClosed()
    thread.log.flush()
  },
}

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
    case 'question':
      void answerQuestion(answers, message, post)
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
