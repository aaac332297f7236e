import { parseGoUrl } from '../../config/go-url.ts'
import { goQuote } from '../../protocol/go-quote.ts'
import { splitTokens } from '../../protocol/subjects.ts'
import { isPublicKey } from '../nkeys.ts'
import {
  checkPermissions,
  checkRenaming,
  checkSubject,
  hasWildcards,
  isContainedIn,
  withoutReferences,
} from './claim-subjects.ts'
import type {
  AccountClaims,
  AccountLimitClaims,
  ExportClaim,
  ImportClaim,
  MappingClaim,
} from './claims.ts'
import { decodeActivationClaims } from './decode.ts'
import { Issues } from './issues.ts'

const NO_LIMIT = -1
const ANY_ACCOUNT = '*'
const INFO_BYTES_MAX = 8 * 1024
const PERCENT_MAX = 100
const RESPONSE_TYPES = ['', 'Singleton', 'Stream', 'Chunked']

/** All that is about the account, without times. */
export function checkAccount(claims: AccountClaims, issues: Issues): void {
  checkImports(claims, issues)
  checkExports(claims, issues)
  const { limits, trace } = claims
  if (limits.tiers.has('')) {
    issues.error('Tiered JetStream Limits can not contain a blank "" tier name')
  }
  checkPermissions(claims.defaultPermissions, issues)
  for (const [source, destinations] of claims.mappings) checkMapping(source, destinations, issues)
  checkAuthorization(claims, issues)
  if (trace !== undefined) checkTrace(trace, issues)
  checkCounts(claims, issues)
  for (const [key, scope] of claims.signingKeys) {
    if (isPublicKey(key, 'account')) continue
    if (scope !== undefined) issues.error(`${key} is not an account public key`)
    else issues.error(`${goQuote(key)} is not a valid account signing key`)
  }
  checkInfo(claims, issues)
  if (!['', 'system', 'owner'].includes(claims.clusterTraffic)) {
    issues.error(`unknown cluster traffic option: ${goQuote(claims.clusterTraffic)}`)
  }
  if (isPublicKey(claims.issuer, 'account') && !hasNoLimits(claims.limits)) {
    issues.warn("self-signed account JWTs shouldn't contain operator limits")
  }
}

/** Nothing is said of limits, which stands for 0 everywhere. */
function hasNoLimits({ jetStream, tiers, ...plain }: AccountLimitClaims): boolean {
  const all = [...Object.values(plain), ...Object.values(jetStream)]
  return tiers.size === 0 && all.every((value) => value === 0 || value === false)
}

function checkCounts({ limits, imports, exports, nulls }: AccountClaims, issues: Issues): void {
  const tooManyImports = 'the account contains more imports than allowed by the operator'
  const importCount = imports.length + nulls.imports
  // Said twice where the limit is none of those below zero: nats-server looks in two places.
  if (limits.imports >= 0 && importCount > limits.imports) {
    if (!hasNoLimits(limits)) issues.error(tooManyImports)
  }
  if (limits.imports !== NO_LIMIT && importCount > limits.imports) issues.error(tooManyImports)
  if (limits.exports === NO_LIMIT) return
  if (exports.length + nulls.exports > limits.exports) {
    issues.error('the account contains more exports than allowed by the operator')
  }
  if (limits.wildcardExports) return
  for (const { subject } of exports) {
    if (!hasWildcards(subject)) continue
    issues.error('the account contains wildcard exports that are not allowed by the operator')
  }
}

function checkImports({ imports, nulls, subject }: AccountClaims, issues: Issues): void {
  for (let i = 0; i < nulls.imports; i++) issues.error('null import is not allowed')
  const servicesOf = new Map<string, Map<string, readonly string[]>>()
  for (const one of imports) {
    if (one.type === 'service') {
      const services = servicesOf.get(one.account) ?? new Map<string, readonly string[]>()
      servicesOf.set(one.account, services)
      checkOverlap(one, services, issues)
    }
    checkImport(one, subject, issues)
  }
}

function checkOverlap(
  one: ImportClaim,
  services: Map<string, readonly string[]>,
  issues: Issues,
): void {
  const subject = one.to || withoutReferences(one.localSubject) || one.subject
  const tokens = splitTokens(subject)
  const account = goQuote(one.account)
  for (const [other, others] of services) {
    if (!isContainedIn(tokens, others) && !isContainedIn(others, tokens)) continue
    const both = `${goQuote(subject)} and ${goQuote(other)}`
    issues.error(`overlapping subject namespace for ${both} in same account ${account}`)
  }
  if (services.has(subject)) {
    issues.error(`overlapping subject namespace for ${goQuote(subject)} in account ${account}`)
  }
  services.set(subject, tokens)
}

