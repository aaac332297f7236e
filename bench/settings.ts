import type { Endpoint } from './drivers/tasks.ts'
import { startServer } from './server-process.ts'
import { type Site, siteOfServer } from './site.ts'

/** Users and accounts that a scenario's server is started with. */
export type SettingName =
  | 'users'
  | 'stream-import'
  | 'stream-import-prefix'
  | 'service-import'
  | 'logins'

/** Requests go here. */
export const SERVICE_SUBJECT = 'bench.echo'
/** Streams of another account arrive below it. */
export const IMPORT_PREFIX = 'imported'

const USERS = 100
const PASSWORD = 'bench'
/** bcrypt of PASSWORD with a cost of 11, by which nats-server recommends to hash them. */
const HASH = '$2b$11$jcLTOsS4Kr.T9VVv3IKCUuh1kyjksTe6hBYixRGdk63MSBLnIDvMO'
/** Logins take long when many passwords are verified; nats-server gives up after two seconds. */
const LOGIN_TIMEOUT_S = 600

type Credentials = Required<Pick<Endpoint, 'user' | 'password'>>

/** Whose login costs a bcrypt in the setting `logins`. */
export const HASHED_CREDENTIALS: Credentials = { user: 'hashed', password: PASSWORD }

interface Setting {
  readonly config: string
  readonly publisher: string
  readonly subscriber: string
}

const SETTINGS: Readonly<Record<SettingName, Setting>> = {
  users: {
    config: usersConfig(),
    publisher: 'user17',
    subscriber: 'user83',
  },
  'stream-import': streamImport(''),
  'stream-import-prefix': streamImport(`, prefix: "${IMPORT_PREFIX}"`),
  'service-import': {
    config: accounts(
      `exports: [{ service: "${SERVICE_SUBJECT}" }]`,
      `imports: [{ service: { account: EXPORTER, subject: "${SERVICE_SUBJECT}" } }]`,
    ),
    publisher: 'importer',
    subscriber: 'exporter',
  },
  logins: {
    config: `authorization {
  timeout: ${LOGIN_TIMEOUT_S}
  users: [
    { user: plain, password: ${PASSWORD} }
    { user: ${HASHED_CREDENTIALS.user}, password: "${HASH}" }
  ]
}
`,
    publisher: 'plain',
    subscriber: 'plain',
  },
}

/** Starts a server with users, and says who publishes and who subscribes. */
export async function startSetting(command: readonly string[], name: SettingName): Promise<Site> {
  const { config, publisher, subscriber } = SETTINGS[name]
  const server = await startServer(command, config)
  const as = (user: string): Endpoint => ({ ...server.endpoint, user, password: PASSWORD })
  return {
    ...siteOfServer(server),
    publishAt: as(publisher),
    subscribeAt: as(subscriber),
  }
}

/** What a reload may change of the setting `users`. */
export interface UsersChange {
  /** Instead of USERS. */
  readonly users?: number
  /** What the first user may publish to beside what all may. */
  readonly firstMayPublish?: string
  /** Bytes; none: the server's own default. */
  readonly maxPayload?: number
}

/**
 * Configuration of the setting `users`. Every one may do something that no other may; all may use
 * the subjects of the benchmark.
 */
export function usersConfig(change: UsersChange = {}): string {
  const limit = change.maxPayload === undefined ? '' : `max_payload: ${change.maxPayload}\n`
  return `authorization { users: [\n${manyUsers(change)}\n] }\n${limit}`
}

/** The endpoint for one of these users, by any number from 0. */
export function asUser(endpoint: Endpoint, index: number): Endpoint {
  return { ...endpoint, user: `user${index % USERS}`, password: PASSWORD }
}

function manyUsers({ users: count = USERS, firstMayPublish }: UsersChange): string {
  const users = Array.from({ length: count }, (_, user) => {
    const more = user === 0 && firstMayPublish !== undefined ? `, "${firstMayPublish}"` : ''
    const publish = `{ allow: ["bench.>", "own.${user}.>"${more}], deny: ["bench.closed.${user}"] }`
    const subscribe = `{ allow: ["bench.>", "own.${user}.*"], deny: ["bench.closed.${user}.>"] }`
    const permissions = `{ publish: ${publish}, subscribe: ${subscribe} }`
    return `  { user: user${user}, password: ${PASSWORD}, permissions: ${permissions} }`
  })
  return users.join('\n')
}

function streamImport(options: string): Setting {
  return {
    config: accounts(
      'exports: [{ stream: "bench.>" }]',
      `imports: [{ stream: { account: EXPORTER, subject: "bench.>" }${options} }]`,
    ),
    publisher: 'exporter',
    subscriber: 'importer',
  }
}

function accounts(exports: string, imports: string): string {
  return `accounts {
  EXPORTER { users: [{ user: exporter, password: ${PASSWORD} }], ${exports} }
  IMPORTER { users: [{ user: importer, password: ${PASSWORD} }], ${imports} }
}
`
}
