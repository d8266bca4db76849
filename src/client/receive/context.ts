/** What a stanza handler may use: the account's identity and the parts of the client that stanzas speak to. */
import type { Logger } from '../../base/logger.ts'
import type { RandomSource } from '../../base/random.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import type { ChatStateEvent, PresenceEvent } from '../events.ts'
import type { ParsedAck } from '../../protocol/stanza/ack.ts'
import type { MediaRetry } from '../../protocol/stanza/notifications/media-retry.ts'
import type { ParsedMessage } from '../../protocol/stanza/message.ts'
import type { Self } from '../identity/self.ts'
import type { ReceiptQueue } from '../reading/receipt-queue.ts'
import type { Resends } from '../retry/resends.ts'
import type { Outbox } from '../send/outbox.ts'
import type { TokenBuckets } from '../retry/token-buckets.ts'
import type { Unit } from '../state/unit.ts'
import type { Unknowns } from '../unknowns.ts'
import type { Answer } from './answers.ts'
import type { Drops } from './drops.ts'
import type { CallBook } from './call-book.ts'
import type { OfflineQueue } from './offline-queue.ts'

/** Follow-up work that needs the network or other parts of the client; called after the commit. */
export interface Effects {
  /** One-time pre-keys run low on the server. */
  preKeysLow(): void
  /** A session was built with one of our one-time pre-keys. */
  preKeySpent(): void
  /** Something changed while we were away; the server repeats it until it is told to stop. */
  dirty(what: string, timestampSeconds: number | undefined): void
  /** App state has news, or keys have come that it may have waited for. */
  appState(): void
  /** The own phone may be asked for messages without content. */
  placeholders(): void
  /** The server's offline queue has been delivered, and everything before its end is recorded. */
  offlineDone(total: number): void
  /** The server will refuse this version of the client from then on. */
  versionExpires(atSeconds: number | undefined): void
  /** Somebody came or went. */
  presence(event: PresenceEvent): void
  /** Somebody types, speaks, or has stopped. */
  chatState(event: ChatStateEvent): void
  /** Somebody has registered anew. */
  identityChanged(jid: string): void
  /** The phone has answered about a file that was to be uploaded again. */
  mediaAnswered(retry: MediaRetry): void
}

/** Where pieces of history wait; see `history/history.ts`. */
export interface HistoryQueue {
  /** The phone has announced a piece, perhaps not for the first time. */
  keep(
    unit: Unit,
    announced: { readonly id: string; readonly to: string; readonly raw: Uint8Array },
  ): Promise<void>
  /** The server has the receipt for a piece. */
  applyAck(unit: Unit, ack: ParsedAck): Promise<void>
}

/** See the file comment. */
export interface ReceiveContext {
  readonly self: Self
  readonly outbox: Outbox
  readonly receipts: ReceiptQueue
  /** What the phone hands over of the past. */
  readonly history: HistoryQueue
  /** What goes out once more, because a device could not read it or got no copy. */
  readonly resends: Resends
  /** How many messages of each device may be asked for again. */
  readonly asking: TokenBuckets
  readonly random: RandomSource
  readonly logger: Logger
  /** Whether contacts see this device as online: receipts say so. */
  readonly markOnline: boolean
  readonly effects: Effects
  readonly offline: OfflineQueue
  /** What was dropped because of who said it. */
  readonly drops: Drops
  readonly calls: CallBook
  readonly unknowns: Unknowns
}

/** Records one message that could be read; handed down to where messages come inside of others. */
export type RecordMessage = (
  unit: Unit,
  message: { readonly parsed: ParsedMessage; readonly plaintext: Uint8Array },
  context: ReceiveContext,
) => Promise<void>

/** Turns one stanza into changes of the unit and the answers that the server is owed, in order. */
export type StanzaHandler = (
  unit: Unit,
  stanza: BinaryNode,
  context: ReceiveContext,
) => Promise<readonly Answer[]>
