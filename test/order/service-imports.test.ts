import assert from 'node:assert/strict'
import { onWorkers } from './worker-counts.ts'

const ACCOUNTS = `
max_pending: 512MB
accounts {
  DEEP { users: [{ user: deep, password: p }], exports: [{ service: deep }] }
  MIDDLE {
    exports: [{ service: svc }]
    imports: [{ service: { account: DEEP, subject: deep }, to: svc }]
  }
  ASKERS {
    users: [{ user: asker, password: p }]
    imports: [{ service: { account: MIDDLE, subject: svc } }]
  }
}
`
const CLIENTS = 3
const BODY_BYTES = 60_000

/** Requests over two imports, to responders and from requesters on all workers. */
function askAll(name: string, requestCount: number, bodyBytes: number): void {
  onWorkers(
    name,
    async ({ connect, connectMany }) => {
      for (let i = 0; i < CLIENTS; i++) {
        const responder = await connect({ user: 'deep', pass: 'p' })
        responder.onMessage = ({ reply, payload }) => responder.publish(reply ?? '', payload)
        responder.subscribe('deep', 1, 'group')
        await responder.flush()
      }
      const askers = await connectMany(CLIENTS, { user: 'asker', pass: 'p' })
      const asking = askers.map(async (asker, i) => {
        let answerCount = 0
        asker.onMessage = ({ subject, headers, payload }) => {
          answerCount++
          if (headers !== '') asker.errors.push(`${subject} got ${headers}`)
          if (payload.length !== bodyBytes) asker.errors.push(`${payload.length} bytes came`)
          const number = payload.toString('latin1', 0, payload.indexOf(':'))
          if (subject !== `in${i}.${number}`) asker.errors.push(`${subject} got ${number}`)
        }
        asker.subscribe(`in${i}.*`, 1)
        await asker.flush()
        for (let n = 0; n < requestCount; n++) {
          asker.publish('svc', `${n}:`.padEnd(bodyBytes, 'x'), `in${i}.${n}`)
          await asker.drained()
        }
        await asker.waitFor('all answers', () => answerCount >= requestCount, 40_000)
        assert.equal(answerCount, requestCount)
        assert.deepEqual(asker.errors, [])
      })
      await Promise.all(asking)
    },
    ACCOUNTS,
  )
}

askAll('each of many requests to another account gets its own answer', 5_000, 40)
askAll('requests that fill the lanes between workers wait for room', 1_000, BODY_BYTES)
