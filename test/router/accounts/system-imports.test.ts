import assert from 'node:assert/strict'
import test from 'node:test'
import { AccountGraph } from '../../../src/router/accounts/import-graph.ts'
import { systemImports, withSystemExports } from '../../../src/router/accounts/system-imports.ts'
import { account, serviceExport, serviceImport } from './account-builders.ts'

test('every account may ask for its connections, its figures and its user', () => {
  const imports = systemImports('A', '$SYS', [])
  assert.deepEqual(
    imports.map(({ from, to, responseType, share, thresholdMs }) => {
      return { from, to, responseType, share, thresholdMs }
    }),
    [
      {
        from: '$SYS.REQ.ACCOUNT.PING.CONNZ',
        to: '$SYS.REQ.ACCOUNT.A.CONNZ',
        responseType: 'stream',
        share: false,
        thresholdMs: 120_000,
      },
      {
        from: '$SYS.REQ.SERVER.PING.CONNZ',
        to: '$SYS.REQ.ACCOUNT.A.CONNZ',
        responseType: 'stream',
        share: false,
        thresholdMs: 120_000,
      },
      {
        from: '$SYS.REQ.ACCOUNT.PING.STATZ',
        to: '$SYS.REQ.ACCOUNT.A.STATZ',
        responseType: 'stream',
        share: false,
        thresholdMs: 120_000,
      },
      {
        from: '$SYS.REQ.USER.INFO',
        to: '$SYS.REQ.USER.A.INFO',
        responseType: 'singleton',
        share: true,
        thresholdMs: 120_000,
      },
    ],
  )
  for (const each of imports) {
    assert.equal(each.importer, 'A')
    assert.equal(each.exporter, '$SYS')
    assert.equal(each.isSystem, true)
    assert.equal(each.isIdentity, false)
  }
  assert.equal(new Set(imports.map(({ key }) => key)).size, 4)
})

test('the system account asks itself for its users only', () => {
  const imports = systemImports('SYS', 'SYS', [])
  assert.deepEqual(
    imports.map(({ from, to }) => [from, to]),
    [['$SYS.REQ.USER.INFO', '$SYS.REQ.USER.SYS.INFO']],
  )
})

test('an account that imports one of these itself has it once', () => {
  const graph = new AccountGraph({ systemAccount: 'SYS' })
  graph.set(withSystemExports(account('SYS')))
  const wanted = serviceImport('SYS', '$SYS.REQ.ACCOUNT.A.CONNZ', {
    to: '$SYS.REQ.SERVER.PING.CONNZ',
  })
  graph.set(account('A', [], [wanted]))
  const own = graph.serviceImports('A')
  assert.equal(own.length, 1)
  assert.equal(own[0]?.responseType, 'stream')
  const added = systemImports('A', 'SYS', own).map(({ from }) => from)
  assert.ok(!added.includes('$SYS.REQ.SERVER.PING.CONNZ'))
  assert.equal(added.length, 3)
})

test('what the system account exports is for each account its own only', () => {
  const graph = new AccountGraph()
  graph.set(withSystemExports(account('SYS')))
  const wanted = serviceImport('SYS', '$SYS.REQ.ACCOUNT.A.STATZ', { to: 'stats' })
  graph.set(account('A', [], [wanted]))
  graph.set(account('B', [], [wanted]))
  assert.equal(graph.serviceImports('A').length, 1)
  assert.equal(graph.serviceImports('B').length, 0)
})

test('exports the system account has itself stay as they are', () => {
  const own = serviceExport('$SYS.REQ.>', { accounts: ['A'] })
  const subjects = withSystemExports(account('SYS', [own])).exports.map(({ subject }) => subject)
  assert.deepEqual(subjects, ['$SYS.REQ.>', '$SYS.DEBUG.SUBSCRIBERS'])
})

test('an account whose name no subject can hold has no system imports', () => {
  assert.deepEqual(systemImports('my account', '$SYS', []), [])
})
