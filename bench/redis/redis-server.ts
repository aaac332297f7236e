import net from 'node:net'
import { freePorts } from '../leaf-pair.ts'
import { launch, makeFolder, type Server } from '../server-process.ts'

const HOST = '127.0.0.1'
const PING = 'PING\r\n'
const PONG = '+PONG\r\n'

/** Nothing is kept on disk, as PUBLISH never asks for. All else as the program has it. */
const NO_FILES = ['--save', '', '--appendonly', 'no', '--daemonize', 'no']

/**
 * Starts a server that speaks RESP and takes the options of redis-server.
 *
 * @throws Error when it does not answer PING in time
 */
export async function startRedis(command: readonly string[]): Promise<Server> {
  const [port] = await freePorts(1)
  const directory = await makeFolder()
  const listen = ['--port', String(port), '--bind', HOST, '--dir', directory]
  const program = launch(command, [...listen, ...NO_FILES], directory)
  await program.until(() => answersPing(port!), 'no answer to PING')
  const { pid, stop } = program
  return { endpoint: { host: HOST, port: port!, wire: 'redis' }, pid, stop }
}

/** Undefined: not yet. */
function answersPing(port: number): Promise<true | undefined> {
  return new Promise((resolve) => {
    const socket = net.connect({ host: HOST, port })
    let answer = ''
    socket.on('error', () => resolve(undefined))
    socket.on('connect', () => socket.write(PING))
    socket.setEncoding('latin1').on('data', (text: string) => {
      answer += text
      if (answer.length < PONG.length) return
      resolve(answer === PONG ? true : undefined)
      socket.destroy()
    })
  })
}
