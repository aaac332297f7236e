/**
 * A broker in a process of its own, which names its ports and answers each message with its links.
 * Ends when its parent disconnects.
 *
 *   node test/leaf-interop/telling-broker.ts <configuration file>
 */
import { LineLogger } from '../../src/base/log-line.ts'
import { Broker } from '../../src/broker.ts'
import { readConfigFile } from '../../src/config/config-file.ts'
import { checkedOptions } from '../../src/config/options.ts'

const file = readConfigFile(process.argv[2] ?? '', {})
const checked = checkedOptions(file.options, { withSchema: true })
if ('error' in checked) throw new Error(checked.error)
const broker = await Broker.start({
  options: checked.options,
  log: Promise.resolve({
    logger: new LineLogger({ debug: false, trace: false }, () => {}),
    lostLineCount: 0,
    accept: () => {},
    reopen: () => {},
    reconfigure: () => {},
    close: () => {},
  }),
  configPath: '',
  configDigest: '',
  onFatal: (text) => {
    throw new Error(text)
  },
})
process.on('message', async () => {
  const report = await broker.leafReport()
  process.send?.({ links: report?.links ?? [] })
})
process.on('disconnect', async () => {
  await broker.close()
  process.exit()
})
process.send?.({ port: broker.port, leafPort: broker.leafPort })
