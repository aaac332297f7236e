import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { getPriority } from 'node:os'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { hashSync } from 'bcryptjs'
import { verifyBcrypt } from '../../src/workers/crypto-task.ts'
import { threadEntry } from '../../src/workers/thread-entry.ts'
import { createCryptoPool } from '../../src/workers/threads/crypto-pool.ts'
import { program, skipReason } from '../support/peers.ts'
import { RawClient } from '../support/raw-client.ts'
import { startServer } from '../support/server-process.ts'
import { BCRYPT_CASES, SECRET_HASH } from './bcrypt-hashes.ts'

/** Counted from the end of the name. */
const NICENESS_FIELD = 17
const POOL_URL = new URL('../../src/workers/threads/crypto-pool.ts', import.meta.url).href

describe('bcrypt task', () => {
  it('accepts the hashes and passwords it shall accept, and no others', () => {
    for (const [hash, password, fits] of BCRYPT_CASES) {
      assert.equal(verifyBcrypt({ password, hash }), fits, `${hash} with ${password}`)
    }
  })

  const peer = program('nats-server')
  it('accepts what nats-server accepts', { skip: skipReason(peer) }, async () => {
    const users = BCRYPT_CASES.map(
      ([hash], index) => `{ user: "user${index}", password: ${JSON.stringify(hash)} }`,
    )
    const config = `authorization { users = [ ${users.join(', ')} ] }`
    await using server = await startServer(peer, { config })
    for (const [index, [hash, pass, fits]] of BCRYPT_CASES.entries()) {
      await using client = await RawClient.connect(server.port)
      const connect = JSON.stringify({ verbose: false, user: `user${index}`, pass })
      await client.send(Buffer.from(`CONNECT ${connect}\r\nPING\r\n`))
      const isDone = (): boolean => /PONG\r\n|-ERR/.test(client.received.toString())
      await client.waitFor('PONG or -ERR', isDone)
      assert.equal(client.received.includes('PONG\r\n'), fits, `${hash} with ${pass}`)
    }
  })
})

