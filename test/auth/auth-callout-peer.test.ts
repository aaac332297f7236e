import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type CalloutSettings, createCallout } from '../../src/auth/auth-callout.ts'
import { decodeAuthorizationRequest } from '../../src/auth/jwt/decode.ts'
import { NkeyPair } from '../../src/auth/nkeys.ts'
import { CurvePair } from '../../src/auth/xkeys.ts'
import { program, skipReason } from '../support/peers.ts'
import { RawClient } from '../support/raw-client.ts'
import { startServer } from '../support/server-process.ts'
import { authority, request, user } from './login-support.ts'

const peer = program('nats-server')
const issuer = NkeyPair.generate('account').publicKey
const xkey = CurvePair.generate()

const REQUEST = /MSG \$SYS\.REQ\.USER\.AUTH 1 (\S+) (\d+)\r\n(.*)\r\n/s

function textOf(token: string): string {
  return Buffer.from(token.split('.')[1]!, 'base64url').toString()
}

/** Without what is different each time. */
function comparable(text: string): string {
  return text
    .replace(/"(jti|iss|id|user_nkey|xkey|version|host)":"[^"]*"/g, '"$1":"…"')
    .replace(/"(exp|iat|id)":\d+/g, '"$1":0')
}

describe('an auth callout and that of nats-server', { skip: skipReason(peer) }, () => {
  for (const isSealed of [false, true]) {
    it(`asks the same question, ${isSealed ? 'sealed' : 'in clear'}`, async () => {
      const options = {
        issuer,
        account: 'AUTH',
        authUsers: ['auth'],
        xkey: isSealed ? xkey.publicKey : '',
        allowedAccounts: [],
      }
      const config = `
        server_name: srv
        server_tags: [one, two]
        accounts { AUTH { users = [{ user: auth, password: pwd }] } }
        authorization {
          timeout: 1
          auth_callout {
            issuer: ${issuer}, account: AUTH, auth_users: [auth]
            ${isSealed ? `xkey: ${xkey.publicKey}` : ''}
          }
        }`
      await using server = await startServer(peer, { config })
      await using answering = await RawClient.connect(server.port)
      const connect = '{"verbose":false,"headers":true,"user":"auth","pass":"pwd"}'
      await answering.send(`CONNECT ${connect}\r\nSUB $SYS.REQ.USER.AUTH 1\r\nPING\r\n`)
      await answering.readUntil('PONG\r\n')
      const before = answering.receivedBytes
      await using client = await RawClient.connect(server.port)
      const presented = {
        user: 'zoe',
        pass: 'p<&>',
        name: 'app',
        lang: 'go',
        version: '1.2',
        protocol: 1,
        sig: 'abc',
      }
      await client.send(`CONNECT ${JSON.stringify({ ...presented, auth_token: 't' })}\r\n`)
      const end = isSealed ? 'Nats-Server-Xkey: ' : '\r\n'
      const arrived = () => answering.received.subarray(before)
      await answering.waitFor('a question', () => {
        const size = /^H?MSG \S+ 1 \S+ (?:\d+ )?(\d+)\r\n/.exec(arrived().toString('latin1'))
        return size !== null && arrived().length >= size[0].length + Number(size[1]) + 2
      })
      assert.ok(arrived().includes(end))

      let theirs: string
      if (isSealed) {
        const text = arrived().toString('latin1')
        const head = /^HMSG \S+ 1 \S+ (\d+) (\d+)\r\n/.exec(text)!
        const from = head[0].length
        const headers = text.slice(from, from + Number(head[1]))
        const sender = /^NATS\/1\.0\r\nNats-Server-Xkey: (X\w{55})\r\n\r\n$/.exec(headers)
        assert.ok(sender !== null, headers)
        const payload = arrived().subarray(from + Number(head[1]), from + Number(head[2]))
        const opened = await xkey.open(payload, sender[1]!)
        assert.ok(opened !== undefined)
        theirs = Buffer.from(opened).toString()
      } else {
        theirs = REQUEST.exec(arrived().toString('latin1'))![3]!
      }
      assert.ok(decodeAuthorizationRequest(theirs).ok)

      const keys = NkeyPair.generate('server')
      let ours = ''
      const settings: CalloutSettings = {
        options,
        server: {
          name: 'srv',
          host: '127.0.0.1',
          id: keys.publicKey,
          version: '2.15.2',
          tags: ['one', 'two'],
        },
        keys,
        curve: CurvePair.generate(),
        timeoutMs: 1000,
        nowMs: Date.now,
        ask: async ({ payload, header }) => {
          const opened = isSealed ? await xkey.open(payload, header!.value) : payload
          ours = Buffer.from(opened ?? []).toString()
          return undefined
        },
        accounts: {
          configured: () => ({ defaultPermissions: undefined }),
          claims: () => undefined,
          issuerOf: () => ({ isKnown: false, scope: undefined }),
        },
      }
      const users = [user('auth', 'pwd', { account: 'AUTH' })]
      const asking = authority({ users }, 'client', { callout: createCallout(settings) })
      await asking.authenticate(request({ ...presented, authToken: 't', nonce: '' }))
      assert.equal(comparable(textOf(ours)), comparable(textOf(theirs)))
    })
  }
})
