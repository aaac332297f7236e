import type { Socket } from 'node:net'
import { parentPort, workerData } from 'node:worker_threads'
import type { TlsOptions } from '../../../src/config/option-types.ts'
import { createServerTls } from '../../../src/io/tls/server-tls.ts'

/** A thread that shakes hands on the sockets it is sent, and sends back what they say. */
parentPort!.on('message', async (socket: Socket) => {
  const secured = await createServerTls(workerData as TlsOptions).secure(socket)
  secured.pipe(secured)
})
