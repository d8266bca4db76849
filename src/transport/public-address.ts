/**
 * Which addresses belong to the public internet. Whoever opens what a stranger has written down must not reach anything
 * else with it: the own machine, its network, a cloud's service for its machines. The lists are IANA's, of addresses with a
 * special purpose; of IPv6, what is not known to be public is not.
 */
import { BlockList, isIP } from 'node:net'
import { networkInterfaces } from 'node:os'

/** @source IANA IPv4 Special-Purpose Address Registry; RFC 6890 */
const SPECIAL_IPV4: readonly string[] = [
  '0.0.0.0/8', // this network
  '10.0.0.0/8', // private
  '100.64.0.0/10', // between a provider and its customers
  '127.0.0.0/8', // loopback
  '169.254.0.0/16', // link-local, and what clouds tell their machines
  '172.16.0.0/12', // private
  '192.0.0.0/24', // protocols
  '192.0.2.0/24', // documentation
  '192.88.99.0/24', // 6to4 relays
  '192.168.0.0/16', // private
  '198.18.0.0/15', // benchmarks
  '198.51.100.0/24', // documentation
  '203.0.113.0/24', // documentation
  '224.0.0.0/4', // multicast
  '240.0.0.0/4', // reserved, and broadcast
  '168.63.129.16/32', // public by its number, and Azure's service for its own machines
]

/** The part of IPv6 that is handed out; mapped, translated, local and multicast addresses lie outside. @source RFC 4291 */
const GLOBAL_IPV6: readonly string[] = ['2000::/3']

/** @source IANA IPv6 Special-Purpose Address Registry */
const SPECIAL_IPV6: readonly string[] = [
  '2001::/23', // protocols, among them Teredo, which holds an IPv4 address
  '2001:db8::/32', // documentation
  '2002::/16', // 6to4, which holds an IPv4 address
  '3fff::/20', // documentation
]

const specialIpv4 = blockList(SPECIAL_IPV4, 'ipv4')
const globalIpv6 = blockList(GLOBAL_IPV6, 'ipv6')
const specialIpv6 = blockList(SPECIAL_IPV6, 'ipv6')

/**
 * Whether an address is one of the public internet.
 *
 * @param address - IPv4 or IPv6 as text, without brackets; what is neither is not public
 */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address)
  // a zone (`%eth0`) names a network of this machine
  if (family === 0 || address.includes('%')) return false
  if (family === 4) return !specialIpv4.check(address, 'ipv4')
  return globalIpv6.check(address, 'ipv6') && !specialIpv6.check(address, 'ipv6')
}

/** A machine's networks, as `os.networkInterfaces` tells them. */
export type Interfaces = Readonly<Record<string, readonly { readonly cidr: string | null }[] | undefined>>

/**
 * Whether an address lies in a network that this machine is in. Such an address may be public and still open to neighbours
 * only: IPv6 has no private addresses behind a home's router, and a firewall does not stand between a machine and itself.
 */
export function isNeighbour(address: string, interfaces: Interfaces = ownInterfaces()): boolean {
  const family = isIP(address) === 4 ? 'ipv4' : 'ipv6'
  return Object.values(interfaces).some((entries) =>
    entries?.some(({ cidr }) => {
      if (cidr === null || cidr.includes(':') !== (family === 'ipv6')) return false
      // a tunnel that takes everything is no neighbourhood
      return !cidr.endsWith('/0') && blockList([cidr], family).check(address, family)
    }),
  )
}

function ownInterfaces(): Interfaces {
  try {
    return networkInterfaces()
  } catch {
    // some systems, e.g. Android, do not tell; what is not public is refused all the same
    return {}
  }
}

function blockList(networks: readonly string[], family: 'ipv4' | 'ipv6'): BlockList {
  const list = new BlockList()
  for (const network of networks) {
    const [address, bits] = network.split('/')
    list.addSubnet(address ?? '', Number(bits), family)
  }
  return list
}
