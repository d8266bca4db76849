/**
 * Notifications to one companion that waits to be linked, and its acks of them: what was not sent cannot be acknowledged.
 * Stanza shapes are in `stanza/companion.ts`.
 */
import { BoundedMap } from '../../base/bounded-map.ts'
import { toHex, utf8Bytes } from '../../base/bytes.ts'
import { ProtocolError } from '../../base/errors.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import { findNoticeAckViolation, passkeyStep, refreshRequest } from '../stanza/companion.ts'
import type { PasskeyStep, RefreshChild } from '../stanza/companion.ts'
import type { World } from '../world/world.ts'
import type { Channel } from './channel.ts'

/** Notifications that may wait for their ack. */
const MAX_UNACKED = 256
const EPHEMERAL_IDENTITY_BYTES = 64
const CHALLENGE_BYTES = 32

/** See the file comment. One per companion. */
export class CompanionNotices {
  readonly #world: World
  readonly #channel: Channel
  readonly #unacked = new BoundedMap<string, BinaryNode>(MAX_UNACKED)

  constructor(world: World, channel: Channel) {
    this.#world = world
    this.#channel = channel
  }

  /** Asks for another secret. */
  refresh(child: RefreshChild): void {
    this.send(refreshRequest(this.#facts(), child))
  }

  /** Asks for a passkey, or goes on with an exchange that nobody began. */
  passkey(step: PasskeyStep): void {
    const { random } = this.#world
    const challenge = toHex(random.bytes(CHALLENGE_BYTES))
    const options = utf8Bytes(
      JSON.stringify({ challenge, rpId: 'whatsapp.com', userVerification: 'required' }),
    )
    const bytes = step === 'request' ? options : random.bytes(EPHEMERAL_IDENTITY_BYTES)
    this.send(passkeyStep(this.#facts(), step, bytes))
  }

  /** Sends any notification and remembers that it must be acknowledged. */
  send(notice: BinaryNode): void {
    this.#unacked.set(notice.attrs['id'] ?? '', notice)
    this.#channel.write(notice)
  }

  /** Takes an ack. @throws {ProtocolError} `WATON_SIMULATOR_NOTICE_ACK` when it breaks the protocol */
  receiveAck(ack: BinaryNode): void {
    const id = ack.attrs['id'] ?? ''
    const notice = this.#unacked.get(id)
    const violation =
      notice === undefined
        ? `an ack of a notification that was not sent: "${id}"`
        : findNoticeAckViolation(ack, notice)
    if (violation !== undefined)
      throw new ProtocolError('WATON_SIMULATOR_NOTICE_ACK', `a companion acknowledges wrongly: ${violation}`)
    this.#unacked.delete(id)
  }

  #facts(): { readonly id: string; readonly nowSeconds: number } {
    return { id: this.#world.nextStanzaId(), nowSeconds: this.#world.nowSeconds() }
  }
}
