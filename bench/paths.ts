import { fileURLToPath } from 'node:url'

/**
 * Where the files beside the code are. Two layouts: the source tree (`bench/*.ts`), and the bundle,
 * in which `dist/` holds all of them side by side.
 */
const isSource = import.meta.url.endsWith('.ts')

/** Entry of a load driver's thread. */
export const LOAD_WORKER_PATH = path(isSource ? './load-worker.ts' : './load-worker.js')

/** The relay's program. */
export const RELAY_PATH = path(isSource ? './relay/relay.ts' : './bench-relay.js')

/** The compiled receive kernel. Made by the build in both layouts. */
export const KERNEL_PATH = path(isSource ? '../dist/bench-kernel.wasm' : './bench-kernel.wasm')

/** This project's drop-in server command, the default of `--server`. */
export const SERVER_PATH = path('../bin/nats-server')

function path(relative: string): string {
  return fileURLToPath(new URL(relative, import.meta.url))
}
