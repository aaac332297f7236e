import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { makeCertificates } from '../support/certificates.ts'
import { Collector } from '../support/collector.ts'
import { FaultProxy } from '../support/fault-proxy.ts'
import { crossInterest, crossMessages } from './cross.ts'
import { assertApart, assertLinked, exchange, logged } from './exchange.ts'
import { eachPair } from './pairs.ts'

const folder = mkdtempSync(join(tmpdir(), 'leaf-websocket-'))
const { ca, server, otherCa } = makeCertificates(folder)
after(() => rmSync(folder, { recursive: true }))

const PLAIN = 'no_tls: true'
const TLS = `tls { cert_file: "${server.certFile}", key_file: "${server.keyFile}" }`
const websocket = (...words: readonly string[]) =>
  `websocket { host: 127.0.0.1, port: -1, ${words.join(', ')} }`
const trusting = (file: string) => `tls { ca_file: "${file}" }`

eachPair('leaf links over WebSocket', (check) => {
  for (const scheme of ['ws', 'wss']) {
    for (const compression of [false, true]) {
      check(
        `${scheme}, permessage-deflate ${compression ? 'on' : 'off'} at the hub`,
        async (bench) => {
          const hub = await bench.startHub({
            top: websocket(scheme === 'ws' ? PLAIN : TLS, `compression: ${compression}`),
          })
          const secure = scheme === 'ws' ? '' : trusting(ca.certFile)
          const forms = [
            '',
            'ws_compression: true',
            'ws_no_masking: true',
            'ws_compression: true, ws_no_masking: true',
          ]
          const leafs = await Promise.all(
            forms.map((form, index) =>
              bench.startLeaf(hub.websocketPort, {
                name: `leaf${index}`,
                scheme,
                remote: `${form}\n${secure}`,
              }),
            ),
          )
          await Promise.all(leafs.map((leaf) => assertLinked(bench, hub, leaf)))
        },
      )
    }
  }

  check('permessage-deflate makes the bytes fewer', async (bench) => {
    const hub = await bench.startHub({
      leafnodes: bench.pair.hub.name === 'nats-server-2.9' ? '' : 'compression: off',
      top: websocket(PLAIN, 'compression: true'),
    })
    await using proxy = await FaultProxy.start(hub.websocketPort)
    const leaf = await bench.startLeaf(proxy.port, {
      scheme: 'ws',
      remote: `ws_compression: true${bench.pair.leaf.name === 'nats-server-2.9' ? '' : ', compression: off'}`,
    })
    const [atHub, atLeaf] = [await bench.connect(hub), await bench.connect(leaf)]
    const seen = [new Collector(atHub, 'up'), new Collector(atLeaf, 'down')]
    await Promise.all([crossInterest(atHub, atLeaf), crossInterest(atLeaf, atHub)])
    const before = { ...proxy.readBytes }
    const text = 'a text that repeats itself, '.repeat(300)
    for (let i = 0; i < 50; i += 1) {
      atLeaf.publish('up', text)
      atHub.publish('down', text)
    }
    await Promise.all([crossMessages(atHub, atLeaf), crossMessages(atLeaf, atHub)])
    assert.ok(seen.every(({ texts }) => texts.length === 50 && texts.every((one) => one === text)))
    for (const direction of ['up', 'down'] as const) {
      const share = (proxy.readBytes[direction] - before[direction]) / (50 * text.length)
      assert.ok(share < 0.5, `${share} of the payload ${direction}`)
    }
  })

  check('a path in the URL, and both kinds of leafs at one hub', async (bench) => {
    const hub = await bench.startHub({ top: websocket(PLAIN) })
    const { pair } = bench
    const hasPaths = ![pair.hub, pair.leaf].some(({ name }) => name === 'nats-server-2.9')
    const leaf = (name: string, scheme: string, port: number, path = '') =>
      bench.startLeaf(port, {
        name,
        top: `leafnodes { remotes: [ { url: "${scheme}://127.0.0.1:${port}${path}" } ] }`,
      })
    const [byPath, plain, tcp] = await Promise.all([
      leaf('by-path', 'ws', hub.websocketPort, hasPaths ? '/some/path' : ''),
      leaf('plain', 'ws', hub.websocketPort),
      leaf('tcp', 'nats-leaf', hub.leafPort),
    ])
    await Promise.all([byPath, plain, tcp].map((one) => assertLinked(bench, hub, one)))
    await exchange(await bench.connect(byPath), await bench.connect(tcp))
  })

  check('a login, right and wrong', async (bench) => {
    const hub = await bench.startHub({
      leafnodes: 'authorization { user: u, password: s3cr3t }',
      top: websocket(PLAIN),
    })
    const leaf = (name: string, credentials: string) =>
      bench.startLeaf(hub.websocketPort, { name, scheme: 'ws', credentials })
    const [good, wrong] = await Promise.all([leaf('good', 'u:s3cr3t'), leaf('wrong', 'u:0ther')])
    await assertLinked(bench, hub, good)
    await logged(wrong, /Leafnode Error 'Authorization Violation'/)
    await assertApart(bench, hub, wrong)
    assert.doesNotMatch(good.log + wrong.log, /s3cr3t|0ther/)
  })

  check('wss: a certificate nobody vouches for', async (bench) => {
    const hub = await bench.startHub({ top: websocket(TLS) })
    const leaf = await bench.startLeaf(hub.websocketPort, {
      scheme: 'wss',
      remote: trusting(otherCa.certFile),
    })
    await logged(
      leaf,
      /TLS leafnode handshake error: .*x509: certificate signed by unknown authority/,
    )
    await assertApart(bench, hub, leaf)
  })

  check('the hub restarts', async (bench) => {
    const hub = await bench.startHub({ top: websocket(PLAIN) })
    await using proxy = await FaultProxy.start(hub.websocketPort)
    const leaf = await bench.startLeaf(proxy.port, { scheme: 'ws' })
    await assertLinked(bench, hub, leaf)
    await hub.stop()
    const again = await bench.startHub({ top: websocket(PLAIN) })
    proxy.targetPort = again.websocketPort
    await assertLinked(bench, again, leaf)
  })

  check(
    'what answers is no WebSocket server',
    async (bench) => {
      const answers = createServer((socket) => {
        socket.on('error', () => {}).resume()
        socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
      })
      await new Promise<void>((resolve) => answers.listen(0, '127.0.0.1', resolve))
      const address = answers.address()
      assert.ok(address !== null && typeof address === 'object')
      try {
        const leaf = await bench.startLeaf(address.port, { scheme: 'ws' })
        await logged(leaf, /Error soliciting websocket connection: invalid websocket connection/)
      } finally {
        answers.close()
      }
    },
    ({ hub }) => hub.name !== 'sable' && 'the hub is played by the test',
  )

  check('a WebSocket listener without a leaf listener takes no leafs', async (bench) => {
    const hub = await bench.startLeaf(
      1,
      {
        name: 'no-leafs',
        top: websocket(PLAIN),
        remote: 'no_randomize: true',
      },
      bench.pair.hub,
    )
    const leaf = await bench.startLeaf(hub.websocketPort, { scheme: 'ws' })
    await logged(hub, /Not configured to accept leaf node connections/)
    await logged(leaf, /Leafnode connection closed/)
    await assertApart(bench, hub, leaf)
  })
})
