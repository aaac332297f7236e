import { IoThread } from './io-thread/io-thread.ts'
import { ProtocolWorker } from './protocol-worker-role.ts'
import { faultOf } from './reload/tls-reload.ts'
import { outstandingResponses } from './reports/response-reports.ts'
import { endConnection } from './system/end-connection.ts'
import type { MainPort, PostToMain, ThreadStart, ToThread } from './threads/thread-messages.ts'
import { type Answers, answerQuestion } from './threads/thread-questions.ts'

/**
 * Runs a protocol worker for the rest of the life of this thread of the process.
 *
 * @param main what the main thread is heard and told by
 * @param onMade called before anything else happens
 */
export async function runProtocolThread(
  start: ThreadStart,
  main: MainPort,
  onMade: (thread: IoThread) => void = () => {},
): Promise<void> {
  const post: PostToMain = (message, transfer = []) => main.postMessage(message, transfer)
  const thread = new IoThread(start, post, () => worker)
  const worker = new ProtocolWorker(thread, start.settings)
  onMade(thread)

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
  main.on('message', onMessage)
  // From here on the thread sleeps until it is rung.
  thread.poll()
  post({ type: 'ready' })
}
