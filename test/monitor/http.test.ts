import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { AnswerGate } from '../../src/monitor/http/answer-gate.ts'
import { HttpMonitor } from '../../src/monitor/http/http-monitor.ts'
import type { AddedRoute } from '../../src/monitor/http/monitor-router.ts'
import { connectionReport, type FakeContext, fakeContext } from './fake-source.ts'

const TIMEOUT_MS = 30_000

interface Running {
  readonly monitor: HttpMonitor
  readonly context: FakeContext
  readonly url: string
}

const running: HttpMonitor[] = []
after(() => {
  for (const monitor of running) monitor.close()
})

async function start(
  basePath = '',
  routes: readonly AddedRoute[] = [],
  headersMs?: number,
): Promise<Running> {
  const listener = { host: '127.0.0.1', port: 0, basePath, tls: undefined, headersMs }
  const monitor = await HttpMonitor.listen(listener)
  running.push(monitor)
  const context = fakeContext()
  monitor.open(context, routes)
  return { monitor, context, url: `http://127.0.0.1:${monitor.port}` }
}

/** The connection ends with the answer, so that nothing of a test is left over. */
function get(url: string, options: RequestInit = {}): Promise<Response> {
  const headers = { ...options.headers, connection: 'close' }
  return fetch(url, { redirect: 'manual', ...options, headers })
}

/** What the server says to bytes that no HTTP client would send. */
async function raw({ monitor }: Running, text: string): Promise<string> {
  const socket = connect(monitor.port, '127.0.0.1')
  let said = ''
  socket.setEncoding('latin1').on('data', (data) => {
    said += data
  })
  socket.on('error', () => {})
  socket.write(text, 'latin1')
  await once(socket, 'close')
  return said
}

const shared = await start()

test('endpoints answer with JSON, to any method', async () => {
  for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'OPTIONS']) {
    const body = method === 'POST' ? 'auth=x' : null
    const response = await get(`${shared.url}/connz`, { method, body })
    assert.equal(response.status, 200)
    assert.equal(response.headers.get('content-type'), 'application/json')
    assert.equal(response.headers.get('access-control-allow-origin'), '*')
    assert.match(await response.text(), /^\{\n {2}"server_id": "NID",\n/)
  }
  const head = await get(`${shared.url}/varz`, { method: 'HEAD' })
  assert.deepEqual([head.status, await head.text()], [200, ''])
})

test('what is not there is 404, what cannot be read 400, both as text', async () => {
  for (const path of ['/nope', '/varz/', '/healthz/x', '/a/b/c/']) {
    const response = await get(shared.url + path)
    assert.deepEqual([response.status, await response.text()], [404, '404 page not found\n'], path)
    assert.equal(response.headers.get('content-type'), 'text/plain; charset=utf-8')
  }
  const raft = await get(`${shared.url}/raftz`)
  assert.deepEqual([raft.status, await raft.text()], [404, 'No Raft nodes registered'])
  const bad = await get(`${shared.url}/jsz?limit=x`)
  assert.equal(bad.status, 400)
  assert.equal(bad.headers.get('content-type'), 'text/plain; charset=utf-8')
  assert.equal(bad.headers.get('access-control-allow-origin'), null)
  assert.equal(
    await bad.text(),
    `Error decoding int for 'limit': strconv.Atoi: parsing "x": invalid syntax`,
  )
  assert.match(await raw(shared, 'GET /%zz HTTP/1.0\r\n\r\n'), /^HTTP\/1.1 400 /)
})

