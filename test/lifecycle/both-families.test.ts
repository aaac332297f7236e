import assert from 'node:assert/strict'
import { networkInterfaces } from 'node:os'
import { it } from 'node:test'
import { eachServer } from '../operator/each-server.ts'
import { RawClient } from '../support/raw-client.ts'
import { startServer } from '../support/server-process.ts'

const ADDRESSES = Object.values(networkInterfaces()).flat()
const NO_IPV6 = !ADDRESSES.some((one) => one?.address === '::1') && 'there is no IPv6 here'

interface Connz {
  readonly connections: readonly { readonly ip: string }[]
}

eachServer('a host that stands for every address', (program) => {
  it('takes IPv4 and IPv6, and shows each as what it is', { skip: NO_IPV6 }, async () => {
    const config = `
      http: "0.0.0.0:-1"
      leafnodes { port: -1 }
      websocket { port: -1, no_tls: true }`
    const flags = ['-a', '0.0.0.0', '-DV']
    await using server = await startServer(program, { config, flags, leafListener: true })
    await using stack = new AsyncDisposableStack()
    const ips: string[] = []
    for (const host of ['127.0.0.1', '::1']) {
      const client = stack.use(await RawClient.connect(server.port, host))
      await client.send('CONNECT {"verbose":false}\r\nPING\r\n')
      const text = await client.readUntil('PONG')
      ips.push(/"client_ip":"([^"]*)"/.exec(text.toString())![1]!)
    }
    assert.deepEqual(ips, ['127.0.0.1', '::1'])
    for (const host of ['127.0.0.1', '[::1]']) {
      const url = `http://${host}:${server.monitorPort}/connz?sort=cid`
      const { connections } = (await (await fetch(url)).json()) as Connz
      assert.deepEqual(
        connections.map(({ ip }) => ip),
        ips,
      )
    }
    for (const host of ['127.0.0.1', '::1']) {
      for (const port of [server.leafPort, server.websocketPort]) {
        await using other = await RawClient.connect(port, host)
        await other.send('GET / HTTP/1.1\r\n\r\n')
        await other.readUntilClose()
      }
    }
    assert.match(server.log, / 127\.0\.0\.1:\d+ - cid:/)
    assert.match(server.log, / \[::1\]:\d+ - cid:/)
    assert.doesNotMatch(server.log, /ffff/)
  })
})
