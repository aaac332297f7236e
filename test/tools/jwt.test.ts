import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { encodeAuthorizationRequest } from '../../src/auth/jwt/encode.ts'
import { NkeyPair } from '../../src/auth/nkeys.ts'
import { runJwt } from '../../src/tools/jwt/jwt-tool.ts'
import {
  ACCOUNT_LIMITS,
  account,
  mint,
  mintAccount,
  mintOperator,
  mintUser,
  operator,
  user,
} from '../auth/jwt/mint.ts'
import {
  type Ended,
  inProcess,
  programOf,
  runProgram,
  sable,
  skipWithout,
  ToolFolder,
} from './sable-tool.ts'

const nowS = Math.floor(Date.now() / 1000)
const now = { iat: nowS - 60 }
const signer = NkeyPair.generate('account')

const jwt = (...args: readonly string[]) => inProcess((output) => runJwt('sable jwt', args, output))

/** What is said against it. */
function reasons({ code, stdout, stderr }: Ended): readonly string[] {
  assert.equal(stderr, '')
  const [, list] = /\nA server refuses it:\n((?: {2}.*\n)+)/.exec(stdout) ?? []
  assert.equal(code, list === undefined ? 0 : 1)
  assert.equal(stdout.includes('Nothing speaks against it.'), list === undefined)
  return list === undefined
    ? []
    : list
        .trimEnd()
        .split('\n')
        .map((line) => line.trim())
}

