/** The real nsc makes an operator, and manages its accounts at a running server. */
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { startServer } from '../support/server-process.ts'
import { eachServer } from './each-server.ts'
import { logIn, refusal } from './jwt-client.ts'
import { Nsc, nscMissing, userOf } from './nsc.ts'

const NKEY = /\b[ANU][A-Z2-7]{55}\b/g

const skip = nscMissing()

/** What nsc has written about a server, by server: for the same commands the same. */
const written = new Map<string, readonly string[]>()

eachServer('nsc', (program) => {
  test('an operator, from its creation to the end of an account', { skip }, async () => {
    using nsc = new Nsc()
    await nsc.run('env -s', join(nsc.folder, 'stores'))
    await nsc.run('add operator --generate-signing-key --sys --name OP')
    await nsc.run('add account A')
    await nsc.run('add user -a A ann')
    const config = await nsc.serverConfig()
    // As the file says of itself: deletes have to be permitted.
    await using server = await startServer(program, {
      config: config.replace('allow_delete: false', 'allow_delete: true'),
      flags: ['-D'],
    })
    const transcript: string[] = []
    const at = async (line: string) => {
      const text = await nsc.run(line)
      transcript.push(`> ${line}`, text)
      return text
    }
    const url = `nats://127.0.0.1:${server.port}`
    const ann = () => userOf(nsc.credentials('OP', 'A', 'ann'))
    await nsc.run(`edit operator --account-jwt-server-url ${url} --service-url ${url}`)

    assert.deepEqual(await refusal(server, ann()), ["'Authorization Violation'"])
    assert.match(await at('push -A'), /pushed "A" to nats-server \w+: jwt updated/)
    await using client = await logIn(server, ann())
    assert.match(await at('pull -A'), /A/)

    // Limits, default permissions, and a second account that imports.
    await at('edit account A --payload 100 --deny-pub no')
    await at('add export -a A --name news --subject news.>')
    await at('push -a A')
    await client.publish('no')
    await client.saw(`-ERR 'Permissions Violation for Publish to "no"'`)
    await at('add account B')
    await at('add user -a B bob')
    const described = JSON.parse(await nsc.run('describe account A -J')) as { sub: string }
    const importing = `add import -a B --src-account ${described.sub} --remote-subject news.>`
    await nsc.run(importing)
    await at('push -a B')
    await using bob = await logIn(server, userOf(nsc.credentials('OP', 'B', 'bob')))
    await bob.send('SUB news.x 1')
    await bob.settled()
    await client.publish('news.x', 'hello')
    await bob.saw('MSG news.x 1 5\r\nhello')

    // Signing keys with a role.
    await nsc.run('edit signing-key -a A --sk generate --role service --allow-pub to.{{name()}}')
    await nsc.run('add user -a A cat -K service')
    await at('push -a A')
    await using cat = await logIn(server, userOf(nsc.credentials('OP', 'A', 'cat')))
    await cat.publish('to.cat')
    await cat.publish('to.dog')
    await cat.saw(`-ERR 'Permissions Violation for Publish to "to.dog"'`)
    assert.equal(cat.errors.length, 1)

    // A user is revoked, an account deleted.
    await at('revocations add-user -a A -n ann')
    await at('push -a A')
    assert.deepEqual((await client.ended()).slice(-1), ["'User Authentication Revoked'"])
    await at('delete account B')
    assert.match(await at('push -P'), /deleted 1 accounts/)
    assert.deepEqual(await bob.ended(), ["'Account Authentication Expired'"])
    await at('push -A')
    assert.match(await at('push --diff'), /named A exists/)
    const files = readdirSync(join(server.folder, 'jwt'))
    assert.deepEqual(files.map((name) => name.slice(56)).toSorted(), [
      '.jwt',
      '.jwt',
      '.jwt.deleted',
    ])

    // Accounts stand in the order of their keys, which are others each time.
    const text = transcript
      .join('\n')
      .replaceAll(String(server.port), 'PORT')
      .replaceAll(nsc.folder, 'FOLDER')
      .replace(NKEY, 'KEY')
      .replace(/pulled "\w+"/, 'pulled')
      .split('\n')
      .toSorted()
    written.set(program.name, text)
    const [expected = text] = written.values()
    assert.deepEqual(text, expected)
    for (const { keys } of [ann(), userOf(nsc.credentials('OP', 'A', 'cat'))]) {
      assert.ok(!server.log.includes(keys.seed()), 'a seed in a log')
    }
  })
})
