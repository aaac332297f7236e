/** Ends a tool: the message is the one line it writes, and the exit code is 1. */
export class ToolError extends Error {
  override readonly name = 'ToolError'
}
