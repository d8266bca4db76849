/**
 * The history that a phone gives to its linked devices: what a new one gets, what one asks for, and what one could not
 * fetch. A piece is a notification between own devices that carries it or names its file on the media servers. What is in
 * a piece is `history-plan.ts`, its bytes `history-payload.ts`.
 *
 * @source Baileys 7.0.0-rc14 `lib/Utils/process-message.js`, `lib/Socket/messages-recv.js` fetchMessageHistory (the session
 *   of an answer is the id of the request); WhatsApp Web WAWebHandleHistorySyncNotification (a piece that was uploaded again
 *   names the message that it came with first); whatsmeow `message.go` SendHistorySyncServerErrorReceipt
 */
import { BoundedMap } from '../../base/bounded-map.ts'
import { parseJid, withDevice } from '../../protocol/jid.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import { Message } from '../../protocol/proto/message.ts'
import type { MessageProperties } from '../../protocol/proto/message.ts'
import type { HistoryKind, PieceFault, PrimaryServices } from '../link.ts'
import { isOwn } from './account.ts'
import type { PhoneAccount } from './account.ts'
import type { ForwardedReceipt } from './answers.ts'
import { HistoryFiles } from './history-files.ts'
import type { PackedPiece } from './history-files.ts'
import type { HistoryPiece } from './history-payload.ts'
import { planAll, planHistory, planOnDemand, readWishes, USUAL_HABITS } from './history-plan.ts'
import type { HistoryHabits, HistoryWishes } from './history-plan.ts'
import type { HistoryView } from './history-view.ts'
import { isRetryRequest } from './media-retry.ts'
import type { Outbox } from './outbox.ts'

/** What {@link Histories} are built from. */
export interface HistoriesOptions {
  readonly account: PhoneAccount
  readonly outbox: Outbox
  readonly services: PrimaryServices
  readonly view: HistoryView
}

/** A piece of history that the phone has given, and what came back. */
export interface SentHistory {
  /** Of the message with the notification. */
  readonly id: string
  /** The device that got it. */
  readonly device: string
  /** What it is. */
  readonly kind: HistoryKind
  /** From 1, for each kind. */
  readonly chunkOrder: number
  /** Of all that comes of its kind, in percent. */
  readonly progress: number
  /** How many conversations are in it. */
  readonly chats: number
  /** How many messages are in it, updates in the status included. */
  readonly messages: number
  /** Where its file is; `undefined` when it travelled inside of the message. */
  readonly directPath: string | undefined
  /** What opens its file, 32 bytes. */
  readonly mediaKey: Uint8Array | undefined
  /** The id of the request that it answers. */
  readonly sessionId: string | undefined
  /** The id of the first message with it, when this is a repetition. */
  readonly originalId: string | undefined
  /** The types of the receipts for it, in their order: `peer_msg` when it came, `hist_sync` when it was taken in. */
  readonly receipts: readonly string[]
}

interface Given extends SentHistory {
  readonly receipts: string[]
  readonly piece: HistoryPiece
  readonly packed: PackedPiece
  repetitions: number
}

interface Queue {
  readonly wishes: HistoryWishes
  readonly pieces: HistoryPiece[]
}

/** Whose request a piece answers, or which piece it repeats. */
interface Reason {
  readonly sessionId?: string
  readonly originalId?: string
  readonly requestMetadata?: Message.FullHistorySyncOnDemandRequestMetadata.$Properties
}

const MAX_SENT = 2_000
const MAX_QUEUES = 200
const MAX_REPETITIONS = 5
const MAX_ON_DEMAND = 5_000
const DAY_MS = 86_400_000
const { Type } = Message.ProtocolMessage
const { REQUEST_SUCCESS } =
  Message.PeerDataOperationRequestResponseMessage.PeerDataOperationResult.FullHistorySyncOnDemandResponseCode

/** See the file comment. */
export class Histories {
  readonly #options: HistoriesOptions
  readonly #files: HistoryFiles
  readonly #sent = new Map<string, Given>()
  readonly #queues = new BoundedMap<string, Queue>(MAX_QUEUES)
  #habits: HistoryHabits = USUAL_HABITS

  constructor(options: HistoriesOptions) {
    this.#options = options
    this.#files = new HistoryFiles(options.account, options.services)
  }

