/**
 * The second tutorial of the page "Leaf Nodes" of the NATS documentation, "Leaf Node Example Using
 * a Remote Global Service": its nsc commands, its configuration file, its request. The service is
 * an operator of our own, made by nsc, with the limits that the page shows.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type JwtClient, logIn, refusal } from '../operator/jwt-client.ts'
import { Nsc, nscMissing, userOf } from '../operator/nsc.ts'
import { freePort } from '../support/free-port.ts'
import { program, type ServerProgram, skipReason } from '../support/peers.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'
import { until } from '../support/wait.ts'
import { runTool, ToolProcess, toolPath } from '../tools/nats/tool-process.ts'

/** The port of the page that has not to be said: leafs. */
const LEAF_PORT = 7422
/** What `nsc describe account` shows on the page, as it is given to nsc. */
const LIMITS = `--conns 50 --leaf-conns 2 --data 5000000000 --payload 4000 --subscriptions 50
  --exports -1 --imports -1 --wildcard-exports=false`.replace(/\s+/g, ' ')
const LEAF_CONF = `leafnodes {
    remotes = [ 
        { 
          url: "nats-leaf://connect.ngs.global"
          credentials: "~/.nkeys/creds/synadia/leaftest/leaftestuser.creds"
        },
    ]
}
`
const RECEIVED = /^Received {2}\[_INBOX\.\w{22}\.\w{8}\] : '42'$/
const LEAF_LINK_LINE = /\[INF\] \S+:(\d+) - lid:\d+ - Leafnode connection created for account: \$G/
const TOO_MANY = /maximum account active connections exceeded/i

const sable = program('sable')
const nats = program('nats-server')
const pairs = [
  [sable, sable],
  [nats, sable],
  [sable, nats],
] as const

for (const [service, leaf] of pairs) {
  const title = `a remote global service, which is ${service.name}, leaf node ${leaf.name}`
  const skip = skipReason(service, leaf) || nscMissing()
  describe(title, { skip }, () => tutorial(service, leaf))
}

