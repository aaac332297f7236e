import type { SectionName } from '../../src/config/option-table.ts'
import { type Options, optionsFromObject } from '../../src/config/options.ts'
import { tlsDefaults } from '../../src/config/tls-table.ts'

/** Options in which every block is there, and where its rows are to be found in them. */

export const USER_NKEY = 'UCARKS2E3KVB7YORL2DG34XLT7PUCOL2SVM7YXV6ETHLW6Z46UUJ2VZ3'
export const ACCOUNT_NKEY = 'ABJHLOVMPA4CI6R5KLNGOB4GSLNIY7IOUPAJC4YFNDLQVIOBYQGUWVLA'

export type Draft = Record<string, unknown>

const PERMISSIONS = {
  publish: { allow: ['a'], deny: [] },
  subscribe: { allow: ['b'], deny: [] },
  responses: { max: 3, expiresMs: 1000 },
}

/** Complete but for `tls`, `operator` and the callout, which would need files and JWTs. */
const COMPLETE = optionsFromObject({
  host: '127.0.0.1',
  users: [{ user: 'anna', pass: 'a', account: 'A', permissions: PERMISSIONS }],
  nkeys: [{ nkey: USER_NKEY, account: 'A' }],
  accounts: [
    {
      name: 'A',
      exports: [
        { kind: 'service', subject: 'svc' },
        { kind: 'stream', subject: 'str' },
      ],
    },
    {
      name: 'B',
      imports: [
        { kind: 'service', account: 'A', subject: 'svc' },
        { kind: 'stream', account: 'A', subject: 'str' },
      ],
    },
  ],
  mappings: [{ source: 'from', destinations: [{ subject: 'to', weight: 50 }] }],
  leafnodes: {
    port: 7422,
    authorization: { users: [{ user: 'leaf', pass: 'l', account: 'A' }] },
    remotes: [
      { urls: ['ws://127.0.0.1:1'], account: 'A', proxy: { url: 'http://127.0.0.1:2' } },
      { urls: ['nats://127.0.0.1:3'], account: 'B' },
    ],
  },
  websocket: { port: 8080, noTls: true },
  trustedProxies: [ACCOUNT_NKEY],
})

/** A copy of its own with each call. */
export function fullOptions(): Draft {
  const options = structuredClone(COMPLETE) as unknown as Draft
  const tls = { ...tlsDefaults(), certFile: '/c.pem', keyFile: '/k.pem', caFile: '/ca.pem' }
  const certificates = [{ certFile: '/c2.pem', keyFile: '/k2.pem' }]
  options['tls'] = { ...tls, certificates }
  part(options, 'leafnodes')['tls'] = { ...tls }
  part(options, 'leafnodes', 'remotes', 1)['tls'] = { ...tls }
  part(options, 'websocket')['tls'] = { ...tls }
  part(options, 'authorization')['authCallout'] = {
    issuer: ACCOUNT_NKEY,
    account: 'A',
    authUsers: ['anna'],
    xkey: '',
    allowedAccounts: [],
  }
  options['operator'] = {
    jwts: ['JWT'],
    trustedKeys: [],
    resolver: { kind: 'memory' },
    resolverTls: undefined,
    preload: { A: 'JWT' },
    pinnedAccounts: [],
    defaultSentinel: 'BEARER',
  }
  return options
}

export function asOptions(draft: Draft): Options {
  return draft as unknown as Options
}

/** What the path leads to. */
export function part(draft: Draft, ...path: readonly (string | number)[]): Draft {
  return path.reduce<unknown>((at, key) => (at as Draft)[key], draft) as Draft
}

/** Where the rows of each block are, by the path to their object. */
export const SECTION_PATHS: Readonly<Record<SectionName, readonly (string | number)[]>> = {
  '': [],
  authorization: ['authorization'],
  'authorization.users': ['users', 0],
  'authorization.permissions': ['users', 0, 'permissions'],
  'authorization.permissions.allow_responses': ['users', 0, 'permissions', 'responses'],
  'authorization.auth_callout': ['authorization', 'authCallout'],
  'accounts.A': ['accounts', 0],
  'accounts.A.limits': ['accounts', 0, 'limits'],
  'accounts.A.exports': ['accounts', 0, 'exports', 0],
  'accounts.A.imports': ['accounts', 1, 'imports', 0],
  'mappings.from': ['mappings', 0, 'destinations', 0],
  leafnodes: ['leafnodes'],
  'leafnodes.authorization': ['leafnodes', 'authorization'],
  'leafnodes.authorization.users': ['leafnodes', 'authorization', 'users', 0],
  'leafnodes.remotes': ['leafnodes', 'remotes', 0],
  'leafnodes.remotes.proxy': ['leafnodes', 'remotes', 0, 'proxy'],
  websocket: ['websocket'],
  'websocket.authorization': ['websocket', 'authorization'],
  proxies: [],
  'proxies.trusted': ['trustedProxies'],
  tls: ['tls'],
  'tls.certificates': ['tls', 'certificates', 0],
}

/** Another value of that kind; what comes out need make no sense, only differ. */
export function different(value: unknown): unknown {
  if (typeof value === 'boolean') return !value
  if (typeof value === 'number') return value + 1
  if (typeof value === 'string') return `${value}x`
  if (value === undefined) return 'x'
  if (!Array.isArray(value)) return { ...(value as Draft), other: 'x' }
  if (value.length > 0 && typeof value[0] === 'object') return value.slice(1)
  return [...value, 'x']
}
