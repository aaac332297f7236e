import { redactedArguments } from '../../config/redacted-arguments.ts'
import { defineEndpoint } from './endpoint.ts'
import { type JsonObject, writeJson } from './json-value.ts'

/** What Go programs publish by expvar: the command line and the memory, in Go's words. */
export const EXPVARZ = defineEndpoint({
  path: '/debug/vars',
  name: 'EXPVARZ',
  counted: 'none',
  fields: {},
  fromQuery: () => ({}),
  answer: () => ({ memstats: memoryJson(), cmdline: commandLine() }),
  http() {
    const cmdline = writeJson(commandLine())
    const body = `{\n"cmdline": ${cmdline},\n"memstats": ${writeJson(memoryJson())}\n}\n`
    return { status: 200, contentType: 'application/json; charset=utf-8', body }
  },
})

function commandLine(): readonly string[] {
  return redactedArguments(process.argv)
}

/** The heap is V8's of the main thread; Sys is the whole process. */
function memoryJson(): JsonObject {
  const { rss, heapTotal, heapUsed, external } = process.memoryUsage()
  return {
    Alloc: heapUsed,
    Sys: rss,
    HeapAlloc: heapUsed,
    HeapSys: heapTotal,
    HeapIdle: Math.max(0, heapTotal - heapUsed),
    HeapInuse: heapUsed,
    OtherSys: external,
  }
}