function tutorial(service: ServerProgram, leafProgram: ServerProgram): void {
  let nsc: Nsc
  let hub: ServerProcess
  let folder: string
  let leafPort: number
  const credentials = () => nsc.credentials('synadia', 'leaftest', 'leaftestuser')
  const user = () => userOf(credentials())

  /** The page's file, with the service here and a port for clients that is free. */
  async function leafConf(name: string): Promise<{ path: string; port: number }> {
    const port = await freePort()
    const at = leafPort === LEAF_PORT ? '' : `:${leafPort}`
    const text = LEAF_CONF.replace('connect.ngs.global', `localhost${at}`).replace(
      '~/.nkeys/creds/synadia/leaftest/leaftestuser.creds',
      credentials(),
    )
    const path = join(folder, `${name}.conf`)
    writeFileSync(path, `listen: 127.0.0.1:${port}\nserver_name: ${name}\n${text}`)
    return { path, port }
  }

  async function startLeaf(name: string): Promise<{ process: ToolProcess; url: string }> {
    const { path, port } = await leafConf(name)
    const process = new ToolProcess(leafProgram.path, ['-c', path])
    await process.sawLine(/\[INF\] Server is ready/)
    return { process, url: `nats://127.0.0.1:${port}` }
  }

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'service-'))
    nsc = new Nsc()
    leafPort = await freePort(LEAF_PORT)
    await nsc.run('env -s', join(nsc.folder, 'stores'))
    await nsc.run('add operator --generate-signing-key --sys --name synadia')
    const leafnodes = `leafnodes { port: ${leafPort} }`
    const config = `${await nsc.serverConfig()}\n${leafnodes}`
    hub = await startServer(service, { config, leafListener: true, flags: ['-D'] })
    await nsc.run(`edit operator --account-jwt-server-url ${hub.url} --service-url ${hub.url}`)
    await nsc.run('add account leaftest')
    await nsc.run(`edit account leaftest ${LIMITS}`)
    await nsc.run('push -A')
    await nsc.run('pull -A')
    await nsc.run('add user leaftestuser')
  })
  after(async () => {
    await hub.stop()
    nsc[Symbol.dispose]()
    rmSync(folder, { recursive: true })
  })

  test('the account has the limits of the page', async () => {
    const described = await nsc.run('describe account leaftest')
    for (const row of [
      /Max Connections +[│|] 50 /,
      /Max Leaf Node Connections +[│|] 2 /,
      /Max Msg Payload +[│|] 4\.0 kB \(4000 bytes\)/,
      /Max Subscriptions +[│|] 50 /,
      /Exports Allows Wildcards +[│|] False/,
    ]) {
      assert.match(described, row)
    }
  })

  test('a client of the leaf node has its answer from the service', async () => {
    await using replier = nsc.start('reply q 42')
    const { process, url } = await startLeaf('leaf')
    await using atLeaf = process
    await atLeaf.sawLine(LEAF_LINK_LINE)
    const { code, stdout, stderr } = await until('somebody listens to q', () => {
      const ended = runTool(toolPath('nats-req'), ['-s', url, 'q', ''])
      return ended.stderr.includes('no responders') ? undefined : ended
    })
    const [published, received] = stderr.split('\n')
    assert.deepEqual([code, stdout, published], [0, '', "Published [q] : ''"])
    assert.match(received ?? '', RECEIVED)
    const seed = user().keys.seed()
    for (const text of [atLeaf.stderr, hub.log, replier.stderr]) {
      assert.ok(!text.includes(seed), 'a seed in a log')
    }
  })

  test('two leaf nodes, and no third', async () => {
    const first = await startLeaf('first')
    await using one = first.process
    await one.sawLine(LEAF_LINK_LINE)
    const second = await startLeaf('second')
    await using two = second.process
    await two.sawLine(LEAF_LINK_LINE)
    const third = await startLeaf('third')
    await using three = third.process
    await three.sawLine(TOO_MANY)
    await two[Symbol.asyncDispose]()
    await three.sawLine(LEAF_LINK_LINE)
  })

  test('fifty connections, and no more', async () => {
    const clients: JwtClient[] = []
    try {
      for (let count = 0; count < 50; count++) clients.push(await logIn(hub, user()))
      const refused = ["'maximum account active connections exceeded'"]
      assert.deepEqual(await refusal(hub, user()), refused)
    } finally {
      for (const client of clients) client.raw.close()
    }
  })

  test('fifty subscriptions, and no more, of 4000 bytes and no more', async () => {
    await using client = await until('a place is free', () => logIn(hub, user()))
    const lines = Array.from({ length: 51 }, (_, at) => `SUB s.${at} ${at + 1}`)
    await client.send(...lines)
    await client.saw(`-ERR 'maximum subscriptions exceeded'`)
    await client.publish('s.49', 'x'.repeat(4000))
    await client.saw(/^MSG s\.49 50 4000/)
    await client.publish('s.49', 'x'.repeat(4001))
    assert.ok((await client.ended()).includes("'Maximum Payload Violation'"))
  })

  test('one export, without wildcards, once there is a limit', async () => {
    const pushed = async () => {
      const { stdout, stderr } = await nsc.try('push -a leaftest --force')
      return stdout + stderr
    }
    await nsc.run('edit account leaftest --exports 1 --wildcard-exports=false')
    await nsc.run('add export -a leaftest --name all --subject all.>')
    const forbidden = 'contains wildcard exports that are not allowed by the operator'
    assert.ok((await pushed()).includes(`the account ${forbidden}`))
    await nsc.run('delete export -a leaftest --subject all.>')
    await nsc.run('add export -a leaftest --name one --subject one')
    assert.match(await pushed(), /jwt updated/)
    await nsc.run('add export -a leaftest --name two --subject two')
    assert.match(await pushed(), /the account contains more exports than allowed by the operator/)
  })
}
