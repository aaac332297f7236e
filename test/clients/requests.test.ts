import assert from 'node:assert/strict'
import { respondWith, textOf } from '../support/collector.ts'
import { eachClient } from './each-client.ts'

const TIMEOUT_MS = 10_000

eachClient('requests', {}, (check) => {
  for (const noMux of [false, true]) {
    const how = noMux ? 'with an inbox of its own' : 'over the common inbox'

    check(`a request ${how} is answered`, async ({ connect }) => {
      const [asker, service] = [await connect(), await connect()]
      respondWith(service, 'upper.*', (text) => text.toUpperCase())
      await service.flush()
      const answer = await asker.request('upper.x', 'abc', { timeout: TIMEOUT_MS, noMux })
      assert.equal(textOf(answer), 'ABC')
    })

    check(`a request ${how} to nobody fails at once`, async ({ connect, library }) => {
      const asker = await connect()
      const startMs = Date.now()
      await assert.rejects(
        asker.request('nobody.is.here', 'abc', { timeout: TIMEOUT_MS, noMux }),
        (error) => library.kindOf(error) === 'no responders',
      )
      assert.ok(Date.now() - startMs < TIMEOUT_MS / 2, 'it must not wait for the timeout')
    })

    check(`a request ${how} that is never answered times out`, async ({ connect, library }) => {
      const [asker, service] = [await connect(), await connect()]
      service.subscribe('silent', { callback: () => {} })
      await service.flush()
      await assert.rejects(
        asker.request('silent', 'abc', { timeout: 200, noMux }),
        (error) => library.kindOf(error) === 'timeout',
      )
    })

    check(`1,000 requests at a time ${how} get their own answers`, async ({ connect }) => {
      const [asker, service] = [await connect(), await connect()]
      respondWith(service, 'echo', (text) => `echo ${text}`)
      await service.flush()
      const requests = Array.from({ length: 1000 }, async (_, i) => {
        const answer = await asker.request('echo', String(i), { timeout: TIMEOUT_MS, noMux })
        return textOf(answer)
      })
      const answers = await Promise.all(requests)
      assert.deepEqual(
        answers,
        answers.map((_, i) => `echo ${i}`),
      )
    })
  }

  check('requests one after the other', async ({ connect }) => {
    const [asker, service] = [await connect(), await connect()]
    respondWith(service, 'ping.pong', (text) => text)
    await service.flush()
    for (let i = 0; i < 500; i += 1) {
      const answer = await asker.request('ping.pong', String(i), { timeout: TIMEOUT_MS })
      assert.equal(textOf(answer), String(i))
    }
  })

  check('asker and service on one connection', async ({ connect }) => {
    const connection = await connect()
    respondWith(connection, 'self', (text) => text)
    const answer = await connection.request('self', 'me', { timeout: TIMEOUT_MS })
    assert.equal(textOf(answer), 'me')
  })

  check('a queue group of services shares the requests', async ({ connect }) => {
    const asker = await connect()
    const services = await Promise.all(Array.from({ length: 4 }, () => connect()))
    for (const [i, service] of services.entries()) respondWith(service, 'pool', () => `${i}`, 'q')
    await Promise.all(services.map((service) => service.flush()))
    const requests = Array.from({ length: 400 }, () =>
      asker.request('pool', '', { timeout: TIMEOUT_MS }),
    )
    const counts = [0, 0, 0, 0]
    for (const answer of await Promise.all(requests)) counts[Number(textOf(answer))]! += 1
    assert.equal(
      counts.reduce((sum, count) => sum + count),
      400,
    )
    for (const count of counts) assert.ok(count >= 40, `unfair: ${counts.join(', ')}`)
  })

  check('several answers to one request', async ({ connect }) => {
    const asker = await connect()
    const services = await Promise.all(Array.from({ length: 3 }, () => connect()))
    for (const [i, service] of services.entries()) respondWith(service, 'survey', () => `s${i}`)
    await Promise.all(services.map((service) => service.flush()))
    const options = { strategy: 'count', maxMessages: 3, maxWait: TIMEOUT_MS }
    const answers: string[] = []
    for await (const answer of await asker.requestMany('survey', '', options)) {
      answers.push(textOf(answer))
    }
    assert.deepEqual(answers.sort(), ['s0', 's1', 's2'])
  })

  check('headers travel with request and answer', async ({ connect, library }) => {
    const [asker, service] = [await connect(), await connect()]
    service.subscribe('headers', {
      callback: (_, message) => {
        const headers = library.headers()
        headers.set('Answer', `to ${message.headers?.get('Question') ?? 'nothing'}`)
        message.respond('ok', { headers })
      },
    })
    await service.flush()
    const headers = library.headers()
    headers.set('Question', 'life')
    const answer = await asker.request('headers', '', { timeout: TIMEOUT_MS, headers })
    assert.equal(answer.headers?.get('Answer'), 'to life')
  })

  check('no responders again after the service has unsubscribed', async ({ connect, library }) => {
    const [asker, service] = [await connect(), await connect()]
    const subscription = respondWith(service, 'short.lived', (text) => text)
    await service.flush()
    await asker.request('short.lived', 'x', { timeout: TIMEOUT_MS })
    subscription.unsubscribe()
    await service.flush()
    await assert.rejects(
      asker.request('short.lived', 'x', { timeout: TIMEOUT_MS }),
      (error) => library.kindOf(error) === 'no responders',
    )
  })
})
