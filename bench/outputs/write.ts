import { writeFile } from 'node:fs/promises'
import { formatTable } from '../report.ts'
import { toCsv } from './csv.ts'
import { toHtml } from './html.ts'
import { type Results, type RunFacts, toJson } from './results.ts'

/** Files that are asked for beside the table. */
export interface OutputPaths {
  readonly jsonPath: string | undefined
  readonly csvPath: string | undefined
  readonly htmlPath: string | undefined
}

/** Writes the table to standard output, and the files. */
export async function writeOutputs(results: Results, paths: OutputPaths): Promise<void> {
  const heads = results.runs.map(describeRun)
  process.stdout.write(`${heads.join('\n')}\n\n${formatTable(results.scenarios)}\n`)
  const files: readonly (readonly [string | undefined, (results: Results) => string])[] = [
    [paths.jsonPath, toJson],
    [paths.csvPath, toCsv],
    [paths.htmlPath, toHtml],
  ]
  for (const [path, render] of files) {
    if (path !== undefined) await writeFile(path, render(results))
  }
}

function describeRun({ machine, size, rounds, command }: RunFacts): string {
  const { processors, processor, platform, node } = machine
  const where = `${processors} x ${processor}, ${platform}, generator on Node ${node}`
  const amount = rounds === 1 ? '1 round' : `median of ${rounds} rounds`
  return `${command}\n${where}, ${size}, ${amount}`
}
