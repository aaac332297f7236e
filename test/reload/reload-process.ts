import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ServerProgram } from '../support/peers.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'
import { DEADLINE_MS, until } from '../support/wait.ts'

const DONE = /Reloaded server configuration|Failed to reload server configuration:/
/** Reloads take milliseconds, and tests make many of them. */
const PAUSE_MS = 3
/** Ours alone; what it says is tested elsewhere. */
const REPORT = /Reload: \d+ options? changed/

/** A server whose configuration file is changed under it. */
export class ReloadProcess implements AsyncDisposable {
  readonly server: ServerProcess
  readonly file: string

  private constructor(server: ServerProcess) {
    this.server = server
    this.file = join(server.folder, 'server.conf')
  }

  static async start(
    program: ServerProgram,
    config: string,
    flags: readonly string[] = [],
  ): Promise<ReloadProcess> {
    const server = await startServer(program, { config, flags })
    // Its ports file comes before its log.
    await until('the end of the start', () => server.log.includes('Server is ready'))
    return new ReloadProcess(server)
  }

  /** The file as a deployment replaces it: whole, at once. */
  write(config: string): void {
    writeFileSync(`${this.file}.new`, config)
    renameSync(`${this.file}.new`, this.file)
  }

  /**
   * Sends HUP and waits for the outcome.
   *
   * @returns the lines of the log about it, without time, the report of ours left out
   */
  async hangUp(): Promise<readonly string[]> {
    const before = this.server.log.length
    this.server.signal('SIGHUP')
    const isDone = () => DONE.test(this.server.log.slice(before))
    await until(() => `the reload\n${this.server.logTail}`, isDone, DEADLINE_MS, PAUSE_MS)
    return linesOf(this.server.log.slice(before))
  }

  /** Puts another configuration in force, or tries to. */
  async reload(config: string): Promise<readonly string[]> {
    this.write(config)
    return this.hangUp()
  }

  /** The next report that matches, of those since `from` characters of the log. */
  async report(from = 0): Promise<string> {
    return until('the report', () => REPORT_LINE.exec(this.server.log.slice(from))?.[1])
  }

  /** Resolves when every signal taken since the log had `from` characters has been acted on. */
  async settled(from: number): Promise<void> {
    const count = (what: RegExp) => [...this.server.log.slice(from).matchAll(what)].length
    await until('the outcome of all signals', () => {
      return count(/Trapped "hangup"/g) === count(new RegExp(DONE, 'g'))
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.stop()
  }
}

const REPORT_LINE = /\[INF\] (Reload: \d+ options? changed.*)/

/** What is told of a reload: from the signal to the outcome. */
function linesOf(log: string): readonly string[] {
  return log
    .trimEnd()
    .split('\n')
    .map((line) => line.replace(/^\[\d+\] (?:\d{4}\/\S+ \S+ )?/, ''))
    .filter((line) => !line.includes('Trapped "hangup"') && !REPORT.test(line))
}
