import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { HandshakeRate } from '../../src/workers/clients/handshake-rate.ts'
import { withLog } from '../support/failure-text.ts'
import { notHonouredReason } from '../support/not-yet-honoured.ts'
import { programsUnderTest, skipReason } from '../support/peers.ts'
import { RawClient } from '../support/raw-client.ts'
import { startServer } from '../support/server-process.ts'
import { until } from '../support/wait.ts'
import { connectSecure, logIn, tlsConfig } from './tls-bench.ts'

const SECOND_NS = 1_000_000_000
/** The end of a window is kept to about a millisecond. */
const ROUNDING_NS = 2 ** 20

test('so many handshakes in a window, and the window begins with the first', () => {
  const rate = new HandshakeRate(HandshakeRate.allocate(), 3)
  const allowed = (ns: number) => rate.allow(BigInt(ns))
  const startNs = 5 * SECOND_NS
  assert.deepEqual(
    [0, 1, 2, 3].map((after) => allowed(startNs + after)),
    [true, true, true, false],
  )
  assert.equal(allowed(startNs + SECOND_NS - ROUNDING_NS - 1), false)
  assert.equal(rate.takeRefused(), 2)
  assert.equal(rate.takeRefused(), 0)
  assert.equal(allowed(startNs + SECOND_NS + 1), true)
})

test('two threads count together, and never more than the limit is let in', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 20 }),
      fc.array(fc.tuple(fc.boolean(), fc.nat(SECOND_NS / 4)), { maxLength: 200 }),
      (limit, steps) => {
        const memory = HandshakeRate.allocate()
        const rates = [new HandshakeRate(memory, limit), new HandshakeRate(memory, limit)]
        let nowNs = SECOND_NS
        let windowNs = Number.NEGATIVE_INFINITY
        let inWindow = 0
        let refused = 0
        for (const [isSecond, stepNs] of steps) {
          // Away from the end of the window, which is kept roughly.
          nowNs += Math.ceil(stepNs / ROUNDING_NS) * ROUNDING_NS
          const isNew = nowNs > Math.floor((windowNs + SECOND_NS) / ROUNDING_NS) * ROUNDING_NS
          if (isNew) {
            windowNs = nowNs
            inWindow = 0
          }
          const isAllowed = rates[isSecond ? 1 : 0]!.allow(BigInt(nowNs))
          assert.equal(isAllowed, inWindow < limit)
          if (isAllowed) inWindow += 1
          else refused += 1
        }
        assert.equal(rates[0]!.takeRefused() + rates[1]!.takeRefused(), refused)
      },
    ),
  )
})

for (const under of programsUnderTest()) {
  const config = tlsConfig(['connection_rate_limit: 2'], 'allow_non_tls: true')
  const skip = skipReason(under) || notHonouredReason(under, config)
  describe(`connection_rate_limit, ${under.name}`, { skip }, () => {
    test('handshakes beyond it are refused in clear, and counted', {
      timeout: 60_000,
    }, async () => {
      await using server = await startServer(under, { config })
      try {
        // All start within a second, however long each of them takes.
        const starts = await Promise.allSettled(
          Array.from({ length: 12 }, () => connectSecure(server.port, 'INFO first')),
        )
        const letIn = starts.filter(({ status }) => status === 'fulfilled')
        assert.ok(letIn.length >= 2 && letIn.length < 12, `let in: ${letIn.length}`)
        const line = /\[WRN\] Rejected (\d+) connections due to TLS rate limiting/g
        const rejected = () =>
          [...server.log.matchAll(line)].reduce((sum, [, count]) => sum + Number(count), 0)
        await until('all refusals to be logged', () => rejected() === 12 - letIn.length)
        // Whoever asks for no TLS is not counted.
        await using plain = await RawClient.connect(server.port)
        await plain.readUntil('} \r\n')
        await logIn(plain)
        for (const start of starts) if (start.status === 'fulfilled') start.value.raw.close()
      } catch (error) {
        throw withLog(error, [server])
      }
    })

    test('the one refused reads why', { timeout: 60_000 }, async () => {
      await using server = await startServer(under, {
        config: tlsConfig(['connection_rate_limit: 1']),
        flags: ['-D'],
      })
      try {
        const told = await until(
          'somebody to be refused',
          async () => {
            await using first = await connectSecure(server.port, 'INFO first')
            assert.ok(first.socket.encrypted)
            await using second = await RawClient.connect(server.port)
            await second.readUntilClose()
            const text = second.received.toString('latin1')
            return text.includes('-ERR') ? text : false
          },
          30_000,
        )
        assert.match(
          told,
          /\} \r\n-ERR 'Connection throttling is active\. Please try again later\.'\r\n$/,
        )
        await until('the reason', () =>
          server.log.includes('Client connection closed: Maximum Connections Exceeded'),
        )
      } catch (error) {
        throw withLog(error, [server])
      }
    })
  })
}
