import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addressText, RemoteUrls } from '../../../src/router/leaf/remote-urls.ts'
import { ended, Remote, url } from './fake-remote.ts'

test('the first attempt comes at once, the next after the interval and up to as much again', async () => {
  const { remote, dialled, ...it } = new Remote()
  assert.equal(remote.nextDeadlineMs(), it.nowMs)
  const whole = new Remote()
  assert.equal(await whole.next(), 0)
  assert.equal(await whole.next(), 1500)
  assert.equal(await whole.next(), 1500)
  assert.deepEqual(whole.dialled, ['a:7422', 'a:7422', 'a:7422'])
  assert.deepEqual(dialled, [])
})

test('failures are reported at the first and then rarely, once connected each time', async () => {
  const it = new Remote({ connectErrorReports: 3 })
  for (let i = 0; i < 7; i++) await it.next()
  const text = (attempt: number) =>
    `ERR Error trying to connect as leafnode to remote server "a:7422" (attempt ${attempt}): ` +
    'dial tcp: connection refused'
  assert.deepEqual(it.errors(), [1, 3, 6].map(text))
  assert.equal(it.log.lines[0], 'DBG Trying to connect as leafnode to remote server on "a:7422"')
  it.succeeds = true
  await it.next()
  assert.ok(it.remote.isConnected)
  it.succeeds = false
  it.remote.onLinkEnd(it.link, ended())
  for (let i = 0; i < 2; i++) await it.next()
  assert.deepEqual(it.errors().slice(3), [1, 2].map(text))
})

test('a lost link is dialled again after the interval and its penalty, no sooner', async () => {
  const it = new Remote()
  it.succeeds = true
  await it.next()
  assert.equal(it.remote.nextDeadlineMs(), Number.POSITIVE_INFINITY)
  it.remote.onLinkEnd(it.link, ended({ penaltyMs: 30_000 }))
  assert.equal(it.remote.onTimer(it.nowMs + 30_999), undefined)
  assert.equal(await it.next(), 32_500)
  it.remote.onLinkEnd(it.link, ended())
  assert.equal(await it.next(), 1000)
})

test('a link that ends while its dial is still being reported is dialled again', async () => {
  const it = new Remote({ dial: async (_address, link) => it.remote.onLinkEnd(link, ended()) })
  await it.next()
  assert.equal(it.remote.isConnected, false)
  assert.equal(it.remote.nextDeadlineMs(), 1000)
})

test('stop abandons the attempt under way and makes no other', async () => {
  let reject: (error: Error) => void = () => {}
  const it = new Remote({
    dial: (_address, _link, signal) => {
      it.signal = signal
      return new Promise((_, refuse) => {
        reject = refuse
      })
    },
  })
  const attempt = it.remote.onTimer(0)
  it.remote.stop()
  assert.equal(it.signal?.aborted, true)
  reject(new Error('aborted'))
  await attempt
  it.remote.onLinkEnd(it.link, ended())
  assert.equal(it.remote.nextDeadlineMs(), Number.POSITIVE_INFINITY)
  assert.equal(it.remote.onTimer(1e9), undefined)
  assert.deepEqual(it.errors(), [])
})

test('addresses are tried in turn, shuffled once unless that is off', async () => {
  const it = new Remote({ urls: [url('a'), url('b'), url('c')] })
  for (let i = 0; i < 5; i++) await it.next()
  assert.deepEqual(it.dialled, ['a:7422', 'b:7422', 'c:7422', 'a:7422', 'b:7422'])
  const shuffled = new RemoteUrls([url('a'), url('b'), url('c')], () => 0)
  assert.deepEqual(shuffled.list.map(addressText), ['b:7422', 'c:7422', 'a:7422'])
})

test('discovered addresses come before the configured ones, without repeats or nonsense', () => {
  const urls = new RemoteUrls([url('a'), url('b', 1)], undefined)
  urls.discover(['b:1', 'c:2', '[::1]:3', 'c:2', 'no port', ':5', 'd:0', 'e:70000', 'f:6:7'])
  assert.deepEqual(urls.list.map(addressText), ['c:2', '[::1]:3', 'a:7422', 'b:1'])
  urls.discover(['z:9'])
  assert.deepEqual(urls.list.map(addressText), ['z:9', 'a:7422', 'b:1'])
  urls.discover(Array.from({ length: 10_000 }, (_, i) => `h${i}:1`))
  assert.ok(urls.list.length <= 258)
})

test('discovered addresses are ignored where that is asked for', () => {
  const it = new Remote({ ignoresDiscovered: true })
  it.remote.onDiscovered(['z:9'])
  assert.deepEqual(it.remote.urls.list.map(addressText), ['a:7422'])
})

test('credentials come from the address, else from the first configured one that has some', () => {
  const urls = new RemoteUrls(
    [url('a'), { ...url('b'), user: 'u', pass: 'p' }, { ...url('c'), token: 't' }],
    undefined,
  )
  assert.deepEqual(urls.credentials(url('new')), { user: 'u', pass: 'p', authToken: '' })
  assert.deepEqual(urls.credentials(urls.list[2]!), { user: 't', pass: '', authToken: 't' })
  const bare = new RemoteUrls([url('a')], undefined)
  assert.deepEqual(bare.credentials(url('a')), { user: '', pass: '', authToken: '' })
})

test('a remote without addresses is a mistake', () => {
  assert.throws(() => new RemoteUrls([], undefined), RangeError)
})
