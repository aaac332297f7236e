/** Thread of the routing worker. */
import { type MessagePort, parentPort } from 'node:worker_threads'
import { BrokerError } from '../base/errors.ts'
import { IoThread } from './io-thread/io-thread.ts'
import { faultOf } from './reload/tls-reload.ts'
import { outstandingResponses } from './reports/response-reports.ts'
import { RoutingWorker } from './routing-worker-role.ts'
import { endConnection } from './system/end-connection.ts'
import { ThreadInbox } from './threads/thread-inbox.ts'
import type { PostToMain, ThreadStart, ToThread } from './threads/thread-messages.ts'
import { type Answers, answerQuestion } from './threads/thread-questions.ts'

/** Loads while the main thread reads the options. For what `host` is asked with few workers. */
const guests = import('./protocol-thread.ts')
const inbox = new ThreadInbox()
const start = await inbox.start
const post: PostToMain = (message, transfer = []) => parentPort?.postMessage(message, transfer)
const thread = new IoThread(start, post, () => worker)
const worker = new RoutingWorker(thread, start)

const answers: Answers = {
  lameDuck: () => worker.leafs.tellLameDuck(),
  leafReport: ({ withSubscriptions }) => worker.leafs.report(withSubscriptions),
  reloadTls: () => faultOf(() => worker.leafs.reloadTls())?.text ?? '',
  measurements: async () => thread.measures.report(await worker.leafs.reports.openConnections()),
  topSubjects: ({ limit }) => thread.subjectCounts.take(limit),
  findConnections: (asked) => worker.leafs.reports.find(asked),
  reportConnections: (asked) => worker.leafs.reports.report(asked),
  openTraffic: () => worker.leafs.reports.traffic(),
  responses: ({ account }) =>
    outstandingResponses(worker.leafs.services.exporters.get(account)?.requests),
  planCache: ({ account }) => thread.planCacheReport(account),
  subscriptions: (query) => worker.reports.sublist.subscriptions(query),
  accounts: () => worker.reports.accounts.all(),
  pinnedAccountFails: () => worker.security.pinnedAccountFails,
  account: ({ name }) => worker.reports.accounts.one(name),
  prepareReload: (order) => worker.reload.prepare(order),
  dropReload: ({ id }) => worker.reload.drop(id),
  applyReload: (order) => worker.reload.apply(order),
  endConnection: (ask) => endConnection(thread, ask),
  announceEnd: ({ how }) => {
    thread.inTurn(() => worker.security.events?.announceEnd(how))
  },
  setTaps: (specs) => {
    worker.leafs.tracer.tap.set(specs)
  },
  end: () => {
    worker.leafs.closeAll()
    worker.leafs.reports.tellClosed()
    worker.security.close()
    thread.log.flush()
  },
}

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
    case 'guest':
      void host(message.start, message.port)
      break
    case 'answer':
      worker.security.main.onAnswer(message.id, message.answer)
      break
    case 'question':
      void answerQuestion(answers, message, post)
      break
    case 'peerDied':
      thread.forgetPeer(message.thread)
      post({ type: 'forgotten', thread: message.thread })
      break
    case 'fail':
      thread.fail(message.how)
  }
}

/** A protocol worker that has this thread's event loop. */
async function host(guest: ThreadStart, port: MessagePort): Promise<void> {
  const { runProtocolThread } = await guests
  await runProtocolThread(guest, port, (other) => {
    other.standBeside(thread)
    thread.standBeside(other)
  })
}

/** What has to wait until the thread is open. Its peers do not: they tell who is connected. */
const early: ToThread[] = []
let isOpen = false
inbox.on('message', (message) => {
  if (isOpen || message.type === 'peer' || message.type === 'guest') {
    onMessage(message)
    return
  }
  if (message.type === 'peerDied') worker.security.peers.awaitNoMore(message.thread)
  early.push(message)
})
try {
  await worker.open()
} catch (error) {
  if (error instanceof BrokerError) post({ type: 'startRefused', text: error.message })
  throw error
}
isOpen = true
for (const message of early) onMessage(message)
// From here on the thread sleeps until it is rung.
thread.poll()
post({ type: 'ready' })
