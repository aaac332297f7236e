/**
 * The nats-server version whose behaviour this broker matches. Client libraries and tools switch
 * features by it (INFO `version`, varz `version`, the output of `--version`).
 */
export const NATS_VERSION = '2.15.1'

/** Sable's own version. A test compares it with package.json. */
export const SABLE_VERSION = '0.1.0'
