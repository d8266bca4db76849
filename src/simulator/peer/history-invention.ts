/**
 * An invented past: people, groups and what was written with them, the same for the same seed. It uses every kind of
 * message that a reader of history has to cope with: words, answers, pictures with their files, places, contacts, polls
 * with their secrets, reactions, stars, and messages that were deleted.
 */
import { toHex } from '../../base/bytes.ts'
import { checkOptions, MILLISECONDS, wholeNumber } from '../../base/check.ts'
import type { Expectation } from '../../base/check.ts'
import { randomInteger, seededRandom } from '../../base/random.ts'
import type { RandomSource } from '../../base/random.ts'
import type { PastMessage } from './history-past.ts'
import type { ChatFacts } from './history-payload.ts'

/** How much is invented. */
export interface PastPlan {
  /** People and groups; every eighth is a group. At most 2,000, and 50,000 messages in all. */
  readonly chats: number
  /** In each chat. */
  readonly messagesPerChat: number
  /** The same past for the same seed. */
  readonly seed: string | number
  /** Over so many days the messages of each chat are spread. @default 30 */
  readonly days?: number
  /** When the last message was written, in milliseconds since the epoch. @default an hour ago */
  readonly untilMs?: number
  /** Updates in the status. @default 0 */
  readonly statuses?: number
}

/** A chat of an invented past. */
export interface InventedChat {
  readonly jid: string
  readonly facts: ChatFacts & { readonly lid?: string; readonly pushName?: string }
}

/** A message of an invented past. */
export interface InventedMessage {
  readonly chat: string
  readonly message: PastMessage & { readonly sentAtMs: number }
}

const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000
const MAX_CHATS = 2_000
const MAX_MESSAGES = 50_000
const PER_GROUP = 5
const STATUS_CHAT = 'status@broadcast'
const WORDS = 'tea rain train garden letter blue seven harbour paper river lamp bread Grüße 你好 🙂'.split(
  ' ',
)
const EMOJI = ['👍', '❤️', '😂', '🙏']
const DELETED_FOR_EVERYONE = 1

const PLAN: Readonly<Record<keyof PastPlan, Expectation>> = {
  chats: wholeNumber(0, MAX_CHATS),
  messagesPerChat: wholeNumber(0, MAX_MESSAGES),
  seed: { expected: 'text or a number', accepts: (value) => ['string', 'number'].includes(typeof value) },
  days: wholeNumber(1, 10_000),
  untilMs: MILLISECONDS,
  statuses: wholeNumber(0, 1_000),
}

/** Refuses what is no plan, and more than a phone keeps. @throws {UsageError} `WATON_ARGUMENT` */
export function checkPastPlan(plan: PastPlan): void {
  const call = 'phone.addPast(plan)'
  checkOptions(call, plan, PLAN)
  const { chats, messagesPerChat } = plan
  checkOptions(call, { messages: chats * messagesPerChat }, { messages: wholeNumber(0, MAX_MESSAGES) })
}

/** Invents the chats. */
export function inventChats({ chats, seed }: PastPlan, nowMs: number): readonly InventedChat[] {
  const random = seededRandom(`chats of ${String(seed)}`)
  return Array.from({ length: chats }, (_, index) => inventChat(index, random, nowMs))
}

/** Invents the messages of these chats, oldest first. */
export function inventMessages(
  plan: PastPlan,
  chats: readonly InventedChat[],
  nowMs: number,
): readonly InventedMessage[] {
  const { messagesPerChat, days = 30, untilMs = nowMs - HOUR_MS, statuses = 0, seed } = plan
  const random = seededRandom(`messages of ${String(seed)}`)
  const step = Math.floor((days * DAY_MS) / Math.max(1, messagesPerChat))
  const people = chats.map(({ jid }) => jid).filter((jid) => !isGroup(jid))
  const messages = chats.flatMap(({ jid }, chat) => {
    const ids = Array.from({ length: messagesPerChat }, () => inventId(random))
    return ids.map((id, index): InventedMessage => {
      const sentAtMs = untilMs - (messagesPerChat - 1 - index) * step - chat * 1000
      const members = isGroup(jid) ? membersOf(chat, people) : undefined
      const previous = ids[index - 1]
      return { chat: jid, message: { ...inventMessage(random, members, previous), id, sentAtMs } }
    })
  })
  const updates = Array.from({ length: people.length === 0 ? 0 : statuses }, (_, index): InventedMessage => {
    const sender = people[index % people.length] ?? ''
    const id = inventId(random)
    return {
      chat: STATUS_CHAT,
      message: { text: inventWords(random), sender, id, sentAtMs: untilMs - index * 60_000 },
    }
  })
  return [...messages, ...updates].sort((a, b) => a.message.sentAtMs - b.message.sentAtMs)
}

