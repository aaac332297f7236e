/**
 * Which name the certificate of a hub must be for. URLs that a hub tells of are often addresses
 * although its certificate has names only, so the first name ever seen stands in for addresses.
 */
export class TlsNames {
  #remembered = ''

  /** Called for each URL of a remote, configured or told by a hub; IPv6 without brackets. */
  see(host: string): void {
    if (this.#remembered === '' && !isAddress(host)) this.#remembered = host
  }

  /** @param host that of the URL which is dialled */
  nameFor(host: string): string {
    return this.#remembered !== '' && isAddress(host) ? this.#remembered : host
  }

  /**
   * The certificate that came for `host` was for other names. If the remembered name was asked for,
   * it is forgotten: an address is tried as itself next time.
   */
  onMismatch(host: string): void {
    if (this.nameFor(host) === this.#remembered) this.#remembered = ''
  }
}

/** As Go's net.ParseIP has it: no leading zeros; a name never has a colon. */
function isAddress(host: string): boolean {
  if (host.includes(':')) return true
  const parts = host.split('.')
  return parts.length === 4 && parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && +part < 256)
}
