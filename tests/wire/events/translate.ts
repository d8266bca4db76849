/**
 * What Baileys tells its user, in the words of waton's events. Each translation takes every member that it understands;
 * what nobody takes must stand in {@link NOT_TAKEN}, so that nothing that Baileys tells is passed over in silence.
 */
import { toBase64 } from '../../../src/base/bytes.ts'
import { isGroup, isLid, isPn } from '../../../src/protocol/jid.ts'
import type { BaileysAnnouncement } from '../../helpers/baileys.ts'

/** A payload, or a part of one. */
export type Facts = Readonly<Record<string, unknown>>

/** What waton should tell: an event's type and, of its payload, what Baileys knows too. */
export interface Translation {
  readonly type: string
  readonly facts: Facts
  /** Members of Baileys' event that no translation took. */
  readonly rest: readonly string[]
  /** Those that stand in {@link NOT_TAKEN}, as `event.member`. */
  readonly passedOver: readonly string[]
}

/** Members of Baileys' events that have no counterpart, and why. */
export const NOT_TAKEN: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  call: { callerPn: 'one of the addresses in `from`', chatId: 'see `call.chat`' },
  'chats.update': { ephemeralSettingTimestamp: 'is `atMs`, of the notification' },
  'groups.upsert': {
    descId: 'asked of the server when the description is to be replaced',
    addressingMode: 'how the server writes addresses: waton gives both',
    size: 'the number of `participants`',
    isCommunityAnnounce: 'asked of the server with the group’s data',
  },
  'contacts.update': { imgUrl: 'of a group: that the picture changed is the event itself' },
  'newsletter-participants.update': { author: 'in JSON the newsletter itself, which is `chat`' },
}

type Payload = Readonly<Record<string, unknown>>
type Said = readonly [type: string, facts: Facts]

/** Reads members of a payload and knows which nobody has read. */
class Members {
  readonly #payload: Payload
  readonly #taken = new Set<string>()

  constructor(payload: Payload) {
    this.#payload = payload
  }

  take(name: string): unknown {
    this.#taken.add(name)
    return this.#payload[name] ?? undefined
  }

  get rest(): string[] {
    return Object.entries(this.#payload).flatMap(([name, value]) =>
      value === undefined || value === null || this.#taken.has(name) ? [] : [name],
    )
  }
}

/** The addresses of one person, as a part of waton's `Person`. */
function person(...addresses: readonly (string | undefined)[]): Facts | undefined {
  const pn = addresses.find((address) => address !== undefined && isPn(address))
  const lid = addresses.find((address) => address !== undefined && isLid(address))
  if (pn === undefined && lid === undefined) return undefined
  return without({ pn, lid })
}

/** The person whose addresses are these members. */
function taken(said: Members, ...names: readonly string[]): Facts | undefined {
  return person(...names.map((name) => said.take(name) as string | undefined))
}

/** Without members that are absent: Baileys leaves many undefined. */
function without(facts: Facts): Facts {
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined))
}

const author = (said: Members): Facts => ({ author: taken(said, 'author', 'authorPn', 'authorUsername') })

/** Baileys' names of group settings. */
const SETTINGS: Readonly<Record<string, string>> = {
  subject: 'subject',
  desc: 'description',
  announce: 'isAnnouncement',
  restrict: 'isLocked',
  memberAddMode: 'membersMayAdd',
  joinApprovalMode: 'needsApproval',
  ephemeralDuration: 'ephemeralSeconds',
}

function settingsOf(said: Members): Facts {
  return without(
    Object.fromEntries(Object.entries(SETTINGS).map(([theirs, ours]) => [ours, said.take(theirs)])),
  )
}

interface Participant {
  readonly id: string
  readonly phoneNumber?: string
  readonly lid?: string
  readonly admin?: string | null
}

function member({ id, phoneNumber, lid, admin }: Participant): Facts {
  return without({ ...person(id, phoneNumber, lid), role: admin ?? undefined })
}

const STATUSES: Readonly<Record<number, string>> = { 3: 'delivered', 4: 'read', 5: 'played' }

interface Key {
  readonly id: string
  readonly remoteJid: string
  readonly fromMe: boolean
  readonly participant?: string
}

