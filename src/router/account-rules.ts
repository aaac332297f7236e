import type { AccountRules } from '../config/account-rules.ts'
import { checkConfiguredAccounts } from './accounts/configured-imports.ts'
import { createMappings } from './accounts/subject-mappings.ts'

/** What the configuration is to be checked by, before there is a router. */
export const ACCOUNT_RULES: AccountRules = {
  // A mapping is right or wrong in every cluster alike.
  mappingFault: (mapping) => createMappings([mapping], '').errors[0]?.error,
  exchangeFault: checkConfiguredAccounts,
}
