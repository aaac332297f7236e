import type { ClientInfo } from '../../router/accounts/client-info.ts'
import { type RequestInfoInput, withRequestInfo } from '../../router/accounts/request-info.ts'

const NO_BYTES = new Uint8Array(0)

type Import = Pick<RequestInfoInput, 'share' | 'isSystem' | 'importer'>

/**
 * Headers of forwarded requests. Those of requests that have none of their own are the same for
 * each requester and import, and kept.
 */
export class RequestHeaders {
  /** They go with the info, which is a new one whenever something about the requester changes. */
  readonly #known = new WeakMap<ClientInfo, Map<Import, Uint8Array>>()

  /**
   * @param headers of the request, empty = none
   * @param service the same object for the same import
   */
  of(
    headers: Uint8Array,
    service: Import,
    { requester, isLeaf, previous }: Pick<RequestInfoInput, 'requester' | 'isLeaf' | 'previous'>,
  ): Uint8Array {
    if (headers.length > 0 || previous !== undefined) {
      return withRequestInfo(headers, inputOf(service, requester, isLeaf, previous))
    }
    let known = this.#known.get(requester)
    if (known === undefined) {
      known = new Map()
      this.#known.set(requester, known)
    }
    let made = known.get(service)
    if (made === undefined) {
      made = withRequestInfo(NO_BYTES, inputOf(service, requester, isLeaf, previous))
      known.set(service, made)
    }
    return made
  }
}

function inputOf(
  { share, isSystem, importer }: Import,
  requester: ClientInfo,
  isLeaf: boolean,
  previous: RequestInfoInput['previous'],
): RequestInfoInput {
  return { requester, isLeaf, share, isSystem, importer, previous }
}
