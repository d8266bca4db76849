/**
 * The client: one WhatsApp account, connected as a linked device. This file is the façade that users see; it claims the
 * account when it is first needed and hands everything on to `runtime.ts`.
 */
import { systemClock } from '../base/clock.ts'
import { ClosedError, describeError } from '../base/errors.ts'
import { redacted, silentLogger } from '../base/logger.ts'
import type { Logger } from '../base/logger.ts'
import { systemRandom } from '../base/random.ts'
import { TypedEmitter } from '../base/typed-emitter.ts'
import type { BinaryNode } from '../protocol/binary/node.ts'
import {
  checkBackup,
  checkChatState,
  checkClientOptions,
  checkCodeRequest,
  checkConsume,
  checkDownload,
  checkListener,
  checkLookup,
  checkMessageKeys,
  checkPresence,
  checkPresenceSubscription,
  checkMessageId,
  checkOutboxQuery,
  checkQuestion,
  checkRejectedCall,
  checkSend,
} from './check-calls.ts'
import type { Connection } from './connection/connection.ts'
import type { ConsumeOptions, ConsumerStatus, EventHandler } from './consume/options.ts'
import type { Contacts } from './contacts/lookup.ts'
import type { OutgoingContent } from './content.ts'
import type { DownloadableMessage, DownloadOptions, DownloadToFileOptions } from './media/download.ts'
import { eventLog } from './event-log.ts'
import type { EventLog } from './event-log.ts'
import type { CallPayload, ClientEvents, ClientState, DurableType, Me } from './events.ts'
import { DEFAULT_RETENTION, DEFAULT_TIMING, WHATSAPP_ENDPOINT } from './options.ts'
import type { ClientOptions, RuntimeOptions } from './options.ts'
import type { OutboxEntry, OutboxQuery, OutboxView } from './outbox.ts'
import type { ChatActivity, PresenceState } from './presence/presence.ts'
import type { ReceivedMessageKey } from './reading/message-keys.ts'
import type { Runtime } from './runtime.ts'
import type { UnknownCount } from './unknowns.ts'
import type { SentMessage } from './send/handle.ts'
import type { BackupOptions } from './state/incarnation.ts'
import type { SendOptions } from './send/draft.ts'

/**
 * One account as a linked device.
 *
 * ```ts
 * const client = new Client({ store: await openSqlite('me.db') })
 * client.on('pairing.qr', ({ qr }) => console.log(qr))
 * client.on('message', ({ payload }) => console.log(payload.content))
 * await client.connect()
 * await client.send('15550000002@s.whatsapp.net', { text: 'hello' })
 * ```
 */
export class Client {
  readonly #options: RuntimeOptions
  readonly #logger: Logger
  readonly #emitter: TypedEmitter<ClientEvents>
  #opening: Promise<Runtime> | undefined
  #runtime: Runtime | undefined
  #closing: Promise<void> | undefined