function inventChat(index: number, random: RandomSource, nowMs: number): InventedChat {
  const digits = String(randomInteger(random, 1_000_000)).padStart(6, '0')
  const serial = String(index).padStart(4, '0')
  const facts: ChatFacts = {
    ...(index < 3 ? { pinnedAtMs: nowMs - index * HOUR_MS } : {}),
    ...(index % 5 === 1 ? { unreadCount: 1 + (index % 7) } : {}),
    ...(index % 10 === 4 ? { isArchived: true } : {}),
    ...(index % 10 === 5 ? { mutedUntilMs: index % 20 === 5 ? -1 : nowMs + DAY_MS } : {}),
    ...(index % 10 === 6 ? { disappearingSeconds: 604_800 } : {}),
  }
  if (index % 8 === 7) {
    return { jid: `12036304${digits}${serial}@g.us`, facts: { ...facts, name: `Group ${String(index)}` } }
  }
  const isSaved = index % 2 === 0
  return {
    jid: `1777${digits.slice(0, 3)}${serial}@s.whatsapp.net`,
    facts: {
      ...facts,
      lid: `27${digits}${serial}001@lid`,
      pushName: `Person ${String(index)}`,
      ...(isSaved ? { name: `Contact ${String(index)}` } : {}),
    },
  }
}

/** What a message is, beside its id and time. */
function inventMessage(
  random: RandomSource,
  members: readonly string[] | undefined,
  previous: string | undefined,
): PastMessage {
  const sender = members?.[randomInteger(random, members.length)]
  const fromMe = randomInteger(random, 2) === 0 || (members !== undefined && sender === undefined)
  const kind = KINDS[randomInteger(random, 20)]
  const content = kind?.(random, inventWords(random), previous) ?? { text: inventWords(random) }
  const ticks = (['sent', 'delivered', 'read'] as const)[randomInteger(random, 3)] ?? 'read'
  return {
    ...content,
    ...(fromMe ? { fromMe, ticks } : {}),
    ...(sender === undefined || fromMe ? {} : { sender }),
  }
}

/** What is not words alone; each as likely as any one of twenty. */
const KINDS: readonly ((random: RandomSource, text: string, previous: string | undefined) => PastMessage)[] =
  [
    (_, text, previous) => (previous === undefined ? { text } : { text, quotes: previous }),
    (random, text) => ({ image: random.bytes(200 + randomInteger(random, 400)), caption: text }),
    (random, name) => ({ message: { locationMessage: { ...place(random), name } } }),
    (random) => ({ message: { contactMessage: contact(random) } }),
    poll,
    () => ({ stubType: DELETED_FOR_EVERYONE }),
    (random, text) => ({ text, reactions: [{ emoji: EMOJI[randomInteger(random, EMOJI.length)] ?? '👍' }] }),
    (_, text) => ({ text, isStarred: true }),
  ]

function place(random: RandomSource): { degreesLatitude: number; degreesLongitude: number } {
  return {
    degreesLatitude: randomInteger(random, 180_000) / 1000 - 90,
    degreesLongitude: randomInteger(random, 360_000) / 1000 - 180,
  }
}

function contact(random: RandomSource): { displayName: string; vcard: string } {
  const displayName = `Friend ${String(randomInteger(random, 1000))}`
  return { displayName, vcard: `BEGIN:VCARD\nVERSION:3.0\nFN:${displayName}\nEND:VCARD` }
}

function poll(random: RandomSource, name: string): PastMessage {
  const messageSecret = random.bytes(32)
  const options = [{ optionName: 'yes' }, { optionName: 'no' }]
  const pollCreationMessageV3 = { name, options, selectableOptionsCount: 1 }
  return { message: { pollCreationMessageV3, messageContextInfo: { messageSecret } }, messageSecret }
}

function inventWords(random: RandomSource): string {
  const count = 1 + randomInteger(random, 12)
  return Array.from({ length: count }, () => WORDS[randomInteger(random, WORDS.length)]).join(' ')
}

function inventId(random: RandomSource): string {
  return toHex(random.bytes(16)).toUpperCase()
}

function membersOf(chat: number, people: readonly string[]): readonly string[] {
  const from = people.length === 0 ? 0 : chat % people.length
  return [...people, ...people].slice(from, from + Math.min(PER_GROUP, people.length))
}

function isGroup(jid: string): boolean {
  return jid.endsWith('@g.us')
}
