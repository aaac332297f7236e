/** Where a tool writes to: the process, as a rule. */
export interface ToolOutput {
  readonly stdout: { write(text: string): unknown }
  readonly stderr: { write(text: string): unknown }
}
