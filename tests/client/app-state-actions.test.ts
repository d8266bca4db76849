/**
 * What changes of app state mean. They are written by unmodified Baileys, which is asked what it makes of each of them as
 * well; what nobody can understand is counted and passed over.
 */
import { chatModificationToAppPatch, processSyncAction, proto } from '@whiskeysockets/baileys'
import type { BaileysEventMap, ChatModification } from '@whiskeysockets/baileys'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MemoryStore } from 'waton'
import type { ChangeOrigin, Person } from 'waton'
import { VirtualClock, seededRandom } from 'waton/testing'
import { silentLogger } from '../../src/base/logger.ts'
import type { LogFields, Logger } from '../../src/base/logger.ts'
import { ACTIONS, SILENT_ACTIONS, applyMutation } from '../../src/client/app-state/actions/registry.ts'
import type { AppliedMutation, Mutation } from '../../src/client/app-state/actions/registry.ts'
import { learnMapping } from '../../src/client/identity/addresses.ts'
import { loadSelf } from '../../src/client/identity/credentials.ts'
import { AccountState } from '../../src/client/state/account-state.ts'
import { CREDENTIALS, LID_BY_PN, NCT_SALT, SELF } from '../../src/client/state/records.ts'
import { Unknowns } from '../../src/client/unknowns.ts'
import type { BinaryNode } from '../../src/protocol/binary/node.ts'
import { SyncActionData, SyncActionValue } from '../../src/protocol/proto/app-state.ts'
import { decodeProto } from '../../src/protocol/proto/codec.ts'

const OWN = '15550000001@s.whatsapp.net'
const OWN_LID = '100000000000001@lid'
const BOB = '15550000002@s.whatsapp.net'
const BOB_LID = '100000000000002@lid'
const CAROL = '15550000003@s.whatsapp.net'
const GROUP = '120363000000000001@g.us'
const AT_MS = 1_790_000_000_000
const AT_SECONDS = AT_MS / 1000
const ID = '3EB0C0FFEE0000000001'

interface Told {
  readonly type: string
  readonly payload: object
}

type Apply = (
  changes: readonly AppliedMutation[],
  how: { readonly isDiscardedFirst?: boolean },
) => Promise<readonly Told[]>

/** An account with its addresses, and nothing else. */
class Desk {
  readonly events: Told[] = []
  readonly sent: BinaryNode[] = []
  readonly warned: LogFields[] = []
  readonly unknowns: Unknowns = new Unknowns()
  readonly state: AccountState
  readonly #apply: Apply

  private constructor(state: AccountState, apply: Apply) {
    this.state = state
    this.#apply = apply
  }

  static async open({ name }: { readonly name?: string } = {}): Promise<Desk> {
    const store = new MemoryStore()
    const clock = new VirtualClock(AT_MS + 5000)
    const claim = await store.claim('default', { owner: 'test', nowMs: clock.nowMs(), leaseMs: 1e12 })
    const told: Told[] = []
    const state = await AccountState.open({
      store,
      claim,
      clock,
      logger: silentLogger,
      onEvents: (events) => {
        for (const { row, payload, isSound } of events)
          told.push({ type: isSound ? row.type : `${row.type} (broken)`, payload })
      },
      onFailure: () => undefined,
    })
    const self = await loadSelf(state, seededRandom('app state actions'), 'none')
    const linked = { pn: OWN, lid: OWN_LID, deviceId: 1, deviceIdentity: new Uint8Array(1) }
    const credentials = {
      ...self.credentials,
      linked: { ...linked, isUnconfirmed: false, ...(name === undefined ? {} : { name }) },
    }
    self.update(credentials)
    await state.commit((unit) => {
      unit.put(CREDENTIALS, SELF, credentials)
      return learnMapping(unit, OWN, OWN_LID)
    })
    const desk = new Desk(state, async (changes, { isDiscardedFirst }) => {
      const logger: Logger = { ...silentLogger, warn: (fields) => void desk.warned.push(fields) }
      const send = (stanza: BinaryNode): void => void desk.sent.push(stanza)
      const context = { self, logger, send, unknowns: desk.unknowns }
      await state.commit(async (unit) => {
        for (let round = isDiscardedFirst === true ? 0 : 1; round < 2; round += 1) {
          if (round === 1) unit.discard()
          for (const change of changes) await applyMutation(unit, change, context)
        }
      })
      const news = told.splice(0)
      desk.events.push(...news)
      return news
    })
    return desk
  }

  /** Takes one change in, and gives the events that it makes. */
  take(mutation: Mutation, more: Partial<AppliedMutation> = {}): Promise<readonly Told[]> {
    return this.#apply([{ collection: 'regular', mutation, origin: 'live', ...more }], {})
  }

