/**
 * Who is believed, and how everything is answered: what only the own phone may say (promise 9), own messages from other
 * devices, and messages that cannot be read (rows W13 and W14 of what Baileys gets wrong).
 */
import { proto } from '@whiskeysockets/baileys'
import { MemoryStore } from 'waton'
import type { Client } from 'waton'
import { describe, expect, test } from 'vitest'
import { node } from '../../src/protocol/binary/node.ts'
import type { BinaryNode } from '../../src/protocol/binary/node.ts'
import { Message } from '../../src/protocol/proto/message.ts'
import type { MessageProperties } from '../../src/protocol/proto/message.ts'
import { until } from '../helpers/until.ts'
import { Stranger } from './stranger.ts'
import { ALICE, World, keepingLogger, linkedClient, log, untilSettledIn } from './support.ts'
import type { Line } from './support.ts'

const { Type } = Message.ProtocolMessage
const PN = '15550000007@s.whatsapp.net'
const LID = '700000000000007@lid'
const COMPANION = '15550000001:5@s.whatsapp.net'
const GROUP = '120363000000000001@g.us'

interface SetUp {
  readonly world: World
  readonly client: Client
  readonly store: MemoryStore
  readonly lines: Line[]
  readonly deliver: (stanza: BinaryNode) => Promise<readonly BinaryNode[]>
}

async function setUp(seed: string): Promise<SetUp> {
  const world = new World(seed)
  const { alice } = await world.addPair()
  const lines: Line[] = []
  const store = new MemoryStore()
  const client = await linkedClient(world, alice, { store, logger: keepingLogger(lines) })
  await until(
    'the keys of the phone',
    async () => (await store.listRecords('default', 'app-state-key', undefined, 10)).length > 0,
  )
  await untilSettledIn(world)
  const deliver = (stanza: BinaryNode): Promise<readonly BinaryNode[]> => {
    const { id = '' } = stanza.attrs
    const before = world.answersTo(id).length
    world.inject(stanza)
    return until(`the answer to ${id}`, () => {
      const answers = world.answersTo(id).slice(before)
      return answers.length > 0 && answers
    })
  }
  return { world, client, store, lines, deliver }
}

/** Everything of the store that such a message could change. */
async function stored(store: MemoryStore): Promise<unknown> {
  const kinds = ['app-state-key', 'history-notification', 'lid-by-pn', 'pn-by-lid']
  return Promise.all(kinds.map((kind) => store.listRecords('default', kind, undefined, 100)))
}

const encodedMappingPayload = new Uint8Array(
  proto.LIDMigrationMappingSyncPayload.encode({
    pnToLidMappings: [{ pn: 15550000007, assignedLid: 700000000000007 }],
  }).finish(),
)

const mapping: MessageProperties = {
  protocolMessage: {
    type: Type.LID_MIGRATION_MAPPING_SYNC,
    lidMigrationMappingSyncMessage: { encodedMappingPayload },
  },
}

const keys = [{ keyId: { keyId: Uint8Array.of(9, 9) }, keyData: { keyData: new Uint8Array(32) } }]

const SELF_ONLY: readonly [string, NonNullable<MessageProperties['protocolMessage']>][] = [
  ['app-state keys', { type: Type.APP_STATE_SYNC_KEY_SHARE, appStateSyncKeyShare: { keys } }],
  ['app-state keys without a type', { appStateSyncKeyShare: { keys } }],
  [
    'history',
    {
      type: Type.HISTORY_SYNC_NOTIFICATION,
      historySyncNotification: { syncType: Message.HistorySyncType.RECENT, directPath: '/x' },
    },
  ],
  ['LID mappings', mapping.protocolMessage ?? {}],
  [
    'a security setting',
    {
      type: Type.INITIAL_SECURITY_NOTIFICATION_SETTING_SYNC,
      initialSecurityNotificationSettingSync: { securityNotificationEnabled: false },
    },
  ],
]