describe('sable jwt', () => {
  it('shows who, by whom, until when, and all claims', () => {
    const token = mintUser({ pub: { allow: ['a.>'] } }, { ...now, exp: nowS + 7200 })
    const ended = jwt(token)
    assert.deepEqual(reasons(ended), [])
    const { stdout } = ended
    assert.match(stdout, /^user "bob", JWT version 2\n/)
    assert.match(stdout, RegExp(`^ {2}subject {5}${user.publicKey}$`, 'm'))
    assert.match(stdout, RegExp(`^ {2}issuer {6}${account.publicKey}$`, 'm'))
    assert.match(stdout, /^ {2}issued {6}\S+Z, 1 minute ago$/m)
    assert.match(stdout, /^ {2}expires {5}\S+Z, in (1 hour|2 hours)$/m)
    assert.match(stdout, /^ {2}signature {3}right$/m)
    const shown = JSON.parse(stdout.slice(stdout.indexOf('{'), stdout.lastIndexOf('}') + 1))
    const claims = JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString())
    assert.deepEqual(shown, claims)
  })

  it('takes a file, decorated or not, the text, and stdin', () => {
    using folder = new ToolFolder()
    const token = mintOperator({}, now)
    const [plain, decorated] = [folder.file('plain'), folder.file('decorated')]
    writeFileSync(plain, `${token}\n`)
    writeFileSync(
      decorated,
      `-----BEGIN NATS OPERATOR JWT-----\r\n${token}\r\n------END NATS OPERATOR JWT------\r\n`,
    )
    const outputs = [jwt(token), jwt(plain), jwt(decorated), sable(['jwt', '-'], `${token}\n`)]
    for (const { code, stdout } of outputs) {
      assert.equal(code, 0)
      assert.match(stdout, /^operator "OP", /)
      assert.match(stdout, /^ {2}issuer {6}O\S+ \(itself\)$/m)
    }
  })

  it('of a credentials file says whose the seed is, and never shows it', () => {
    using folder = new ToolFolder()
    const file = folder.file('creds')
    const write = (token: string, pair: NkeyPair) =>
      writeFileSync(
        file,
        `-----BEGIN NATS USER JWT-----\n${token}\n------END NATS USER JWT------\n\n` +
          `-----BEGIN USER NKEY SEED-----\n${pair.seed()}\n------END USER NKEY SEED------\n`,
      )
    write(mintUser({}, now), user)
    const right = jwt(file)
    assert.deepEqual(reasons(right), [])
    assert.match(right.stdout, /^ {2}seed {8}that of the subject$/m)
    assert.equal(right.stdout.includes(user.seed()), false)
    const other = NkeyPair.generate('user')
    write(mintUser({}, now), other)
    const wrong = jwt(file)
    assert.match(reasons(wrong)[0]!, RegExp(`^The seed in the file belongs to ${other.publicKey}`))
    assert.equal(wrong.stdout.includes(other.seed()), false)
    write(mintUser({}, now), account)
    assert.deepEqual(reasons(jwt(file)), ['The seed in the file is no seed of a user.'])
    writeFileSync(file, other.seed())
    const seed = jwt(file)
    assert.deepEqual([seed.code, seed.stdout], [1, ''])
    assert.equal(seed.stderr, 'sable jwt: this is a seed, and no JWT; keep it to yourself\n')
  })

  it('hides passwords in requests of auth callouts', () => {
    const token = encodeAuthorizationRequest(
      {
        subject: account.publicKey,
        audience: 'x',
        expires: nowS + 60,
        server: { name: 's', host: 'h', id: 'N' },
        userNkey: user.publicKey,
        client: {},
        connect: { user: 'bob', pass: 's3cr3t', authToken: 't0k3n', protocol: 1 },
      },
      NkeyPair.generate('server'),
      Date.now(),
    )
    const { stdout } = jwt(token)
    assert.match(stdout, /^authorization request /)
    assert.match(stdout, /"user": "bob"/)
    assert.equal(/s3cr3t|t0k3n/.test(stdout), false)
  })

  it('says what is wrong with it by itself', () => {
    const cases: readonly (readonly [string, RegExp])[] = [
      [mintUser({}, { ...now, exp: nowS - 90_000 }), /^It expired \S+Z, 1 day ago \(claim is exp/],
      [mintUser({}, { nbf: nowS + 7300 }), /^It is valid only from \S+Z, in 2 hours on \(claim is/],
      [mintUser({ src: ['x'] }, now), /^Its contents are wrong \(invalid cidr "x" in user src/],
      [`${mintUser().slice(0, -4)}AAAA`, /^It is not valid \(claim failed V2 signature/],
      ['eyJ.x', /^It is not valid \(expected 3 chunks\)/],
      [mintOperator({ assert_server_version: '99.0.0' }, now), /^It wants a server of version 99/],
    ]
    for (const [token, reason] of cases) {
      const all = reasons(jwt(token))
      assert.equal(all.length, 1, all.join('\n'))
      assert.match(all[0]!, reason)
    }
  })

  it('with its account says whether that lets it in', () => {
    const role = { kind: 'user_scope', key: signer.publicKey, role: 'r', template: {} }
    const byRole = (nats: object) =>
      mint(signer, {
        ...{ ...now, sub: user.publicKey, name: 'bob' },
        nats: { ...nats, issuer_account: account.publicKey, type: 'user', version: 2 },
      })
    const plain = mintUser({}, now)
    const limits = { ...ACCOUNT_LIMITS, disallow_bearer: true }
    const cases: readonly (readonly [string, string, RegExp?])[] = [
      [plain, mintAccount({}, now)],
      [byRole({}), mintAccount({ signing_keys: [role] }, now)],
      [byRole({}), mintAccount({}, now), /^Its issuer A\S+ is not a signing key of the account/],
      [
        byRole({ subs: 5 }),
        mintAccount({ signing_keys: [role] }, now),
        /^Its issuer gives the role "r", /,
      ],
      [plain, mintAccount({ revocations: { '*': nowS } }, now), /^It was revoked: it was issued/],
      [
        plain,
        mintAccount({}, { ...now, exp: nowS - 5 }),
        /^The JWT of its account is refused \(claim/,
      ],
      [
        mintUser({ bearer_token: true }, now),
        mintAccount({ limits }, now),
        /^It is a bearer token/,
      ],
      [mintUser({}, now, signer), mintAccount({}, now), /^It is of account A\S+, and not of A/],
    ]
    for (const [token, parent, reason] of cases) {
      const all = reasons(jwt(token, '--account', parent))
      assert.equal(all.length, reason === undefined ? 0 : 1, all.join('\n'))
      if (reason !== undefined) assert.match(all[0]!, reason)
    }
  })

  it('with the operator says whether that trusts the account', () => {
    const key = NkeyPair.generate('operator')
    const trusting = mintOperator({ signing_keys: [key.publicKey] })
    const strict = mintOperator({ signing_keys: [key.publicKey], strict_signing_key_usage: true })
    const byKey = mintAccount({ signing_keys: [signer.publicKey] }, now, key)
    assert.deepEqual(reasons(jwt('-operator', trusting, byKey)), [])
    assert.match(reasons(jwt('-operator', mintOperator(), byKey))[0]!, /neither this operator nor/)
    assert.match(
      reasons(jwt('-operator', strict, mintAccount({}, now)))[0]!,
      /^It is signed with the/,
    )
    const plain = mintUser({}, now)
    const untrusted = reasons(jwt(plain, '-account', byKey, '-operator', mintOperator()))
    assert.match(untrusted[0]!, /^Its account is not trusted\. Its issuer O/)
    const bySelf = reasons(jwt(plain, '-account', byKey, '-operator', strict))
    assert.match(bySelf[0]!, /^It is signed by the account itself; the operator wants signing keys/)
  })

  it('names the conditions under which it may be used', () => {
    const token = mintUser(
      { src: ['10.0.0.0/8'], allowed_connection_types: ['LEAFNODE'], bearer_token: true },
      now,
    )
    const { stdout } = jwt(token)
    assert.match(stdout, /^It may be used from these networks only: 10\.0\.0\.0\/8\.$/m)
    assert.match(stdout, /^It may be used for these kinds of connections only: LEAFNODE\.$/m)
    assert.match(stdout, /^It is a bearer token: whoever has it can use it\.$/m)
  })

  it('writes no control characters of the JWT to the terminal', () => {
    const evil = '\u001b[2J\u009b\r'
    const token = mintUser({ issuer_account: evil }, { ...now, name: evil })
    const { stdout } = jwt(token)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    assert.equal(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/.test(stdout), false)
  })

  it('tells apart what it cannot read and how it is not called', () => {
    const missing = jwt('/no/such')
    assert.deepEqual([missing.code, missing.stdout], [1, ''])
    assert.equal(missing.stderr, 'sable jwt: open /no/such: no such file or directory\n')
    const parent = jwt(mintUser(), '-account', mintUser())
    assert.equal(
      parent.stderr,
      'sable jwt: the JWT given as account is not usable: not account claim\n',
    )
    for (const args of [[], ['a', 'b'], ['-x'], ['a', '-account']]) {
      const { code, stdout, stderr } = jwt(...args)
      assert.deepEqual([code, stdout], [2, ''])
      assert.match(stderr, /^(?:flag .*\n)?Usage: sable jwt /m)
    }
    assert.equal(jwt('-h').code, 0)
  })
})

describe('what nsc makes', { skip: skipWithout('NSC') }, () => {
  it('is found right, up to the operator', () => {
    using folder = new ToolFolder()
    const env = {
      HOME: folder.path,
      XDG_DATA_HOME: folder.file('data'),
      XDG_CONFIG_HOME: folder.file('config'),
      NSC_NO_GIT_IGNORE: 'true',
    }
    const nsc = (...args: readonly string[]) => {
      const { code, stderr } = runProgram(programOf('NSC'), args, { env })
      assert.equal(code, 0, stderr)
    }
    nsc('add', 'operator', '-n', 'OP', '--sys', '--generate-signing-key')
    nsc('edit', 'operator', '--require-signing-keys')
    nsc('add', 'account', '-n', 'ACME')
    nsc('edit', 'account', '-n', 'ACME', '--sk', 'generate', '--conns', '5')
    nsc('add', 'user', '-a', 'ACME', '-n', 'bob', '--allow-pub', 'a.>', '--expiry', '1d')
    const nscFolder = folder.file('data/nats/nsc')
    const operatorFile = `${nscFolder}/stores/OP/OP.jwt`
    const accountFile = `${nscFolder}/stores/OP/accounts/ACME/ACME.jwt`
    const creds = `${nscFolder}/keys/creds/OP/ACME/bob.creds`
    assert.deepEqual(reasons(jwt(operatorFile)), [])
    assert.deepEqual(reasons(jwt(accountFile, '--operator', operatorFile)), [])
    const chain = ['--account', accountFile, '--operator', operatorFile]
    const ofUser = jwt(creds, ...chain)
    assert.deepEqual(reasons(ofUser), [])
    assert.match(ofUser.stdout, /^ {2}seed {8}that of the subject$/m)
    assert.equal(
      ofUser.stdout.includes(/SU[A-Z2-7]{56}/.exec(readFileSync(creds, 'utf8'))![0]),
      false,
    )
    nsc('revocations', 'add-user', '-a', 'ACME', '-n', 'bob')
    assert.match(reasons(jwt(creds, ...chain))[0]!, /^It was revoked/)
  })
})

/** All of the above rests on it. */
describe('the chain of these tests', () => {
  it('is one that is trusted', () => {
    const chain = ['-account', mintAccount({}, now), '-operator', mintOperator()]
    assert.deepEqual(reasons(jwt(mintUser({}, now), ...chain)), [])
    assert.match(jwt(mintOperator()).stdout, RegExp(operator.publicKey))
  })
})
