/**
 * What this device lets others see of itself: whether somebody looks, and what they do in a chat. All of it is of the
 * moment: nothing is stored, and only the wish to be seen is told again after a reconnect.
 */
import type { Clock } from '../../base/clock.ts'
import { ClosedError, UsageError } from '../../base/errors.ts'
import { formatJid, isGroup, isLid, isPn, tryParseJid } from '../../protocol/jid.ts'
import { buildChatState } from '../../protocol/stanza/chat-state.ts'
import type { OwnChatState } from '../../protocol/stanza/chat-state.ts'
import { buildUnifiedSession } from '../../protocol/stanza/info-bulletin.ts'
import { buildPresence, buildPresenceSubscription } from '../../protocol/stanza/presence.ts'
import type { Connection } from '../connection/connection.ts'
import type { Self } from '../identity/self.ts'
import type { AccountState } from '../state/account-state.ts'
import { CONNECTION_HINTS, SELF } from '../state/records.ts'
import type { PrivacyTokens } from '../tokens/tokens.ts'

/** Whether contacts see this device as online. */
export type PresenceState = 'available' | 'unavailable'

/** What somebody does in a chat. */
export type ChatActivity = OwnChatState['state']

/** What presence works with. */
export interface PresenceOptions {
  readonly state: AccountState
  readonly self: Self
  readonly clock: Clock
  readonly tokens: PrivacyTokens
  /** The open connection of the moment. */
  readonly connection: () => Connection | undefined
  /** Whether the device is seen as online from the beginning. */
  readonly isAvailable: boolean
}

/** See the file comment. */
export class Presence {
  readonly #options: PresenceOptions
  #isAvailable: boolean

  constructor(options: PresenceOptions) {
    this.#options = options
    this.#isAvailable = options.isAvailable
  }

  /** Whether somebody looks, as far as others are told: logins and receipts say so. */
  get isAvailable(): boolean {
    return this.#isAvailable
  }

  /** Tells the server, now or at the next login. Without a name of the account, which comes from the phone, it would not listen. */
  async set(presence: PresenceState): Promise<void> {
    const { self, state, clock } = this.#options
    self.requireLinked()
    this.#isAvailable = presence === 'available'
    const hints = await state.read(CONNECTION_HINTS, SELF)
    const connection = this.#options.connection()
    const name = self.me?.name
    if (connection?.isOpen !== true || name === undefined) return
    if (this.#isAvailable) connection.send(buildUnifiedSession(clock.nowMs() + (hints?.clockSkewMs ?? 0)))
    connection.send(buildPresence({ name, available: this.#isAvailable }))
  }

  /** Asks for somebody's presence. @throws {ClosedError} `WATON_NOT_CONNECTED` */
  async subscribe(jid: string): Promise<void> {
    const to = chatAddress(jid, 'client.subscribePresence(jid)')
    const token = await this.#options.tokens.forQuestion(to)
    const connection = this.#connection()
    connection.send(buildPresenceSubscription(to, connection.nextId(), token))
  }

  /** Tells what somebody does in a chat. @throws {ClosedError} `WATON_NOT_CONNECTED` */
  setChatState(chat: string, state: ChatActivity): void {
    const to = chatAddress(chat, 'client.setChatState(chat, state)')
    const connection = this.#connection()
    connection.send(buildChatState({ from: this.#options.self.deviceLike(to), to, state }))
  }

  #connection(): Connection {
    const connection = this.#options.connection()
    if (connection?.isOpen === true) return connection
    throw new ClosedError(
      'WATON_NOT_CONNECTED',
      'there is no open connection, and this is of the moment; await client.connect() first',
      { retryable: true },
    )
  }
}

/** A person or a group. @throws {UsageError} `WATON_PRESENCE_CHAT` */
function chatAddress(chat: string, call: string): string {
  const parsed = tryParseJid(chat)
  if (parsed !== undefined && parsed.user !== '' && (isPn(chat) || isLid(chat) || isGroup(chat)))
    return formatJid({ ...parsed, device: 0 })
  throw new UsageError(
    'WATON_PRESENCE_CHAT',
    `the address in ${call} is no person or group: it looks like 15550000001@s.whatsapp.net, 1234@lid or 1234@g.us`,
  )
}
