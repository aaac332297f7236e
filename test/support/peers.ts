import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Root folder of the repository. */
export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

const PROGRAM_NAMES = ['sable', 'nats-server', 'nats-server-2.10', 'nats-server-2.9'] as const
export type ProgramName = (typeof PROGRAM_NAMES)[number]

/** A server program the tests can start; `missing` says why it cannot be started here. */
export interface ServerProgram {
  readonly name: ProgramName
  readonly path: string
  readonly missing: string | null
}

/** Environment variables with the paths of the programs Sable is compared with. */
const PATH_VARIABLES: Readonly<Record<Exclude<ProgramName, 'sable'>, string>> = {
  'nats-server': 'NATS_SERVER',
  'nats-server-2.10': 'NATS_SERVER_2_10',
  'nats-server-2.9': 'NATS_SERVER_2_9',
}

/**
 * The program of that name.
 *
 * Sable is `bin/nats-server` of this repository (or the path in SABLE_SERVER, for testing an
 * installed package). The others are found through NATS_SERVER, NATS_SERVER_2_10 and
 * NATS_SERVER_2_9.
 */
export function program(name: ProgramName): ServerProgram {
  if (name === 'sable') {
    const path = process.env['SABLE_SERVER'] ?? join(ROOT, 'bin', 'nats-server')
    return { name, path, missing: existsSync(path) ? null : `no program at ${path}` }
  }
  const variable = PATH_VARIABLES[name]
  const path = process.env[variable] ?? ''
  if (path === '') return { name, path, missing: `${name} is not here: ${variable} is not set` }
  if (!existsSync(path)) {
    return { name, path, missing: `${name} is not here: ${variable} names ${path}` }
  }
  return { name, path, missing: null }
}

/** A tool that looks at servers, found through an environment variable such as NATS_CLI. */
export function tool(variable: string): Pick<ServerProgram, 'path' | 'missing'> {
  const path = process.env[variable] ?? ''
  const isHere = path !== '' && existsSync(path)
  return { path, missing: isHere ? null : `${variable} names no program: ${JSON.stringify(path)}` }
}

/** All programs, Sable first, whether they are here or not. */
export function peers(): readonly ServerProgram[] {
  return PROGRAM_NAMES.map(program)
}

/**
 * The programs a suite shall run on: Sable, or those listed in TEST_SERVERS.
 *
 * TEST_SERVERS exists to prove the tests themselves: a test that fails on the real server is wrong.
 */
export function programsUnderTest(): readonly ServerProgram[] {
  const listed = listFrom('TEST_SERVERS')
  return (listed.length === 0 ? (['sable'] as const) : listed.map(checkName)).map(program)
}

/**
 * The reason to skip a test that needs `needed`, or false when all are here.
 *
 * Sable, and every program listed in REQUIRE_PEERS or TEST_SERVERS, is never a reason to skip: the
 * test runs and fails on it.
 */
export function skipReason(...needed: readonly ServerProgram[]): string | false {
  const required = [...listFrom('REQUIRE_PEERS'), ...listFrom('TEST_SERVERS')]
  for (const { name, missing } of needed) {
    if (missing !== null && name !== 'sable' && !required.includes(name)) {
      return `${missing} (list it in REQUIRE_PEERS to make this a failure)`
    }
  }
  return false
}

export function checkName(name: string): ProgramName {
  const found = PROGRAM_NAMES.find((known) => known === name)
  if (found === undefined) {
    throw new Error(`unknown server program "${name}"; known are ${PROGRAM_NAMES.join(', ')}`)
  }
  return found
}

export function listFrom(variable: string): readonly string[] {
  return (process.env[variable] ?? '')
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '')
}
