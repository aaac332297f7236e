import { scanGoJson } from '../../protocol/go-json-scan.ts'
import { goQuote } from '../../protocol/go-quote.ts'
import { goText } from '../../protocol/go-text.ts'
import type { NkeyKind } from '../../protocol/nkey-encoding.ts'
import { decodeRawUrlBase64 } from '../go-base64.ts'
import { isPublicKey, verifySignature } from '../nkeys.ts'
import type {
  AccountClaims,
  ActivationClaims,
  AuthorizationRequestClaims,
  AuthorizationResponseClaims,
  Claims,
  ClaimsType,
  GenericClaims,
  OperatorClaims,
  UserClaims,
} from './claims.ts'
import { type Faults, JsonFields } from './json-fields.ts'
import { readClaims } from './read-claims.ts'

/** Why is for the log: nats-server's text, nothing secret. */
export type Decoded<Of extends Claims = Claims> =
  | { readonly ok: true; readonly claims: Of }
  | { readonly ok: false; readonly why: string }

/** Source: nats-server's library. */
export const TOKEN_BYTES_MAX = 1024 * 1024

const FIRST_ALGORITHM = 'ed25519'
const ALGORITHM = 'ed25519-nkey'

/** Who may sign what; generic claims anybody. */
const ISSUERS: Readonly<Record<ClaimsType, readonly NkeyKind[] | undefined>> = {
  operator: ['operator'],
  account: ['account', 'operator'],
  user: ['account'],
  activation: ['account', 'operator'],
  authorization_request: ['server'],
  authorization_response: ['account'],
  generic: undefined,
}

/**
 * Reads a JWT of any kind that has the right form, whose issuer has signed it and may sign such.
 * Times, and whether the issuer is known, are for others to check. Never throws.
 *
 * @param token the JWT without decoration
 */
export function decodeJwt(token: string): Decoded {
  return decode(token, false)
}

/** The same, whatever type it says it has. */
export function decodeGenericClaims(token: string): Decoded<GenericClaims> {
  return decode(token, true) as Decoded<GenericClaims>
}

export function decodeOperatorClaims(token: string): Decoded<OperatorClaims> {
  return decodeTyped(token, 'operator', 'not operator claim')
}

export function decodeAccountClaims(token: string): Decoded<AccountClaims> {
  return decodeTyped(token, 'account', 'not account claim')
}

export function decodeUserClaims(token: string): Decoded<UserClaims> {
  return decodeTyped(token, 'user', 'not user claim')
}

export function decodeActivationClaims(token: string): Decoded<ActivationClaims> {
  return decodeTyped(token, 'activation', 'not activation claim')
}

export function decodeAuthorizationRequest(token: string): Decoded<AuthorizationRequestClaims> {
  return decodeTyped(token, 'authorization_request', 'not an authorization request claim')
}

/** The text for other types is the one of requests: so it is in nats-server's library. */
export function decodeAuthorizationResponse(token: string): Decoded<AuthorizationResponseClaims> {
  return decodeTyped(token, 'authorization_response', 'not an authorization request claim')
}

function decodeTyped<Of extends Claims>(token: string, type: Of['type'], why: string): Decoded<Of> {
  const decoded = decodeJwt(token)
  if (!decoded.ok) return decoded
  return decoded.claims.type === type ? { ok: true, claims: decoded.claims as Of } : refused(why)
}

function decode(token: string, asGeneric: boolean): Decoded {
  const bytes = Buffer.byteLength(token)
  if (bytes > TOKEN_BYTES_MAX) {
    const size = `token size ${bytes} exceeds maximum of ${TOKEN_BYTES_MAX} bytes`
    return refused(`${size}: token too large`)
  }
  const chunks = token.split('.', 4)
  if (chunks.length !== 3) return refused('expected 3 chunks')
  const [head, body, end] = chunks as [string, string, string]

  const header = readHeader(head)
  if (!header.ok) return header
  const json = decodeRawUrlBase64(body)
  if (!json.ok) return json
  const read = readClaims(json.bytes, asGeneric)
  if (!read.ok) return read
  const { claims } = read
  const signature = decodeRawUrlBase64(end)
  if (!signature.ok) return signature

  // Who asks for generic claims goes by the header; a type that is not known is of version 1.
  const isFirst = asGeneric ? header.isFirst : claims.type === 'generic' || claims.version <= 1
  const signed = Buffer.from(isFirst ? body : `${head}.${body}`)
  if (!verifySignature(claims.issuer, signed, signature.bytes)) {
    return refused(`claim failed V${isFirst ? 1 : 2} signature verification`)
  }
  const issuers = ISSUERS[claims.type]
  if (issuers?.some((kind) => isPublicKey(claims.issuer, kind)) === false) {
    return refused(`unable to validate expected prefixes - [${issuers.join(' ')}]`)
  }
  return { ok: true, claims }
}

type Header = { readonly ok: true; readonly isFirst: boolean }

/** Both algorithms are the same: for generic claims the name tells which parts were signed. */
function readHeader(chunk: string): Header | { readonly ok: false; readonly why: string } {
  const json = decodeRawUrlBase64(chunk)
  if (!json.ok) return json
  const scanned = scanGoJson(goText(json.bytes))
  if (!scanned.ok) return scanned
  const { node } = scanned
  if (node.type !== 'object' && node.type !== 'null') {
    return refused(`json: cannot unmarshal ${node.type} into Go value of type jwt.Header`)
  }
  const faults: Faults = { why: undefined }
  const fields = new JsonFields(node.type === 'null' ? [] : node.members, 'Header', faults)
  const type = fields.text('typ')
  const algorithm = fields.text('alg')
  if (faults.why !== undefined) return refused(faults.why)
  if (type.toUpperCase() !== 'JWT') return refused(`not supported type ${goQuote(type)}`)
  const name = algorithm.toLowerCase()
  if (name !== FIRST_ALGORITHM && name !== ALGORITHM) {
    return refused(`unexpected ${goQuote(algorithm)} algorithm`)
  }
  return { ok: true, isFirst: name === FIRST_ALGORITHM }
}

function refused(why: string): { readonly ok: false; readonly why: string } {
  return { ok: false, why }
}
