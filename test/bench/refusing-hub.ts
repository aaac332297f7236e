import { readFileSync, writeFileSync } from 'node:fs'
import net, { type Socket } from 'node:net'
import { dirname, join } from 'node:path'

/** A hub that takes leafs, and closes whoever announces interest. */
const configPath = process.argv[process.argv.indexOf('-c') + 1]!
const leafPort = Number(readFileSync(configPath, 'utf8').match(/port: (\d+)/)?.[1])

function serve(socket: Socket): void {
  socket.on('error', () => {})
  socket.setEncoding('latin1').on('data', (text: string) => {
    if (text.includes('PING')) socket.write('PONG\r\n')
    if (text.includes('LS+')) socket.end("-ERR 'No News'\r\n")
  })
  socket.write('INFO {}\r\n')
}

net.createServer(serve).listen(leafPort, '127.0.0.1', () => {
  const path = join(dirname(configPath), `refusing-hub_${process.pid}.ports`)
  writeFileSync(path, JSON.stringify({ nats: [`nats://127.0.0.1:${leafPort}`] }))
})
