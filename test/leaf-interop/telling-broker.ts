/**
 * A broker in a process of its own, which names its ports and answers each message with its links.
 * Ends when its parent disconnects. From the bundle: from source files each of its threads would
 * take a second to start.
 *
 *   node test/leaf-interop/telling-broker.ts <configuration file>
 */
import { readConfigFile } from '../../src/config/config-file.ts'
import type * as Sable from '../../src/index.ts'

const BUNDLE = new URL('../../dist/index.js', import.meta.url)

const { startBroker }: typeof Sable = await import(BUNDLE.href)
const file = readConfigFile(process.argv[2] ?? '', {})
const broker = await startBroker({ ...file.options, logFile: '/dev/null' })
process.on('message', async () => {
  const report = await broker.leafs()
  process.send?.({ links: report?.links ?? [] })
})
process.on('disconnect', async () => {
  await broker.close()
  process.exit()
})
process.send?.({ port: broker.port, leafPort: broker.leafPort })