  /** Takes changes in as one unit, after it was begun and taken back, if wanted. */
  takeAll(
    mutations: readonly Mutation[],
    more: { readonly isDiscardedFirst?: boolean } = {},
  ): Promise<readonly Told[]> {
    const changes = mutations.map((mutation) => ({
      collection: 'regular',
      mutation,
      origin: 'live' as const,
    }))
    return this.#apply(changes, more)
  }

  /** What was counted, by name. */
  get counted(): Readonly<Record<string, number>> {
    return Object.fromEntries(
      this.unknowns.counts().map(({ what, name, count }) => [`${what} ${name}`, count]),
    )
  }

  learn(pn: string, lid: string): Promise<boolean> {
    return this.state.commit((unit) => learnMapping(unit, pn, lid))
  }
}

type Value = proto.ISyncActionValue

/** What Baileys writes, with its own schema: the bytes of a `SyncActionData`. */
function dataOf(index: readonly string[], value: Value): Uint8Array {
  return proto.SyncActionData.encode(
    proto.SyncActionData.create({
      index: new TextEncoder().encode(JSON.stringify(index)),
      value: proto.SyncActionValue.fromObject(value),
      version: 1,
    }),
  ).finish()
}

/** The change that such bytes are, as it reaches the registry. */
function mutationOf(
  index: readonly string[],
  value: Value = {},
  operation: Mutation['operation'] = 'set',
): Mutation {
  const { value: read } = decodeProto(SyncActionData, dataOf(index, value), 'SyncActionData')
  return { operation, index, value: read ?? {} }
}

function removalOf(...index: readonly string[]): Mutation {
  return mutationOf(index, {}, 'remove')
}

/** A change that Baileys' users make with `chatModify`. */
function modification(change: ChatModification, chat: string): readonly [readonly string[], Value] {
  const { index, syncAction } = chatModificationToAppPatch(change, chat)
  return [index, { ...syncAction, timestamp: AT_MS }]
}

type BaileysEvent = {
  [Name in keyof BaileysEventMap]: readonly [Name, BaileysEventMap[Name]]
}[keyof BaileysEventMap]

/** What Baileys tells of a change. */
function baileysTells(index: readonly string[], value: Value, origin: ChangeOrigin): readonly BaileysEvent[] {
  const { value: action } = proto.SyncActionData.decode(dataOf(index, value))
  const told: BaileysEvent[] = []
  const emitter = { emit: (...event: BaileysEvent) => told.push(event) > 0 }
  processSyncAction(
    { syncAction: { value: action ?? null, index: undefined, version: 1 }, index: [...index] } as never,
    emitter as never,
    { id: OWN, name: 'Old name' },
    origin === 'history' ? { accountSettings: { unarchiveChats: false } } : undefined,
    undefined,
  )
  return told
}

/** What an event of Baileys says, as our events say it. */
function inOurWords([name, said]: BaileysEvent): readonly Told[] {
  const tell = (type: string, payload: object): readonly Told[] => [{ type, payload }]
  switch (name) {
    case 'chats.update':
      return said.map((chat) => ({
        type: 'chat.changed',
        payload: { chat: chat.id, changes: sortingOf(chat as Readonly<Record<string, unknown>>) },
      }))
    case 'chats.lock':
      return tell('chat.changed', { chat: said.id, changes: { isLocked: said.locked } })
    case 'chats.delete':
      return said.map((chat) => ({ type: 'chat.deleted', payload: { chat } }))
    case 'messages.delete':
      if (!('keys' in said)) throw new Error('a whole chat')
      return said.keys.map(({ id, remoteJid, fromMe }) => ({
        type: 'message.hidden',
        payload: { id, chat: remoteJid, fromMe },
      }))
    case 'messages.update':
      return said.map(({ key, update }) => ({
        type: 'message.starred',
        payload: { id: key.id, chat: key.remoteJid, fromMe: key.fromMe, isStarred: update.starred },
      }))
    case 'contacts.upsert':
      return said.map(({ id, name: shown, username }) => ({
        type: 'contact.saved',
        payload: {
          contact: { jid: id },
          isSaved: true,
          ...(shown === undefined || shown === username ? {} : { name: shown }),
          ...(username === undefined ? {} : { username }),
        },
      }))
    case 'lid-mapping.update':
      return tell('lid.mapping', { contacts: [{ jid: said.lid, pn: said.pn, lid: said.lid }] })
    case 'labels.edit':
      return tell('label.changed', {
        id: said.id,
        name: said.name,
        color: said.color,
        isDeleted: said.deleted,
        ...(said.predefinedId === undefined ? {} : { predefinedId: said.predefinedId }),
      })
    case 'labels.association': {
      const { association, type } = said
      const { chatId, labelId } = association
      const message =
        'messageId' in association ? { message: { id: association.messageId, chat: chatId } } : {}
      return tell('label.assigned', { labelId, chat: chatId, ...message, isAssigned: type === 'add' })
    }
    case 'creds.update':
      return tell('account.changed', {
        ...(said.me === undefined ? {} : { name: said.me.name }),
        ...(said.accountSettings === undefined
          ? {}
          : { unarchivesChats: said.accountSettings.unarchiveChats }),
      })
    case 'settings.update':
      return tell('account.changed', settingOf(said.setting, said.value))
    default:
      throw new Error(`Baileys tells ${name}`)
  }
}