/** By the name of Baileys' event. */
const TRANSLATIONS: Readonly<Record<string, (said: Members) => Said>> = {
  'groups.update': (said) => {
    const about = { chat: said.take('id'), ...author(said) }
    const code = said.take('inviteCode')
    if (code !== undefined) return ['group.invite', { ...about, code }]
    return ['group.changed', { ...about, settings: settingsOf(said) }]
  },
  'group-participants.update': (said) => [
    'group.participants',
    {
      chat: said.take('id'),
      ...author(said),
      action: said.take('action'),
      participants: (said.take('participants') as readonly Participant[] | undefined)?.map(member),
    },
  ],
  'group.join-request': (said) => [
    'group.request',
    {
      chat: said.take('id'),
      ...author(said),
      action: said.take('action'),
      method: said.take('method'),
      participants: [taken(said, 'participant', 'participantPn')],
    },
  ],
  'groups.upsert': (said) => {
    const creation = said.take('creation') as number | undefined
    return [
      'group.created',
      {
        chat: said.take('id'),
        ...author(said),
        creator: taken(said, 'owner', 'ownerPn'),
        createdAtMs: creation === undefined ? undefined : creation * 1000,
        settings: settingsOf(said),
        participants: (said.take('participants') as readonly Participant[] | undefined)?.map(member),
        parent: said.take('linkedParent'),
        isCommunity: said.take('isCommunity'),
      },
    ]
  },
  'chats.update': (said) => [
    'group.changed',
    { chat: said.take('id'), settings: { ephemeralSeconds: said.take('ephemeralExpiration') ?? 0 } },
  ],
  'contacts.update': (said) => {
    const jid = said.take('id') as string | undefined
    if (isGroup(jid)) return ['group.changed', { chat: jid }]
    return ['contact.picture', { contact: person(jid), isRemoved: said.take('imgUrl') === 'removed' }]
  },
  'blocklist.update': (said) => {
    const isBlocked = said.take('type') === 'add'
    const people = (said.take('blocklist') as readonly string[] | undefined) ?? []
    return ['blocklist.changed', { changes: people.map((jid) => ({ contact: person(jid), isBlocked })) }]
  },
  'creds.update': (said) => {
    const mode = said.take('defaultDisappearingMode') as
      { ephemeralExpiration: number; ephemeralSettingTimestamp: number } | undefined
    said.take('unarchiveChats')
    return [
      'account.changed',
      {
        disappearingSeconds: mode?.ephemeralExpiration,
        atMs: mode === undefined ? undefined : mode.ephemeralSettingTimestamp * 1000,
      },
    ]
  },
  'connection.update': (said) => {
    const ends = said.take('timeEnforcementEnds') as string | undefined
    return [
      'account.restricted',
      {
        restriction: 'reachout-timelock',
        isActive: said.take('isActive'),
        endsAtMs: ends === undefined ? undefined : Date.parse(ends),
        enforcement: said.take('enforcementType'),
      },
    ]
  },
  'message-capping.update': (said) => [
    'account.restricted',
    {
      restriction: 'message-cap',
      details: Object.fromEntries(said.rest.map((name) => [name, said.take(name)])),
    },
  ],
  'presence.update': presence,
  call: (said) => {
    const date = said.take('date') as string | undefined
    const status = said.take('status')
    return [
      'call',
      {
        id: said.take('id'),
        // Baileys has the same word for this and for the step that ends an answered call
        status: status === 'timeout' ? 'missed' : status,
        from: person((said.take('from') as string | undefined)?.replace(/:\d+@/, '@')),
        isVideo: said.take('isVideo'),
        isGroup: said.take('isGroup'),
        group: said.take('groupJid'),
        latencyMs: said.take('latencyMs'),
        atMs: date === undefined ? undefined : Date.parse(date),
        offline: said.take('offline'),
      },
    ]
  },
  'messages.update': (said) => {
    const { id, remoteJid, fromMe } = said.take('key') as Key
    const { status, messageTimestamp } = said.take('update') as { status: number; messageTimestamp: number }
    const about = { ids: [id], status: STATUSES[status], atMs: messageTimestamp * 1000 }
    return fromMe
      ? ['message.receipt', { ...about, from: person(remoteJid) }]
      : ['message.seen', { ...about, chat: remoteJid }]
  },
  'message-receipt.update': (said) => {
    const { id, remoteJid } = said.take('key') as Key
    const receipt = said.take('receipt') as {
      userJid: string
      readTimestamp?: number
      receiptTimestamp?: number
    }
    const isRead = receipt.readTimestamp !== undefined
    const seconds = receipt.readTimestamp ?? receipt.receiptTimestamp ?? 0
    return [
      'message.receipt',
      {
        ids: [id],
        chat: remoteJid,
        from: person(receipt.userJid),
        status: isRead ? 'read' : 'delivered',
        atMs: seconds * 1000,
      },
    ]
  },
  'messages.media-update': (said) => {
    const { id, remoteJid, fromMe } = said.take('key') as Key
    const media = said.take('media') as { ciphertext: { data: number[] }; iv: { data: number[] } } | undefined
    const code = said.take('code') as string | undefined
    const text = ({ data }: { data: number[] }): string => toBase64(Uint8Array.from(data))
    return [
      'media.retry',
      {
        message: { id, chat: remoteJid, fromMe },
        sealed: media && { ciphertext: text(media.ciphertext), iv: text(media.iv) },
        errorCode: code === undefined ? undefined : Number(code),
      },
    ]
  },
  'newsletter.reaction': (said) => [
    'newsletter.reactions',
    { chat: said.take('id'), serverId: said.take('server_id'), reactions: [said.take('reaction')] },
  ],
  'newsletter.view': (said) => [
    'newsletter.views',
    { chat: said.take('id'), serverId: said.take('server_id'), count: said.take('count') },
  ],
  'newsletter-participants.update': (said) => [
    'newsletter.participant',
    {
      chat: said.take('id'),
      participant: taken(said, 'user'),
      action: said.take('action'),
      role: said.take('new_role'),
    },
  ],
  'newsletter-settings.update': (said) => [
    'newsletter.changed',
    { chat: said.take('id'), settings: said.take('update') },
  ],
}

