/**
 * The first tutorial of the page "Leaf Nodes" of the NATS documentation, word by word: its two
 * configuration files, its four commands, its output. Its ports are used where they are free.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { freePort } from '../support/free-port.ts'
import { program, type ServerProgram, skipReason } from '../support/peers.ts'
import { until } from '../support/wait.ts'
import { runTool, ToolProcess, toolPath } from '../tools/nats/tool-process.ts'

/** The ports of the page: clients of the main server, leafs, clients of the leaf. */
const CLIENT_PORT = 4222
const LEAF_PORT = 7422
const LEAF_CLIENT_PORT = 4111

const SERVER_CONF = `leafnodes {
    port: 7422
}
authorization {
    token: "s3cr3t"
}
`
const LEAF_CONF = `listen: "127.0.0.1:4111"
leafnodes {
    remotes = [ 
        { 
          url: "nats-leaf://s3cr3t@localhost"
        },
    ]
}
`
const RECEIVED = /^Received {2}\[_INBOX\.\w{22}\.\w{8}\] : '42'$/
/** What stands today for the page's `Connected leafnode to "localhost"`, which is from 2019. */
const LEAF_LINK_LINE = /\[INF\] \S+:(\d+) - lid:\d+ - Leafnode connection created for account: \$G/
const HUB_LINK_LINE = /\[INF\] \S+ - lid:\d+ - Leafnode connection created/

/** What the page says, with other ports where its own are taken. */
async function pageWithFreePorts() {
  const client = await freePort(CLIENT_PORT)
  const leaf = await freePort(LEAF_PORT)
  const leafClient = await freePort(LEAF_CLIENT_PORT)
  const serverPort = client === CLIENT_PORT ? '' : `port: ${client}\n`
  const at = (port: number, usual: number) => (port === usual ? '' : `:${port}`)
  return {
    leafPort: leaf,
    serverConf: serverPort + SERVER_CONF.replace('7422', String(leaf)),
    leafConf: LEAF_CONF.replace('4111', String(leafClient)).replace(
      '@localhost',
      `@localhost${at(leaf, LEAF_PORT)}`,
    ),
    serverUrl: `nats://s3cr3t@localhost${at(client, CLIENT_PORT)}`,
    leafUrl: `nats://127.0.0.1:${leafClient}`,
  }
}

async function start(server: ServerProgram, configFile: string): Promise<ToolProcess> {
  const started = new ToolProcess(server.path, ['-c', configFile])
  await started.sawLine(/\[INF\] Server is ready/)
  return started
}

const sable = program('sable')
const pairs = [
  [sable, sable],
  [program('nats-server'), sable],
  [sable, program('nats-server')],
] as const

for (const [main, leaf] of pairs) {
  const title = `the page "Leaf Nodes", main server ${main.name}, leaf node ${leaf.name}`
  describe(title, { skip: skipReason(main, leaf) }, () => {
    let folder: string
    before(() => {
      folder = mkdtempSync(join(tmpdir(), 'page-'))
    })
    after(() => rmSync(folder, { recursive: true }))

    test('a client of the leaf node has its answer from a service at the main server', async () => {
      const page = await pageWithFreePorts()
      writeFileSync(join(folder, 'server.conf'), page.serverConf)
      writeFileSync(join(folder, 'leaf.conf'), page.leafConf)

      await using atMain = await start(main, join(folder, 'server.conf'))
      const listening = `Listening for leafnode connections on 0.0.0.0:${page.leafPort}`
      await atMain.sawLine(RegExp(`\\[INF\\] ${listening.replaceAll('.', '\\.')}$`))
      await using service = new ToolProcess(toolPath('nats-rply'), [
        ...['-s', page.serverUrl],
        ...['q', '42'],
      ])
      await service.sawLine('Listening on [q]')

      await using atLeaf = await start(leaf, join(folder, 'leaf.conf'))
      const address = page.leafUrl.slice('nats://'.length).replaceAll('.', '\\.')
      await atLeaf.sawLine(RegExp(`\\[INF\\] Listening for client connections on ${address}$`))
      await atLeaf.sawLine(LEAF_LINK_LINE)
      await atMain.sawLine(HUB_LINK_LINE)
      const link = atLeaf.lines.map((line) => LEAF_LINK_LINE.exec(line)).find(Boolean)
      assert.equal(link?.[1], String(page.leafPort))

      const request = () => runTool(toolPath('nats-req'), ['-s', page.leafUrl, 'q', ''])
      // Who is quicker than the interest that crosses the new link hears that nobody listens.
      const { code, stdout, stderr } = await until('somebody listens to q', () => {
        const ended = request()
        return ended.stderr.includes('no responders') ? undefined : ended
      })
      const [published, received, ...others] = stderr.split('\n')
      assert.deepEqual([code, stdout, published], [0, '', "Published [q] : ''"])
      assert.match(received ?? '', RECEIVED)
      assert.deepEqual(others, [''])
      await service.sawLine("[#1] Received on [q]: ''")
      assert.doesNotMatch(atMain.stderr + atLeaf.stderr + service.stderr, /s3cr3t/)
    })
  })
}
