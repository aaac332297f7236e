import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { program } from '../support/peers.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'
import { sleep } from '../support/wait.ts'
import { ACCOUNTS, BOTH_MISSING, EACH } from './each-server.ts'
import { masked } from './masked.ts'
import { type Json, PeerClient } from './peer-client.ts'

/** Silence is an answer, too; both servers answer within a few milliseconds otherwise. */
const SILENCE_MS = 400

interface Asked {
  /** `ID` stands for the server's, `CID` for the asker's. */
  readonly subject: string
  readonly body?: string
  readonly headers?: string
}

const BODIES: readonly Asked[] = [
  { subject: '$SYS.REQ.SERVER.ID.VARZ', body: '{bad' },
  { subject: '$SYS.REQ.SERVER.ID.VARZ', body: '[]' },
  { subject: '$SYS.REQ.SERVER.ID.STATSZ', body: '"x"' },
  { subject: '$SYS.REQ.SERVER.ID.CONNZ', body: '{"limit":1.5}' },
  { subject: '$SYS.REQ.SERVER.ID.CONNZ', body: '{"tags":[1],"sort":2}' },
  { subject: '$SYS.REQ.SERVER.ID.CONNZ', body: '{"sort":"bogus"}' },
  { subject: '$SYS.REQ.SERVER.ID.CONNZ', body: '{"sort":"stop"}' },
  { subject: '$SYS.REQ.SERVER.ID.CONNZ', body: '{"state":3}' },
  { subject: '$SYS.REQ.SERVER.ID.CONNZ', body: '{"state":-1}' },
  { subject: '$SYS.REQ.SERVER.ID.ACCOUNTZ', body: '{"account":"NO"}' },
  { subject: '$SYS.REQ.SERVER.ID.PROFILEZ' },
  { subject: '$SYS.REQ.SERVER.ID.PROFILEZ', body: '{"name":"bogus"}' },
  { subject: '$SYS.REQ.SERVER.PING.HEALTHZ' },
  { subject: '$SYS.REQ.SERVER.PING.JSZ' },
  { subject: '$SYS.REQ.SERVER.PING.ROUTEZ' },
  { subject: '$SYS.REQ.SERVER.PING.GATEWAYZ' },
  { subject: '$SYS.REQ.SERVER.PING.LEAFZ' },
  { subject: '$SYS.REQ.SERVER.PING.RAFTZ' },
  { subject: '$SYS.REQ.SERVER.PING.FOO' },
  { subject: '$SYS.REQ.SERVER.ID.RELOAD', body: '{"host":1}' },
  { subject: '$SYS.REQ.SERVER.ID.KICK', body: '{}' },
  { subject: '$SYS.REQ.SERVER.ID.KICK', body: '{"cid":99}' },
  { subject: '$SYS.REQ.SERVER.ID.LDM', body: '{"cid":99}' },
  { subject: '$SYS.REQ.SERVER.ID.LDM', body: '{"cid":CID}' },
  { subject: '$SYS.REQ.ACCOUNT.A.JSZ' },
  { subject: '$SYS.REQ.ACCOUNT.NO.INFO' },
  { subject: '$SYS.REQ.ACCOUNT.NO.CONNZ' },
  { subject: '$SYS.REQ.ACCOUNT.NO.STATZ', body: '{"include_unused":true}' },
  { subject: '$SYS.REQ.ACCOUNT.PING.CONNZ' },
  { subject: '$SYS.REQ.ACCOUNT.NSUBS', body: '{"acc":"SYS","subject":"q.>"}' },
  { subject: '$SYS.REQ.ACCOUNT.NSUBS', body: '{"acc":"SYS","subject":"q.a","queue":"Zw=="}' },
  { subject: '$SYS.DEBUG.SUBSCRIBERS', body: 'q.a' },
  { subject: '$SYS.DEBUG.SUBSCRIBERS', body: 'q.a g' },
  { subject: '$SYS.DEBUG.SUBSCRIBERS', body: '' },
  { subject: '$SYS.REQ.USER.INFO' },
]

/** Answers of which only the members are the same. */
const SHAPES: readonly Asked[] = [
  { subject: '$SYS.REQ.SERVER.PING.IDZ' },
  { subject: '$SYS.REQ.SERVER.PING' },
  { subject: '$SYS.REQ.SERVER.PING.STATSZ' },
  { subject: '$SYS.REQ.SERVER.PING.SUBSZ' },
  { subject: '$SYS.REQ.SERVER.ID.CONNZ', body: '{"auth":true,"subscriptions":true,"limit":1}' },
  { subject: '$SYS.REQ.ACCOUNT.SYS.CONNZ' },
  { subject: '$SYS.REQ.ACCOUNT.SYS.STATZ' },
  { subject: '$SYS.REQ.ACCOUNT.SYS.CONNS' },
  { subject: '$SYS.REQ.ACCOUNT.PING.STATZ', body: '{"accounts":["A"],"include_unused":true}' },
]