/** Presence and chat states are one event in Baileys. */
function presence(said: Members): Said {
  const chat = (said.take('id') as string | undefined) ?? ''
  const [[who, what] = ['', {}]] = Object.entries(
    (said.take('presences') as
      | Record<string, { lastKnownPresence?: string; lastSeen?: number; groupOnlineCount?: number }>
      | undefined) ?? {},
  )
  const { lastKnownPresence: known = '', lastSeen, groupOnlineCount: onlineCount } = what
  if (known === 'composing' || known === 'recording')
    return ['chat.state', { from: person(who), state: known }]
  return [
    'presence',
    without({
      from: person(who),
      group: chat.endsWith('@g.us') ? chat : undefined,
      isAvailable: known === 'available',
      lastSeenAtMs: lastSeen === undefined ? undefined : lastSeen * 1000,
      onlineCount,
    }),
  ]
}

/** See the file comment. */
export function translate({ name, payload }: BaileysAnnouncement): Translation {
  const said = new Members(payload)
  const translation = TRANSLATIONS[name]
  if (translation === undefined) throw new Error(`Baileys tells "${name}", which has no translation here`)
  const [type, facts] = translation(said)
  const known = NOT_TAKEN[name] ?? {}
  return {
    type,
    facts: without(facts),
    rest: said.rest.filter((member) => !(member in known)),
    passedOver: said.rest.filter((member) => member in known).map((member) => `${name}.${member}`),
  }
}

/** A payload as one line for each value: `author.pn`, `participants[0].role`. */
export function flat(value: unknown, path = ''): readonly (readonly [path: string, value: unknown])[] {
  if (Array.isArray(value)) return value.flatMap((part, index) => flat(part, `${path}[${String(index)}]`))
  if (typeof value !== 'object' || value === null) return value === undefined ? [] : [[path, value]]
  const parts = Object.entries(value)
  return parts.flatMap(([name, part]) => flat(part, path === '' ? name : `${path}.${name}`))
}
