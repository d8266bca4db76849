/**
 * A phone with a past, as Baileys' own schema writes it, and a client that it hands its past to. The phone is a stranger
 * with the address of the account's own phone: what it sends is up to the test.
 */
import { deflateSync } from 'node:zlib'
import { proto } from '@whiskeysockets/baileys'
import { MemoryStore } from 'waton'
import type { Client, ClientOptions, DurableEvent } from 'waton'
import type { Store } from 'waton/persistence'
import { Message } from '../../src/protocol/proto/message.ts'
import type { MessageProperties } from '../../src/protocol/proto/message.ts'
import { until } from '../helpers/until.ts'
import { Stranger } from './stranger.ts'
import { ALICE, BOB, World, linkedClient, log, untilSettledIn } from './support.ts'

export const BOB_LID = '200000000000002@lid'
export const GROUP = '120363000000000001@g.us'
export const AT_SECONDS = 1_690_000_000

export const HistorySyncType: typeof proto.HistorySync.HistorySyncType = proto.HistorySync.HistorySyncType

/** A text that Bob wrote, or this account. */
export function text(
  id: string,
  words: string,
  more: Partial<proto.IWebMessageInfo> & { readonly fromMe?: boolean; readonly chat?: string } = {},
): proto.IWebMessageInfo {
  const { fromMe = false, chat = BOB, ...info } = more
  return {
    key: { remoteJid: chat, fromMe, id, ...(info.participant ? { participant: info.participant } : {}) },
    message: { conversation: words },
    messageTimestamp: AT_SECONDS,
    ...info,
  }
}

/** A chat, its newest message first. */
export function chat(
  id: string,
  messages: readonly proto.IWebMessageInfo[],
  more: Partial<proto.IConversation> = {},
): proto.IConversation {
  return { id, messages: messages.map((message, index) => ({ message, msgOrderId: 1000 - index })), ...more }
}

/** `count` texts of Bob. */
export function texts(count: number, name = 'H'): proto.IWebMessageInfo[] {
  return Array.from({ length: count }, (_, index) =>
    text(`${name}${String(index)}`, `words ${String(index)}`),
  )
}

/** The compressed content of a piece. */
export function content(history: Partial<proto.IHistorySync>): Uint8Array {
  const syncType = history.syncType ?? HistorySyncType.RECENT
  return new Uint8Array(deflateSync(proto.HistorySync.encode({ ...history, syncType }).finish()))
}

/** What announces a piece, with its content inside. */
export function announcing(
  payload: Uint8Array,
  more: Partial<Message.HistorySyncNotification.$Properties> = {},
): MessageProperties {
  return {
    protocolMessage: {
      type: Message.ProtocolMessage.Type.HISTORY_SYNC_NOTIFICATION,
      historySyncNotification: {
        syncType: Message.HistorySyncType.RECENT,
        chunkOrder: 1,
        progress: 100,
        initialHistBootstrapInlinePayload: payload,
        ...more,
      },
    },
  }
}

export type ChunkEvent = DurableEvent & { readonly type: 'history.chunk' }

/** The parts in the log. */
export async function chunks(client: Client): Promise<ChunkEvent[]> {
  return (await log(client)).filter((event): event is ChunkEvent => event.type === 'history.chunk')
}

/** The ids of all messages that were told, in order. */
export async function toldIds(client: Client): Promise<string[]> {
  return (await log(client)).flatMap((event) => {
    if (event.type === 'message') return [event.payload.id]
    return event.type === 'history.chunk' ? event.payload.messages.map(({ id }) => id) : []
  })
}

export interface Past {
  readonly world: World
  readonly client: Client
  readonly store: Store
  readonly phone: Stranger
  /** Hands a piece over. */
  readonly hand: (id: string, message: MessageProperties) => void
}

/** A client that was just linked. */
export async function linked(seed: string, options: Partial<ClientOptions> = {}): Promise<Past> {
  const world = new World(seed)
  const { alice } = await world.addPair()
  const store = options.store ?? new MemoryStore()
  const client = await linkedClient(world, alice, { ...options, store })
  await until(
    'the keys of the phone',
    async () => (await store.listRecords('default', 'app-state-key', undefined, 10)).length > 0,
  )
  await untilSettledIn(world)
  const phone = new Stranger(world, `past ${seed}`)
  const hand = (id: string, message: MessageProperties): void => {
    world.inject(phone.message({ from: ALICE, id, category: 'peer' }, message))
  }
  return { world, client, store, phone, hand }
}

/** The receipts that say that a piece was taken in. */
export function taken(world: World, id: string): number {
  return world.answersTo(id).filter(({ attrs }) => attrs.type === 'hist_sync').length
}

/** Waits until the phone was told that the piece is taken in. */
export function untilTaken(world: World, id: string): Promise<true> {
  return until(`the receipt for ${id}`, () => taken(world, id) > 0 || undefined)
}
