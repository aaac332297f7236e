/** A reporter of node:test that names each file with a failed test on a line of its own. */
export default async function* failedFiles(events) {
  const files = new Set()
  for await (const { type, data } of events) {
    if (type === 'test:fail' && data.file !== undefined) files.add(data.file)
  }
  for (const file of files) yield `${file}\n`
}