function sortingOf(chat: Readonly<Record<string, unknown>>): object {
  if ('muteEndTime' in chat) {
    const { muteEndTime } = chat
    if (muteEndTime === null) return { isMuted: false }
    return { isMuted: true, ...(Number(muteEndTime) > 0 ? { mutedUntilMs: Number(muteEndTime) } : {}) }
  }
  if ('archived' in chat) return { isArchived: chat['archived'] }
  // at the beginning it says nothing of chats that were read, because they are taken for that
  if ('unreadCount' in chat) return { isUnread: chat['unreadCount'] === -1 }
  if ('pinned' in chat) return { isPinned: chat['pinned'] !== null }
  throw new Error(`Baileys changes ${Object.keys(chat).join()}`)
}

function settingOf(setting: string, value: unknown): object {
  const fields = value as Readonly<Record<string, unknown>>
  switch (setting) {
    case 'locale':
      return { locale: value }
    case 'timeFormat':
      return { isTwentyFourHours: fields['isTwentyFourHourFormatEnabled'] }
    case 'privacySettingRelayAllCalls':
      return { areCallsRelayed: fields['isEnabled'] }
    case 'disableLinkPreviews':
      return { areLinkPreviewsOff: fields['isPreviewsDisabled'] }
    case 'channelsPersonalisedRecommendation':
      return { areChannelRecommendationsOff: fields['isUserOptedOut'] }
    case 'notificationActivitySetting':
      return { notifications: ['default-all', 'all', 'highlights', 'default-highlights'][Number(value)] }
    case 'statusPrivacy':
      return {
        statusAudience: {
          mode: ['allow', 'deny', 'contacts', 'close-friends'][Number(fields['mode'])],
          people: (fields['userJid'] as readonly string[]).map((jid) => ({ jid })),
        },
      }
    default:
      throw new Error(`Baileys has the setting ${setting}`)
  }
}

const LAST = [{ key: { id: ID, remoteJid: BOB, fromMe: false }, messageTimestamp: AT_SECONDS - 60 }]
const KEY = { id: ID, fromMe: true, remoteJid: BOB }

