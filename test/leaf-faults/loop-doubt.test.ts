/** A ring of links is cut in one place; the other links that it went through stay. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { program } from '../support/peers.ts'
import { startServer } from '../support/server-process.ts'
import { RawPeer } from './raw-peer.ts'

const TOLD =
  /^-ERR 'Loop detected for leafnode account="\$G"\. Delaying attempt to reconnect for 30s'$/

test('one link is cut at once, others only if they go on showing the loop', async () => {
  const config = 'server_name: hub, leafnodes { host: 127.0.0.1, port: -1 }'
  await using hub = await startServer(program('sable'), { config, leafListener: true })
  using first = await RawPeer.join(hub.leafPort)
  using passing = await RawPeer.join(hub.leafPort)
  using lasting = await RawPeer.join(hub.leafPort)
  const loop = (await first.line(/^LS\+ \$LDS\./)).slice('LS+ '.length)
  first.send(`LS+ ${loop}\r\n`)
  await first.line(TOLD)
  await first.closed()
  // The same loop, as seen by lines that were under way, and another one.
  passing.send(`LS+ ${loop}\r\nLS- ${loop}\r\n`)
  lasting.send(`LS+ ${loop}\r\n`)
  await lasting.line(TOLD)
  await lasting.closed()
  await passing.sync()
  assert.equal(passing.count(TOLD), 0)
  // What has once come back and gone may come back for good.
  passing.send(`LS+ ${loop}\r\n`)
  await passing.line(TOLD)
  await passing.closed()
})
