/**
 * Answers to invitations and comments to be sent, encrypted with the secret of the message that they are about. `../addons`
 * reads them.
 *
 * @source Baileys 7.0.0-rc14 `Utils/process-message.js` decryptEventResponse; whatsmeow `msgsecret.go` EncryptComment;
 *   WhatsApp Web by way of whatsapp-rust `wacore/src/send.rs` (`type` and `<meta>` of event responses)
 */
import { OBJECT, oneOf, wholeNumber } from '../../../base/check.ts'
import { encodeProto } from '../../proto/codec.ts'
import { Message, encodeMessage } from '../../proto/message.ts'
import { unwrapMessage } from '../wrappers.ts'
import {
  type AboutMessage,
  type AddedText,
  addedText,
  checkAddition,
  keyOf,
  sealAbout,
  storedTarget,
  targetsOf,
  wrongTarget,
} from './added-target.ts'
import { optional } from './check.ts'
import { type Kind, defineKind } from './kind.ts'

/** An answer to an invitation. It replaces the earlier one of this account. */
export interface OutgoingEventResponse {
  /** The answer. */
  readonly eventResponse: AboutMessage & {
    /** Whether one comes. */
    readonly response: 'going' | 'not-going' | 'maybe'
    /** How many people one brings along, where the invitation allows it. @default 0 */
    readonly extraGuests?: number
  }
}

/** A comment on a message. */
export interface OutgoingComment {
  /** The comment. */
  readonly comment: AboutMessage & {
    /** What it says. */
    readonly content: AddedText
  }
}

const { EventResponseType } = Message.EventResponseMessage

const RESPONSES = {
  going: EventResponseType.GOING,
  'not-going': EventResponseType.NOT_GOING,
  maybe: EventResponseType.MAYBE,
} as const

/** What an event's extra guests may be: apps offer one. */
const MAX_EXTRA_GUESTS = 100

/** See the file comment. */
export const eventResponse: Kind<'eventResponse', OutgoingEventResponse> = defineKind({
  name: 'eventResponse',
  takesOptions: false,
  isAboutChat: true,
  targets: (content) => targetsOf('eventResponse', content.eventResponse),
  build: (content, context) => {
    const {
      target,
      response,
      extraGuests = 0,
    } = checkAddition('eventResponse', content.eventResponse, {
      response: oneOf(...Object.keys(RESPONSES)),
      extraGuests: optional(wholeNumber(0, MAX_EXTRA_GUESTS)),
    })
    const { eventMessage: event } = unwrapMessage(storedTarget(target, context).message).message
    if (!event) throw wrongTarget(target, 'is no event')
    if (extraGuests > 0 && event.extraGuestsAllowed !== true)
      throw wrongTarget(target, 'is an event without extra guests: leave extraGuests out')
    const answer = {
      response: RESPONSES[response],
      timestampMs: context.nowMs,
      ...(extraGuests > 0 ? { extraGuestCount: extraGuests } : {}),
    }
    const plaintext = encodeProto(Message.EventResponseMessage, answer, 'EventResponseMessage')
    const { payload: encPayload, iv: encIv } = sealAbout('event-response', plaintext, { target, context })
    const eventCreationMessageKey = keyOf(target, context)
    return {
      message: { encEventResponseMessage: { eventCreationMessageKey, encPayload, encIv } },
      stanza: { meta: { event_type: 'response' }, hidesFailure: true },
      hasSecret: false,
    }
  },
})

/** See the file comment. */
export const commenting: Kind<'comment', OutgoingComment> = defineKind({
  name: 'comment',
  takesOptions: false,
  isAboutChat: true,
  targets: (content) => targetsOf('comment', content.comment),
  build: (given, context) => {
    const { target, content } = checkAddition('comment', given.comment, { content: OBJECT })
    const plaintext = encodeMessage(addedText('comment.content', content, context))
    const { payload: encPayload, iv: encIv } = sealAbout('comment', plaintext, { target, context })
    const targetMessageKey = keyOf(target, context)
    return { message: { encCommentMessage: { targetMessageKey, encPayload, encIv } } }
  },
})