/** By what is done. Baileys writes those that it can write, and reads all of them. */
const CASES: Readonly<Record<string, readonly [readonly string[], Value]>> = {
  'a chat is muted': modification({ mute: AT_MS + 3_600_000 }, BOB),
  'a chat is muted for good': [['mute', GROUP], { muteAction: { muted: true, muteEndTimestamp: -1 } }],
  'a chat is not muted any more': modification({ mute: null }, BOB),
  'a chat is archived': modification({ archive: true, lastMessages: LAST }, BOB),
  'a chat comes out of the archive': modification({ archive: false, lastMessages: LAST }, GROUP),
  'a chat is read': modification({ markRead: true, lastMessages: LAST }, BOB),
  'a chat is marked as unread': modification({ markRead: false, lastMessages: LAST }, BOB),
  'a chat is pinned': modification({ pin: true }, BOB),
  'a chat is not pinned any more': modification({ pin: false }, BOB),
  'a chat is locked': [['lock', BOB], { lockChatAction: { locked: true } }],
  'a chat is not locked any more': [['lock', BOB], { lockChatAction: { locked: false } }],
  'a chat is deleted': modification({ delete: true, lastMessages: LAST }, BOB),
  'a message is deleted for this account': modification(
    { deleteForMe: { deleteMedia: true, key: KEY, timestamp: AT_SECONDS } },
    BOB,
  ),
  'a message gets a star': modification({ star: { messages: [{ id: ID, fromMe: true }], star: true } }, BOB),
  'a message loses its star': modification(
    { star: { messages: [{ id: ID, fromMe: false }], star: false } },
    GROUP,
  ),
  'a contact is saved': modification({ contact: { fullName: 'Bob Builder', firstName: 'Bob' } }, BOB),
  'a contact has a first name alone': modification({ contact: { firstName: 'Bob' } }, BOB),
  'a contact has a user name alone': modification({ contact: { username: 'bob' } }, BOB),
  'a contact is saved under a LID': [
    ['lid_contact', BOB_LID],
    { lidContactAction: { fullName: 'Bob Builder', username: 'bob' } },
  ],
  'the number of a LID is told': [['pnForLidChat', BOB_LID], { pnForLidChatAction: { pnJid: BOB } }],
  'a label is made': modification(
    { addLabel: { id: '4', name: 'Paid', color: 3, predefinedId: 2, deleted: false } },
    '',
  ),
  'a label is removed': modification({ addLabel: { id: '4', name: 'Paid', color: 3, deleted: true } }, ''),
  'a label is put on a chat': modification({ addChatLabel: { labelId: '4' } }, BOB),
  'a label is taken from a chat': modification({ removeChatLabel: { labelId: '4' } }, BOB),
  'a label is put on a message': modification({ addMessageLabel: { labelId: '4', messageId: ID } }, BOB),
  'a label is taken from a message': modification(
    { removeMessageLabel: { labelId: '4', messageId: ID } },
    BOB,
  ),
  'the account has another name': modification({ pushNameSetting: 'Support' }, ''),
  'archived chats stay': [['setting_unarchiveChats'], { unarchiveChatsSetting: { unarchiveChats: false } }],
  'links are sent without preview': modification({ disableLinkPreviews: { isPreviewsDisabled: true } }, ''),
  'the phone speaks another language': [['setting_locale'], { localeSetting: { locale: 'pt_BR' } }],
  'the phone shows times otherwise': [
    ['time_format'],
    { timeFormatAction: { isTwentyFourHourFormatEnabled: true } },
  ],
  'calls are relayed': [['setting_relayAllCalls'], { privacySettingRelayAllCalls: { isEnabled: true } }],
  'status posts are for some': [
    ['status_privacy'],
    {
      statusPrivacy: {
        mode: proto.SyncActionValue.StatusPrivacyAction.StatusDistributionMode.ALLOW_LIST,
        userJid: [CAROL],
      },
    },
  ],
  'only highlights make a sound': [
    ['notificationActivitySetting'],
    {
      notificationActivitySettingAction: {
        notificationActivitySetting:
          proto.SyncActionValue.NotificationActivitySettingAction.NotificationActivitySetting.HIGHLIGHTS,
      },
    },
  ],
  'no newsletters are recommended': [
    ['setting_channels_personalised_recommendation_optout'],
    { privacySettingChannelsPersonalisedRecommendationAction: { isUserOptedOut: true } },
  ],
}

describe('what Baileys makes events of', () => {
  test('is all here', () => {
    const source = processSyncAction.toString()
    const known = [...source.matchAll(/action\?\.(\w+)/g)].map(([, field]) => field)
    const tried = new Set(Object.values(CASES).flatMap(([, value]) => Object.keys(value)))
    expect(known.length).toBeGreaterThan(20)
    expect([...new Set(known)].filter((field) => !tried.has(field ?? ''))).toEqual([])
  })

  for (const [what, [index, value]] of Object.entries(CASES)) {
    test.each(['live', 'history'] as const)(`says the same here: ${what} (%s)`, async (origin) => {
      const stamped = { ...value, timestamp: AT_MS }
      const theirs = baileysTells(index, stamped, origin).flatMap(inOurWords)
      const desk = await Desk.open()
      const ours = await desk.take(mutationOf(index, stamped), { origin })
      // what was deleted before this device was linked is not told by Baileys
      if (!(origin === 'history' && index[0] === 'deleteChat')) {
        expect(theirs).not.toEqual([])
        expect(ours).toMatchObject(theirs)
        expect(ours).toHaveLength(theirs.length)
      }
      for (const { type, payload } of ours) {
        if (type === 'lid.mapping') continue
        expect(payload).toMatchObject({ origin, atMs: AT_MS })
      }
      expect(desk.counted).toEqual({})
    })
  }

  test('is told with the number of a contact as well, when the phone says both', async () => {
    const index = ['contact', BOB]
    const value = { contactAction: { fullName: 'Bob Builder', lidJid: BOB_LID }, timestamp: AT_MS }
    const theirs = baileysTells(index, value, 'live')
    expect(theirs.map(([name]) => name)).toEqual(['contacts.upsert', 'lid-mapping.update'])
    const desk = await Desk.open()
    const bob: Person = { jid: BOB_LID, pn: BOB, lid: BOB_LID }
    expect(await desk.take(mutationOf(index, value))).toEqual([
      { type: 'lid.mapping', payload: { contacts: [bob], atMs: AT_MS + 5000 } },
      {
        type: 'contact.saved',
        payload: { contact: bob, isSaved: true, name: 'Bob Builder', atMs: AT_MS, origin: 'live' },
      },
    ])
    expect(await desk.state.read(LID_BY_PN, '15550000002')).toBe('100000000000002')
  })
})

