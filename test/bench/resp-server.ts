/**
 * As much of Redis as its pub/sub scenarios need, by its documented protocol (RESP 2):
 *
 *   node resp-server.ts --port <port> ...
 *
 * SUBSCRIBE is confirmed; PUBLISH goes to all subscribers of the channel and is answered with their
 * number; an inline PING is answered. With --break, every hundredth message has a byte too many.
 */
import net from 'node:net'

const port = Number(process.argv[process.argv.indexOf('--port') + 1])
const isBroken = process.argv.includes('--break')
const channels = new Map<string, net.Socket[]>()
let published = 0

net
  .createServer((socket) => {
    let rest = ''
    socket.on('error', () => {})
    socket.setEncoding('latin1').on('data', (text: string) => {
      rest += text
      let taken: number
      let answers = ''
      do {
        const operation = next(rest)
        taken = operation?.chars ?? 0
        rest = rest.slice(taken)
        if (operation !== undefined) answers += perform(socket, operation.words)
      } while (taken > 0)
      socket.write(answers, 'latin1')
    })
  })
  .listen(port, '127.0.0.1')

interface Operation {
  readonly chars: number
  readonly words: readonly string[]
}

function next(text: string): Operation | undefined {
  if (text.startsWith('PING\r\n')) return { chars: 6, words: ['PING'] }
  const count = /^\*(\d+)\r\n/.exec(text)
  if (count === null) return undefined
  let at = count[0].length
  const words: string[] = []
  for (let index = 0; index < Number(count[1]); index++) {
    const size = /^\$(\d+)\r\n/.exec(text.slice(at, at + 16))
    if (size === null) return undefined
    const start = at + size[0].length
    at = start + Number(size[1]) + 2
    if (at > text.length) return undefined
    words.push(text.slice(start, at - 2))
  }
  return { chars: at, words }
}

function perform(
  socket: net.Socket,
  [name, channel = '', payload = '']: readonly string[],
): string {
  if (name === 'PING') return '+PONG\r\n'
  const subscribers = channels.get(channel) ?? []
  if (name === 'SUBSCRIBE') {
    channels.set(channel, [...subscribers, socket])
    return `*3\r\n${bulk('subscribe')}${bulk(channel)}:1\r\n`
  }
  published += 1
  const more = isBroken && published % 100 === 0 ? 'x' : ''
  const message = `*3\r\n${bulk('message')}${bulk(channel)}${bulk(payload + more)}`
  for (const subscriber of subscribers) subscriber.write(message, 'latin1')
  return `:${subscribers.length}\r\n`
}

function bulk(text: string): string {
  return `$${text.length}\r\n${text}\r\n`
}
