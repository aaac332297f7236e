import assert from 'node:assert/strict'
import { type Authority, type AuthorityTools, createAuthority } from '../../src/auth/authority.ts'
import {
  type AuthoritySettings,
  authoritySettings,
  type ListenerName,
  type LoginOptions,
} from '../../src/auth/authority-settings.ts'
import type { LoginRequest, TlsFacts, Verdict } from '../../src/auth/login.ts'
import type { VerifyBcrypt } from '../../src/auth/password.ts'
import type { NkeyUserOptions, UserOptions } from '../../src/config/account-types.ts'
import { NO_RATE } from '../../src/config/rate-table.ts'
import { verifyBcrypt as verifyNow } from '../../src/workers/crypto-task.ts'

export const NONCE = 'abcdefghijklmno'

const NO_TLS = { verify: false, verifyAndMap: false }
export const MAPPED = { verify: true, verifyAndMap: true }

export const OPTIONS: LoginOptions = {
  port: 4222,
  users: [],
  nkeys: [],
  accounts: [],
  authorization: {
    user: '',
    pass: '',
    token: '',
    defaultPermissions: undefined,
    proxyRequired: false,
  },
  noAuthUser: '',
  systemAccount: '$SYS',
  operator: undefined,
  trustedProxies: [],
  tls: undefined,
  websocket: {
    port: 8080,
    tls: NO_TLS,
    authorization: { user: '', pass: '', token: '' },
    noAuthUser: '',
  },
  leafnodes: {
    port: 7422,
    tls: NO_TLS,
    authorization: { user: '', pass: '', nkey: '', account: '', users: [], proxyRequired: false },
  },
}

export function user(name: string, pass: string, more: Partial<UserOptions> = {}): UserOptions {
  return {
    user: name,
    pass,
    account: '',
    permissions: undefined,
    connectionTypes: [],
    proxyRequired: false,
    ...NO_RATE,
    ...more,
  }
}

export function nkeyUser(nkey: string, more: Partial<NkeyUserOptions> = {}): NkeyUserOptions {
  const { user: _user, pass: _pass, ...rest } = user('', '')
  return { ...rest, nkey, ...more }
}

const verifyBcrypt: VerifyBcrypt = async (password, hash) => verifyNow({ password, hash })

export function authority(
  options: Partial<LoginOptions>,
  listener: ListenerName = 'client',
  tools: Partial<AuthorityTools> = {},
  implicitUser = '',
): Authority {
  const settings = settingsOf(options, implicitUser)
  return createAuthority(listener, settings, { verifyBcrypt, ...tools })
}

export function settingsOf(options: Partial<LoginOptions>, implicitUser = ''): AuthoritySettings {
  return authoritySettings({ ...OPTIONS, ...options }, implicitUser)
}

export interface Presents extends Partial<LoginRequest['connect']> {
  readonly by?: LoginRequest['connectionType']
  readonly tls?: TlsFacts
  readonly nonce?: string
}

export function request(presents: Presents = {}): LoginRequest {
  const { by = 'STANDARD', tls, nonce = NONCE, ...connect } = presents
  return {
    cid: 7,
    connectionType: by,
    host: '192.0.2.1',
    nonce,
    tls,
    connect: {
      user: '',
      pass: '',
      authToken: '',
      nkey: '',
      sig: '',
      jwt: '',
      proxySig: '',
      name: '',
      lang: '',
      version: '',
      protocol: 1,
      ...connect,
    },
  }
}

export function certificate(names: readonly string[], more: Partial<TlsFacts> = {}): TlsFacts {
  return {
    version: '1.3',
    cipher: 'TLS_AES_128_GCM_SHA256',
    names,
    certificates: ['-----BEGIN CERTIFICATE-----\n'],
    isVerified: true,
    ...more,
  }
}

/** `account/user` of who is let in, the violation of who is not. */
export async function outcome(authority: Authority, presents: Presents = {}): Promise<string> {
  return shown(await authority.authenticate(request(presents)))
}

export function shown(verdict: Verdict): string {
  return verdict.ok ? `${verdict.identity.account}/${verdict.identity.user}` : verdict.why
}

export type Expectation = readonly [presents: Presents, expected: string]

export async function check(
  authority: Authority,
  expectations: readonly Expectation[],
): Promise<void> {
  for (const [presents, expected] of expectations) {
    assert.equal(await outcome(authority, presents), expected, JSON.stringify(presents))
  }
}
