/** Where account JWTs come from: what becomes of a server whose source is not there, or slow. */
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { NkeyPair } from '../../src/auth/nkeys.ts'
import type { ServerProgram } from '../support/peers.ts'
import { ServerProcess, startServer } from '../support/server-process.ts'
import { until } from '../support/wait.ts'
import { eachServer } from './each-server.ts'
import { Administrator, logged, logIn, refusal } from './jwt-client.ts'
import { mint, nowS, World } from './world.ts'

const VIOLATION = ["'Authorization Violation'"]

function newFolder(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'resolver-'))
  context.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** An HTTP server with account JWTs; `undefined` answers never. */
class JwtSite implements AsyncDisposable {
  readonly jwts = new Map<string, string | undefined>()
  readonly #server: Server

  private constructor(server: Server) {
    this.#server = server
  }

  static async open(): Promise<JwtSite> {
    const server = createServer((request, response) => {
      const key = request.url?.split('/').at(-1) ?? ''
      if (key === '') response.end('hello')
      else if (!site.jwts.has(key)) response.writeHead(404).end()
      else {
        const jwt = site.jwts.get(key)
        if (jwt !== undefined) response.end(jwt)
      }
    })
    const site = new JwtSite(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return site
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/jwt/v1/accounts/`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
  }
}

/** What a server that does not start writes. */
async function failedStart(program: ServerProgram, config: string): Promise<string> {
  await using server = new ServerProcess(program, { config })
  await server.exited()
  assert.equal(server.exitCode, 1)
  return server.log
}

eachServer('resolver: URL', (program) => {
  const configOf = (world: World, url: string) =>
    `operator: ${world.operatorJwt}\nresolver: URL("${url}")\n`

  test('accounts are fetched and, once they are over, fetched again', async () => {
    const world = new World()
    await using site = await JwtSite.open()
    const [account, other] = [world.account('A'), world.account('B')]
    site.jwts.set(world.system.publicKey, world.system.jwt())
    site.jwts.set(account.publicKey, account.jwt({}, { exp: nowS() + 3 }))
    const config = configOf(world, site.url)
    await using server = await startServer(program, { config, flags: ['-D'] })
    assert.doesNotMatch(server.log, /bootstrapping/)
    await using client = await logIn(server, account.user())
    assert.deepEqual(await client.ended(), ["'Account Authentication Expired'"])
    site.jwts.set(account.publicKey, account.jwt())
    await until('the account is renewed', async () => {
      await using renewed = await logIn(server, account.user())
      return renewed.errors.length === 0
    })
    assert.deepEqual(await refusal(server, other.user()), VIOLATION)
    await logged(server, /\[WRN\] Account fetch failed: could not fetch <"http.*>: 404 Not Found/)
  })

  test('an account that takes too long', async () => {
    const world = new World()
    await using site = await JwtSite.open()
    const [account, other] = [world.account('A'), world.account('B')]
    site.jwts.set(world.system.publicKey, world.system.jwt())
    site.jwts.set(account.publicKey, undefined)
    site.jwts.set(other.publicKey, other.jwt())
    const config = configOf(world, site.url)
    await using server = await startServer(program, { config })
    const slow = refusal(server, account.user())
    await using client = await logIn(server, other.user())
    await client.settled()
    assert.match((await slow).join(), /^'Auth(orization Violation|entication Timeout)'$/)
    await logged(server, /\[WRN\] Account fetch failed: .*Client\.Timeout/)
  })

  test('no start without an answer to the URL itself', async () => {
    const world = new World()
    const log = await failedStart(program, configOf(world, 'http://127.0.0.1:9/accounts/'))
    assert.match(log, /could not fetch <"http:\/\/127\.0\.0\.1:9\/accounts\/">: Get .*refused/)
  })

  test('a system account that comes later', async () => {
    const world = new World()
    await using site = await JwtSite.open()
    const account = world.account('A')
    site.jwts.set(account.publicKey, account.jwt())
    await using server = await startServer(program, { config: configOf(world, site.url) })
    await logged(server, /\[INF\] Using bootstrapping system account/)
    await using client = await logIn(server, account.user())
    await client.settled()
    site.jwts.set(world.system.publicKey, world.system.jwt())
    await logged(server, /\[INF\] System account fetched and updated/)
  })
})

eachServer('resolver: MEMORY', (program) => {
  test('accounts in use can be updated, others cannot', async () => {
    const world = new World()
    const [used, unused] = [world.account('USED'), world.account('UNUSED')]
    await using server = await startServer(program, { config: world.memoryConfig() })
    await using administrator = await Administrator.open(server, world)
    await using client = await logIn(server, used.user())
    const newer = { iat: nowS() + 10 }
    const update = (account: typeof used, jwt: string) => administrator.update(account, jwt)
    assert.match(await update(unused, unused.jwt({}, newer)), /"jwt update skipped"/)
    assert.match(await update(used, unused.jwt({}, newer)), /subject does not match jwt content/)
    const done = await update(used, used.jwt({ limits: { payload: 3 } }, newer))
    assert.match(done, /"jwt updated"/)
    await client.publish('a', 'abcd')
    assert.deepEqual(await client.ended(), ["'Maximum Payload Violation'"])
  })

  test('no start without the system account', async () => {
    const world = new World()
    const config = world
      .memoryConfig()
      .replace(world.system.publicKey, world.account('A').publicKey)
    const log = await failedStart(program, config)
    assert.match(log, /error resolving system account: account missing/)
  })
})

eachServer('resolver: full', (program) => {
  test('a system account that comes later, from a user of its own key', async (context) => {
    const world = new World()
    const config = world.directoryConfig(newFolder(context), { preload: false })
    await using server = await startServer(program, { config })
    await logged(server, /\[INF\] Using bootstrapping system account/)
    await using administrator = await Administrator.open(server, world)
    const answer = await administrator.push(world.system.jwt())
    assert.deepEqual(answer, {
      account: world.system.publicKey,
      code: 200,
      message: 'jwt updated',
    })
    await logged(server, /\[INF\] System account fetched and updated/)
    await administrator.client.settled()
    assert.deepEqual(administrator.client.errors, [])
  })

  test('lists, looks up, and keeps what it has over a restart', async (context) => {
    const world = new World()
    const account = world.account('A')
    const folder = newFolder(context)
    const config = world.directoryConfig(folder)
    const jwt = account.jwt()
    {
      await using server = await startServer(program, { config })
      await using administrator = await Administrator.open(server, world)
      await administrator.push(jwt)
      const list = JSON.parse(await administrator.request('$SYS.REQ.CLAIMS.LIST')) as object
      const keys = [account.publicKey, world.system.publicKey]
      assert.deepEqual((list as { data: string[] }).data.toSorted(), keys.toSorted())
      const lookup = `$SYS.REQ.ACCOUNT.${account.publicKey}.CLAIMS.LOOKUP`
      assert.equal(await administrator.request(lookup), jwt)
    }
    assert.deepEqual(
      readdirSync(folder).toSorted(),
      [account, world.system].map(({ publicKey }) => `${publicKey}.jwt`).toSorted(),
    )
    await using server = await startServer(program, { config })
    await using client = await logIn(server, account.user())
    assert.deepEqual(client.errors, [])
  })

  test('who may delete', async (context) => {
    const world = new World()
    const account = world.account('A')
    const deletion = (keys: NkeyPair, accounts: unknown, subject = keys.publicKey) =>
      mint(keys, { sub: subject, name: 'x', nats: { accounts, type: 'generic', version: 2 } })
    const { operator, signingKey, system } = world
    const cases = [
      ['not trusted', deletion(NkeyPair.generate('operator'), [account.publicKey])],
      ['not self signed', deletion(operator, [account.publicKey], signingKey.publicKey)],
      ['malformed request', deletion(operator, 'all')],
      ['not allowed to delete system account', deletion(operator, [system.publicKey])],
    ] as const
    const more = 'allow_delete: true, hard_delete: true'
    const folder = newFolder(context)
    const config = world.directoryConfig(folder, { more })
    await using server = await startServer(program, { config })
    await using administrator = await Administrator.open(server, world)
    await administrator.push(account.jwt())
    for (const [why, request] of cases) {
      const answer = await administrator.request('$SYS.REQ.CLAIMS.DELETE', request)
      assert.ok(answer.includes(why), answer)
    }
    const request = deletion(signingKey, [account.publicKey])
    const answer = await administrator.request('$SYS.REQ.CLAIMS.DELETE', request)
    assert.ok(answer.includes('deleted 1 accounts'), answer)
    assert.deepEqual(readdirSync(folder), [`${system.publicKey}.jwt`])
  })

  test('a directory that cannot be used', async (context) => {
    const world = new World()
    const file = join(newFolder(context), 'file')
    writeFileSync(file, '')
    assert.match(await failedStart(program, world.directoryConfig(file)), /not a directory/)
  })

  test('files that are no JWT disturb nobody', async (context) => {
    const world = new World()
    const [good, corrupt, swapped] = ['GOOD', 'CORRUPT', 'SWAPPED'].map((name) =>
      world.account(name),
    ) as [ReturnType<World['account']>, ReturnType<World['account']>, ReturnType<World['account']>]
    const folder = newFolder(context)
    writeFileSync(join(folder, `${good.publicKey}.jwt`), good.jwt())
    writeFileSync(join(folder, `${corrupt.publicKey}.jwt`), '\0'.repeat(5000))
    writeFileSync(join(folder, `${swapped.publicKey}.jwt`), good.jwt())
    writeFileSync(join(folder, 'README'), 'hello')
    writeFileSync(join(folder, 'x.jwt'), 'eyJ')
    const config = world.directoryConfig(folder)
    await using server = await startServer(program, { config, flags: ['-D'] })
    assert.deepEqual(await refusal(server, corrupt.user()), VIOLATION)
    assert.deepEqual(await refusal(server, swapped.user()), VIOLATION)
    await using client = await logIn(server, good.user())
    await client.settled()
    assert.deepEqual(client.errors, [])
  })
})

eachServer('resolver: cache', (program) => {
  test('keeps what it is given, and no more than its limit', async (context) => {
    const world = new World()
    const accounts = ['A', 'B', 'C'].map((name) => world.account(name))
    const folder = newFolder(context)
    const config = world.directoryConfig(folder, { kind: 'cache', more: 'limit: 2' })
    await using server = await startServer(program, { config })
    await using administrator = await Administrator.open(server, world)
    const pushed = async (account: (typeof accounts)[number]) =>
      (await administrator.push(account.jwt())) as { message: string }
    const [a, b, c] = accounts as [(typeof accounts)[0], (typeof accounts)[0], (typeof accounts)[0]]
    assert.equal((await pushed(a)).message, 'jwt update cache skipped')
    assert.equal((await pushed(b)).message, 'jwt update cache skipped')
    assert.equal((await pushed(c)).message, 'jwt update cache skipped')
    assert.ok(readdirSync(folder).length <= 2)
  })
})
