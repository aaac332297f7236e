import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { STORED_BYTES_MAX } from '../../../src/auth/resolver/store-files.ts'
import { makeCertificates } from '../../support/certificates.ts'
import { sleep } from '../../support/wait.ts'
import { newDirectory, ResolverBench } from './resolver-bench.ts'
import { accountJwt, newKey } from './tokens.ts'

const key = newKey()
const jwt = accountJwt(key)

interface Served {
  readonly url: string
  readonly server: Server
}

/** A server at `/jwt/`; `answer` is asked for everything but the bare URL. */
async function serve(context: TestContext, answer: RequestListener): Promise<Served> {
  const server = createServer((request, response) => {
    if (request.url === '/jwt/') response.end()
    else answer(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  context.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwt/`, server }
}

/** What a fetch ends with: the JWT, or the reason in the log. */
async function fetchFrom(
  context: TestContext,
  answer: RequestListener,
): Promise<{ outcome: string | undefined; url: string }> {
  const { url } = await serve(context, answer)
  const bench = new ResolverBench()
  const resolver = await bench.create({ kind: 'url', url })
  context.after(() => resolver.close())
  const found = await resolver.fetch(key)
  const outcome = found ?? bench.notices.find((line) => line.includes('Account fetch failed'))
  return { outcome, url }
}

test('gets a JWT by HTTP, over the same socket again and again', async (context) => {
  const paths: (string | undefined)[] = []
  const { url, server } = await serve(context, (request, response) => {
    paths.push(request.url)
    response.end(jwt)
  })
  let sockets = 0
  server.on('connection', () => sockets++)
  const bench = new ResolverBench()
  const resolver = await bench.create({ kind: 'url', url: url.slice(0, -1) })
  context.after(() => resolver.close())
  assert.equal(resolver.isReadOnly, true)
  for (let turn = 0; turn < 3; turn++) assert.equal(await resolver.fetch(key), jwt)
  assert.deepEqual(paths, Array(3).fill(`/jwt/${key}`))
  assert.equal(sockets, 1)
  assert.deepEqual(bench.notices, [])
  await assert.rejects(resolver.store(key, jwt), {
    message: 'store operation not supported for URL Resolver',
  })
})

test('does not start when the URL does not answer with 200', async (context) => {
  const bench = new ResolverBench()
  const { url, server } = await serve(context, (_, response) => response.end())
  const other = url.replace('/jwt/', '/none')
  server.removeAllListeners('request')
  server.on('request', (_, response) => response.writeHead(404).end())
  await assert.rejects(bench.create({ kind: 'url', url: other }), {
    message: `could not fetch <"${other}/">: 404 Not Found`,
  })
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  const address = new URL(url).host
  await assert.rejects(bench.create({ kind: 'url', url }), {
    message: `could not fetch <"${url}">: Get "${url}": dial tcp ${address}: connect: connection refused`,
  })
})

test('refuses preloads, which it could not store', async () => {
  const bench = new ResolverBench()
  await assert.rejects(bench.create({ kind: 'url', url: 'http://127.0.0.1:1/' }, { [key]: jwt }), {
    message: 'resolver preloads only available for writeable resolver types MEM/DIR/CACHE_DIR',
  })
})

test('says why there is no JWT', async (context) => {
  const missing = await fetchFrom(context, (_, response) => response.writeHead(404).end('gone'))
  assert.equal(
    missing.outcome,
    `warn Account fetch failed: could not fetch <"${missing.url}${key}">: 404 Not Found`,
  )
  const broken = await fetchFrom(context, (request) => request.socket.destroy())
  assert.match(broken.outcome!, /^warn Account fetch failed: could not fetch <".*">: Get ".*": /)
  const cut = await fetchFrom(context, (_, response) => {
    response.writeHead(200, { 'content-length': 10 })
    response.write('x', () => response.destroy())
  })
  assert.match(cut.outcome!, /: unexpected EOF$/)
  const garbage = await fetchFrom(context, (request) => request.socket.end('garbage\r\n\r\n'))
  assert.match(garbage.outcome!, /^warn Account fetch failed: could not fetch/)
})

test('reads no more than the longest JWT', async (context) => {
  const most = 'x'.repeat(STORED_BYTES_MAX)
  const long = await fetchFrom(context, (_, response) => response.end(most))
  assert.equal(long.outcome?.length, STORED_BYTES_MAX)
  let isEnded = false
  const endless = await fetchFrom(context, (_, response) => {
    response.on('close', () => {
      isEnded = true
    })
    const more = (): void => {
      if (!response.destroyed) response.write('y'.repeat(65_536), more)
    }
    more()
  })
  assert.match(endless.outcome!, /: body has more than 1048576 bytes$/)
  await new Promise((resolve) => setImmediate(resolve))
  while (!isEnded) await new Promise((resolve) => setTimeout(resolve, 5))
})

test('gives up after its time-out, before and amid an answer', async (context) => {
  for (const isAmid of [false, true]) {
    const { url } = await serve(context, (_, response) => {
      if (!isAmid) return
      response.writeHead(200)
      response.write('ey')
    })
    const timers: { ms: number; run: () => void }[] = []
    const bench = new ResolverBench({
      after: (ms, run) => {
        timers.push({ ms, run })
        return () => {}
      },
    })
    const resolver = await bench.create({ kind: 'url', url })
    context.after(() => resolver.close())
    const fetched = resolver.fetch(key)
    // So many turns of the event loop that the first bytes have come both ways, however slow.
    for (let turn = 0; isAmid && turn < 50; turn++) await sleep(2)
    assert.equal(timers.at(-1)?.ms, 1900)
    timers.at(-1)?.run()
    assert.equal(await fetched, undefined)
    const reason = isAmid
      ? 'context deadline exceeded (Client.Timeout or context cancellation while reading body)'
      : `could not fetch <"${url}${key}">: Get "${url}${key}": context deadline exceeded ` +
        '(Client.Timeout exceeded while awaiting headers)'
    assert.deepEqual(bench.notices, [`warn Account fetch failed: ${reason}`])
  }
})

test('follows redirects, ten at most', async (context) => {
  const once = await fetchFrom(context, (request, response) => {
    if (request.url === '/there') response.end(jwt)
    else response.writeHead(302, { location: '/there' }).end()
  })
  assert.equal(once.outcome, jwt)
  const round = await fetchFrom(context, (_, response) =>
    response.writeHead(302, { location: '/jwt/round' }).end(),
  )
  assert.match(round.outcome!, /: Get "\/?.*\/jwt\/round": stopped after 10 redirects$/)
  const elsewhere = await fetchFrom(context, (_, response) =>
    response.writeHead(302, { location: 'file:///etc/passwd' }).end(),
  )
  assert.match(elsewhere.outcome!, /: unsupported protocol scheme "file"$/)
})

test('a password in the URL is sent, and told to nobody', async (context) => {
  const seen: (string | undefined)[] = []
  const { url } = await serve(context, (request, response) => {
    seen.push(request.headers.authorization)
    response.writeHead(500).end()
  })
  const bench = new ResolverBench()
  const secret = url.replace('//', '//bob:hush@')
  const resolver = await bench.create({ kind: 'url', url: secret })
  context.after(() => resolver.close())
  await resolver.fetch(key)
  assert.deepEqual(seen, [`Basic ${Buffer.from('bob:hush').toString('base64')}`])
  const shown = url.replace('//', '//bob:xxxxx@')
  assert.deepEqual(bench.notices, [
    `warn Account fetch failed: could not fetch <"${shown}${key}">: 500 Internal Server Error`,
  ])
})

test('speaks TLS with the authority it was given, and with no other', async (context) => {
  const { ca, server: facts } = makeCertificates(newDirectory(context))
  const identity = { cert: readFileSync(facts.certFile), key: readFileSync(facts.keyFile) }
  const server = createTlsServer(identity, (_, response) => response.end(jwt))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  context.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/`
  const trusting = new ResolverBench({ tls: { ca: readFileSync(ca.certFile) } })
  const resolver = await trusting.create({ kind: 'url', url })
  assert.equal(await resolver.fetch(key), jwt)
  await resolver.close()
  await assert.rejects(new ResolverBench().create({ kind: 'url', url }), /could not fetch/)
})

test('a socket that was closed while idle costs no fetch', async (context) => {
  const { url, server } = await serve(context, (_, response) => response.end(jwt))
  const bench = new ResolverBench()
  const resolver = await bench.create({ kind: 'url', url })
  context.after(() => resolver.close())
  assert.equal(await resolver.fetch(key), jwt)
  server.closeIdleConnections()
  assert.equal(await resolver.fetch(key), jwt)
  assert.deepEqual(bench.notices, [])
})
