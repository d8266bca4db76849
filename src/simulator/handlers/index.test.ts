import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Clock } from '../../base/clock.ts'
import { seededRandom } from '../../base/random.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import { Trace } from '../trace.ts'
import { World } from '../world/world.ts'
import type { Sender } from './handler.ts'
import { handleStanza, IQ_HANDLERS } from './index.ts'

const STILL: Clock = { nowMs: () => 1_700_000_000_000, schedule: () => ({ cancel: () => undefined }) }

/** Words that the handlers look for, so that random stanzas get far. */
const TAGS = [
  'iq message receipt ack presence chatstate ib call enc to participants list item user key skey id value signature',
  'registration type identity usync query devices lid contact props privacy category tokens token clean active passive',
  'remove-companion-device media_conn offline_batch retry keys composing device-identity ping count digest rotate',
].flatMap((line) => line.split(' '))
const NAMES = [
  'id',
  'to',
  'type',
  'xmlns',
  'class',
  'jid',
  'v',
  'count',
  'name',
  'value',
  'sid',
  'mode',
  'recipient',
  'reason',
]
const VALUES = [
  ...'get set result error encrypt usync privacy blocklist abt md w:p passive 1 0 -1 2 msg pkmsg read sender retry text'.split(
    ' ',
  ),
  ...[
    '@s.whatsapp.net',
    '15550000001@s.whatsapp.net',
    '15550000002@s.whatsapp.net',
    '15550000002:9@lid',
    '',
    'x@g.us',
  ],
]

const stanzas: fc.Arbitrary<BinaryNode> = fc.letrec<{ node: BinaryNode }>((tie) => ({
  node: fc
    .record({
      tag: fc.constantFrom(...TAGS),
      attrs: fc.dictionary(fc.constantFrom(...NAMES), fc.constantFrom(...VALUES), { maxKeys: 6 }),
      content: fc.option(
        fc.oneof(
          { maxDepth: 4 },
          fc.uint8Array({ maxLength: 64 }),
          fc.constantFrom(...VALUES),
          fc.array(tie('node'), { maxLength: 4 }),
        ),
        { nil: undefined },
      ),
    })
    .map(({ content, ...rest }) => (content === undefined ? rest : { ...rest, content })),
})).node

/** A device that only counts what becomes of its stanzas. */
function setUp(): { world: World; sender: Sender; reactions: string[] } {
  const world = new World(STILL, seededRandom('handlers'), new Trace(STILL))
  const account = world.createAccount('15550000001', 'Alice')
  world.createAccount('15550000002', 'Bob')
  const device = account.devices.get(0) ?? expect.fail('the account has no phone')
  const reactions: string[] = []
  const sender: Sender = {
    account,
    device,
    jid: account.jid('pn'),
    send: (stanza) => reactions.push(`sent ${stanza.tag}`),
    note: (kind) => reactions.push(`noted ${kind}`),
    violation: () => reactions.push('violation'),
    setActive: () => reactions.push('active'),
    pullOffline: () => reactions.push('pull'),
    answered: () => reactions.push('answered'),
  }
  return { world, sender, reactions }
}

describe('handlers', () => {
  it('meet any stanza with an answer or a violation, never with an exception', () => {
    const { world, sender } = setUp()
    fc.assert(
      fc.property(stanzas, (stanza) => {
        handleStanza(stanza, { world, sender })
      }),
      { seed: 7, numRuns: 1_000 },
    )
  })

  it('are found by one name each', () => {
    const names = IQ_HANDLERS.map(({ xmlns, type, child }) => `${xmlns} ${type} ${child}`)
    expect(new Set(names).size).toBe(names.length)
  })

  it('answer every query exactly once', () => {
    for (const { xmlns, type, child } of IQ_HANDLERS) {
      const { world, sender, reactions } = setUp()
      const content = child === '' ? [] : [{ tag: child, attrs: {} }]
      handleStanza(
        { tag: 'iq', attrs: { id: '1', to: '@s.whatsapp.net', xmlns, type }, content },
        { world, sender },
      )
      const answers = reactions.filter((reaction) => reaction === 'sent iq' || reaction === 'violation')
      expect([xmlns, child, answers]).toEqual([xmlns, child, [expect.any(String)]])
    }
  })
})