  constructor(options: ClientOptions) {
    checkClientOptions(options)
    const account = options.account ?? 'default'
    this.#logger = redacted(options.logger ?? silentLogger).child({ account })
    this.#emitter = new TypedEmitter((error, event) => {
      this.#logger.error({ event, reason: describeError(error) }, 'a listener failed')
      // a mistake of the user's that nobody sees is looked for in the wrong place
      if (options.logger === undefined) console.error(`A listener of ${event} failed:`, error)
    })
    this.#options = {
      store: options.store,
      account,
      endpoint: options.endpoint ?? WHATSAPP_ENDPOINT,
      logger: this.#logger,
      clock: options.clock ?? systemClock,
      random: options.random ?? systemRandom,
      history: options.history ?? 'recent',
      markOnline: options.markOnline ?? false,
      device: options.device,
      previewLink: options.previewLink,
      retention: { ...DEFAULT_RETENTION, ...options.retention },
      timing: { ...DEFAULT_TIMING, ...options.timing },
    }
  }

  /** The account, once it is linked. Loaded by the first call that needs the store. */
  get me(): Me | undefined {
    return this.#runtime?.self.me
  }

  /** Where the client is; see `docs/explanation/architecture.md` for the transitions. */
  get state(): ClientState {
    return this.#runtime?.supervisor.state ?? 'idle'
  }

  /**
   * How far the server's clock is ahead of this machine's, in milliseconds, as of the last login; 0 before the first one.
   * Times of messages (`sentAtMs`) are the server's, those of events (`at`) this machine's.
   */
  get clockSkewMs(): number {
    return this.#runtime?.clockSkewMs ?? 0
  }

  /** What came since the client was made and this version does not know: it was kept or answered, and not understood. */
  unknowns(): readonly UnknownCount[] {
    return this.#runtime?.unknowns.counts() ?? []
  }

  /** Events read from the log. */
  get events(): EventLog {
    return this.#events
  }

  readonly #events: EventLog = eventLog(() => this.#open())

  /** How the consumers that run now are doing. */
  consumers(): readonly ConsumerStatus[] {
    return this.#runtime?.consumers.status ?? []
  }

  /** What this account sends and has sent: how far each message got, and which can be cancelled. */
  get outbox(): OutboxView {
    return this.#outbox
  }

  readonly #outbox: OutboxView = {
    get: async (id) => {
      checkMessageId('get', id)
      return (await this.#open()).outbox.view.get(id)
    },
    list: (query) => this.#listSent(query),
    cancel: async (id) => {
      checkMessageId('cancel', id)
      return (await this.#open()).outbox.view.cancel(id)
    },
  }

  /** Other people: who is on WhatsApp. */
  get contacts(): Contacts {
    return {
      lookup: async (phoneNumbers, options) => {
        checkLookup(phoneNumbers, options)
        const connection = this.#openConnection()
        return (await this.#open()).people.contacts.lookup(connection, phoneNumbers, options)
      },
    }
  }

  /** Calls `listener` for each event from now on; returns the function that stops it. */
  on<Name extends keyof ClientEvents>(
    name: Name,
    listener: (event: ClientEvents[Name]) => unknown,
  ): () => void {
    checkListener(name, listener)
    return this.#emitter.on(name, listener)
  }

  /** Calls `listener` for the next event only. */
  once<Name extends keyof ClientEvents>(
    name: Name,
    listener: (event: ClientEvents[Name]) => unknown,
  ): () => void {
    checkListener(name, listener)
    return this.#emitter.once(name, listener)
  }

  /** Stops a listener. */
  off<Name extends keyof ClientEvents>(name: Name, listener: (event: ClientEvents[Name]) => unknown): void {
    this.#emitter.off(name, listener)
  }

  /**
   * Connects, links the device if need be, and resolves when messages can be sent and received. From then on the client
   * comes back by itself.
   *
   * @throws {StorageError} `WATON_STORE_OWNED` when another process has this account
   * @throws {ClosedError} `WATON_CLIENT_CLOSED` when coming back is pointless; `details.reason` says why, `details.action`
   *   and the message what to do, and `cause` is the whole `CloseReason`
   */
  async connect(): Promise<void> {
    const runtime = await this.#open()
    await runtime.supervisor.connect()
  }

  /**
   * Asks for a code of eight characters that the owner of a phone types in instead of scanning a QR code (Linked devices,
   * Link with phone number). Resolves when the server has taken it; the phone takes it for three minutes. A second call
   * replaces the first code, and QR codes stay good beside it.
   *
   * ```ts
   * const open = client.connect()
   * console.log(await client.requestPairingCode('15550000001'))
   * await open
   * ```
   *
   * @param phoneNumber - digits with country code
   * @param options - `code` to choose the code: eight of `123456789ABCDEFGHJKLMNPQRSTVWXYZ`
   * @throws {UsageError} `WATON_PAIRING_PHONE_NUMBER`, `WATON_PAIRING_CODE`, `WATON_PAIRING_LINKED`
   * @throws {QueryError} `WATON_PAIRING_CODE_REFUSED` when the server refuses, e.g. because the number has no account
   * @throws {ClosedError} `WATON_NOT_CONNECTED`, `WATON_PAIRING_CODE_REPLACED`, `WATON_QUERY_DISCONNECTED`
   * @throws {TimeoutError} `WATON_PAIRING_NOT_READY`, `WATON_QUERY_TIMEOUT`
   */
  async requestPairingCode(phoneNumber: string, options: { readonly code?: string } = {}): Promise<string> {
    checkCodeRequest(phoneNumber, options)
    return (await this.#open()).codes.request(phoneNumber, options)
  }

  /**
   * Sends a message. It is durable when this resolves: it reaches the other side once, whatever happens in between.
   *
   * @param chat - a person: `15550000002@s.whatsapp.net` or a LID
   * @throws {UsageError} `WATON_NOT_LINKED`, `WATON_SEND_...`, `WATON_CONTENT_...`: nothing was written
   */
  async send(chat: string, content: OutgoingContent, options?: SendOptions): Promise<SentMessage> {
    checkSend(chat, content, options)
    return (await this.#open()).outbox.send(chat, content, options)
  }

  /**
   * Runs a durable consumer: every event after its last position reaches `handler` at least once, in order per chat,
   * across restarts. A handler that fails gets the event again, later each time; an event that it never succeeds with
   * becomes a dead letter ({@link events}). What it sends through its second argument is sent once for each event.
   * Resolves when it is stopped, by `options.signal` or {@link close}.
   *
   * @param name - the consumer's own name; its progress is kept under it
   * @throws {UsageError} `WATON_CONSUMER_RUNNING` when this client runs a consumer of that name already
   */
  async consume<Type extends DurableType = DurableType>(
    name: string,
    handler: EventHandler<Type>,
    options: ConsumeOptions<Type> = {},
  ): Promise<void> {
    checkConsume(name, handler, options)
    // it is handed events of `options.types` only
    const handleAny: EventHandler = (event, context) => handler(event as never, context)
    await (await this.#open()).consumers.run(name, handleAny, options)
  }

  /**
   * Downloads the file of a message, decrypted and verified: its length, both digests and its MAC are right, or nothing is
   * returned. A file that the servers have no longer is asked of the phone once.
   *
   * ```ts
   * client.on('message', async ({ payload }) => {
   *   if ('image' in payload.content) await client.download(payload, { path: `${payload.id}.jpg` })
   * })
   * ```
   *
   * @param message - the payload of a `message` event, or `{ id, chat, sender }` of one in the log
   * @param options - with `path` it is written there, of whatever size, and appears there when it is whole
   * @throws {UsageError} `WATON_MEDIA_NONE`, `WATON_MEDIA_NO_KEY`, `WATON_MEDIA_UNKNOWN_MESSAGE`, `WATON_MEDIA_TOO_LARGE`,
   *   `WATON_MEDIA_PATH`, `WATON_MEDIA_NOWHERE`
   * @throws {CryptoError} `WATON_MEDIA_CORRUPT` when no server has the file as the message describes it
   * @throws {QueryError} `WATON_MEDIA_GONE`, `WATON_MEDIA_NOT_UPLOADED` when the phone cannot help
   * @throws {TimeoutError} `WATON_MEDIA_PHONE_SILENT`; {@link ClosedError} `WATON_MEDIA_OFFLINE`, `WATON_MEDIA_ABORTED`
   * @throws {TransportError} `WATON_MEDIA_REFUSED`, `WATON_HTTP_FAILED`; {@link StorageError} `WATON_MEDIA_FILE`
   */
  download(message: DownloadableMessage, options: DownloadToFileOptions): Promise<undefined>
  download(message: DownloadableMessage, options?: DownloadOptions): Promise<Uint8Array>
  async download(
    message: DownloadableMessage,
    options?: DownloadOptions | DownloadToFileOptions,
  ): Promise<Uint8Array | undefined> {
    checkDownload(message, options)
    return (await this.#open()).media.downloads.download(message, options)
  }

  /**
   * Asks the server something that this library has no method for.
   *
   * @param question - a complete `<iq>`; its id is added
   * @throws {ClosedError} `WATON_NOT_CONNECTED`; {@link QueryError} when the server refuses
   */
  async query(question: BinaryNode): Promise<BinaryNode> {
    checkQuestion(question)
    return this.#openConnection().exchange(question)
  }

  /**
   * Declines a call that rings; it goes on ringing on the account's other devices.
   *
   * ```ts
   * client.on('call', async ({ payload }) => {
   *   if (payload.status === 'offer' && !payload.offline) await client.rejectCall(payload)
   * })
   * ```
   *
   * @param call - the payload of a `call` event, or its `id` and `creator`
   * @throws {ClosedError} `WATON_NOT_CONNECTED`
   * @throws {QueryError} `WATON_CALL_REFUSED` when the server refuses, e.g. because the call is over
   * @throws {TimeoutError} `WATON_QUERY_TIMEOUT`
   */
  async rejectCall(call: Pick<CallPayload, 'id' | 'creator'>): Promise<void> {
    checkRejectedCall(call)
    const connection = this.#openConnection()
    const { rejectCall } = await import('./call.ts')
    await rejectCall(connection, call, (await this.#open()).self)
  }

  /**
   * Removes this device from the account, as "Log out" does: the server and the phone forget it, and the connection ends
   * with the reason `unlinked`. Messages, events and the old keys stay in the store; what was not sent yet fails with
   * `WATON_SEND_UNLINKED`. The next {@link connect} shows a QR code.
   *
   * @throws {ClosedError} `WATON_LOGOUT_OFFLINE` without a connection; {@link QueryError} when the server refuses
   * @throws {UsageError} `WATON_NOT_LINKED`
   */
  async logout(): Promise<void> {
    await (await this.#open()).logout()
  }

  /**
   * Makes a new device of an account whose device was removed on the phone (reason `logged-out`): the next
   * {@link connect} shows a QR code. Nothing is deleted but sessions, which only the old device could use. It is a call of
   * its own because a logout that nobody expected is worth a look. Does nothing before the first link.
   *
   * @throws {UsageError} `WATON_RELINK_LINKED` while the account is linked
   */
  async relink(): Promise<void> {
    await (await this.#open()).relink()
  }

  /**
   * Tells the senders that messages were read, or only this account's other devices when its privacy settings say so.
   * Durable when it resolves: without a connection, or when it breaks, the receipts go out with the next one.
   *
   * ```ts
   * client.on('message', ({ payload }) => client.readMessages([payload]))
   * ```
   *
   * @param keys - payloads of `message` events, of any chats; own messages are passed over
   * @throws {UsageError} `WATON_READ_KEY`, `WATON_NOT_LINKED`
   */
  async readMessages(keys: readonly ReceivedMessageKey[]): Promise<void> {
    checkMessageKeys('readMessages', keys)
    await (await this.#open()).receipts.mark('read', keys)
  }

  /** The same for voice messages, videos and view-once messages that were played. Durable, as {@link readMessages}. */
  async markPlayed(keys: readonly ReceivedMessageKey[]): Promise<void> {
    checkMessageKeys('markPlayed', keys)
    await (await this.#open()).receipts.mark('played', keys)
  }

  /**
   * Shows this device as online, or not. It holds until it is changed, also after a reconnect, and not in the next
   * process. While it is `available` the phone gets no notifications; the server is told nothing before the account's
   * name is known, which comes with the first message from the phone.
   *
   * @throws {UsageError} `WATON_NOT_LINKED`
   */
  async setPresence(presence: PresenceState): Promise<void> {
    checkPresence(presence)
    await (await this.#open()).presence.set(presence)
  }

  /**
   * Asks to be told when somebody comes and goes, by `presence` events. It ends with the connection: ask again on
   * `connection.open`. Who hides it from this account is never told of.
   *
   * @throws {UsageError} `WATON_PRESENCE_CHAT`
   * @throws {ClosedError} `WATON_NOT_CONNECTED`
   */
  async subscribePresence(jid: string): Promise<void> {
    checkPresenceSubscription(jid)
    await (await this.#open()).presence.subscribe(jid)
  }

  /**
   * Shows in a chat that somebody types or speaks, or has stopped. The other side forgets it after some seconds, and it
   * is shown to nobody while this device is not `available`.
   *
   * @throws {UsageError} `WATON_PRESENCE_CHAT`
   * @throws {ClosedError} `WATON_NOT_CONNECTED`
   */
  async setChatState(chat: string, state: ChatActivity): Promise<void> {
    checkChatState(chat, state)
    ;(await this.#open()).presence.setChatState(chat, state)
  }

  /**
   * Writes a copy of the store to a file while everything goes on: one consistent state, readable by its owner only, whole
   * and durable when this resolves. It holds every account of the store, and needs no connection.
   *
   * Opening the copy begins every conversation's encryption anew, so that it and the original never use one key for two
   * messages; do not have both connected: the server lets only one of them stay. A file copied by hand has no such mark.
   *
   * @throws {UsageError} `WATON_BACKUP_EXISTS` when there is a file already, `WATON_BACKUP_PATH`, and
   *   `WATON_BACKUP_UNSUPPORTED` with a store that is no file
   * @throws {StorageError} `WATON_BACKUP_FAILED` when the copy could not be made; nothing is left of it
   */
  async backup(path: string, options: BackupOptions = {}): Promise<void> {
    checkBackup(path, options)
    const runtime = await this.#opening
    // what was accepted before the call is in the copy
    await runtime?.state.flush()
    const { backUpStore } = await import('./state/incarnation.ts')
    await backUpStore(this.#options.store, path, { ...options, nowMs: this.#options.clock.nowMs() })
  }

  /** Stops consumers and the connection, writes what is staged, and gives the account back. The store stays open. */
  async close(): Promise<void> {
    this.#closing ??= this.#close()
    await this.#closing
  }

  #openConnection(): Connection {
    const connection = this.#runtime?.connection
    if (connection === undefined || this.state !== 'open') {
      throw new ClosedError(
        'WATON_NOT_CONNECTED',
        'there is no open connection; await client.connect() first',
        { retryable: true },
      )
    }
    return connection
  }

  async #close(): Promise<void> {
    const runtime = await this.#opening?.catch(() => undefined)
    await runtime?.close()
  }

  #open(): Promise<Runtime> {
    if (this.#closing !== undefined) {
      return Promise.reject(new ClosedError('WATON_CLIENT_CLOSED', 'this client was closed; make a new one'))
    }
    this.#opening ??= this.#start()
    return this.#opening
  }

  async #start(): Promise<Runtime> {
    try {
      // the protocol, with its schemas and ciphers, is loaded when it is needed: importing waton stays cheap
      const { Runtime } = await import('./runtime.ts')
      this.#runtime = await Runtime.open(this.#options, this.#emitter)
      return this.#runtime
    } catch (error) {
      // a refused claim may succeed later: the next call tries again
      this.#opening = undefined
      throw error
    }
  }

  async *#listSent(query?: OutboxQuery): AsyncGenerator<OutboxEntry, void, undefined> {
    checkOutboxQuery(query)
    yield* (await this.#open()).outbox.view.list(query)
  }
}
