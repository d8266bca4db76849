/** Judged against the special-purpose registries of IANA, written down anew, and by properties that no list can miss. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isNeighbour, isPublicAddress } from './public-address.ts'

/** First and last address of each network, and those beside it that are public. */
const NETWORKS: readonly (readonly [string, string, ...string[]])[] = [
  ['0.0.0.0', '0.255.255.255', '1.0.0.0'],
  ['10.0.0.0', '10.255.255.255', '9.255.255.255', '11.0.0.0'],
  ['100.64.0.0', '100.127.255.255', '100.63.255.255', '100.128.0.0'],
  ['127.0.0.0', '127.255.255.255', '126.255.255.255', '128.0.0.0'],
  ['169.254.0.0', '169.254.255.255', '169.253.255.255', '169.255.0.0'],
  ['172.16.0.0', '172.31.255.255', '172.15.255.255', '172.32.0.0'],
  ['192.0.0.0', '192.0.0.255', '191.255.255.255', '192.0.1.0'],
  ['192.0.2.0', '192.0.2.255', '192.0.1.255', '192.0.3.0'],
  ['192.88.99.0', '192.88.99.255', '192.88.98.255', '192.88.100.0'],
  ['192.168.0.0', '192.168.255.255', '192.167.255.255', '192.169.0.0'],
  ['198.18.0.0', '198.19.255.255', '198.17.255.255', '198.20.0.0'],
  ['198.51.100.0', '198.51.100.255', '198.51.99.255', '198.51.101.0'],
  ['203.0.113.0', '203.0.113.255', '203.0.112.255', '203.0.114.0'],
  ['224.0.0.0', '255.255.255.255', '223.255.255.255'],
  ['168.63.129.16', '168.63.129.16', '168.63.129.15', '168.63.129.17'],
  ['::', '::1'],
  ['64:ff9b::', '64:ff9b::ffff:ffff'],
  ['64:ff9b:1::', '64:ff9b:1:ffff:ffff:ffff:ffff:ffff'],
  ['100::', '100::ffff:ffff:ffff:ffff'],
  ['::', '1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['2001::', '2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff', '2000:ffff::', '2001:200::'],
  ['2001:db8::', '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff', '2001:db7:ffff::', '2001:db9::'],
  ['2002::', '2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff', '2001:ffff::', '2003::'],
  ['3fff::', '3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff', '3ffe:ffff::', '3fff:1000::'],
  ['4000::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['5f00::', '5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['fc00::', 'fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['fe80::', 'febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['fec0::', 'feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['ff00::', 'ff0e::1'],
]

const bytes = (count: number): fc.Arbitrary<number[]> =>
  fc.array(fc.integer({ min: 0, max: 255 }), { minLength: count, maxLength: count })
const ipv4 = bytes(4).map((parts) => parts.join('.'))
const hextets = fc.array(fc.integer({ min: 0, max: 0xffff }), { minLength: 8, maxLength: 8 })

/** The spellings of one IPv6 address: digits in either case, with and without zeros in front. */
function spellings(parts: readonly number[]): readonly string[] {
  const short = parts.map((part) => part.toString(16)).join(':')
  const long = parts.map((part) => part.toString(16).padStart(4, '0')).join(':')
  const compressed = new URL(`http://[${short}]`).hostname.slice(1, -1)
  return [short, long, long.toUpperCase(), compressed]
}

describe('a public address', () => {
  it.each(NETWORKS)('is none from %s to %s, and one before and behind', (first, last, ...neighbours) => {
    expect([isPublicAddress(first), isPublicAddress(last)]).toEqual([false, false])
    for (const neighbour of neighbours) expect(isPublicAddress(neighbour), neighbour).toBe(true)
  })

  it.each([
    ...[
      '',
      'localhost',
      'example.com',
      '127.1',
      '0x7f000001',
      '2130706433',
      '010.0.0.1',
      '1.1.1',
      '1.1.1.1.1',
    ],
    ...[' 1.1.1.1', '1.1.1.1/8', '[2606:4700::1111]', '2606:4700::1111%eth0', 'fe80::1%lo', '2606:4700:::1'],
  ])('is not %j', (text) => {
    expect(isPublicAddress(text)).toBe(false)
  })

  it.each(['1.1.1.1', '8.8.8.8', '93.184.216.34', '2606:4700:4700::1111', '2a00:1450:4001:82a::200e'])(
    'is %s',
    (address) => {
      expect(isPublicAddress(address)).toBe(true)
    },
  )

  it('is no IPv6 address that stands for an IPv4 address, whatever that is', () => {
    fc.assert(
      fc.property(bytes(4), ([a = 0, b = 0, c = 0, d = 0]) => {
        const hex = [(a << 8) | b, (c << 8) | d].map((part) => part.toString(16)).join(':')
        const dotted = [a, b, c, d].join('.')
        const forms = [
          `::ffff:${dotted}`,
          `::ffff:${hex}`,
          `::${dotted}`,
          `64:ff9b::${dotted}`,
          `2002:${hex}::1`,
        ]
        return forms.every((form) => !isPublicAddress(form))
      }),
    )
  })

  it('is the same in every spelling', () => {
    fc.assert(
      fc.property(
        hextets,
        (parts) => new Set(spellings(parts).map((text) => isPublicAddress(text))).size === 1,
      ),
    )
  })

  it('lies in no network of the registry, and outside of them every IPv4 address is one', () => {
    const number = (address: string): number =>
      address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)
    const special = NETWORKS.filter(([first]) => first.includes('.'))
    fc.assert(
      fc.property(ipv4, (address) => {
        const isSpecial = special.some(
          ([first, last]) => number(first) <= number(address) && number(address) <= number(last),
        )
        return isPublicAddress(address) === !isSpecial
      }),
      { numRuns: 2000 },
    )
  })

  it('is judged whatever text it is', () => {
    fc.assert(fc.property(fc.string(), (text) => typeof isPublicAddress(text) === 'boolean'))
    fc.assert(
      fc.property(
        fc.ipV4Extended(),
        fc.ipV6(),
        (a, b) => !(isPublicAddress(a) && a.startsWith('127')) && typeof isPublicAddress(b) === 'boolean',
      ),
    )
  })
})

describe('a neighbour', () => {
  const interfaces = {
    eth0: [{ cidr: '93.184.216.34/24' }, { cidr: '2a00:1450:4001:82a::5/64' }, { cidr: null }],
    tun0: [{ cidr: '5.5.5.5/0' }],
    down: undefined,
  }
  it.each(['93.184.216.34', '93.184.216.200', '2a00:1450:4001:82a::5', '2a00:1450:4001:82a:1:2:3:4'])(
    'is %s',
    (address) => {
      expect(isNeighbour(address, interfaces)).toBe(true)
    },
  )
  it.each(['93.184.217.1', '5.5.5.6', '2a00:1450:4001:82b::5'])('is not %s', (address) => {
    expect(isNeighbour(address, interfaces)).toBe(false)
  })
})
