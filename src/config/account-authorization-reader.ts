import { defaultsOf } from './option-entry.ts'
import { AUTHORIZATION_BLOCK_TABLE } from './option-table.ts'
import type { AuthorizationOptions, Draft, Options } from './option-types.ts'
import type { Occurrence } from './section-reading.ts'
import { UserNames } from './user-checks.ts'
import type { UserLists } from './user-readers.ts'
import { readMap } from './value-readers.ts'

/** The `authorization` block; its users go into the lists for the whole broker. */
export function readAuthorization(occurrence: Occurrence): AuthorizationOptions | undefined {
  const { node, faults, fill } = occurrence
  const map = readMap(node, faults)
  if (map === undefined) return undefined
  const block = defaultsOf(AUTHORIZATION_BLOCK_TABLE)
  fill('authorization', AUTHORIZATION_BLOCK_TABLE, map, block)
  const { users: lists, ...authorization } = block
  const { user, pass, token } = authorization
  if ((user !== '' || pass !== '') && token !== '') {
    faults.report(node, 'Cannot have a user/pass and token')
  } else if (lists !== undefined) {
    const fault = loginFault(authorization) ?? firstTwin(lists)
    if (fault !== undefined) faults.report(node, fault)
    const draft = occurrence.draft as Draft<Options>
    draft.users = lists.users
    draft.nkeys = lists.nkeys
  }
  return authorization
}

function firstTwin(lists: UserLists): string | undefined {
  const { users, nkeys } = lists
  const names = new UserNames({ users: [], nkeys: [] })
  return [...names.add({ users, nkeys: [] }), ...names.add({ users: [], nkeys })][0]
}

/** Users exclude the one user or token for all. */
export function loginFault({ user, token }: AuthorizationOptions): string | undefined {
  if (user !== '') return 'Can not have a single user/pass and a users array'
  return token === '' ? undefined : 'Can not have a token and a users array'
}