const SILENT: readonly Asked[] = [
  { subject: '$SYS.REQ.SERVER.PING.VARZ', body: '{"server_name":"other"}' },
  { subject: '$SYS.REQ.SERVER.PING.VARZ', body: '{"server_name":"n","exact_match":true}' },
  { subject: '$SYS.REQ.SERVER.PING.IDZ.X' },
  { subject: '$SYS.REQ.SERVER.PING', body: '{"cluster":"c"}' },
  { subject: '$SYS.REQ.SERVER.PING.CONNZ', body: '{"tags":["a:b","x"]}' },
  { subject: '$SYS.REQ.SERVER.PING.CONNZ', body: '{"domain":"d"}' },
  { subject: '$SYS.REQ.SERVER.ID.KICK' },
  { subject: '$SYS.REQ.SERVER.ID.KICK', body: '{"cid":"x"}' },
  { subject: '$SYS.REQ.SERVER.ID.LDM', body: '{"cid":CID,"host":"other"}' },
  { subject: '$SYS.REQ.ACCOUNT.NO.STATZ' },
  { subject: '$SYS.REQ.ACCOUNT.NO.CONNS' },
  { subject: '$SYS.REQ.ACCOUNT.A.CONNS' },
  { subject: '$SYS.REQ.ACCOUNT.NSUBS' },
]

const FITTING: readonly Asked[] = [
  { subject: '$SYS.REQ.SERVER.PING.HEALTHZ', body: '{"server_name":"n"}' },
  {
    subject: '$SYS.REQ.SERVER.PING.HEALTHZ',
    body: '{"server_name":"n1","host":"127.0.0.1","exact_match":true}',
  },
  { subject: '$SYS.REQ.SERVER.PING.HEALTHZ', body: '{"tags":["C","a:b"]}' },
]

interface Answers {
  readonly bodies: readonly Json[]
  readonly shapes: readonly Json[]
  readonly fitting: readonly Json[]
  readonly account: readonly Json[]
}

/** Members and the types of their values; of lists the first item. */
function shapeOf(value: Json): Json {
  if (Array.isArray(value)) return value.slice(0, 1).map(shapeOf)
  if (typeof value !== 'object' || value === null) return typeof value
  return Object.entries(value).map(([name, inner]) => [name, shapeOf(inner)])
}

class Asker {
  readonly #client: PeerClient
  readonly #id: string

  constructor(client: PeerClient) {
    this.#client = client
    this.#id = client.info.server_id
  }

  #filled(text: string): string {
    return text.replace('.ID.', `.${this.#id}.`).replace('CID', String(this.#client.cid))
  }

  async answer({ subject, body = '' }: Asked): Promise<Json> {
    const { payload, headers } = await this.#client.request(
      this.#filled(subject),
      this.#filled(body),
    )
    return headers === '' ? JSON.parse(payload.toString()) : headers.slice(0, 12)
  }

  /** @returns requests that were answered all the same */
  async answered(asked: readonly Asked[]): Promise<readonly string[]> {
    await this.#client.subscribe('silent.*')
    for (const [place, { subject, body = '' }] of asked.entries()) {
      await this.#client.publish(this.#filled(subject), this.#filled(body), `silent.${place}`)
    }
    await sleep(SILENCE_MS)
    await this.#client.flush()
    return asked.flatMap(({ subject, body }, place) => {
      const answers = this.#client.pending(`silent.${place}`)
      return answers.some(({ payload }) => payload.length > 0) ? [`${subject} ${body}`] : []
    })
  }
}

async function answersOf(server: ServerProcess): Promise<Answers> {
  await using sys = await PeerClient.as(server.port, 'sys')
  const asker = new Asker(sys)
  await sys.subscribe('q.>')
  await sys.flush()
  const all = async (asked: readonly Asked[]) => {
    const answers: Json[] = []
    for (const one of asked) answers.push(await asker.answer(one))
    return answers
  }
  const answers = {
    bodies: (await all(BODIES)).map((answer) => masked(answer)),
    shapes: (await all(SHAPES)).map(shapeOf),
    fitting: (await all(FITTING)).map(({ data }: Json) => data),
  }
  assert.deepEqual(await asker.answered(SILENT), [], `${server.program.name} is silent`)
  await using user = await PeerClient.as(server.port, 'al', { name: 'mine' })
  const own: Json[] = []
  for (const subject of ['$SYS.REQ.SERVER.PING.CONNZ', '$SYS.REQ.ACCOUNT.PING.CONNZ']) {
    const { data } = await user.json(subject, { acc: 'SYS' })
    own.push(data.connections.map(({ name }: Json) => name))
  }
  const { data } = await user.json('$SYS.REQ.ACCOUNT.PING.STATZ')
  own.push(data.account_statz.map(({ acc, conns }: Json) => [acc, conns]))
  own.push((await user.request('$SYS.DEBUG.SUBSCRIBERS', 'x')).headers.slice(0, 12))
  own.push(shapeOf(await asker.answer({ subject: '$SYS.REQ.ACCOUNT.A.INFO' })))
  return { ...answers, account: own }
}

