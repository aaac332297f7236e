import type { Security } from '../accounts/security.ts'
import type { LeafLinks } from '../leaf/leaf-links.ts'
import { AccountReports } from './account-reports.ts'
import { SublistReports } from './sublist-reports.ts'

/** What only the routing worker can tell monitors. */
export class RoutingReports {
  readonly accounts: AccountReports
  readonly sublist: SublistReports

  constructor(security: Security, leafs: LeafLinks) {
    const { directory } = security
    this.accounts = new AccountReports({
      directory,
      isOperatorMode: security.isOperatorMode,
      systemAccount: () => directory.systemAccount?.name ?? '',
      jwtOf: (claims) => security.jwtOf(claims),
    })
    this.sublist = new SublistReports(leafs.kernel, directory, () => leafs.sessions())
  }
}
