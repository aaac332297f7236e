import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { fromCurveSeed, fromSeed } from '@nats-io/nkeys'
import { runNk } from '../../src/tools/nk.ts'
import { inProcess, programOf, runProgram, sable, skipWithout, ToolFolder } from './sable-tool.ts'

const KINDS = ['user', 'account', 'server', 'cluster', 'operator'] as const
const DATA = 'some data\n\u0000'

const nk = (...args: readonly string[]) => inProcess((output) => runNk('sable nk', args, output))
const theirs = (...args: readonly string[]) => runProgram(programOf('NK'), args)

describe('sable nk', () => {
  for (const kind of KINDS) {
    it(`-gen ${kind} writes a seed, and its public key with -pubout`, () => {
      const { code, stdout, stderr } = nk('-gen', kind.toUpperCase(), '-pubout')
      const [seed = '', publicKey, ...rest] = stdout.split('\n')
      assert.deepEqual([code, stderr, rest], [0, '', ['']])
      assert.equal(fromSeed(Buffer.from(seed)).getPublicKey(), publicKey)
    })
  }

  it('-gen x25519 and curve write curve keys', () => {
    for (const kind of ['x25519', 'curve']) {
      const [seed = '', publicKey] = nk('-gen', kind, '-pubout').stdout.split('\n')
      assert.equal(fromCurveSeed(Buffer.from(seed)).getPublicKey(), publicKey)
    }
    assert.match(nk('-gen', 'curve').stdout, /^SX[A-Z2-7]{56}\n$/)
  })

  it('signs and verifies', () => {
    using folder = new ToolFolder()
    const [key, publicKey] = [folder.file('key'), folder.file('public')]
    const [data, signature] = [folder.file('data'), folder.file('signature')]
    const [seed = '', shown = ''] = nk('-gen', 'account', '-pubout').stdout.split('\n')
    writeFileSync(key, `# my key\r\n${seed}\r\n`)
    writeFileSync(publicKey, `${shown}\n`)
    writeFileSync(data, DATA)
    assert.equal(nk('-inkey', key, '-pubout').stdout, `${shown}\n`)
    const signed = nk('-sign', data, '-inkey', key)
    assert.match(signed.stdout, /^[\w-]{86}\n$/)
    writeFileSync(signature, signed.stdout)
    const verify = (...by: readonly string[]) => {
      const { code, stdout } = nk('-verify', data, '-sigfile', signature, ...by)
      return [code, stdout]
    }
    assert.deepEqual(verify('-inkey', key), [0, 'Verified OK\n'])
    assert.deepEqual(verify('-pubin', publicKey), [0, 'Verified OK\n'])
    writeFileSync(data, `${DATA}.`)
    const failed = [1, 'nkeys: signature verification failed\n']
    assert.deepEqual(verify('-pubin', publicKey), failed)
    assert.deepEqual(verify('-inkey', key), failed)
  })

  it('makes the same key of the same entropy', () => {
    using folder = new ToolFolder()
    const entropy = folder.file('entropy')
    writeFileSync(entropy, Buffer.alloc(40, 7))
    const seed = nk('-gen', 'user', '-e', entropy).stdout
    assert.match(seed, /^SU/)
    assert.equal(nk('-gen', 'user', '-e', entropy).stdout, seed)
    writeFileSync(entropy, Buffer.alloc(31, 7))
    const { code, stdout } = nk('-gen', 'user', '-e', entropy)
    assert.deepEqual([code, stdout], [1, 'Error creating user: unexpected EOF\n'])
  })

  it('looks for a public key that starts as wanted', () => {
    const [seed = '', publicKey = ''] = nk('-gen', 'user', '-pre', 'ab').stdout.split('\n')
    assert.match(publicKey, /^UAB/)
    assert.equal(fromSeed(Buffer.from(seed)).getPublicKey(), publicKey)
    const never = nk('-gen', 'user', '-pre', 'zz', '-maxpre', '3')
    assert.deepEqual(
      [never.code, never.stdout],
      [...[1, 'Failed to generate prefix after 3 attempts\n']],
    )
    const wrong = "Can not generate base32 encoded strings to match '01'\n"
    assert.equal(nk('-gen', 'user', '-pre', '01').stdout, wrong)
  })

  it('says what is missing or wrong, without a word of the seed', () => {
    using folder = new ToolFolder()
    const [file, curve] = [folder.file('file'), folder.file('curve')]
    writeFileSync(file, 'nothing\n')
    writeFileSync(curve, nk('-gen', 'curve').stdout)
    const rows: readonly (readonly [readonly string[], string])[] = [
      [['-sign', file], 'Sign requires a seed/private key via -inkey <file>'],
      [['-verify', file], 'Verify requires a seed key via -inkey or a public key via -pubin'],
      [['-verify', file, '-pubin', file], 'Verify requires a signature via -sigfile'],
      [['-e', file], 'Entropy file only used when creating keys with -gen'],
      [['-inkey', file, '-pubout'], 'Could not find a valid key'],
      [['-sign', '/no/such', '-inkey', curve], 'nkeys: curve key is not valid for sign/verify'],
      [['-inkey', '/no/such', '-pubout'], 'open /no/such: no such file or directory'],
      [['-gen', 'x'], 'Usage: sable nk -gen [user|account|server|cluster|operator|curve|x25519]'],
      [
        ['-gen', 'constructor'],
        'Usage: sable nk -gen [user|account|server|cluster|operator|curve|x25519]',
      ],
    ]
    for (const [args, text] of rows) {
      const { code, stdout } = nk(...args)
      assert.deepEqual([code, stdout], [1, `${text}\n`])
    }
  })

  it('is a command of sable', () => {
    const { code, stdout } = sable(['nk', '-gen', 'user'])
    assert.deepEqual([code, stdout.slice(0, 2)], [0, 'SU'])
  })

  it('shows how it is used', () => {
    for (const args of [[], ['-nonsense'], ['-pubout']]) {
      const { code, stdout } = nk(...args)
      assert.equal(code, 1)
      assert.match(stdout, /^Usage: sable nk \[options\]\n {4}-v /)
    }
    assert.equal(nk('-h').code, 0)
    assert.match(nk('-v').stdout, /^nk version \S+\n$/)
  })
})