test('unclean paths are redirected, with their query', async () => {
  const redirected = async (target: string) => {
    const said = await raw(shared, `GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
    assert.match(said, /^HTTP\/1.1 307 /)
    return /\r\nLocation: (.*)\r\n/.exec(said)?.[1]
  }
  assert.equal(await redirected('//varz?x=1'), '/varz?x=1')
  assert.equal(await redirected('/a/../connz'), '/connz')
  assert.equal(await redirected('/debug//vars'), '/debug/vars')
})

test('requests are counted by endpoint', async () => {
  const { url, context } = await start()
  for (const path of ['/', '/varz', '/connz', '/connz?auth=x', '/jsz?limit=x', '/subscriptionsz']) {
    await (await get(url + path)).text()
  }
  for (const path of ['/stacksz', '/raftz', '/ipqueuesz', '/debug/vars', '/nope']) {
    await (await get(url + path)).text()
  }
  const varz = (await (await get(`${url}/varz`)).json()) as { http_req_stats: object }
  const counts = { '/': 1, '/varz': 2, '/connz': 1, '/jsz': 1, '/subsz': 1 }
  assert.deepEqual(varz.http_req_stats, counts)
  assert.deepEqual(Object.fromEntries(context.httpRequests), counts)
})

test('the index page links every endpoint', async () => {
  const response = await get(shared.url)
  assert.equal(response.headers.get('content-type'), 'text/html; charset=utf-8')
  const page = await response.text()
  const links = [...page.matchAll(/href=\.(\/[^ >]+)/g)].map(([, path]) => path!)
  assert.equal(links.length, 12)
  for (const path of links) {
    const { status } = await get(shared.url + path)
    assert.equal(status, path === '/raftz' ? 404 : 200, path)
  }
  assert.ok(page.includes('<a href=./varz>General<span class="endpoint"> /varz</span></a>'))
})

test('a base path is before everything, and nothing is elsewhere', async () => {
  const { url, context } = await start('foo/../bar/baz/')
  context.source.facts = { ...context.source.facts, name: '<i>&"' }
  const page = await (await get(`${url}/bar/baz`)).text()
  assert.ok(page.includes('&#60;i&#62;'))
  for (const [, path] of page.matchAll(/href=(\.\/[^ >]+)/g)) {
    const address = new URL(path!, `${url}/bar/baz`)
    assert.notEqual(
      (await get(address.href)).status,
      address.pathname.endsWith('/raftz') ? 200 : 404,
    )
  }
  for (const path of ['/', '/varz', '/bar', '/bar/baz/', '/barbaz/varz']) {
    assert.equal((await get(url + path)).status, 404, path)
  }
  assert.equal(context.httpRequests.get('/varz'), 1)
})

test('a token is asked for everywhere but at /healthz', async () => {
  const { url, context } = await start('', [
    { path: '/open', title: '', isOpen: true, handler: ({ send }) => send(answerOf('open')) },
    { path: '/own', title: 'Own', handler: ({ send }) => send(answerOf('own')) },
  ])
  context.source.options = { monitorToken: 'a b&c' }
  const authorization = 'Bearer a b&c'
  for (const path of ['/', '/varz', '/nope', '/own', '/connz?auth=x']) {
    const refused = await get(url + path)
    assert.deepEqual([refused.status, await refused.text()], [401, 'unauthorized\n'], path)
    assert.equal(refused.headers.get('www-authenticate'), 'Bearer')
    assert.equal((await get(url + path, { headers: { authorization: 'Bearer x' } })).status, 401)
    assert.notEqual((await get(url + path, { headers: { authorization } })).status, 401)
    const asParameter = `${path}${path.includes('?') ? '&' : '?'}token=a+b%26c`
    assert.notEqual((await get(url + asParameter)).status, 401)
  }
  assert.equal((await get(`${url}/healthz`)).status, 200)
  assert.equal((await get(`${url}/open`)).status, 200)
  const page = await (await get(`${url}/?token=a+b%26c`)).text()
  assert.ok(page.includes('<a href=./own?token=a%20b%26&#38;') === false)
  assert.ok(page.includes('<a href=./own?token=a%20b%26c>'))
})

function answerOf(body: string) {
  return { status: 200, contentType: 'text/plain', body }
}

test('other endpoints: themselves, whole folders, streams, failures', async () => {
  const { url, context } = await start('/b', [
    { path: '/files/', title: '', handler: ({ path, send }) => send(answerOf(path)) },
    {
      path: '/stream',
      title: '',
      handler: (_, response) => {
        response.writeHead(200).write('one')
        response.end('two')
      },
    },
    {
      path: '/wrong',
      title: '',
      handler: () => {
        throw new Error('broken')
      },
    },
  ])
  assert.equal(await (await get(`${url}/b/files/a/b.js?x=1`)).text(), '/files/a/b.js')
  assert.equal(await (await get(`${url}/b/files/`)).text(), '/files/')
  const redirect = await get(`${url}/b/files?x=1`)
  assert.deepEqual([redirect.status, redirect.headers.get('location')], [301, '/b/files/?x=1'])
  assert.equal(await (await get(`${url}/b/stream`)).text(), 'onetwo')
  assert.equal((await get(`${url}/b/wrong`)).status, 500)
  assert.match(context.warnings.join(), /\/wrong: Error: broken/)
})

test('requests before it is opened wait for that', async () => {
  const listener = { host: '127.0.0.1', port: 0, basePath: '', tls: undefined }
  const monitor = await HttpMonitor.listen(listener)
  running.push(monitor)
  const early = get(`http://127.0.0.1:${monitor.port}/healthz`)
  const socket = connect(monitor.port, '127.0.0.1')
  await once(socket, 'connect')
  monitor.open(fakeContext())
  assert.equal((await early).status, 200)
  socket.destroy()
})

test('a port that is taken is an error', async () => {
  const listener = { host: '127.0.0.1', port: shared.monitor.port, basePath: '', tls: undefined }
  await assert.rejects(HttpMonitor.listen(listener), { code: 'EADDRINUSE' })
})

test('any query has an answer', async () => {
  const paths = ['/connz', '/subsz', '/jsz', '/healthz', '/accountz', '/leafz', '/gatewayz', '/x']
  const query = fc.array(fc.integer({ min: 0x21, max: 0xff }), { maxLength: 30 })
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...paths), query, async (path, codes) => {
      const text = String.fromCharCode(...codes)
      const head = `GET ${path}?${text}&auth=${text}&limit=${text}`
      const said = await raw(shared, `${head} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
      assert.match(said, /^HTTP\/1.1 (200|400|404) /)
    }),
    { numRuns: 60 },
  )
})

test('huge headers and what is not HTTP are refused', async () => {
  const header = `X: ${'y'.repeat(40_000)}`
  assert.match(
    await raw(shared, `GET / HTTP/1.1\r\nHost: x\r\n${header}\r\n\r\n`),
    /^HTTP\/1.1 431 /,
  )
  assert.match(await raw(shared, `GET /${'y'.repeat(40_000)} HTTP/1.1\r\n\r\n`), /^HTTP\/1.1 431 /)
  assert.match(await raw(shared, 'CONNECT {"verbose":false}\r\nPING\r\n'), /^HTTP\/1.1 400 /)
})

test('a flood of requests on one connection ends it', { timeout: TIMEOUT_MS }, async () => {
  const said = await raw(shared, 'GET /connz HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(2000))
  assert.ok(said.split('HTTP/1.1 200').length < 2000)
})

test('who does not read an answer keeps no other from one', { timeout: TIMEOUT_MS }, async () => {
  const { monitor, url, context } = await start()
  const name = 'n'.repeat(100_000)
  context.source.page = {
    connections: Array.from({ length: 200 }, () => connectionReport({ name })),
    total: 200,
  }
  const lazy: Socket[] = []
  const answers: Promise<unknown>[] = []
  for (let count = 0; count < 5; count++) {
    const socket = connect(monitor.port, '127.0.0.1').pause()
    socket.on('error', () => {})
    lazy.push(socket)
    socket.write('GET /connz HTTP/1.1\r\nHost: x\r\n\r\n')
    answers.push(once(socket, 'readable'))
  }
  await Promise.all(answers)
  const refused = await get(`${url}/connz`)
  assert.equal(refused.status, 503)
  assert.equal((await get(`${url}/healthz`)).status, 200)
  for (const socket of lazy) socket.destroy()
  for (;;) if ((await get(`${url}/connz`)).status === 200) break
})

test('a thousand connections that say nothing do no harm', { timeout: TIMEOUT_MS }, async () => {
  const { monitor, url } = await start('', [], 1000)
  const silent = Array.from({ length: 1000 }, () => connect(monitor.port, '127.0.0.1'))
  const ends = silent.map((socket, index) => {
    socket.on('error', () => {})
    socket.on('connect', () => socket.write(index % 2 === 0 ? '' : 'GET / HT'))
    socket.resume()
    return once(socket, 'close')
  })
  await Promise.all(silent.map((socket) => (socket.connecting ? once(socket, 'connect') : null)))
  assert.equal((await get(`${url}/healthz`)).status, 200)
  assert.equal((await get(`${url}/varz`)).status, 200)
  // They are let go after some seconds.
  await Promise.all(ends)
})

test('answers are made a few at a time, in order, and not without end', async () => {
  const gate = new AnswerGate()
  const order: number[] = []
  let [now, most] = [0, 0]
  const run = (index: number) =>
    gate.run(async () => {
      most = Math.max(most, ++now)
      await new Promise((resolve) => setImmediate(resolve))
      now--
      order.push(index)
      return index
    })
  const results = await Promise.all(Array.from({ length: 20 }, (_, index) => run(index)))
  assert.equal(most, 4)
  assert.deepEqual(results, order)
  const flood = await Promise.all(Array.from({ length: 5000 }, (_, index) => run(index)))
  assert.ok(flood.includes(undefined))
  await assert.rejects(
    gate.run(async () => {
      throw new Error('x')
    }),
  )
  assert.equal(await run(7), 7)
})