describe('an address book', () => {
  test('tells the addresses of all who stand in it together, a thousand at a time', async () => {
    const desk = await Desk.open()
    const pnOf = (index: number): string => `1555${String(1_000_000 + index)}@s.whatsapp.net`
    const book = Array.from({ length: 1001 }, (_, index) =>
      mutationOf(['contact', pnOf(index)], {
        contactAction: { fullName: `Contact ${String(index)}`, lidJid: `2000${String(index)}@lid` },
        timestamp: AT_MS,
      }),
    )
    const told = await desk.takeAll(book)
    const mappings = told.flatMap(({ type, payload }) =>
      type === 'lid.mapping' && 'contacts' in payload ? [(payload.contacts as readonly Person[]).length] : [],
    )
    expect(mappings).toEqual([1000, 1])
    expect(told.filter(({ type }) => type === 'contact.saved')).toHaveLength(1001)
    expect(told).toHaveLength(1003)
  })

  test('tells addresses that a unit took back again with the next one', async () => {
    const desk = await Desk.open()
    const contactAction = { fullName: 'Bob', lidJid: BOB_LID }
    const told = await desk.takeAll([mutationOf(['contact', BOB], { contactAction })], {
      isDiscardedFirst: true,
    })
    expect(told.map(({ type }) => type)).toEqual(['lid.mapping', 'contact.saved'])
  })
})

describe('what cannot be understood', () => {
  /** Each breaks one thing; the timestamp is there. */
  const BROKEN: Readonly<Record<string, readonly [readonly string[], Value?]>> = {
    'no chat': [['mute'], { muteAction: { muted: true } }],
    'a chat that is no address': [['archive', 'Bob'], { archiveChatAction: { archived: true } }],
    'an address of nobody': [['pin_v1', '@s.whatsapp.net'], { pinAction: { pinned: true } }],
    'no value': [['archive', BOB]],
    'the value of something else': [['mute', BOB], { pinAction: { pinned: true } }],
    'a star without a message': [['star', BOB], { starAction: { starred: true } }],
    'a star of nobody in particular': [['star', BOB, ID, 'true', '0'], { starAction: { starred: true } }],
    'an author who is no address': [['star', GROUP, ID, '0', 'Bob'], { starAction: { starred: true } }],
    'a message without its id': [['deleteMessageForMe', BOB, '', '1', '0'], { deleteMessageForMeAction: {} }],
    'a contact who is a group': [['contact', GROUP], { contactAction: { fullName: 'Hikers' } }],
    'a number that is none': [['pnForLidChat', BOB_LID], { pnForLidChatAction: { pnJid: BOB_LID } }],
    'a LID that is none': [['pnForLidChat', GROUP], { pnForLidChatAction: { pnJid: BOB } }],
    'a label without an id': [['label_edit', ''], { labelEditAction: { name: 'Paid' } }],
    'a label on nothing': [['label_jid', '4'], { labelAssociationAction: { labeled: true } }],
    'a label on half a message': [
      ['label_message', '4', BOB, ID],
      { labelAssociationAction: { labeled: true } },
    ],
    'a setting without a value': [['setting_locale']],
    'an empty language': [['setting_locale'], { localeSetting: {} }],
    'a quick reply without an id': [['quick_reply'], { quickReplyAction: { shortcut: 'hi' } }],
    'an empty salt': [['nct_salt_sync']],
  }

  test.each(Object.entries(BROKEN))('is counted and passed over: %s', async (_what, [index, value]) => {
    const desk = await Desk.open()
    expect(await desk.take(mutationOf(index, { ...value, timestamp: AT_MS }))).toEqual([])
    expect(desk.counted).toEqual({ [`action ${index[0] ?? ''} (malformed)`]: 1 })
    expect(desk.warned).toEqual([
      { collection: 'regular', action: index[0], parts: index.length, operation: 'set' },
    ])
  })

  test('is counted by name when nobody knows it, and not when it is known and silent', async () => {
    const desk = await Desk.open()
    for (const name of SILENT_ACTIONS) expect(await desk.take(mutationOf([name, BOB]))).toEqual([])
    expect(desk.counted).toEqual({})
    await desk.take(mutationOf(['teleport', BOB]))
    await desk.take(mutationOf([]))
    expect(desk.counted).toEqual({ 'action teleport': 1, 'action (none)': 1 })
    expect(desk.warned).toEqual([])
  })

  test('is either known or silent, never both', () => {
    expect([...ACTIONS.keys()].filter((name) => SILENT_ACTIONS.has(name))).toEqual([])
  })

  test('never fails, and never breaks the contract of an event', { timeout: 60_000 }, async () => {
    const desk = await Desk.open()
    const parts = fc.oneof(
      fc.constantFrom('', '0', '1', BOB, BOB_LID, GROUP, OWN, ID, 'status@broadcast', 'Bob', '@lid'),
      fc.string({ maxLength: 8 }),
    )
    const indexes = fc
      .tuple(fc.constantFrom(...ACTIONS.keys()), fc.array(parts, { maxLength: 6 }))
      .map(([name, rest]) => [name, ...rest])
    const numbers = fc.oneof(fc.constantFrom(-1, 0, 1, AT_SECONDS, AT_MS, 2 ** 53, -(2 ** 53)), fc.double())
    const texts = fc.oneof(fc.constantFrom('', BOB, BOB_LID), fc.string({ maxLength: 5 }))
    const range = fc.record({ lastMessageTimestamp: numbers }, { requiredKeys: [] })
    const value: fc.Arbitrary<SyncActionValue.$Properties> = fc.record(
      {
        timestamp: numbers,
        muteAction: fc.record({ muted: fc.boolean(), muteEndTimestamp: numbers }, { requiredKeys: [] }),
        archiveChatAction: fc.record({ archived: fc.boolean(), messageRange: range }, { requiredKeys: [] }),
        markChatAsReadAction: fc.record({ read: fc.boolean(), messageRange: range }, { requiredKeys: [] }),
        clearChatAction: fc.record({ messageRange: range }, { requiredKeys: [] }),
        deleteMessageForMeAction: fc.record({ messageTimestamp: numbers }, { requiredKeys: [] }),
        contactAction: fc.record({ fullName: texts, lidJid: texts, pnJid: texts }, { requiredKeys: [] }),
        pnForLidChatAction: fc.record({ pnJid: texts }, { requiredKeys: [] }),
        labelEditAction: fc.record(
          { name: texts, type: fc.integer({ min: -2, max: 20 }), predefinedId: fc.integer() },
          { requiredKeys: [] },
        ),
        labelAssociationAction: fc.record({ labeled: fc.boolean() }, { requiredKeys: [] }),
        statusPrivacy: fc.record({ mode: fc.integer(), userJid: fc.array(texts) }, { requiredKeys: [] }),
        notificationActivitySettingAction: fc.record(
          { notificationActivitySetting: fc.integer() },
          { requiredKeys: [] },
        ),
        pushNameSetting: fc.record({ name: texts }, { requiredKeys: [] }),
        nctSaltSyncAction: fc.record({ salt: fc.uint8Array({ maxLength: 4 }) }, { requiredKeys: [] }),
      },
      { requiredKeys: [] },
    )
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('set' as const, 'remove' as const),
        indexes,
        value,
        fc.option(fc.uint8Array({ maxLength: 20 }), { nil: undefined }),
        async (operation, index, said, previous) => {
          const told = await desk.take({ operation, index, value: said }, { previous })
          expect(told.filter(({ type }) => type.includes('broken'))).toEqual([])
        },
      ),
      { seed: 20_261_122, numRuns: 1500 },
    )
  })
})