/** @param importer public key of the account that imports */
function checkImport(one: ImportClaim, importer: string, issues: Issues): void {
  const isService = one.type === 'service'
  const quoted = goQuote(one.subject)
  if (one.type === '') issues.error('invalid import type: "unknown"')
  if (isService && one.allowTrace) issues.error('AllowTrace only valid for stream import')
  if (one.account === '') issues.error('account to import from is not specified')
  if (one.to !== '') {
    issues.warn('the field to has been deprecated (use LocalSubject instead)')
  }
  checkSubject(one.subject, issues)
  if (one.localSubject !== '') {
    checkRenaming(one.localSubject, one.subject, issues)
    if (one.to !== '') issues.error('Local Subject replaces To')
  }
  if (one.share && !isService) {
    const only = 'sharing information (for latency tracking) is only valid for services'
    issues.error(`${only}: ${quoted}`)
  }
  if (one.token !== '') checkToken(one, importer, issues)
}

function checkToken(one: ImportClaim, importer: string, issues: Issues): void {
  const quoted = goQuote(one.subject)
  const decoded = decodeActivationClaims(one.token)
  if (!decoded.ok) {
    issues.error(`import ${quoted} contains an invalid activation token`)
    return
  }
  const { claims } = decoded
  if (claims.issuer !== one.account && claims.issuerAccount !== one.account) {
    issues.error(`activation token doesn't match account for import ${quoted}`)
  }
  if (claims.subject !== importer) {
    issues.error(`activation token doesn't match account it is being included in, ${quoted}`)
  }
  if (claims.importType !== one.type) {
    const types = `${claims.importType || 'unknown'} and type of import ${one.type || 'unknown'}`
    issues.error(`mismatch between token import type ${types}`)
  }
  if (claims.importType === '') issues.error('invalid import type: "unknown"')
  checkSubject(claims.importSubject, issues)
  if (claims.issuerAccount !== '' && !isPublicKey(claims.issuerAccount, 'account')) {
    issues.error('account_id is not an account public key')
  }
  const subject = one.type === 'service' && one.to !== '' ? one.to : one.subject
  if (!isContainedIn(splitTokens(subject), splitTokens(claims.importSubject))) {
    const token = `activation token import subject ${goQuote(claims.importSubject)}`
    issues.error(`${token} doesn't match import ${quoted}`)
  }
}

function checkExports({ exports, nulls }: AccountClaims, issues: Issues): void {
  for (let i = 0; i < nulls.exports; i++) issues.error('null export is not allowed')
  for (const one of exports) checkExport(one, issues)
  const subjectsOf = (isService: boolean) =>
    exports.filter(({ type }) => (type === 'service') === isService).map(({ subject }) => subject)
  checkContained('service', subjectsOf(true), issues)
  checkContained('stream', subjectsOf(false), issues)
}

/** Of two exports of one kind, none may be a part of the other. */
function checkContained(kind: string, subjects: readonly string[], issues: Issues): void {
  const containedIn = new Map<string, string>()
  const tokens = subjects.map(splitTokens)
  const seen = new Set<string>()
  for (const subject of subjects) {
    if (seen.has(subject) && !containedIn.has(subject)) containedIn.set(subject, subject)
    seen.add(subject)
  }
  // A subject without wildcards contains itself alone, which spares the comparison of all with all.
  const wide = [...tokens.entries()].filter(([at]) => hasWildcards(subjects[at]!))
  for (const [at, inner] of tokens.entries()) {
    for (const [other, outer] of wide) {
      const container = subjects[other]!
      if (other === at || containedIn.has(container) || !isContainedIn(inner, outer)) continue
      containedIn.set(container, subjects[at]!)
    }
  }
  for (const [container, part] of containedIn) {
    issues.error(`${kind} export subject ${goQuote(container)} already exports ${goQuote(part)}`)
  }
}

function checkExport(one: ExportClaim, issues: Issues): void {
  const isService = one.type === 'service'
  if (one.type === '') issues.error('invalid export type: "unknown"')
  if (isService && !RESPONSE_TYPES.includes(one.responseType)) {
    issues.error(`invalid response type for service: ${goQuote(one.responseType)}`)
  }
  if (one.type === 'stream') {
    if (one.responseType !== '') {
      issues.error(`invalid response type for stream: ${goQuote(one.responseType)}`)
    }
    if (one.allowTrace) issues.error('AllowTrace only valid for service export')
  }
  if (one.latency !== undefined) {
    const { sampling, results } = one.latency
    if (!isService) issues.error('latency tracking only permitted for services')
    if (sampling < 0 || sampling > PERCENT_MAX) {
      issues.error('sampling percentage needs to be between 1-100')
    }
    checkSubject(results, issues)
    if (hasWildcards(results)) issues.error('results subject can not contain wildcards')
  }
  if (one.responseThresholdNs < 0) issues.error('negative response threshold is invalid')
  if (one.responseThresholdNs > 0 && !isService) {
    issues.error('response threshold only valid for services')
  }
  checkSubject(one.subject, issues)
  if (one.accountTokenPosition > 0) checkTokenPosition(one, issues)
  checkInfo(one, issues)
}

