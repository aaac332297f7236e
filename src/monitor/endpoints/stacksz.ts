import { defineEndpoint, JSON_TYPE } from './endpoint.ts'

/** Where the main thread is, and what keeps it alive; other threads are not stopped for this. */
export const STACKSZ = defineEndpoint({
  path: '/stacksz',
  name: '',
  counted: 'none',
  fields: {},
  fromQuery: () => ({}),
  answer: stacksText,
  http: () => ({ status: 200, contentType: JSON_TYPE, body: stacksText() }),
})

function stacksText(): string {
  const frames = (new Error().stack ?? '').split('\n').slice(1)
  const stack = frames.map((frame) => `\t${frame.trim()}`).join('\n')
  const counts = new Map<string, number>()
  for (const name of process.getActiveResourcesInfo()) {
    counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  const resources = [...counts].map(([name, count]) => `\t${name}: ${count}`).join('\n')
  return `main thread [running]:\n${stack}\n\nmain thread [waiting for]:\n${resources}\n`
}
