import assert from 'node:assert/strict'
import { Collector, settle } from '../support/collector.ts'
import { within } from '../support/wait.ts'
import { eachClient } from './each-client.ts'

const PAYLOAD_BYTES_MAX = 1024 * 1024

eachClient('publish and subscribe', {}, (check) => {
  check('a message reaches the subscriber of another connection', async ({ connect }) => {
    const [publisher, subscriber] = [await connect(), await connect()]
    const seen = new Collector(subscriber, 'hello.world')
    await subscriber.flush()
    publisher.publish('hello.world', 'hi', { reply: 'back.here' })
    const [message] = await seen.waitFor(1)
    assert.equal(message?.subject, 'hello.world')
    assert.equal(message?.reply, 'back.here')
    assert.deepEqual(seen.texts, ['hi'])
  })

  check('wildcards match what they should and nothing else', async ({ connect }) => {
    const [publisher, subscriber] = [await connect(), await connect()]
    const star = new Collector(subscriber, 'wild.*.end')
    const full = new Collector(subscriber, 'wild.>')
    await subscriber.flush()
    const subjects = ['wild.a.end', 'wild.b', 'wild', 'wild.a.b.end', 'other.a.end']
    for (const subject of subjects) publisher.publish(subject, subject)
    await settle(publisher, subscriber)
    assert.deepEqual(star.texts, ['wild.a.end'])
    assert.deepEqual(full.texts, ['wild.a.end', 'wild.b', 'wild.a.b.end'])
  })

  check('every subscriber gets a copy, also two of one connection', async ({ connect }) => {
    const publisher = await connect()
    const others = await Promise.all(Array.from({ length: 8 }, () => connect()))
    const seen = [...others, publisher, publisher].map((one) => new Collector(one, 'fan.out'))
    await Promise.all([...others, publisher].map((one) => one.flush()))
    for (let i = 0; i < 10; i += 1) publisher.publish('fan.out', String(i))
    await settle(publisher, publisher, ...others)
    for (const { texts } of seen) assert.deepEqual(texts, [...'0123456789'])
  })

  check(
    'flush: what was subscribed before is found by a later publish of anybody',
    async (bench) => {
      const [publisher, subscriber] = [await bench.connect(), await bench.connect()]
      for (let i = 0; i < 200; i += 1) {
        const seen = new Collector(subscriber, `flush.${i}`, { max: 1 })
        await subscriber.flush()
        publisher.publish(`flush.${i}`, 'x')
        await seen.waitFor(1)
      }
    },
  )

  check('subscribe and publish on one connection without waiting', async ({ connect }) => {
    const connection = await connect()
    const seen = Array.from({ length: 100 }, (_, i) => {
      const collector = new Collector(connection, `at.once.${i}`)
      connection.publish(`at.once.${i}`, String(i))
      return collector
    })
    await connection.flush()
    for (const [i, collector] of seen.entries()) assert.deepEqual(collector.texts, [String(i)])
  })

  check('an unsubscribed subject brings nothing more', async ({ connect }) => {
    const [publisher, subscriber] = [await connect(), await connect()]
    const seen = new Collector(subscriber, 'un.sub')
    await subscriber.flush()
    publisher.publish('un.sub', 'first')
    await seen.waitFor(1)
    seen.subscription.unsubscribe()
    await subscriber.flush()
    publisher.publish('un.sub', 'second')
    await settle(publisher, subscriber)
    assert.deepEqual(seen.texts, ['first'])
    assert.equal(subscriber.stats().inMsgs, 2, 'the first message and the settling marker')
  })

  check('auto-unsubscribe ends after its maximum', async ({ connect }) => {
    const [publisher, subscriber] = [await connect(), await connect()]
    const seen = new Collector(subscriber, 'auto.max', { max: 5 })
    await subscriber.flush()
    for (let i = 0; i < 20; i += 1) publisher.publish('auto.max', String(i))
    await settle(publisher, subscriber)
    assert.deepEqual(seen.texts, [...'01234'])
    assert.equal(seen.subscription.isClosed(), true)
    assert.equal(subscriber.stats().inMsgs, 6, 'five messages and the settling marker')
  })

  check('noEcho keeps own messages away, from the own connection only', async ({ connect }) => {
    const [quiet, other] = [await connect({ noEcho: true }), await connect()]
    const own = new Collector(quiet, 'echo.off')
    const others = new Collector(other, 'echo.off')
    await Promise.all([quiet.flush(), other.flush()])
    quiet.publish('echo.off', 'mine')
    await settle(quiet, other)
    other.publish('echo.off', 'yours')
    await settle(other, quiet, other)
    assert.deepEqual(own.texts, ['yours'])
    assert.deepEqual(others.texts, ['mine', 'yours'])
  })

  check('queue group: each message once, all members take part', async ({ connect }) => {
    const publisher = await connect()
    const members = await Promise.all(Array.from({ length: 3 }, () => connect()))
    const seen = members.map((member) => new Collector(member, 'work.*', { queue: 'workers' }))
    const plain = new Collector(publisher, 'work.>')
    await Promise.all([publisher, ...members].map((one) => one.flush()))
    const count = 600
    for (let i = 0; i < count; i += 1) publisher.publish('work.x', String(i))
    await settle(publisher, publisher, ...members)
    assert.equal(plain.messages.length, count)
    const all = seen.flatMap(({ texts }) => texts).map(Number)
    all.sort((a, b) => a - b)
    assert.deepEqual(all, Array.from(Array(count).keys()))
    // 200 are expected of each; fewer than 100 in 600 fair draws happen once in 10^17 runs.
    for (const { texts } of seen) assert.ok(texts.length >= 100, `a member got ${texts.length}`)
  })

  check('queue group: the rest goes on when a member leaves', async ({ connect }) => {
    const [publisher, first, second] = [await connect(), await connect(), await connect()]
    const leaving = new Collector(first, 'leave.x', { queue: 'q' })
    const staying = new Collector(second, 'leave.x', { queue: 'q' })
    await Promise.all([first.flush(), second.flush()])
    leaving.subscription.unsubscribe()
    await first.flush()
    for (let i = 0; i < 50; i += 1) publisher.publish('leave.x', String(i))
    await staying.waitFor(50)
    assert.equal(leaving.messages.length, 0)
  })

  check('headers arrive as they were sent', async ({ connect, library }) => {
    const [publisher, subscriber] = [await connect(), await connect()]
    const seen = new Collector(subscriber, 'with.headers')
    await subscriber.flush()
    const headers = library.headers()
    headers.set('Single', 'one')
    headers.append('Multi', 'a')
    headers.append('Multi', 'b c')
    publisher.publish('with.headers', 'body', { headers })
    publisher.publish('with.headers', '', { headers })
    publisher.publish('with.headers', 'none')
    const [first, second, third] = await seen.waitFor(3)
    for (const message of [first, second]) {
      assert.equal(message?.headers?.get('Single'), 'one')
      assert.deepEqual(message?.headers?.values('Multi'), ['a', 'b c'])
    }
    assert.equal(third?.headers, undefined)
    assert.deepEqual(seen.texts, ['body', '', 'none'])
  })

  check('payloads of many sizes and all byte values are unchanged', async ({ connect }) => {
    const [publisher, subscriber] = [await connect(), await connect()]
    const seen = new Collector(subscriber, 'bytes')
    await subscriber.flush()
    const sizes = [0, 1, 15, 16, 17, 255, 4095, 4096, 4097, 65_535, 65_536, 65_537, 300_000]
    const payloads = sizes.map((size) => Buffer.alloc(size, Buffer.from([...Array(256).keys()])))
    for (const payload of payloads) publisher.publish('bytes', payload)
    const messages = await seen.waitFor(payloads.length)
    for (const [i, message] of messages.entries()) {
      assert.ok(payloads[i]?.equals(message.data), `${sizes[i]} bytes differ`)
    }
  })

  check('the largest payload passes, a larger one is refused by the client', async (bench) => {
    const [publisher, subscriber] = [await bench.connect(), await bench.connect()]
    assert.equal(publisher.info?.max_payload, PAYLOAD_BYTES_MAX)
    const seen = new Collector(subscriber, 'largest')
    await subscriber.flush()
    const payload = Buffer.alloc(PAYLOAD_BYTES_MAX, 'abc')
    for (let i = 0; i < 3; i += 1) publisher.publish('largest', payload)
    const tooMuch = Buffer.alloc(PAYLOAD_BYTES_MAX + 1)
    assert.throws(
      () => publisher.publish('largest', tooMuch),
      (error) => bench.library.kindOf(error) === 'payload',
    )
    for (const message of await seen.waitFor(3)) assert.ok(payload.equals(message.data))
  })

  check('100,000 messages keep their order', async ({ connect }) => {
    const [publisher, subscriber] = [await connect(), await connect()]
    const count = 100_000
    let next = 0
    let firstWrong = ''
    const done = new Promise<void>((resolve) => {
      subscriber.subscribe('order', {
        callback: (_, message) => {
          const number = Number(Buffer.from(message.data).toString())
          if (number !== next && firstWrong === '') firstWrong = `${number} instead of ${next}`
          next += 1
          if (next === count) resolve()
        },
      })
    })
    await subscriber.flush()
    for (let i = 0; i < count; i += 1) {
      publisher.publish('order', String(i))
      if (i % 10_000 === 0) await publisher.flush()
    }
    await publisher.flush()
    await within(() => `all messages, ${next} came`, done, 30_000)
    assert.equal(firstWrong, '')
    assert.equal(next, count)
  })
})