describe('what only the own phone may say', () => {
  test.each(SELF_ONLY)(
    '%s of a stranger or of another companion are dropped and counted',
    async (_what, say) => {
      const { world, client, store, lines, deliver } = await setUp('self only')
      const before = await stored(store)
      const events = (await log(client)).length
      const content = { protocolMessage: say }
      for (const [index, from] of [PN, COMPANION].entries()) {
        const somebody = new Stranger(world, `somebody ${from}`)
        const answers = await deliver(
          somebody.message({ from, id: `S${String(index)}`, category: 'peer' }, content),
        )
        expect(answers).toMatchObject([{ tag: 'receipt', attrs: { type: 'peer_msg', to: from } }])
      }
      expect(lines.filter(({ fields }) => fields.drop === 'not-from-own-phone')).toHaveLength(2)
      expect(await stored(store)).toEqual(before)
      expect(await log(client)).toHaveLength(events)
    },
  )

  test('an edit or a setting does not carry them along', async () => {
    const { world, store, deliver } = await setUp('carried')
    const before = await stored(store)
    const stranger = new Stranger(world, 'carrier')
    const protocolMessage = { type: Type.EPHEMERAL_SETTING, appStateSyncKeyShare: { keys } }
    await deliver(stranger.message({ from: PN, id: 'S1' }, { protocolMessage }))
    expect(await stored(store)).toEqual(before)
  })

  test('LID mappings of the phone are learned: the next message is of one person', async () => {
    const { world, client, deliver } = await setUp('mappings')
    const phone = new Stranger(world, 'phone')
    await deliver(phone.message({ from: ALICE, id: 'M1', category: 'peer' }, mapping))
    await deliver(phone.message({ from: ALICE, id: 'M2', category: 'peer' }, mapping))
    const told = (await log(client)).filter(({ type }) => type === 'lid.mapping')
    expect(told).toMatchObject([{ payload: { contacts: [{ jid: LID, pn: PN, lid: LID }] } }])
    await deliver(new Stranger(world, 'mapped').message({ from: PN, id: 'T1' }, { conversation: 'hi' }))
    const [event] = (await log(client)).filter(({ type }) => type === 'message')
    expect(event?.payload).toMatchObject({ chat: LID, sender: { jid: LID, pn: PN, lid: LID } })
  })
})

describe('the answer', () => {
  test('to an own message of another device always says to whom, in every kind of chat', async () => {
    const { world, deliver } = await setUp('own messages')
    const companion = new Stranger(world, 'own device')
    const chats = [PN, LID, '13135550002@bot', '15550000009@hosted']
    for (const [index, recipient] of chats.entries()) {
      const sent = { deviceSentMessage: { destinationJid: recipient, message: { conversation: 'mine' } } }
      const stanza = companion.message({ from: COMPANION, recipient, id: `O${String(index)}` }, sent)
      for (const answers of [await deliver(stanza), await deliver(stanza)])
        expect(answers).toMatchObject([
          { tag: 'receipt', attrs: { to: COMPANION, recipient, type: 'sender' } },
        ])
    }
    expect(world.violations).toEqual([])
  })

  test('to what cannot be read is never a refusal, and comes again with each delivery', async () => {
    const { client, deliver } = await setUp('no refusal')
    const garbage = (type: string): BinaryNode => node('enc', { v: '2', type }, Uint8Array.of(0x33, 1, 2))
    const unreadable = [
      node('message', { from: PN, id: 'U1', t: '1700000000', type: 'text' }, [garbage('msg')]),
      node('message', { from: PN, id: 'U2', t: '1700000000', type: 'text' }, [garbage('msmsg')]),
      node(
        'message',
        { from: 'status@broadcast', participant: PN, id: 'U3', t: '1700000000', type: 'text' },
        [garbage('skmsg')],
      ),
      node('message', { from: GROUP, participant: PN, id: 'U4', t: '1700000000', type: 'text' }, [
        garbage('pkmsg'),
        garbage('skmsg'),
      ]),
    ]
    for (const stanza of unreadable) {
      for (const answers of [await deliver(stanza), await deliver(stanza)]) {
        expect(answers.at(-1)).toMatchObject({ tag: 'ack', attrs: { class: 'message' } })
        for (const { attrs } of answers) expect(attrs.error).toBeUndefined()
      }
    }
    const reasons = (await log(client)).map(({ type, payload }) => [type, 'id' in payload && payload.id])
    expect(reasons).toEqual(['U1', 'U2', 'U3', 'U4'].map((id) => ['message.undecryptable', id]))
  })

  test('of a bot that cannot be opened is asked of nobody', async () => {
    const { deliver } = await setUp('bot')
    const enc = node('enc', { v: '2', type: 'msmsg' }, Uint8Array.of(1, 2, 3))
    const attrs = { from: '13135550002@bot', id: 'B1', t: '1700000000', type: 'text' }
    expect(await deliver(node('message', attrs, [enc]))).toMatchObject([{ tag: 'ack' }])
  })
})
