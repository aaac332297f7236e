import assert from 'node:assert/strict'
import { CLASSIC, type TestConnection } from '../support/client-libraries.ts'
import { Collector, respondWith, settle, textOf } from '../support/collector.ts'
import { crossInterest, crossMessages } from './cross.ts'
import { eachLinkedPair, type LinkedBench } from './pairs.ts'

const TIMEOUT_MS = 10_000
const PAYLOAD_BYTES_MAX = 1024 * 1024

/** The two ways over a link: who publishes or asks, and who is at the far end. */
const WAYS = ['hub to leaf', 'leaf to hub'] as const

/** A client at each end, in the order of the way. */
async function ends(
  { hub, leaf, connect }: LinkedBench,
  way: (typeof WAYS)[number],
): Promise<[near: TestConnection, far: TestConnection]> {
  const [atHub, atLeaf] = [await connect(hub), await connect(leaf)]
  return way === 'hub to leaf' ? [atHub, atLeaf] : [atLeaf, atHub]
}

eachLinkedPair('messages over a leaf link', (check) => {
  for (const way of WAYS) {
    check(`${way}: asked about an account's connections, both ends answer`, async (bench) => {
      const [near] = await ends(bench, way)
      const seen = new Collector(near, 'connections.answers')
      near.publish('$SYS.REQ.ACCOUNT.PING.CONNZ', '', { reply: 'connections.answers' })
      await seen.waitFor(2)
      const names = seen.texts.map((text) => JSON.parse(text).server.name)
      assert.deepEqual(names.sort(), ['hub', 'leaf'])
    })

    check(`${way}: a message arrives, subject, reply and payload unchanged`, async (bench) => {
      const [near, far] = await ends(bench, way)
      const seen = new Collector(far, 'plain.subject')
      await crossInterest(far, near)
      near.publish('plain.subject', 'hello', { reply: 'answer.here' })
      near.publish('plain.subject', '')
      const [first] = await seen.waitFor(2)
      assert.equal(first?.subject, 'plain.subject')
      assert.equal(first?.reply, 'answer.here')
      assert.deepEqual(seen.texts, ['hello', ''])
    })

    check(`${way}: wildcard interest`, async (bench) => {
      const [near, far] = await ends(bench, way)
      const star = new Collector(far, 'wild.*.end')
      const full = new Collector(far, 'wild.>')
      await crossInterest(far, near)
      const subjects = ['wild.a.end', 'wild.b', 'wild', 'wild.a.b.end', 'other.a.end']
      for (const subject of subjects) near.publish(subject, subject)
      await crossMessages(near, far)
      assert.deepEqual(star.texts, ['wild.a.end'])
      assert.deepEqual(full.texts, ['wild.a.end', 'wild.b', 'wild.a.b.end'])
    })

    check(`${way}: headers arrive as they were sent`, async (bench) => {
      const [near, far] = await ends(bench, way)
      const seen = new Collector(far, 'with.headers')
      await crossInterest(far, near)
      const headers = CLASSIC.headers()
      headers.set('Single', 'one')
      headers.append('Multi', 'a')
      headers.append('Multi', 'b c')
      near.publish('with.headers', 'body', { headers, reply: 'r' })
      near.publish('with.headers', '', { headers })
      near.publish('with.headers', 'none')
      const messages = await seen.waitFor(3)
      for (const message of messages.slice(0, 2)) {
        assert.equal(message.headers?.get('Single'), 'one')
        assert.deepEqual(message.headers?.values('Multi'), ['a', 'b c'])
      }
      assert.equal(messages[0]?.reply, 'r')
      assert.equal(messages[2]?.headers, undefined)
      assert.deepEqual(seen.texts, ['body', '', 'none'])
    })

    for (const noMux of [false, true]) {
      check(`${way}: a request is answered${noMux ? ', own inbox' : ''}`, async (bench) => {
        const [near, far] = await ends(bench, way)
        respondWith(far, 'upper', (text) => text.toUpperCase())
        await crossInterest(far, near)
        for (let i = 0; i < 50; i += 1) {
          const answer = await near.request('upper', `abc${i}`, { timeout: TIMEOUT_MS, noMux })
          assert.equal(textOf(answer), `ABC${i}`)
        }
      })
    }

    check(`${way}: 500 requests at a time get their own answers`, async (bench) => {
      const [near, far] = await ends(bench, way)
      respondWith(far, 'echo', (text) => `echo ${text}`)
      await crossInterest(far, near)
      const requests = Array.from({ length: 500 }, (_, i) =>
        near.request('echo', String(i), { timeout: TIMEOUT_MS }),
      )
      const answers = (await Promise.all(requests)).map(textOf)
      assert.deepEqual(
        answers,
        answers.map((_, i) => `echo ${i}`),
      )
    })

    check(`${way}: no responders before there is a service and after it left`, async (bench) => {
      const [near, far] = await ends(bench, way)
      const ask = () => near.request('come.and.go', 'x', { timeout: TIMEOUT_MS })
      const isNoResponders = (error: unknown) => CLASSIC.kindOf(error) === 'no responders'
      await assert.rejects(ask(), isNoResponders)
      for (let round = 0; round < 3; round += 1) {
        const service = respondWith(far, 'come.and.go', (text) => text)
        await crossInterest(far, near)
        await ask()
        service.unsubscribe()
        await crossInterest(far, near)
        await assert.rejects(ask(), isNoResponders)
      }
    })

    check(`${way}: interest stays while one of two subscribers is left`, async (bench) => {
      const [near, far] = await ends(bench, way)
      const second = await bench.connect(way === 'hub to leaf' ? bench.leaf : bench.hub)
      const [one, two] = [new Collector(far, 'both'), new Collector(second, 'both')]
      await Promise.all([crossInterest(far, near), crossInterest(second, near)])
      one.subscription.unsubscribe()
      await crossInterest(far, near)
      near.publish('both', 'still')
      await two.waitFor(1)
      assert.deepEqual(one.texts, [])
    })

    check(`${way}: interest ends with the connection of the subscriber`, async (bench) => {
      const [near, far] = await ends(bench, way)
      const leaving = await bench.connect(way === 'hub to leaf' ? bench.leaf : bench.hub)
      respondWith(leaving, 'leaving', (text) => text)
      await crossInterest(leaving, near)
      const closed = leaving.closed()
      await leaving.close()
      await closed
      await crossInterest(far, near)
      // The server learns of the close by itself, so the interest may outlive close() for a moment.
      for (let tries = 0; ; tries += 1) {
        try {
          await near.request('leaving', 'x', { timeout: 100 })
          assert.fail('somebody answered')
        } catch (error) {
          if (CLASSIC.kindOf(error) === 'no responders') break
          assert.ok(tries < 50, `no "no responders" but ${String(error)}`)
        }
      }
    })

    check(`${way}: auto-unsubscribe ends after its maximum`, async (bench) => {
      const [near, far] = await ends(bench, way)
      const seen = new Collector(far, 'auto.max', { max: 3 })
      await crossInterest(far, near)
      for (let i = 0; i < 10; i += 1) near.publish('auto.max', String(i))
      await crossMessages(near, far)
      assert.deepEqual(seen.texts, [...'012'])
    })

    check(`${way}: one copy for each subscription, however much overlaps`, async (bench) => {
      const [near, far] = await ends(bench, way)
      const third = await bench.connect(way === 'hub to leaf' ? bench.leaf : bench.hub)
      const patterns = ['over.lap', 'over.*', 'over.>', '>']
      const seen = [far, third].flatMap((one) => patterns.map((p) => new Collector(one, p)))
      const local = new Collector(near, 'over.lap')
      await Promise.all([crossInterest(far, near), crossInterest(third, near)])
      for (let i = 0; i < 10; i += 1) near.publish('over.lap', String(i))
      await crossMessages(near, far)
      await crossMessages(near, third)
      await settle(near, near)
      for (const collector of seen) {
        const texts = collector.messages.filter((m) => m.subject === 'over.lap').map(textOf)
        assert.deepEqual(texts, [...'0123456789'], collector.subscription.getSubject())
      }
      assert.deepEqual(local.texts, [...'0123456789'])
    })

    check(`${way}: nothing comes back to a publisher without echo`, async (bench) => {
      const { hub, leaf, connect } = bench
      const near = await connect(way === 'hub to leaf' ? hub : leaf, { noEcho: true })
      const far = await connect(way === 'hub to leaf' ? leaf : hub)
      const [own, theirs] = [new Collector(near, 'echo'), new Collector(far, 'echo')]
      await Promise.all([crossInterest(far, near), crossInterest(near, far)])
      near.publish('echo', 'x')
      await crossMessages(near, far)
      await crossMessages(far, near)
      assert.deepEqual(own.texts, [])
      assert.deepEqual(theirs.texts, ['x'])
    })

    check(`${way}: queue members at the publisher's end come first`, async (bench) => {
      const [near, far] = await ends(bench, way)
      const here = new Collector(near, 'work', { queue: 'q' })
      const there = new Collector(far, 'work', { queue: 'q' })
      await Promise.all([crossInterest(far, near), crossInterest(near, far)])
      for (let i = 0; i < 50; i += 1) near.publish('work', String(i))
      await here.waitFor(50)
      await crossMessages(near, far)
      assert.equal(there.messages.length, 0)
      here.subscription.unsubscribe()
      await crossInterest(near, far)
      for (let i = 0; i < 50; i += 1) near.publish('work', String(i))
      await there.waitFor(50)
      assert.equal(here.messages.length, 50)
    })

    check(`${way}: groups and plain subscribers of the far end, each once`, async (bench) => {
      const [near, far] = await ends(bench, way)
      const group = (name: string) =>
        Array.from({ length: 3 }, () => new Collector(far, 'mixed.*', { queue: name }))
      const [red, blue] = [group('red'), group('blue')]
      const plain = new Collector(far, 'mixed.x')
      await crossInterest(far, near)
      for (let i = 0; i < 300; i += 1) near.publish('mixed.x', String(i))
      await crossMessages(near, far)
      const wanted = Array.from(Array(300).keys())
      for (const members of [red, blue]) {
        const all = members.flatMap(({ texts }) => texts.map(Number)).sort((a, b) => a - b)
        assert.deepEqual(all, wanted)
        for (const { messages } of members) assert.ok(messages.length >= 30, 'a member is left out')
      }
      assert.deepEqual(plain.texts.map(Number), wanted)
    })

    check(`${way}: a group that shrinks and ends`, async (bench) => {
      const [near, far] = await ends(bench, way)
      const members = Array.from({ length: 3 }, () => respondWith(far, 'shrink', String, 'q'))
      await crossInterest(far, near)
      for (const member of members) {
        await near.request('shrink', 'x', { timeout: TIMEOUT_MS })
        member.unsubscribe()
        await crossInterest(far, near)
      }
      await assert.rejects(
        near.request('shrink', 'x', { timeout: TIMEOUT_MS }),
        (error) => CLASSIC.kindOf(error) === 'no responders',
      )
    })

    check(`${way}: 20,000 messages keep their order`, async (bench) => {
      const [near, far] = await ends(bench, way)
      const seen = new Collector(far, 'order.*')
      await crossInterest(far, near)
      const count = 20_000
      for (let i = 0; i < count; i += 1) {
        near.publish(`order.${i % 3}`, String(i))
        if (i % 2000 === 0) await near.flush()
      }
      await seen.waitFor(count, 30_000)
      const firstWrong = seen.messages.findIndex((message, i) => textOf(message) !== String(i))
      assert.equal(firstWrong, -1, `message ${firstWrong} is ${seen.texts[firstWrong]}`)
    })

    check(`${way}: payloads up to the maximum are unchanged`, async (bench) => {
      const [near, far] = await ends(bench, way)
      const seen = new Collector(far, 'large')
      await crossInterest(far, near)
      const bytes = Buffer.from([...Array(256).keys()])
      const sizes = [1, 4096, 65_535, 65_536, 100_000, PAYLOAD_BYTES_MAX, PAYLOAD_BYTES_MAX]
      const payloads = sizes.map((size) => Buffer.alloc(size, bytes))
      for (const payload of payloads) near.publish('large', payload)
      const messages = await seen.waitFor(payloads.length)
      for (const [i, message] of messages.entries()) {
        assert.ok(payloads[i]?.equals(message.data), `${sizes[i]} bytes differ`)
      }
    })
  }

  check('both ways at a time', async (bench) => {
    const [atHub, atLeaf] = await ends(bench, 'hub to leaf')
    const [fromLeaf, fromHub] = [new Collector(atHub, 'up'), new Collector(atLeaf, 'down')]
    await Promise.all([crossInterest(atHub, atLeaf), crossInterest(atLeaf, atHub)])
    for (let i = 0; i < 5000; i += 1) {
      atHub.publish('down', String(i))
      atLeaf.publish('up', String(i))
      if (i % 500 === 0) await Promise.all([atHub.flush(), atLeaf.flush()])
    }
    const wanted = Array.from({ length: 5000 }, (_, i) => String(i))
    await Promise.all([fromLeaf.waitFor(5000), fromHub.waitFor(5000)])
    assert.deepEqual(fromLeaf.texts, wanted)
    assert.deepEqual(fromHub.texts, wanted)
  })
})
