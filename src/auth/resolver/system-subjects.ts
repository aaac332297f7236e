/** Subjects of the claims services, nats-server events.go. */
export const systemSubjects = {
  /** The account is the fourth token of the new form, the third of the old one. */
  accountUpdates: ['$SYS.ACCOUNT.*.CLAIMS.UPDATE', '$SYS.REQ.ACCOUNT.*.CLAIMS.UPDATE'],
  update: '$SYS.REQ.CLAIMS.UPDATE',
  list: '$SYS.REQ.CLAIMS.LIST',
  delete: '$SYS.REQ.CLAIMS.DELETE',
  lookups: '$SYS.REQ.ACCOUNT.*.CLAIMS.LOOKUP',

  /** @param subject one of accountUpdates, literal */
  updatedAccount(subject: string): string {
    const tokens = subject.split('.')
    return tokens[tokens.length - 3] ?? ''
  },

  /** @param subject one of lookups, literal */
  lookedUpAccount(subject: string): string {
    return subject.split('.')[3] ?? ''
  },
} as const
