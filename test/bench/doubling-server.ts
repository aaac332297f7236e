import { writeFileSync } from 'node:fs'
import net, { type Socket } from 'node:net'
import { join } from 'node:path'

/**
 * A relay that knows just enough NATS for the benchmark, and delivers one message twice: what the
 * benchmark must not overlook.
 */
const DOUBLED_MESSAGE = 5_000

const portsFolder = process.argv[process.argv.indexOf('--ports_file_dir') + 1]!

const subscribers = new Map<string, Socket>()
let published = 0

/** Handles what is complete in `text` and returns the rest. */
function handle(socket: Socket, text: string): string {
  let start = 0
  for (;;) {
    const lineEnd = text.indexOf('\r\n', start)
    if (lineEnd < 0) return text.slice(start)
    const [verb, subject = '', size = ''] = text.slice(start, lineEnd).split(' ')
    const next = lineEnd + 2 + (verb === 'PUB' ? Number(size) + 2 : 0)
    if (next > text.length) return text.slice(start)
    if (verb === 'PING') socket.write('PONG\r\n')
    if (verb === 'SUB') subscribers.set(subject, socket)
    if (verb === 'PUB') {
      const frame = `MSG ${subject} 1 ${size}\r\n${text.slice(lineEnd + 2, next)}`
      published += 1
      const copies = published === DOUBLED_MESSAGE ? 2 : 1
      subscribers.get(subject)?.write(frame.repeat(copies), 'latin1')
    }
    start = next
  }
}

const server = net.createServer((socket) => {
  let rest = ''
  socket.on('error', () => {})
  socket.setEncoding('latin1').on('data', (text: string) => {
    rest = handle(socket, rest + text)
  })
  socket.write('INFO {}\r\n')
})

server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as net.AddressInfo
  const path = join(portsFolder, `doubling-server_${process.pid}.ports`)
  writeFileSync(path, JSON.stringify({ nats: [`nats://127.0.0.1:${port}`] }))
})