describe('crypto pool', () => {
  it('verifies passwords on a thread of its own', async () => {
    const pool = createCryptoPool()
    try {
      const [right, wrong] = await Promise.all([
        pool.verifyBcrypt('secret', SECRET_HASH),
        pool.verifyBcrypt('wrong', SECRET_HASH),
      ])
      assert.equal(right, true)
      assert.equal(wrong, false)
    } finally {
      await pool.close()
    }
  })

  it('refuses what goes beyond its limit, says so, and takes more once there is room', async () => {
    const troubles: string[] = []
    const pool = createCryptoPool({
      threadCount: 1,
      tasksMax: 1,
      onTrouble: (text) => troubles.push(text),
    })
    try {
      const answers = await Promise.all(
        [1, 2, 3].map(() => pool.verifyBcrypt('secret', SECRET_HASH)),
      )
      assert.deepEqual(answers, [true, true, false])
      assert.deepEqual(troubles, ['Password not verified: 1 verifications are waiting already'])
      assert.equal(await pool.verifyBcrypt('secret', SECRET_HASH), true)
    } finally {
      await pool.close()
    }
  })

  it('answers false to what waits when it is closed, and to what comes later', async () => {
    const troubles: string[] = []
    const pool = createCryptoPool({ threadCount: 1, onTrouble: (text) => troubles.push(text) })
    assert.equal(await pool.verifyBcrypt('secret', SECRET_HASH), true)
    // Cost 15 takes seconds: it cannot be done before close() ends the thread.
    const slow = pool.verifyBcrypt('secret', SECRET_HASH.replace('$04$', '$15$'))
    const queued = pool.verifyBcrypt('secret', SECRET_HASH)
    await pool.close()
    assert.equal(await slow, false)
    assert.equal(await queued, false)
    assert.equal(await pool.verifyBcrypt('secret', SECRET_HASH), false)
    assert.deepEqual(troubles, [])
  })

  it('accepts what the task accepts, long passwords included', async () => {
    const pool = createCryptoPool()
    try {
      for (const [hash, password, fits] of BCRYPT_CASES) {
        assert.equal(await pool.verifyBcrypt(password, hash), fits, `${hash} with ${password}`)
      }
      const characters = '€'.repeat(40)
      const hash = hashSync(characters, 4)
      assert.equal(await pool.verifyBcrypt(characters + 'x'.repeat(1024), hash), true)
      assert.equal(await pool.verifyBcrypt(characters.slice(17), hash), false)
    } finally {
      await pool.close()
    }
  })

  it('takes from all networks in turn, one with many logins included', async () => {
    const order: string[] = []
    const pool = createCryptoPool({ threadCount: 1 })
    const verify = async (address: string, name: string): Promise<void> => {
      await pool.verifyBcrypt('secret', SECRET_HASH, { address, connection: 1, deadlineMs: 0 })
      order.push(name)
    }
    try {
      await Promise.all([
        ...['a1', 'a2', 'a3', 'a4'].map((name) => verify('192.0.2.1', name)),
        ...['b1', 'b2'].map((name) => verify('2001:db8::1', name)),
        verify('192.0.2.3', 'c1'),
      ])
    } finally {
      await pool.close()
    }
    assert.deepEqual(order, ['a1', 'a2', 'b1', 'c1', 'a3', 'b2', 'a4'])
  })

  it('computes nothing for who is gone or has waited too long', async () => {
    const pool = createCryptoPool({ threadCount: 1 })
    const ask = (connection: number, deadlineMs: number) =>
      pool.verifyBcrypt('secret', SECRET_HASH, { address: 'x', connection, deadlineMs })
    try {
      const answers = [ask(1, 0), ask(2, 0), ask(3, 1), ask(4, Date.now() + 600_000), ask(5, 0)]
      pool.forget(2)
      assert.equal(await answers[1], false, 'at once')
      assert.deepEqual(await Promise.all(answers), [true, false, false, true, true])
    } finally {
      await pool.close()
    }
  })

  it('gives way to other threads', { skip: process.platform !== 'linux' }, async () => {
    const pool = createCryptoPool({ threadCount: 1 })
    try {
      await pool.verifyBcrypt('secret', SECRET_HASH)
      const niceness = readdirSync('/proc/self/task').map((thread) => {
        const stat = readFileSync(`/proc/self/task/${thread}/stat`, 'utf8')
        return Number(stat.slice(stat.lastIndexOf(')')).split(' ')[NICENESS_FIELD])
      })
      assert.equal(niceness.filter((nice) => nice === 10).length, 1)
      assert.equal(getPriority(process.pid), niceness[0], 'the process as a whole is not slowed')
    } finally {
      await pool.close()
    }
  })

  it('can be closed before its first use', async () => {
    const pool = createCryptoPool()
    await pool.close()
    assert.equal(await pool.verifyBcrypt('secret', SECRET_HASH), false)
  })

  it('does not keep a process alive that forgets to close it', () => {
    const code = `
      import { createCryptoPool } from '${POOL_URL}'
      const pool = createCryptoPool()
      console.log(await pool.verifyBcrypt('secret', '${SECRET_HASH}'))`
    const args = ['--input-type=module', '-e', code]
    const result = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 20_000 })
    assert.equal(result.stdout, 'true\n')
    assert.equal(result.signal, null, 'ended by itself')
  })
})

describe('code of a thread', () => {
  it('is the TypeScript file when run from source', () => {
    const url = threadEntry('crypto-task')
    assert.match(fileURLToPath(url), /\/src\/workers\/crypto-task\.ts$/)
  })

  it('is the JavaScript file beside the chunk when run from the package', () => {
    const url = threadEntry('protocol-worker', 'file:///opt/pkg/dist/chunk-AB12.js')
    assert.equal(url.href, 'file:///opt/pkg/dist/protocol-worker.js')
  })
})
