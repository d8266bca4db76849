/**
 * Asks the own phone for the content of messages that came without: once for each, durably marked before the request
 * leaves, some seconds after the message, and not when the content has come in the meantime. A request that is lost is
 * not repeated: the message stays visible as one that could not be read.
 */
import type { Clock, Timer } from '../../base/clock.ts'
import { describeError } from '../../base/errors.ts'
import type { Logger } from '../../base/logger.ts'
import type { RandomSource } from '../../base/random.ts'
import { Message, encodeMessage } from '../../protocol/proto/message.ts'
import type { Connection } from '../connection/connection.ts'
import type { Self } from '../identity/self.ts'
import { sealForPhone } from '../peer-message.ts'
import type { AccountState } from '../state/account-state.ts'
import { PLACEHOLDER } from '../state/records.ts'
import type { Placeholder } from '../state/records.ts'
import type { Unit } from '../state/unit.ts'
import { MAX_PLACEHOLDER_AGE_MS, inState, keyOfName } from './placeholder.ts'

/** Messages in one request at most. */
const MAX_PER_REQUEST = 50

/** Marks that are kept, whatever became of them: a message whose mark is gone stays visible as one that could not be read. */
export const MAX_PLACEHOLDERS: number = 1_000

/** What the requests work with. */
export interface PlaceholderRequestsOptions {
  readonly state: AccountState
  readonly self: Self
  readonly clock: Clock
  readonly random: RandomSource
  readonly logger: Logger
}

interface Named {
  readonly name: string
  readonly placeholder: Placeholder
}

/** See the file comment. */
export class PlaceholderRequests {
  readonly #options: PlaceholderRequestsOptions
  #connection: Connection | undefined
  #timer: Timer | undefined
  #looking: Promise<void> | undefined
  #isWanted = false

  constructor(options: PlaceholderRequestsOptions) {
    this.#options = options
  }

  /** The connection is ready: what waits is asked for when it is due. */
  resume(connection: Connection): void {
    this.#connection = connection
    this.wake()
  }

  /** The connection is gone. */
  suspend(): void {
    this.#connection = undefined
    this.#timer?.cancel()
    this.#timer = undefined
  }

  /** There may be new messages to ask for. */
  wake(): void {
    this.#isWanted = true
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined
    })
  }

  /** Once more for everything that came while it looked: a flood is walked a few times, not once for each message. */
  async #look(): Promise<void> {
    while (this.#isWanted && this.#connection !== undefined) {
      this.#isWanted = false
      await this.#ask(this.#connection).catch((error: unknown) => {
        const fields = { reason: describeError(error) }
        this.#options.logger.warn(fields, 'the phone could not be asked for messages')
      })
    }
  }

  /** Asks for what is due, and comes back for what is not yet. */
  async #ask(connection: Connection): Promise<void> {
    const { state, clock } = this.#options
    const next = await state.commit(async (unit) => {
      const waiting = await this.#waiting(unit)
      const due = waiting.filter(({ placeholder }) => placeholder.dueAtMs <= unit.nowMs)
      const asked = due.slice(0, MAX_PER_REQUEST)
      if (asked.length > 0 && connection.isOpen) await this.#request(unit, asked, connection)
      const later = waiting.filter((one) => !due.includes(one)).map(({ placeholder }) => placeholder.dueAtMs)
      return due.length > asked.length ? unit.nowMs : Math.min(...later)
    })
    if (connection !== this.#connection || !Number.isFinite(next)) return
    this.#timer?.cancel()
    this.#timer = clock.schedule(Math.max(0, next - clock.nowMs()), () => {
      this.#timer = undefined
      this.wake()
    })
  }

  /** What still lacks its content. */
  async #waiting(unit: Unit): Promise<readonly Named[]> {
    const waiting: Named[] = []
    for (const { name, placeholder } of await keptMarks(unit)) {
      if (placeholder.state !== 'waiting') continue
      else if (await unit.hasMessage(keyOfName(name)))
        unit.put(PLACEHOLDER, name, inState('closed', placeholder))
      else waiting.push({ name, placeholder })
    }
    return waiting
  }

  /** The mark, the advanced session and the request belong together: it leaves after the commit, once. */
  async #request(unit: Unit, asked: readonly Named[], connection: Connection): Promise<void> {
    const request = requestFor(asked.map(({ placeholder }) => placeholder))
    const stanza = await sealForPhone(unit, request, this.#options)
    if (stanza === undefined) {
      this.#options.logger.warn(
        { messages: asked.length },
        'there is no session with the own phone to ask it',
      )
      return
    }
    for (const { name, placeholder } of asked) unit.put(PLACEHOLDER, name, inState('asked', placeholder))
    unit.onCommit(() => {
      if (connection.isOpen) connection.send(stanza)
    })
  }
}

/**
 * All marks that are kept. Those of messages that the server has forgotten, too, are taken away, and the oldest of too
 * many: whoever floods this device with what cannot be read must not fill its store, nor this list, which is walked often.
 */
async function keptMarks(unit: Unit): Promise<readonly Named[]> {
  const marks: Named[] = []
  for (const name of await unit.listKeys(PLACEHOLDER, '')) {
    const placeholder = await unit.read(PLACEHOLDER, name)
    if (placeholder !== undefined) marks.push({ name, placeholder })
  }
  marks.sort((a, b) => a.placeholder.dueAtMs - b.placeholder.dueAtMs)
  const oldestMs = unit.nowMs - MAX_PLACEHOLDER_AGE_MS
  const young = marks.filter(({ placeholder }) => placeholder.dueAtMs >= oldestMs)
  const kept = young.slice(-MAX_PLACEHOLDERS)
  for (const { name } of marks.slice(0, marks.length - kept.length)) unit.delete(PLACEHOLDER, name)
  return kept
}

/** The serialised `Message` that asks for some messages. */
function requestFor(placeholders: readonly Placeholder[]): Uint8Array {
  return encodeMessage({
    protocolMessage: {
      type: Message.ProtocolMessage.Type.PEER_DATA_OPERATION_REQUEST_MESSAGE,
      peerDataOperationRequestMessage: {
        peerDataOperationRequestType: Message.PeerDataOperationRequestType.PLACEHOLDER_MESSAGE_RESEND,
        placeholderMessageResendRequest: placeholders.map(({ id, chat, kind, author, isFromMe }) => ({
          messageKey: {
            remoteJid: chat,
            fromMe: isFromMe,
            id,
            ...(kind === 'direct' ? {} : { participant: author }),
          },
        })),
      },
    },
  })
}