function checkTokenPosition(one: ExportClaim, issues: Issues): void {
  const { subject, accountTokenPosition: position } = one
  const start = 'Account Token Position'
  if (!hasWildcards(subject)) {
    issues.error(`${start} can only be used with wildcard subjects: ${subject}`)
    return
  }
  const tokens = splitTokens(subject)
  if (position > tokens.length) {
    issues.error(`${start} ${position} exceeds length of subject '${subject}'`)
    return
  }
  const token = tokens[position - 1]
  if (token !== '*') {
    issues.error(`${start} ${position} matches '${token}' but must match a * in: ${subject}`)
  }
}

function checkMapping(source: string, destinations: readonly MappingClaim[], issues: Issues): void {
  const quoted = goQuote(source)
  const exceeds = "100% among all of it's weighted to mappings"
  checkSubject(source, issues)
  const totals = new Map<string, number>()
  for (const { subject, weight, cluster } of destinations) {
    checkSubject(subject, issues)
    const percent = weight || PERCENT_MAX
    if (percent > PERCENT_MAX) {
      issues.error(`Mapping ${quoted} has a weight ${percent} that exceeds 100`)
    }
    const total = (totals.get(cluster) ?? 0) + percent
    totals.set(cluster, total)
    if (cluster !== '' && total > PERCENT_MAX) {
      issues.error(`Mapping ${quoted} in cluster ${goQuote(cluster)} exceeds ${exceeds}`)
    }
  }
  if ((totals.get('') ?? 0) > PERCENT_MAX) issues.error(`Mapping ${quoted} exceeds ${exceeds}`)
}

function checkAuthorization({ authorization }: AccountClaims, issues: Issues): void {
  const { authUsers, allowedAccounts, xkey } = authorization
  if (allowedAccounts.length > 0 && authUsers.length === 0) {
    issues.error('External authorization cannot have accounts without users specified')
  }
  for (const user of authUsers) {
    if (isPublicKey(user, 'user')) continue
    issues.error(`AuthUser ${goQuote(user)} is not a valid user public key`)
  }
  for (const account of allowedAccounts) {
    if (account === ANY_ACCOUNT) {
      if (allowedAccounts.length === 1) continue
      issues.error(`AllowedAccounts can only be a list of accounts or ${goQuote(ANY_ACCOUNT)}`)
    } else if (!isPublicKey(account, 'account')) {
      issues.error(`Account ${goQuote(account)} is not a valid account public key`)
    }
  }
  if (xkey !== '' && !isPublicKey(xkey, 'curve')) {
    issues.error(`XKey ${goQuote(xkey)} is not a valid public xkey`)
  }
}

function checkTrace(trace: NonNullable<AccountClaims['trace']>, issues: Issues): void {
  const { destination, sampling } = trace
  const ofSubject = new Issues()
  checkSubject(destination, ofSubject)
  const [first] = ofSubject.found
  if (first !== undefined) issues.error(`the account Trace.Destination ${first.text}`)
  if (hasWildcards(destination)) {
    const subject = `the account Trace.Destination subject ${goQuote(destination)}`
    issues.error(`${subject} is not a valid publish subject`)
  }
  if (sampling < 0 || sampling > PERCENT_MAX) {
    const value = `the account Trace.Sampling value '${sampling}'`
    issues.error(`${value} is not valid, should be in the range [1..100]`)
  }
}

function checkInfo(
  { description, infoUrl }: { readonly description: string; readonly infoUrl: string },
  issues: Issues,
): void {
  if (Buffer.byteLength(description) > INFO_BYTES_MAX) issues.error('Description is too long')
  if (infoUrl === '') return
  if (Buffer.byteLength(infoUrl) > INFO_BYTES_MAX) issues.error('Info URL is too long')
  const parsed = parseGoUrl(infoUrl)
  if ('error' in parsed) issues.error(`error parsing info url: ${parsed.error}`)
  else if (parsed.host === '' || parsed.scheme === '') {
    issues.error('error parsing info url: no hostname or scheme')
  }
}
