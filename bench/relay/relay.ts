/**
 * The floor: a program that only reads and writes the bytes that a broker would, with a broker's
 * socket settings. What it spends is what the system takes for the bytes; the rest of a broker's
 * time is its own.
 *
 *   node relay.ts --ports_file_dir <folder>      on a random port of loopback
 *
 * It greets like a NATS server and answers PING. SUB makes a connection a receiver. Publishers send
 * frames as receivers are to get them, MSG instead of PUB: from the first one on, all that a
 * publisher sends goes to all receivers, unparsed.
 */
import { writeFileSync } from 'node:fs'
import net from 'node:net'
import { join } from 'node:path'
import { Relay } from './relay-connection.ts'

const HOST = '127.0.0.1'

const folder = process.argv[process.argv.indexOf('--ports_file_dir') + 1]!
const relay = new Relay()
const server = net.createServer({ noDelay: true, pauseOnConnect: true }, (socket) => {
  relay.accept(socket)
})
server.listen(0, HOST, () => {
  const { port } = server.address() as net.AddressInfo
  const ports = JSON.stringify({ nats: [`nats://${HOST}:${port}`] })
  writeFileSync(join(folder, `relay_${process.pid}.ports`), ports)
})
