/**
 * What has been written to the connection of the moment, and what has never left: a stanza is written once per connection,
 * all that one commit made durable with one write, and a ciphertext that is held back never (promise G3).
 */
import { BoundedMap } from '../../base/bounded-map.ts'
import { describeError, errorCode } from '../../base/errors.ts'
import type { Logger } from '../../base/logger.ts'
import { seam } from '../../base/seams.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import type { Connection } from '../connection/connection.ts'
import { Unanswered } from './unanswered.ts'
import type { UnansweredOptions } from './unanswered.ts'

/** Messages that are known not to have left; one that is forgotten counts as sent. */
const MAX_UNSENT = 65_536

/** What one frame cannot hold, no connection takes. */
const TOO_LARGE = 'WATON_NOISE_PAYLOAD_TOO_LARGE'

/** Whom the wire tells. */
export interface WireListener {
  /** Messages are to be written once more. */
  readonly onLate: () => void
  /** A stanza can never be written. */
  readonly onTooLarge: (id: string) => void
}

/** See the file comment. */
export class Wire {
  readonly #logger: Logger
  readonly #onTooLarge: (id: string) => void
  #connection: Connection | undefined
  /** The one that {@link #unanswered} belongs to; it stays when writing pauses. */
  #last: Connection | undefined
  /** Ids written to it and not answered yet. */
  readonly #unanswered: Unanswered
  /** Encrypted by this process and never written: whether it is held back. */
  readonly #unsent = new BoundedMap<string, boolean>(MAX_UNSENT)
  /** Stanzas whose commit is done, on their way to one write. */
  #outgoing: BinaryNode[] = []

  constructor(options: UnansweredOptions, { onLate, onTooLarge }: WireListener) {
    this.#logger = options.logger
    this.#onTooLarge = onTooLarge
    this.#unanswered = new Unanswered(options, onLate)
  }

  /** Stanzas may be written to this connection. */
  open(connection: Connection): void {
    this.#connection = connection
    this.#last = connection
    this.#unanswered.begin(connection)
  }

  /** Nothing is written until {@link open}. */
  close(): void {
    this.#connection = undefined
    this.#unanswered.stop()
  }

  /** The connection that may be written to. */
  get connection(): Connection | undefined {
    return this.#connection
  }

  /** Whether the connection of the moment has the message, and has not answered. */
  has(id: string): boolean {
    return this.#unanswered.has(id)
  }

  /** The server has answered. */
  answered(id: string): void {
    this.#unanswered.answered(id)
  }

  /** A message is encrypted and has not left yet. */
  encrypted(id: string): void {
    this.#unsent.set(id, false)
  }

  /** Whether an encrypted message may have left: what is not known to have stayed counts as sent. */
  hasLeft(id: string): boolean {
    return !this.#unsent.has(id)
  }

  /** From now on the message is not written. @returns whether it is certain that it never was */
  holdBack(id: string): boolean {
    if (!this.#unsent.has(id)) return false
    this.#unsent.set(id, true)
    return true
  }

  /** What was held back may be written after all. */
  letGo(id: string): void {
    if (this.#unsent.has(id)) this.#unsent.set(id, false)
  }

  /** Writes a stanza, if this is still its connection and nothing speaks against it. */
  write(connection: Connection, id: string, stanza: BinaryNode): void {
    if (!this.#isWritable(connection) || this.#unanswered.has(id) || this.#unsent.get(id) === true) return
    this.#unanswered.add(id)
    this.#outgoing.push(stanza)
    // all that one commit made durable leaves with one write
    if (this.#outgoing.length > 1) return
    void Promise.resolve().then(() => {
      this.#flush(connection)
    })
  }

  #isWritable(connection: Connection): boolean {
    return connection.isOpen && connection === this.#connection
  }

  #flush(connection: Connection): void {
    const outgoing = this.#outgoing
    this.#outgoing = []
    // what does not leave is repeated by the next connection, or when this one goes on
    const stanzas = outgoing.filter(({ attrs }) => {
      const leaves = this.#isWritable(connection) && this.#unsent.get(attrs.id ?? '') !== true
      if (!leaves && connection === this.#last) this.#unanswered.delete(attrs.id ?? '')
      return leaves
    })
    if (stanzas.length === 0) return
    for (const { attrs } of stanzas) this.#unsent.delete(attrs.id ?? '')
    this.#send(connection, stanzas)
  }

  /** When one is too large nothing was written: each is then on its own. */
  #send(connection: Connection, stanzas: readonly BinaryNode[]): void {
    try {
      seam('send:writing')
      connection.send(...stanzas)
      seam('send:written')
    } catch (error) {
      if (errorCode(error) !== TOO_LARGE) {
        this.#logger.debug({ reason: describeError(error) }, 'messages wait for the next connection')
        return
      }
      const [stanza, ...others] = stanzas
      if (stanza === undefined) return
      if (others.length > 0) {
        for (const one of stanzas) this.#send(connection, [one])
        return
      }
      const id = stanza.attrs.id ?? ''
      this.#unanswered.delete(id)
      this.#onTooLarge(id)
    }
  }
}
