const SECRET = /^--?(?:user|pass|auth)$/
const ROUTES = /^--?routes$/
const CLUSTER = /^--?(?:cluster|cluster_listen)$/
const REDACTED = '[REDACTED]'

/**
 * Arguments of the command line as they may be shown: what logs clients in is masked, as
 * nats-server masks it.
 */
export function redactedArguments(argv: readonly string[]): readonly string[] {
  const shown = [...argv]
  for (let index = 0; index < shown.length; index++) {
    const argument = shown[index]!
    const equals = argument.indexOf('=')
    const mask = maskOf(equals < 0 ? argument : argument.slice(0, equals))
    if (mask === undefined) continue
    if (equals >= 0) {
      shown[index] = `${argument.slice(0, equals)}=${mask(argument.slice(equals + 1))}`
    } else if (index + 1 < shown.length) {
      index++
      shown[index] = mask(shown[index]!)
    }
  }
  return shown
}

function maskOf(flag: string): ((value: string) => string) | undefined {
  if (SECRET.test(flag)) return () => REDACTED
  if (ROUTES.test(flag)) return (list) => list.split(',').map(withoutUser).join(',')
  return CLUSTER.test(flag) ? withoutUser : undefined
}

/** The user may hold any sign but a slash, so it ends at the last `@` before the path. */
function withoutUser(url: string): string {
  return url.replace(/^(\s*[^/]*\/\/)[^/]*@/, `$1${REDACTED}@`)
}
