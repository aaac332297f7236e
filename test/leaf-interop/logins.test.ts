import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { createUser } from '@nats-io/nkeys'
import { CLASSIC, type TestConnection } from '../support/client-libraries.ts'
import { crossInterest } from './cross.ts'
import { assertApart, assertLinked, exchange, logged } from './exchange.ts'
import { TrustChain } from './jwt.ts'
import { eachPair, type Pair } from './pairs.ts'

const folder = mkdtempSync(join(tmpdir(), 'leaf-logins-'))
after(() => rmSync(folder, { recursive: true }))
const LINK_MS_MAX = 20_000
const REFUSED = /Leafnode Error 'Authorization Violation'/
const VERBOSE = ['-DV']

const textOf = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1')

const isBefore = ({ hub, leaf }: Pair, what: string): string | false => {
  const found = [hub, leaf].find(({ name }) => name.startsWith('nats-server-2.'))
  return found !== undefined && `${found.name} ${what}`
}
/** Hubs before 2.12 let in leafs that show nothing. */
const letsIn = ({ hub }: Pair) =>
  hub.name.startsWith('nats-server-2.') && `${hub.name} lets leafs in without credentials`

eachPair('logins of leafs', (check) => {
  check(
    'an nkey in the leafnodes block',
    async (bench) => {
      const [known, unknown] = [createUser(), createUser()]
      const hub = await bench.startHub({
        leafnodes: `authorization { nkey: ${known.getPublicKey()} }`,
        flags: VERBOSE,
      })
      const leaf = (name: string, remote: string) =>
        bench.startLeaf(hub.leafPort, { name, remote, flags: VERBOSE })
      const [good, other, none] = await Promise.all([
        leaf('good', `nkey: ${textOf(known.getSeed())}`),
        leaf('other', `nkey: ${textOf(unknown.getSeed())}`),
        leaf('none', ''),
      ])
      await assertLinked(bench, hub, good)
      for (const one of [other, none]) {
        await logged(one, REFUSED)
        await assertApart(bench, hub, one)
      }
      for (const user of [known, unknown]) {
        const logs = [hub, good, other].map(({ log }) => log).join('')
        assert.ok(!logs.includes(textOf(user.getSeed())), 'a seed in a log')
      }
    },
    (pair) => isBefore(pair, 'knows no nkeys of leafs, or only its later versions'),
  )

  check('several users in the leafnodes block', async (bench) => {
    const hub = await bench.startHub({
      leafnodes: `authorization { users: [
        { user: a, password: passwordA }, { user: b, password: passwordB } ] }`,
      flags: VERBOSE,
    })
    const leaf = (name: string, credentials: string) =>
      bench.startLeaf(hub.leafPort, { name, credentials, flags: VERBOSE })
    const [a, b, mixed] = await Promise.all([
      leaf('a', 'a:passwordA'),
      leaf('b', 'b:passwordB'),
      leaf('mixed', 'a:passwordB'),
    ])
    await Promise.all([a, b].map((one) => assertLinked(bench, hub, one)))
    await logged(hub, /authentication error/)
    await logged(mixed, REFUSED)
    await assertApart(bench, hub, mixed)
    for (const { log, program } of [hub, a, b, mixed]) {
      assert.doesNotMatch(log, /password[AB]/, `a password in a log of ${program.name}`)
    }
  })

  check(
    'the one user of the hub, for clients and leafs alike',
    async (bench) => {
      const hub = await bench.startHub({ top: 'authorization { user: u, password: s3cr3t }' })
      const leaf = (name: string, credentials?: string) =>
        bench.startLeaf(hub.leafPort, {
          name,
          ...(credentials === undefined ? {} : { credentials }),
        })
      const [good, wrong, none] = await Promise.all([
        leaf('good', 'u:s3cr3t'),
        leaf('wrong', 'u:other'),
        leaf('none'),
      ])
      const atHub = await bench.connect(hub, { user: 'u', pass: 's3cr3t' })
      await exchange(atHub, await bench.connect(good))
      for (const one of [wrong, none]) await logged(one, REFUSED)
    },
    letsIn,
  )

  check(
    'a token alone in the URL, also from versions that call it a user',
    async (bench) => {
      const hub = await bench.startHub({ top: 'authorization { token: t0ken }' })
      const leaf = await bench.startLeaf(hub.leafPort, { credentials: 't0ken', flags: VERBOSE })
      const wrong = await bench.startLeaf(hub.leafPort, { name: 'wrong', credentials: 'x0ken' })
      const atHub = await bench.connect(hub, { token: 't0ken' })
      await exchange(atHub, await bench.connect(leaf))
      await logged(wrong, REFUSED)
      if (leaf.program.name === 'sable') assert.doesNotMatch(leaf.log, /t0ken/, 'a token in a log')
    },
    (pair) => letsIn(pair),
  )

  check(
    'an nkey of the users of the hub',
    async (bench) => {
      const user = createUser()
      const hub = await bench.startHub({
        top: `authorization { users: [
        { nkey: ${user.getPublicKey()} }, { user: c, password: p } ] }`,
      })
      const leaf = await bench.startLeaf(hub.leafPort, {
        remote: `nkey: ${textOf(user.getSeed())}`,
      })
      const atHub = await bench.connect(hub, { user: 'c', pass: 'p' })
      await exchange(atHub, await bench.connect(leaf))
    },
    (pair) => isBefore(pair, 'knows no nkeys of leafs, or only its later versions'),
  )

  check(
    'a user that must come through a trusted proxy does not come directly',
    async (bench) => {
      const hub = await bench.startHub({
        leafnodes: `authorization { users: [
          { user: a, password: p, proxy_required: true }, { user: b, password: p } ] }`,
      })
      const [direct, free] = await Promise.all([
        bench.startLeaf(hub.leafPort, { name: 'direct', credentials: 'a:p' }),
        bench.startLeaf(hub.leafPort, { name: 'free', credentials: 'b:p' }),
      ])
      await assertLinked(bench, hub, free)
      await assertApart(bench, hub, direct)
      await logged(direct, /Leafnode connection closed/)
    },
    ({ hub }) => hub.name.startsWith('nats-server-2.') && `${hub.name} knows no proxy_required`,
  )

  check(
    'credentials of a hub in operator mode',
    async (bench) => {
      const chain = new TrustChain()
      const hub = await bench.startHub({ top: chain.serverConfig })
      const file = (name: string, text: string) => {
        const path = join(folder, `${crypto.randomUUID()}-${name}.creds`)
        writeFileSync(path, text)
        return path
      }
      const unix = chain.credentials()
      const files = {
        unix: file('unix', unix),
        windows: file('windows', chain.credentials().replaceAll('\n', '\r\n')),
        foreign: file('foreign', new TrustChain().credentials()),
        empty: file('empty', 'nothing\n'),
      }
      const leaf = (path: string) =>
        bench.startLeaf(hub.leafPort, {
          name: path.slice(-12).replace(/\W/g, ''),
          remote: `credentials: "${path}"`,
          flags: VERBOSE,
        })
      const [one, two, foreign, empty] = await Promise.all([
        leaf(files.unix),
        leaf(files.windows),
        leaf(files.foreign),
        leaf(files.empty),
      ])
      const atHub = await connectWith(hub.url, unix)
      try {
        for (const server of [one, two]) {
          await exchange(atHub, await bench.connect(server), LINK_MS_MAX)
        }
        await logged(foreign, REFUSED)
        await logged(empty, /malformed|error|Error/)
        // A new file counts from the next attempt on.
        writeFileSync(files.foreign, chain.credentials())
        await crossInterest(atHub, await bench.connect(foreign), LINK_MS_MAX)
        const [, seed = 'no seed'] = /(SU\w+)/.exec(unix) ?? []
        assert.ok(!one.log.includes(seed), 'a seed in a log')
      } finally {
        await atHub.close()
      }
    },
    ({ leaf }) =>
      leaf.name === 'nats-server-2.9' && `${leaf.name} reads no credentials with CRLF line ends`,
  )

  check(
    'permissions in the credentials are told at the start',
    async (bench) => {
      const chain = new TrustChain()
      const hub = await bench.startHub({ top: chain.serverConfig })
      const path = join(folder, `${crypto.randomUUID()}.creds`)
      writeFileSync(path, chain.credentials({ deny: ['x'] }, { deny: ['y'] }))
      const leaf = await bench.startLeaf(hub.leafPort, { remote: `credentials: "${path}"` })
      await logged(leaf, /credentials file/i)
      await logged(leaf, /Leafnode connection created for account: \$G/)
    },
    ({ leaf }) => leaf.name.startsWith('nats-server-2.') && `${leaf.name} need not tell`,
  )
})

/** A client with credentials. */
async function connectWith(servers: string, credentials: string): Promise<TestConnection> {
  const { connect, credsAuthenticator } = await import('nats')
  assert.equal(CLASSIC.name, 'nats 2')
  return connect({ servers, authenticator: credsAuthenticator(Buffer.from(credentials)) })
}
