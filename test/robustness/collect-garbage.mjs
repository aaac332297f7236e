/**
 * For `node --import`: every thread collects its garbage all the time, so that the memory of a
 * process is what it holds and not what V8 has not cared to look at yet.
 */
import v8 from 'node:v8'
import vm from 'node:vm'

const INTERVAL_MS = 250

v8.setFlagsFromString('--expose-gc')
const collect = vm.runInNewContext('gc')
setInterval(() => collect(), INTERVAL_MS).unref()
