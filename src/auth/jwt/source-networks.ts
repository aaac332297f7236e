import { BlockList, isIP } from 'node:net'

/** A network of addresses. */
export interface Network {
  readonly address: string
  readonly bits: number
  readonly family: 'ipv4' | 'ipv6'
}

const CIDR = /^([^/%]+)\/(\d{1,3})$/
const IPV4_IN_IPV6 = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i

/** `10.0.0.0/8`, `fd00::/8`; undefined for anything else. */
export function parseNetwork(cidr: string): Network | undefined {
  const [, address, digits] = CIDR.exec(cidr) ?? []
  if (address === undefined) return undefined
  const version = isIP(address)
  const bits = Number(digits)
  if (version === 0 || bits > (version === 4 ? 32 : 128)) return undefined
  return { address, bits, family: version === 4 ? 'ipv4' : 'ipv6' }
}

/**
 * Whether a connection from this address is in one of the networks; yes if there are none.
 *
 * @param host address of the peer; IPv4 in the form of IPv6 counts as IPv4
 */
export function isSourceAllowed(networks: readonly string[], host: string): boolean {
  if (networks.length === 0) return true
  const address = IPV4_IN_IPV6.exec(host)?.[1] ?? host
  const version = address.includes('%') ? 0 : isIP(address)
  if (version === 0) return false
  const allowed = new BlockList()
  for (const cidr of networks) {
    const network = parseNetwork(cidr)
    if (network === undefined) return false
    allowed.addSubnet(network.address, network.bits, network.family)
    if (allowed.check(address, version === 4 ? 'ipv4' : 'ipv6')) return true
  }
  return false
}