  /** What was given, in order. */
  get sent(): readonly SentHistory[] {
    return [...this.#sent.values()]
  }

  /** Changes how history is cut; what is left out stays as it was. */
  set habits(habits: Partial<HistoryHabits>) {
    this.#habits = { ...this.#habits, ...habits }
  }

  /** Gives a new device its history. Called again after a failure, it goes on where it was. */
  async welcome(device: string): Promise<void> {
    const queue = this.#queues.get(device) ?? this.#queueFor(device)
    this.#queues.set(device, queue)
    for (;;) {
      const [piece] = queue.pieces
      if (piece === undefined) break
      await this.#give(device, piece, queue.wishes)
      queue.pieces.shift()
    }
    this.#queues.delete(device)
  }

  /** Tells devices the salt of the account's tokens, with the first piece. */
  async shareSalt(devices: readonly { readonly jid: string }[], salt: Uint8Array): Promise<void> {
    for (const { jid } of devices) {
      const { wishes, pieces } = this.#queueFor(jid)
      const [first] = pieces
      if (first !== undefined) await this.#give(jid, { ...first, salt }, wishes)
    }
  }

  /** What a linked device asks for, when the message asks for history; `undefined` otherwise. */
  answer(content: MessageProperties, device: string, id: string): Promise<void> | undefined {
    const request = content.protocolMessage?.peerDataOperationRequestMessage
    const oneChat = request?.historySyncOnDemandRequest
    const all = request?.fullHistorySyncOnDemandRequest
    if (!oneChat && !all) return undefined
    if (this.#options.services.history?.takeSilence() === true) {
      this.#note(`the phone does not answer the request ${id} for history`)
      return undefined
    }
    if (oneChat) return this.#answerForChat(oneChat, device, id)
    return all ? this.#answerForAll(all, device, id) : undefined
  }

  /** A notification with what this phone would give to a device of its own. */
  forgery(): MessageProperties {
    const { account, view } = this.#options
    const whole = view.whole(this.#habits.addressing)
    const [piece] = planHistory(whole, readWishes(undefined), this.#habits, account.clock.nowMs())
    const packed = piece && this.#files.pack(piece, { inlineMaxBytes: Number.MAX_SAFE_INTEGER })
    const historySyncNotification = packed?.notification ?? {}
    return { protocolMessage: { type: Type.HISTORY_SYNC_NOTIFICATION, historySyncNotification } }
  }

  /** A linked device has a piece, or has taken it in. */
  confirm({ type, from, ids }: ForwardedReceipt): void {
    if (type === undefined || !isOwn(this.#options.account, from)) return
    for (const id of ids) {
      const given = this.#sent.get(id)
      if (given !== undefined && given.receipts.length < MAX_SENT) given.receipts.push(type)
    }
  }

  /** A linked device could not fetch a piece: it is uploaded again, and told of in another message. */
  async repeat({ from, ids: [id = ''] }: ForwardedReceipt, request: BinaryNode): Promise<void> {
    const given = this.#sent.get(id)
    if (given?.mediaKey === undefined || !isRetryRequest(id, given.mediaKey, request)) {
      this.#options.account.logger.warn({ id }, 'a request for history names nothing that was given')
      return
    }
    given.repetitions += 1
    if (given.repetitions > MAX_REPETITIONS) return
    const { device } = parseJid(from)
    const { sessionId, originalId = given.id } = given
    const reason = { originalId, ...(sessionId === undefined ? {} : { sessionId }) }
    await this.#send(
      withDevice(this.#options.account.pn, device),
      given.piece,
      this.#files.pack(given.piece),
      reason,
    )
  }

  #queueFor(device: string): Queue {
    const { account, services, view } = this.#options
    const { device: deviceId } = parseJid(device)
    const facts = services.linkedDevices().find((linked) => linked.deviceId === deviceId)
    const wishes = readWishes(facts?.deviceProps)
    const whole = view.whole(this.#habits.addressing)
    const pieces = planHistory(whole, wishes, this.#habits, account.clock.nowMs())
    if (services.history?.takeDisorder() !== true) return { wishes, pieces: [...pieces] }
    this.#note(`the pieces of history for ${device} come in another order`)
    const [first, ...others] = pieces
    return { wishes, pieces: [...(first === undefined ? [] : [first]), ...others.toReversed()] }
  }

  async #answerForChat(
    request: Message.PeerDataOperationRequestMessage.HistorySyncOnDemandRequest.$Properties,
    device: string,
    id: string,
  ): Promise<void> {
    const { account, view } = this.#options
    const chat = view.olderThan(request, this.#habits.addressing)
    const count = Math.min(Math.max(request.onDemandMsgCount ?? 0, 1), MAX_ON_DEMAND)
    const piece = planOnDemand(chat, count, { pn: account.pn, lid: account.lid })
    const wishes = { ...readWishes(undefined), takesInline: request.supportInlineResponse === true }
    await this.#give(device, piece, wishes, { sessionId: id })
  }

  async #answerForAll(
    request: Message.PeerDataOperationRequestMessage.FullHistorySyncOnDemandRequest.$Properties,
    device: string,
    id: string,
  ): Promise<void> {
    const { account, outbox, view } = this.#options
    const { requestMetadata, fullHistorySyncOnDemandConfig: config } = request
    const days = config?.historyDurationDays ?? request.historySyncConfig?.fullSyncDaysLimit
    const fromMs = days ? account.clock.nowMs() - days * DAY_MS : (config?.historyFromTimestamp ?? 0) * 1000
    const response = { requestMetadata: requestMetadata ?? null, responseCode: REQUEST_SUCCESS }
    await outbox.sendPeer(device, {
      protocolMessage: {
        type: Type.PEER_DATA_OPERATION_REQUEST_RESPONSE_MESSAGE,
        peerDataOperationRequestResponseMessage: {
          peerDataOperationRequestType: Message.PeerDataOperationRequestType.FULL_HISTORY_SYNC_ON_DEMAND,
          stanzaId: id,
          peerDataOperationResult: [{ fullHistorySyncOnDemandRequestResponse: response }],
        },
      },
    })
    const reason = { sessionId: id, ...(requestMetadata ? { requestMetadata } : {}) }
    const whole = view.whole(this.#habits.addressing)
    for (const piece of planAll(whole, this.#habits, fromMs))
      await this.#give(device, piece, readWishes(undefined), reason)
  }

  /** Gives a piece, with what is to go wrong with it. */
  async #give(
    device: string,
    piece: HistoryPiece,
    wishes: HistoryWishes,
    reason: Reason = {},
  ): Promise<void> {
    const fault = this.#options.services.history?.takePieceFault(piece.kind)
    if (fault !== undefined)
      this.#note(`history ${piece.kind} ${String(piece.chunkOrder)} for ${device}: ${FAULTS[fault]}`)
    const mayBeInline =
      wishes.takesInline && (piece.kind === 'INITIAL_BOOTSTRAP' || piece.kind === 'ON_DEMAND')
    const inlineMaxBytes = mayBeInline ? this.#habits.inlineMaxBytes : -1
    const packed = this.#files.pack(piece, { inlineMaxBytes, fault })
    await this.#send(device, piece, packed, reason)
    if (fault === 'twice') await this.#send(device, piece, packed, reason)
  }

  async #send(device: string, piece: HistoryPiece, packed: PackedPiece, reason: Reason): Promise<void> {
    const { outbox } = this.#options
    const { sessionId, originalId, requestMetadata } = reason
    const historySyncNotification = {
      ...packed.notification,
      ...(originalId === undefined ? {} : { originalMessageId: originalId }),
      ...(sessionId === undefined ? {} : { peerDataRequestSessionId: sessionId }),
      ...(requestMetadata === undefined ? {} : { fullHistorySyncOnDemandRequestMetadata: requestMetadata }),
    }
    const id = outbox.newId()
    this.#remember({ ...summaryOf(piece), id, device, piece, packed, sessionId, originalId })
    await outbox.sendPeer(
      device,
      { protocolMessage: { type: Type.HISTORY_SYNC_NOTIFICATION, historySyncNotification } },
      id,
    )
  }

  #remember(given: Omit<Given, 'receipts' | 'repetitions' | 'directPath' | 'mediaKey'>): void {
    const { directPath, mediaKey } = given.packed.notification
    const file = { directPath: directPath ?? undefined, mediaKey: mediaKey ?? undefined }
    this.#sent.set(given.id, { ...given, ...file, receipts: [], repetitions: 0 })
    const oldest = this.#sent.keys().next().value
    if (this.#sent.size > MAX_SENT && oldest !== undefined) this.#sent.delete(oldest)
  }

  #note(text: string): void {
    this.#options.services.noteFault?.(text)
  }
}

const FAULTS: Readonly<Record<PieceFault, string>> = {
  gone: 'its file is gone',
  corrupt: 'a byte of its file is another',
  truncate: 'its compressed bytes end in the middle',
  'wrong-digest': 'the notification names another hash',
  twice: 'it is told of twice',
  bomb: 'it expands to 64 MB of nothing',
}

function summaryOf(
  piece: HistoryPiece,
): Pick<Given, 'kind' | 'chunkOrder' | 'progress' | 'chats' | 'messages'> {
  const { kind, chunkOrder, progress, chats = [], statuses = [] } = piece
  const messages = chats.reduce((sum, chat) => sum + chat.messages.length, statuses.length)
  return { kind, chunkOrder, progress, chats: chats.length, messages }
}
