import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Answers } from './run.ts'

const PATH = join(dirname(fileURLToPath(import.meta.url)), 'answers.json')

/** What a real nats-server answered to each script, by name of the script. */
export interface RecordedAnswers {
  /** Version line of the program they were recorded from. */
  readonly recordedFrom: string
  readonly answers: Readonly<Record<string, Answers>>
}

export function readAnswers(): RecordedAnswers {
  return JSON.parse(readFileSync(PATH, 'utf8')) as RecordedAnswers
}

export function writeAnswers(recorded: RecordedAnswers): void {
  writeFileSync(PATH, `${JSON.stringify(recorded, null, 2)}\n`)
}
