import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeSystem } from './fake-bus.ts'
import { ResolverBench } from './resolver-bench.ts'
import { accountJwt, NOW_S, newKey } from './tokens.ts'

const [A, B] = [newKey(), newKey()]

test('has its preloads, what was stored, and nothing else', async () => {
  const bench = new ResolverBench()
  const resolver = await bench.create({ kind: 'memory' }, { [A]: accountJwt(A) })
  assert.equal(resolver.isReadOnly, false)
  assert.equal(await resolver.fetch(A), accountJwt(A))
  assert.equal(await resolver.fetch(B), undefined)
  assert.deepEqual(bench.notices, ['warn Account fetch failed: account missing'])
  await resolver.store(B, accountJwt(B))
  assert.equal(await resolver.fetch(B), accountJwt(B))
  await resolver.reload({ [A]: accountJwt(A, { issuedAt: NOW_S + 1 }) })
  assert.equal(await resolver.fetch(A), accountJwt(A, { issuedAt: NOW_S + 1 }))
  assert.equal(await resolver.fetch(B), undefined, 'a reload keeps preloads only')
})

test('refuses a preload that is no account JWT, and warns of one that is not valid', async () => {
  const bench = new ResolverBench()
  await assert.rejects(bench.create({ kind: 'memory' }, { [A]: accountJwt(A), [B]: 'x' }), {
    message: `preload account error for "${B}": expected 3 chunks`,
  })
  const expired = accountJwt(A, { expires: NOW_S })
  await bench.create({ kind: 'memory' }, { [A]: expired })
  const late = new ResolverBench({ nowMs: () => (NOW_S + 1) * 1000 })
  await late.create({ kind: 'memory' }, { [A]: expired })
  assert.deepEqual(late.notices, [
    `warn Account [${A}] has validation issues:`,
    'warn   - claim is expired',
  ])
})

test('without system account nothing is served', async () => {
  const bench = new ResolverBench()
  const resolver = await bench.create({ kind: 'memory' })
  await resolver.start(bench.services(undefined))
  await resolver.close()
})

test('an update reaches accounts in use, and is not kept', async () => {
  const bench = new ResolverBench()
  const net = new FakeSystem()
  const resolver = await bench.create({ kind: 'memory' }, { [A]: accountJwt(A) })
  await resolver.start(bench.services(net.bus()))
  assert.deepEqual(net.subjects, [
    '$SYS.ACCOUNT.*.CLAIMS.UPDATE',
    '$SYS.REQ.ACCOUNT.*.CLAIMS.UPDATE',
  ])
  bench.loaded.add(A)
  const newer = accountJwt(A, { issuedAt: NOW_S + 1 })
  assert.deepEqual(await net.ask(`$SYS.ACCOUNT.${A}.CLAIMS.UPDATE`, newer), [
    `{"server":{},"data":{"account":"${A}","code":200,"message":"jwt updated"}}`,
  ])
  assert.deepEqual(await net.ask(`$SYS.REQ.ACCOUNT.${B}.CLAIMS.UPDATE`, accountJwt(B)), [
    `{"server":{},"data":{"account":"${B}","code":200,"message":"jwt update skipped"}}`,
  ])
  assert.deepEqual(bench.updated, [A])
  assert.equal(await resolver.fetch(A), accountJwt(A))
  await resolver.close()
  assert.deepEqual(net.subjects, [])
})
