/**
 * The message id of an effect (promise G10): what a bot sends while it handles an event has an id that follows from the
 * event, so a handler that crashes and runs again asks for the same message and not for a second one. Pure.
 */
import { toHex } from '../base/bytes.ts'
import { seededRandom } from '../base/random.ts'
import { chatOf } from '../client/events/chat.ts'
import type { DurableEvent } from '../client/events.ts'

/** What makes an effect the one it is. */
export interface Effect {
  /** The consumer that handles the event. */
  readonly consumer: string
  /** The account that sends, as its phone-number JID. */
  readonly account: string
  readonly event: DurableEvent
  /** Which send of this handling it is, from 0. */
  readonly call: number
}

/** The prefix that WhatsApp Web gives the ids of its messages. @source Baileys `Utils/generics.ts` generateMessageIDV2 */
const WEB_ID_PREFIX = '3EB0'
const ID_BYTES = 9

/**
 * The message id of an effect: `3EB0` and 18 upper-case hexadecimal digits.
 *
 * Besides consumer, position and call number it depends on what the event is about and when it was recorded, because
 * positions start again at 1 when an account is linked anew, and phones drop a message whose id they have seen.
 */
export function effectId(effect: Effect): string {
  const { consumer, account, event, call } = effect
  const about = 'id' in event.payload ? event.payload.id : ''
  const identity = [consumer, account, event.type, event.seq, event.at, chatOf(event), about, call]
  // A seeded source is a keyed hash here: the id has to be unique and repeatable, it does not have to be secret.
  const bytes = seededRandom(JSON.stringify(['effect', ...identity])).bytes(ID_BYTES)
  return WEB_ID_PREFIX + toHex(bytes).toUpperCase()
}