describe('requests to the system account', () => {
  test('are answered as by nats-server', { skip: BOTH_MISSING, timeout: 60_000 }, async () => {
    const [ours, theirs] = await Promise.all(
      EACH.map(async (name) => {
        await using server = await startServer(program(name), { config: ACCOUNTS })
        return await answersOf(server)
      }),
    )
    for (const [place, asked] of BODIES.entries()) {
      const text = JSON.stringify(asked)
      assert.equal(JSON.stringify(ours!.bodies[place]), JSON.stringify(theirs!.bodies[place]), text)
    }
    for (const [place, asked] of SHAPES.entries()) {
      assert.deepEqual(ours!.shapes[place], theirs!.shapes[place], JSON.stringify(asked))
    }
    assert.deepEqual(ours!.fitting, theirs!.fitting)
    assert.deepEqual(ours!.account, theirs!.account)
  })

  for (const name of EACH) {
    const target = program(name)
    const skip = name === 'sable' ? false : BOTH_MISSING

    test(`${name}: answers are compressed for who asks for it`, { skip }, async () => {
      await using server = await startServer(target, { config: ACCOUNTS })
      await using sys = await PeerClient.as(server.port, 'sys')
      const ask = (accepted: string) =>
        sys.request('$SYS.REQ.SERVER.PING.CONNZ', '', `Accept-Encoding: ${accepted}`)
      const gzip = await ask('GZIP, br')
      assert.match(gzip.headers, /Content-Encoding: gzip\r\n/)
      assert.equal(JSON.parse(gunzipSync(gzip.payload).toString()).server.name, 'n1')
      const snappy = await ask('s2, gzip')
      assert.match(snappy.headers, /Content-Encoding: snappy\r\n/)
      assert.equal(snappy.payload.toString('latin1', 0, 10), '\xff\x06\x00\x00sNaPpY')
      const plain = await ask('br')
      assert.match(plain.headers, /Content-Encoding: identity\r\n/)
      assert.equal(JSON.parse(plain.payload.toString()).server.name, 'n1')
    })

    test(`${name}: one client is kicked, another told to go`, { skip }, async () => {
      await using server = await startServer(target, { config: ACCOUNTS })
      await using sys = await PeerClient.as(server.port, 'sys')
      await sys.subscribe('$SYS.ACCOUNT.A.DISCONNECT')
      const id = sys.info.server_id
      await using kicked = await PeerClient.as(server.port, 'al')
      await using told = await PeerClient.as(server.port, 'al')
      await using old = await PeerClient.as(server.port, 'al', { protocol: 0 })
      const order = (what: string, cid: number) =>
        sys.json(`$SYS.REQ.SERVER.${id}.${what}`, { cid })
      assert.deepEqual(Object.keys(await order('KICK', kicked.cid)), ['server'])
      await kicked.raw.readUntilClose()
      const end = await sys.event('$SYS.ACCOUNT.A.DISCONNECT')
      assert.deepEqual([end.client.id, end.reason], [kicked.cid, 'Kicked'])
      assert.deepEqual(Object.keys(await order('LDM', told.cid)), ['server'])
      await told.raw.waitFor('INFO', () => told.info.ldm === true)
      assert.deepEqual((await order('LDM', old.cid)).error, {
        code: 500,
        description:
          'client does not support Lame Duck Mode or is not ready to receive the notification',
      })
    })
  }

  test('sable: a reload is answered with what it has done', async () => {
    await using server = await startServer(program('sable'), { config: ACCOUNTS })
    await using sys = await PeerClient.as(server.port, 'sys')
    const subject = `$SYS.REQ.SERVER.${sys.info.server_id}.RELOAD`
    const { error, data } = await sys.json(subject)
    assert.deepEqual([error, data.changed], [undefined, []])
    const other = ACCOUNTS.replace('server_name: n1', 'server_name: n2')
    writeFileSync(join(server.folder, 'server.conf'), other)
    const refused = await sys.json(subject)
    assert.equal(refused.error.code, 500)
    assert.match(refused.error.description, /^config reload not supported for ServerName: /)
  })

  test('leave a broker alone that nobody listens to', async () => {
    await using server = await startServer(program('sable'), { config: ACCOUNTS })
    await using sys = await PeerClient.as(server.port, 'sys')
    const before = await sys.json('$SYS.REQ.SERVER.PING.STATSZ')
    for (let i = 0; i < 20; i++) {
      const client = await PeerClient.as(server.port, 'al')
      client.close()
      const stranger = await PeerClient.open(server.port, { user: 'x' })
      await stranger.raw.readUntilClose()
    }
    // Each event would have taken a number.
    const after = await sys.json('$SYS.REQ.SERVER.PING.STATSZ')
    assert.equal(after.server.seq, before.server.seq + 1)
  })
})
