import { parseGoUrl } from '../../config/go-url.ts'
import { goQuote } from '../../protocol/go-quote.ts'
import { isPublicKey } from '../nkeys.ts'
import { checkPermissions, checkSubject } from './claim-subjects.ts'
import type {
  ActivationClaims,
  AuthorizationRequestClaims,
  AuthorizationResponseClaims,
  Claims,
  ClaimsData,
  OperatorClaims,
  UserClaims,
} from './claims.ts'
import { isTimeOfDay, timeZoneFault } from './connect-times.ts'
import { type Issue, Issues } from './issues.ts'
import { parseNetwork } from './source-networks.ts'
import { checkAccount } from './validate-account.ts'

const NO_ACCOUNT_ID = 'account_id is not an account public key'
const SERVICE_SCHEMES = ['nats', 'tls', 'ws', 'wss']

/** Everything nats-server's library finds wrong with claims, in its words and its order. */
export function validateClaims(claims: Claims, nowMs: number): readonly Issue[] {
  const issues = new Issues()
  switch (claims.type) {
    case 'operator':
      checkTimes(claims, nowMs, issues)
      checkOperator(claims, issues)
      break
    case 'account':
      checkTimes(claims, nowMs, issues)
      checkAccount(claims, issues)
      break
    case 'user':
      checkTimes(claims, nowMs, issues)
      checkUser(claims, issues)
      break
    case 'activation':
      checkTimes(claims, nowMs, issues)
      checkActivationClaims(claims, issues)
      break
    case 'authorization_request':
      checkRequest(claims, issues)
      checkTimes(claims, nowMs, issues)
      break
    case 'authorization_response':
      checkResponse(claims, issues)
      checkTimes(claims, nowMs, issues)
      break
    case 'generic':
      checkTimes(claims, nowMs, issues)
      break
  }
  return issues.found
}

function checkTimes({ expires, notBefore }: ClaimsData, nowMs: number, issues: Issues): void {
  const now = Math.floor(nowMs / 1000)
  if (expires > 0 && now > expires) issues.time('claim is expired')
  if (notBefore > 0 && notBefore > now) issues.time('claim is not yet valid')
}

function checkOperator(claims: OperatorClaims, issues: Issues): void {
  const { accountServerUrl: url } = claims
  if (url !== '') {
    const parsed = parseGoUrl(url)
    if ('error' in parsed) issues.error(`error parsing account server url: ${parsed.error}`)
    else if (parsed.scheme === '') {
      issues.error(`account server url ${goQuote(url)} requires a protocol`)
    }
  }
  for (const service of claims.operatorServiceUrls) {
    const fault = serviceUrlFault(service)
    if (fault !== undefined) issues.error(fault)
  }
  for (const key of claims.signingKeys) {
    if (!isPublicKey(key, 'operator')) issues.error(`${key} is not an operator public key`)
  }
  const { systemAccount, assertServerVersion } = claims
  if (systemAccount !== '' && !isPublicKey(systemAccount, 'account')) {
    issues.error(`${systemAccount} is not an account public key`)
  }
  const version = parseServerVersion(assertServerVersion)
  if (typeof version === 'string') issues.error(`assert server version error: ${version}`)
}

function serviceUrlFault(url: string): string | undefined {
  if (url === '') return undefined
  const quoted = goQuote(url)
  const parsed = parseGoUrl(url)
  if ('error' in parsed) return `error parsing operator service url ${quoted}: ${parsed.error}`
  const start = `operator service url ${quoted}`
  if (parsed.userInfo !== undefined) return `${start} - credentials are not supported`
  if (parsed.path !== '') return `${start} - paths are not supported`
  if (SERVICE_SCHEMES.includes(parsed.scheme)) return undefined
  return `${start} - protocol not supported (only 'nats', 'tls', 'ws', 'wss' only)`
}

/** The version an operator demands, `major.minor.update`; a text says what is wrong with it. */
export function parseServerVersion(text: string): readonly [number, number, number] | string {
  if (text === '') return [0, 0, 0]
  const parts = text.split('.')
  if (parts.length !== 3) {
    return 'asserted server version must be of the form <major>.<minor>.<update>'
  }
  for (const part of parts) {
    if (!/^[+-]?\d{1,15}$/.test(part)) return `asserted server version cant parse ${part} to int`
  }
  const [major, minor, update] = parts.map(Number) as [number, number, number]
  if (Math.min(major, minor, update) < 0) {
    return `asserted server version can'b contain negative values: ${text}`
  }
  return [major, minor, update]
}

function checkUser(claims: UserClaims, issues: Issues): void {
  checkPermissions(claims.permissions, issues)
  for (const network of claims.src) {
    if (parseNetwork(network) === undefined) {
      issues.error(`invalid cidr ${goQuote(network)} in user src limits`)
    }
  }
  for (const { start, end } of claims.times) {
    if (start === '') issues.error('time ranges start must contain a start')
    else if (!isTimeOfDay(start)) issues.error(`start in time range is invalid ${goQuote(start)}`)
    if (end === '') issues.error('time ranges end must contain an end')
    else if (!isTimeOfDay(end)) issues.error(`end in time range is invalid ${goQuote(end)}`)
  }
  const zone = claims.timesLocation
  const zoneFault = zone === '' ? undefined : timeZoneFault(zone)
  if (zoneFault !== undefined) {
    issues.error(`could not parse iana time zone by name: ${zoneFault}`)
  }
  if (claims.issuerAccount !== '' && !isPublicKey(claims.issuerAccount, 'account')) {
    issues.error(NO_ACCOUNT_ID)
  }
}

function checkActivationClaims(claims: ActivationClaims, issues: Issues): void {
  if (claims.importType === '') issues.error('invalid import type: "unknown"')
  checkSubject(claims.importSubject, issues)
  if (claims.issuerAccount !== '' && !isPublicKey(claims.issuerAccount, 'account')) {
    issues.error(NO_ACCOUNT_ID)
  }
}

function checkRequest({ userNkey }: AuthorizationRequestClaims, issues: Issues): void {
  if (userNkey === '') issues.error('User nkey is required')
  else if (!isPublicKey(userNkey, 'user')) {
    issues.error(`User nkey ${goQuote(userNkey)} is not a valid user public key`)
  }
}

function checkResponse(claims: AuthorizationResponseClaims, issues: Issues): void {
  const { subject, audience, jwt, error, issuerAccount } = claims
  if (!isPublicKey(subject, 'user')) issues.error('Subject must be a user public key')
  if (!isPublicKey(audience, 'server')) issues.error('Audience must be a server public key')
  if (error === '' && jwt === '') issues.error('Error or Jwt is required')
  if (error !== '' && jwt !== '') issues.error('Only Error or Jwt can be set')
  if (issuerAccount !== '' && !isPublicKey(issuerAccount, 'account')) {
    issues.error('issuer_account is not an account public key')
  }
}
