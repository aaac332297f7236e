import { ACCOUNTS } from './scenarios/accounts.ts'
import { LEAFS } from './scenarios/leafs.ts'
import { MESSAGES } from './scenarios/messages.ts'
import { OPERATIONS } from './scenarios/operations.ts'
import { REQUEST_REPLY } from './scenarios/requests.ts'
import type { Scenario } from './scenarios/types.ts'

interface Family {
  readonly title: string
  readonly scenarios: readonly Scenario[]
}

/** All scenarios by theme, in the order in which they are run and listed. */
export const FAMILIES: readonly Family[] = [
  { title: 'Messages', scenarios: MESSAGES },
  { title: 'Requests', scenarios: REQUEST_REPLY },
  { title: 'Operation', scenarios: OPERATIONS },
  { title: 'Users and accounts', scenarios: ACCOUNTS },
  { title: 'Leaf links', scenarios: LEAFS },
]

export const SCENARIOS: readonly Scenario[] = FAMILIES.flatMap(({ scenarios }) => scenarios)

/**
 * The scenario of a name, or those of a family (`1:1` is all of `1:1-16`, `1:1-128` …); empty for
 * an unknown name.
 */
export function findScenarios(name: string): readonly Scenario[] {
  const named = SCENARIOS.filter((scenario) => scenario.name === name)
  return named.length > 0
    ? named
    : SCENARIOS.filter((scenario) => scenario.name.startsWith(`${name}-`))
}