describe('sable nk and nk', { skip: skipWithout('NK') }, () => {
  it('take what the other made', () => {
    using folder = new ToolFolder()
    const [key, data, signature] = [folder.file('k'), folder.file('d'), folder.file('s')]
    writeFileSync(data, DATA)
    for (const [make, take] of [
      [nk, theirs],
      [theirs, nk],
    ] as const) {
      for (const kind of KINDS) {
        const [seed = '', publicKey] = make('-gen', kind, '-pubout').stdout.split('\n')
        writeFileSync(key, seed)
        assert.equal(take('-inkey', key, '-pubout').stdout, `${publicKey}\n`)
        writeFileSync(signature, make('-sign', data, '-inkey', key).stdout)
        const verified = take('-verify', data, '-inkey', key, '-sigfile', signature)
        assert.deepEqual([verified.code, verified.stdout], [0, 'Verified OK\n'])
      }
    }
  })

  it('say the same of what is wrong', () => {
    using folder = new ToolFolder()
    const [key, other, data] = [folder.file('k'), folder.file('o'), folder.file('d')]
    const [seed = '', publicKey = ''] = nk('-gen', 'user', '-pubout').stdout.split('\n')
    writeFileSync(key, seed)
    writeFileSync(other, publicKey)
    writeFileSync(data, 'no signature!')
    const curve = folder.file('c')
    writeFileSync(curve, nk('-gen', 'curve').stdout)
    for (const args of [
      ['-sign', data],
      ['-sign', data, '-inkey', data],
      ['-sign', data, '-inkey', other],
      ['-sign', data, '-inkey', curve],
      ['-verify', data],
      ['-verify', data, '-pubin', other],
      ['-verify', data, '-pubin', key, '-sigfile', data],
      ['-verify', data, '-pubin', other, '-sigfile', data],
      ['-verify', data, '-inkey', key, '-sigfile', key],
      ['-gen', 'user', '-pre', 'a1'],
      ['-gen', 'user', '-pre', 'zz', '-maxpre', '2'],
      ['-sign', '/no/such', '-inkey', key],
      ['-e', key],
    ]) {
      const [ours, expected] = [nk(...args), theirs(...args)]
      assert.deepEqual([ours.code, ours.stdout], [expected.code, expected.stdout], args.join(' '))
    }
  })
})