describe('a change', () => {
  test('names chats and people by their LID as soon as it is known', async () => {
    const desk = await Desk.open()
    await desk.learn(BOB, BOB_LID)
    const bob: Person = { jid: BOB_LID, pn: BOB, lid: BOB_LID }
    const own: Person = { jid: OWN_LID, pn: OWN, lid: OWN_LID }
    const star = { starAction: { starred: true }, timestamp: AT_MS }
    const about = { id: ID, isStarred: true, atMs: AT_MS, origin: 'live' }
    expect(await desk.take(mutationOf(['star', BOB, ID, '0', '0'], star))).toEqual([
      { type: 'message.starred', payload: { ...about, chat: BOB_LID, sender: bob, fromMe: false } },
    ])
    expect(await desk.take(mutationOf(['star', BOB, ID, '1', '0'], star))).toEqual([
      { type: 'message.starred', payload: { ...about, chat: BOB_LID, sender: own, fromMe: true } },
    ])
    const inGroup = { ...about, chat: GROUP }
    expect(
      await desk.take(mutationOf(['star', GROUP, ID, '0', `15550000002:7@s.whatsapp.net`], star)),
    ).toEqual([{ type: 'message.starred', payload: { ...inGroup, sender: bob, fromMe: false } }])
    expect(await desk.take(mutationOf(['star', GROUP, ID, '0', OWN_LID], star))).toEqual([
      { type: 'message.starred', payload: { ...inGroup, sender: own, fromMe: true } },
    ])
    // Baileys does not say who wrote in a group
    expect(await desk.take(mutationOf(['star', GROUP, ID, '0', '0'], star))).toEqual([
      { type: 'message.starred', payload: { ...inGroup, fromMe: false } },
    ])
  })

  test('of a chat says up to which message it is meant', async () => {
    const desk = await Desk.open()
    const upToMs = AT_MS - 60_000
    const [archive] = await desk.take(mutationOf(...modification({ archive: true, lastMessages: LAST }, BOB)))
    expect(archive?.payload).toEqual({
      chat: BOB,
      changes: { isArchived: true },
      upToMs,
      atMs: AT_MS,
      origin: 'live',
    })
    const [deleted] = await desk.take(mutationOf(...modification({ delete: true, lastMessages: LAST }, BOB)))
    expect(deleted?.payload).toEqual({ chat: BOB, keepsMedia: false, upToMs, atMs: AT_MS, origin: 'live' })
    const [cleared] = await desk.take(mutationOf(...modification({ clear: true, lastMessages: LAST }, BOB)))
    const keeps = { keepsStarred: false, keepsMedia: true }
    expect(cleared).toEqual({
      type: 'chat.cleared',
      payload: { chat: BOB, ...keeps, upToMs, atMs: AT_MS, origin: 'live' },
    })
    const system = {
      archiveChatAction: { archived: true, messageRange: { lastSystemMessageTimestamp: AT_SECONDS } },
    }
    const [bySystem] = await desk.take(mutationOf(['archive', GROUP], system))
    expect(bySystem?.payload).toMatchObject({ upToMs: AT_MS })
  })

  test('that clears a chat says what is kept', async () => {
    const desk = await Desk.open()
    const value = { clearChatAction: {}, timestamp: AT_MS }
    const kept = async (...flags: readonly string[]): Promise<unknown> =>
      (await desk.take(mutationOf(['clearChat', BOB, ...flags], value)))[0]?.payload
    expect(await kept('0', '0')).toMatchObject({ keepsStarred: true, keepsMedia: true })
    expect(await kept('1', '1')).toMatchObject({ keepsStarred: false, keepsMedia: false })
  })

  test('without a moment, or with one that cannot be, happens now; seconds are taken for what they are', async () => {
    const desk = await Desk.open()
    const atOf = async (timestamp?: number): Promise<unknown> =>
      (
        await desk.take(
          mutationOf(['lock', BOB], {
            lockChatAction: {},
            ...(timestamp === undefined ? {} : { timestamp }),
          }),
        )
      )[0]?.payload
    for (const none of [undefined, 0, -1, -AT_MS, 2 ** 62])
      expect(await atOf(none)).toMatchObject({ atMs: AT_MS + 5000 })
    expect(await atOf(AT_SECONDS)).toMatchObject({ atMs: AT_MS })
    const mute = async (muteEndTimestamp?: number): Promise<unknown> => {
      const muteAction = { muted: true, ...(muteEndTimestamp === undefined ? {} : { muteEndTimestamp }) }
      const [told] = await desk.take(mutationOf(['mute', BOB], { muteAction }))
      return told?.payload
    }
    expect(await mute(AT_SECONDS)).toMatchObject({ changes: { isMuted: true, mutedUntilMs: AT_MS } })
    for (const forGood of [-1, 0, undefined])
      expect((await mute(forGood)) as { changes: unknown }).toHaveProperty('changes', { isMuted: true })
  })

  test('that takes an entry away says what is so without it', async () => {
    const desk = await Desk.open()
    const told = async (...index: readonly string[]): Promise<unknown> => {
      const [event] = await desk.take(removalOf(...index))
      return event?.payload
    }
    expect(await told('mute', BOB)).toMatchObject({ changes: { isMuted: false } })
    expect(await told('archive', BOB)).toMatchObject({ changes: { isArchived: false } })
    expect(await told('pin_v1', BOB)).toMatchObject({ changes: { isPinned: false } })
    expect(await told('lock', BOB)).toMatchObject({ changes: { isLocked: false } })
    expect(await told('contact', BOB)).toEqual({
      contact: { jid: BOB, pn: BOB },
      isSaved: false,
      atMs: AT_MS + 5000,
      origin: 'live',
    })
    expect(await told('star', BOB, ID, '1', '0')).toMatchObject({ isStarred: false })
    expect(await told('label_edit', '4')).toEqual({
      id: '4',
      isDeleted: true,
      atMs: AT_MS + 5000,
      origin: 'live',
    })
    expect(await told('label_jid', '4', BOB)).toMatchObject({ chat: BOB, isAssigned: false })
    expect(await told('label_message', '4', BOB, ID, '0', '0')).toMatchObject({ isAssigned: false })
    expect(await told('quick_reply', '7')).toMatchObject({ id: '7', isDeleted: true })
    for (const index of [
      ['clearChat', BOB, '1', '0'],
      ['deleteChat', BOB, '1'],
      ['deleteMessageForMe', BOB, ID, '1', '0'],
      ['markChatAsRead', BOB],
      ['pnForLidChat', BOB_LID],
      ['setting_locale'],
      ['status_privacy'],
      ['setting_pushName'],
    ])
      expect(await told(...index)).toBeUndefined()
    expect(desk.counted).toEqual({})
  })

  test('that says what is known already is not told again, but a chat can be read and cleared again', async () => {
    const desk = await Desk.open()
    const again = async (
      [index, value]: readonly [readonly string[], Value],
      before: Value = value,
    ): Promise<number> => {
      const previous = dataOf(index, before)
      return (await desk.take(mutationOf(index, value), { previous })).length
    }
    const contact = modification({ contact: { fullName: 'Bob Builder' } }, BOB)
    expect(await again(contact)).toBe(0)
    expect(await again(contact, { ...contact[1], timestamp: AT_MS - 1000 })).toBe(0)
    expect(await again(contact, { ...contact[1], contactAction: { fullName: 'Bob' } })).toBe(1)
    for (const name of ['a chat is read', 'a chat is pinned', 'a chat is deleted']) {
      const moment = CASES[name] ?? contact
      expect(await again(moment)).toBe(0)
      expect(await again(moment, { ...moment[1], timestamp: AT_MS - 1000 })).toBe(1)
    }
    // what is damaged is not known
    expect(await desk.take(mutationOf(...contact), { previous: new Uint8Array([255]) })).toHaveLength(1)
    // a removal is told whatever was known
    expect(await desk.take(removalOf('contact', BOB), { previous: dataOf(...contact) })).toHaveLength(1)
  })

  test('of the own name is kept, told to the server, and told once', async () => {
    const desk = await Desk.open({ name: 'Old name' })
    const rename = mutationOf(...modification({ pushNameSetting: 'Support' }, ''))
    expect(await desk.take(rename)).toEqual([
      { type: 'account.changed', payload: { name: 'Support', atMs: AT_MS, origin: 'live' } },
    ])
    expect(desk.sent.map(({ tag, attrs }) => ({ tag, attrs }))).toEqual([
      { tag: 'presence', attrs: { name: 'Support' } },
    ])
    expect((await desk.state.read(CREDENTIALS, SELF))?.linked?.name).toBe('Support')
    expect(await desk.take(rename)).toEqual([])
    expect(desk.sent).toHaveLength(1)
    expect(desk.counted).toEqual({})
  })

  test('of the salt is kept for tokens, and forgotten when it is taken away', async () => {
    const desk = await Desk.open()
    const salt = seededRandom('salt').bytes(32)
    // Baileys 7.0.0-rc14 does not know it: field 80, with the salt in its field 1
    const bytes = Uint8Array.of(0x82, 0x05, 34, 0x0a, 32, ...salt)
    const value = decodeProto(SyncActionValue, bytes, 'SyncActionValue')
    await desk.take({ operation: 'set', index: ['nct_salt_sync'], value })
    expect(await desk.state.read(NCT_SALT, SELF)).toEqual(salt)
    await desk.take(removalOf('nct_salt_sync'))
    expect(await desk.state.read(NCT_SALT, SELF)).toBeUndefined()
    expect(desk.events).toEqual([])
    expect(desk.counted).toEqual({})
  })

  test('of a quick reply and of a list says all that there is to know', async () => {
    const desk = await Desk.open()
    const reply = { shortcut: 'thanks', message: 'Thank you!', timestamp: String(AT_SECONDS) }
    const [told] = await desk.take(mutationOf(...modification({ quickReply: reply }, '')))
    expect(told).toEqual({
      type: 'quick-reply.changed',
      payload: {
        id: String(AT_SECONDS),
        isDeleted: false,
        shortcut: 'thanks',
        text: 'Thank you!',
        atMs: AT_MS,
        origin: 'live',
      },
    })
    const { CUSTOM } = proto.SyncActionValue.LabelEditAction.ListType
    const labelEditAction = {
      name: 'Family',
      color: 0,
      type: CUSTOM,
      orderIndex: 2,
      isActive: true,
      predefinedId: 0,
    }
    const [list] = await desk.take(mutationOf(['label_edit', '9'], { labelEditAction, timestamp: AT_MS }))
    expect(list?.payload).toEqual({
      id: '9',
      isDeleted: false,
      name: 'Family',
      color: 0,
      kind: 'custom',
      position: 2,
      isActive: true,
      atMs: AT_MS,
      origin: 'live',
    })
  })
})
