import { decodePublicNkey } from '../../protocol/nkey-encoding.ts'
import { decodeGenericClaims } from '../jwt/decode.ts'
import type { JwtStore } from './jwt-store.ts'
import { messageOf } from './resolver-error.ts'

export interface DeleteTerms {
  readonly store: JwtStore
  /** Only these may delete. */
  readonly operatorKeys: ReadonlySet<string>
  readonly systemAccount: string
  readonly onDeleted: (publicKey: string) => void
}

export interface DeleteOutcome {
  readonly message: string
  /** Undefined: all of it was done. */
  readonly why: string | undefined
}

/**
 * Carries out a delete request: a JWT that an operator has issued to itself, with the public keys
 * of accounts as its data. All of it is checked before anything is deleted.
 */
export async function deleteAccounts(jwt: string, terms: DeleteTerms): Promise<DeleteOutcome> {
  const request = readRequest(jwt, terms)
  if (request.why !== undefined) {
    return { message: `delete accounts request by ${request.subject} failed`, why: request.why }
  }
  const failures: string[] = []
  for (const publicKey of request.accounts) {
    try {
      if (await terms.store.delete(publicKey)) terms.onDeleted(publicKey)
    } catch (error) {
      failures.push(messageOf(error))
    }
  }
  const message = `deleted ${request.accounts.length - failures.length} accounts`
  if (failures.length === 0) return { message, why: undefined }
  return { message: `${message}, failed for ${failures.length}`, why: failures.join('\n') }
}

interface DeleteRequest {
  readonly subject: string
  readonly accounts: readonly string[]
  readonly why: string | undefined
}

function readRequest(jwt: string, terms: DeleteTerms): DeleteRequest {
  const result = decodeGenericClaims(jwt)
  if (!result.ok) return { subject: '', accounts: [], why: result.why }
  const { subject, issuer, data } = result.claims
  const accounts: unknown = data['accounts']
  const why = refusal()
  return { subject, accounts: why === undefined ? (accounts as string[]) : [], why }

  function refusal(): string | undefined {
    if (!terms.store.isDeletable) return 'delete must be enabled in server config'
    if (subject !== issuer) return 'not self signed'
    if (!terms.operatorKeys.has(issuer)) return 'not trusted'
    if (!Array.isArray(accounts)) return 'malformed request'
    for (const account of accounts as unknown[]) {
      if (typeof account !== 'string' || decodePublicNkey(account)?.kind !== 'account') {
        return 'malformed request'
      }
      if (account === terms.systemAccount) return 'not allowed to delete system account'
    }
    return undefined
  }
}
