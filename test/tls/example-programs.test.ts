/** The programs of nats.go, and our tools of the same names, over TLS with certificates. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withLog } from '../support/failure-text.ts'
import { notHonouredReason } from '../support/not-yet-honoured.ts'
import { programsUnderTest, skipReason } from '../support/peers.ts'
import { startServer } from '../support/server-process.ts'
import {
  examplePath,
  runTool,
  type ToolName,
  ToolProcess,
  toolPath,
} from '../tools/nats/tool-process.ts'
import { certificates, tlsConfig, trust } from './tls-bench.ts'

const { ca, client, otherClient } = certificates
const CONFIG = tlsConfig([trust, 'verify: true'])

const KINDS: readonly (readonly [string, (name: ToolName) => string | null])[] = [
  ['nats.go', examplePath],
  ['our tools', toolPath],
]

for (const under of programsUnderTest()) {
  for (const [kind, pathOf] of KINDS) {
    const absent = pathOf('nats-pub') === null && 'NATS_EXAMPLES is not set'
    const skip = skipReason(under) || notHonouredReason(under, CONFIG) || absent
    test(`${kind} on ${under.name}`, { skip, timeout: 60_000 }, async () => {
      await using server = await startServer(under, { config: CONFIG })
      const flags = ({ certFile, keyFile }: typeof client) => [
        ...['-s', `tls://localhost:${server.port}`, '-tlscacert', ca.certFile],
        ...['-tlscert', certFile, '-tlskey', keyFile],
      ]
      try {
        await using sub = new ToolProcess(pathOf('nats-sub')!, [...flags(client), 'news'])
        await sub.sawLine(/Listening on \[news\]/)
        const told = runTool(pathOf('nats-pub')!, [...flags(client), 'news', 'told over TLS'])
        assert.equal(told.code, 0, told.stderr)
        await sub.sawLine(/Received on \[news\]: 'told over TLS'/)
        const refused = runTool(pathOf('nats-pub')!, [...flags(otherClient), 'news', 'me too'])
        assert.equal(refused.code, 1, refused.stderr)
      } catch (error) {
        throw withLog(error, [server])
      }
    })
  }
}
