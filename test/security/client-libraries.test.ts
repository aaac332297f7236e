/** The official clients log in by every method that needs no operator. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { wsconnect } from '@nats-io/nats-core'
import { createUser } from '@nats-io/nkeys'
import * as transport from '@nats-io/transport-node'
import * as nats from 'nats'
import { program } from '../support/peers.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'

interface Connected {
  request(subject: string, payload?: string): Promise<{ string(): string }>
  subscribe(
    subject: string,
    options: { callback: (error: unknown, message: Asked) => void },
  ): unknown
  flush(): Promise<void>
  close(): Promise<void>
}

interface Asked {
  respond(payload: string): boolean
}

interface Library {
  readonly name: string
  readonly connect: (options: object) => Promise<Connected>
  readonly byKey: (seed: Uint8Array) => unknown
  readonly isWebsocket: boolean
}

const LIBRARIES: readonly Library[] = [
  {
    name: 'nats 2',
    connect: (options) => nats.connect(options) as Promise<unknown> as Promise<Connected>,
    byKey: (seed) => nats.nkeyAuthenticator(seed),
    isWebsocket: false,
  },
  {
    name: '@nats-io/transport-node 3',
    connect: (options) => transport.connect(options) as Promise<unknown> as Promise<Connected>,
    byKey: (seed) => transport.nkeyAuthenticator(seed),
    isWebsocket: false,
  },
  {
    name: 'wsconnect',
    connect: (options) => wsconnect(options) as Promise<unknown> as Promise<Connected>,
    byKey: (seed) => transport.nkeyAuthenticator(seed),
    isWebsocket: true,
  },
]

const key = createUser()
const stranger = createUser()
const HASH = '$2b$04$PsGmJFK0OkHWxdCDZvXLZeXLQl0HggVUnECZbJ0Bq8OEOnMgPchN6'
const WEBSOCKET = 'websocket { listen: "127.0.0.1:-1", no_tls: true }\n'

const TOKEN = `${WEBSOCKET}authorization { token: t0ken }`
const USERS = `${WEBSOCKET}
accounts {
  A: { users: [
    { user: plain, password: p }, { user: hashed, password: "${HASH}" }
    { nkey: ${key.getPublicKey()} }
  ] }
}`
const ANONYMOUS = `${USERS}\nno_auth_user: plain`

type Login = (library: Library) => object

const METHODS: Readonly<Record<string, readonly [config: string, good: Login, bad: Login]>> = {
  'a token': [TOKEN, () => ({ token: 't0ken' }), () => ({ token: 'other' })],
  'a user': [USERS, () => ({ user: 'plain', pass: 'p' }), () => ({ user: 'plain', pass: 'other' })],
  'a user with a bcrypt password': [
    USERS,
    () => ({ user: 'hashed', pass: 's3cr3t' }),
    () => ({ user: 'hashed', pass: HASH }),
  ],
  'an nkey': [
    USERS,
    ({ byKey }) => ({ authenticator: byKey(key.getSeed()) }),
    ({ byKey }) => ({ authenticator: byKey(stranger.getSeed()) }),
  ],
  no_auth_user: [ANONYMOUS, () => ({}), () => ({ user: 'nobody', pass: 'p' })],
}

for (const [method, [config, good, bad]] of Object.entries(METHODS)) {
  describe(`clients log in by ${method}`, () => {
    let server: ServerProcess
    before(async () => {
      server = await startServer(program('sable'), { config })
    })
    after(() => server?.stop())

    for (const library of LIBRARIES) {
      const serversOf = () =>
        library.isWebsocket ? `ws://127.0.0.1:${server.websocketPort}` : server.url

      test(library.name, { timeout: 30_000 }, async () => {
        const options = { servers: serversOf(), reconnect: false }
        const connection = await library.connect({ ...options, ...good(library) })
        try {
          connection.subscribe('ask', { callback: (_, message) => message.respond('answer') })
          await connection.flush()
          assert.equal((await connection.request('ask', 'q')).string(), 'answer')
        } finally {
          await connection.close()
        }
        await assert.rejects(library.connect({ ...options, ...bad(library) }), /authorization/i)
      })
    }
  })
}
