/** Meetings and calls: events in groups, invitations to them, calls that were or will be. */
import {
  type ContentReader,
  bytesText,
  compact,
  defineReader,
  flag,
  named,
  secondsToMs,
  target,
} from './reader.ts'
import { BOOLEAN, type Expectation, OBJECT, wholeNumber } from '../../../base/check.ts'
import { UsageError } from '../../../base/errors.ts'
import type { Message } from '../../proto/message.ts'
import type { OutgoingOptions } from '../outgoing-options.ts'
import type { MessageRef } from '../reference.ts'
import { type Part, TIME_MS, WEB_ADDRESS, checkParts, optional, textOf } from './check.ts'
import { type Kind, defineKind } from './kind.ts'
import { type OutgoingPlace, type ReceivedLocation, locationOf, placeFields } from './place.ts'

/** A meeting that a group was invited to. */
export interface ReceivedEvent {
  /** What it is called. */
  readonly name: string
  /** What it is about. */
  readonly description?: string
  /** Where it is. */
  readonly location?: ReceivedLocation
  /** When it begins, in milliseconds since the epoch. */
  readonly startsAtMs?: number
  /** When it ends, in milliseconds since the epoch. */
  readonly endsAtMs?: number
  /** The link of its call. */
  readonly joinLink?: string
  /** It was called off. */
  readonly isCanceled?: true
  /** It is a call. */
  readonly isCall?: true
  /** Guests may bring others. */
  readonly allowsExtraGuests?: true
  /** How long before it begins everyone is reminded, when they are. */
  readonly remindBeforeSeconds?: number
}

/** An invitation to a meeting of another chat. */
export interface ReceivedEventInvite {
  /** The id of the meeting. */
  readonly eventId?: string
  /** What it is called. */
  readonly title?: string
  /** When it begins, in milliseconds since the epoch. */
  readonly startsAtMs?: number
  /** When it ends, in milliseconds since the epoch. */
  readonly endsAtMs?: number
  /** The link of its call. */
  readonly callLink?: string
  /** It was called off. */
  readonly isCanceled?: true
  /** A preview, a JPEG as base64. */
  readonly thumbnail?: string
}

/** How a call ended. */
export type CallOutcome =
  | 'connected'
  | 'missed'
  | 'failed'
  | 'rejected'
  | 'accepted-elsewhere'
  | 'ongoing'
  | 'silenced'
  | 'silenced-unknown-caller'
  | 'unknown'

/** One person in a call. */
export interface CallLogParticipant {
  /** Who. */
  readonly jid: string
  /** How it ended for them. */
  readonly outcome?: CallOutcome
}

/** A call as it stands in the chat. */
export interface ReceivedCallLog {
  /** It was a video call. */
  readonly isVideo?: true
  /** How it ended. */
  readonly outcome?: CallOutcome
  /** How long it was. */
  readonly durationSeconds?: number
  /** What kind of call it was. */
  readonly type?: 'regular' | 'scheduled' | 'voice-chat' | 'unknown'
  /** Who was in it. */
  readonly participants: readonly CallLogParticipant[]
}

/** A call that was planned. */
export interface ReceivedScheduledCall {
  /** When, in milliseconds since the epoch. */
  readonly atMs?: number
  /** With picture or without. */
  readonly type?: 'voice' | 'video' | 'unknown'
  /** What it is about. */
  readonly title?: string
}

/** A meeting. */
export interface EventContent {
  /** The meeting. */
  readonly event: ReceivedEvent
}

/** An invitation to a meeting. */
export interface EventInviteContent {
  /** The invitation. */
  readonly eventInvite: ReceivedEventInvite
  /** What is written below it. */
  readonly caption?: string
}

/** A call as it stands in the chat. */
export interface CallLogContent {
  /** The call. */
  readonly callLog: ReceivedCallLog
}

/** A call that was planned. */
export interface ScheduledCallContent {
  /** The call. */
  readonly scheduledCall: ReceivedScheduledCall
}

/** A planned call was changed. */
export interface ScheduledCallEditContent {
  /** The change. */
  readonly scheduledCallEdit: {
    /** The message with the planned call. */
    readonly target: MessageRef
    /** What was done. */
    readonly action: 'cancel' | 'unknown'
  }
}

/** A meeting to invite to. */
export interface OutgoingEvent extends OutgoingOptions {
  /** The meeting. */
  readonly event: {
    /** What it is called. */
    readonly name: string
    /** When it begins, in milliseconds since the epoch. */
    readonly startsAtMs: number
    /** When it ends, in milliseconds since the epoch. */
    readonly endsAtMs?: number
    /** What it is about. */
    readonly description?: string
    /** Where it is: a place on the map, or its name alone. */
    readonly location?: OutgoingPlace | { readonly name: string; readonly address?: string }
    /** The link of its call. */
    readonly joinLink?: string
    /** It is a call. @default false */
    readonly isCall?: boolean
    /** It is called off. @default false */
    readonly isCanceled?: boolean
    /** Guests may bring others. @default false */
    readonly allowsExtraGuests?: boolean
    /** How long before it begins everyone is reminded. @default nobody is */
    readonly remindBeforeSeconds?: number
  }
}

/** Characters that WhatsApp's own apps let one type: name and description of a meeting. */
const MAX_EVENT_NAME = 100
const MAX_EVENT_DESCRIPTION = 2048

const EVENT_PLACE: Expectation = {
  expected: 'a place: { latitude, longitude } or { name }',
  accepts: OBJECT.accepts,
}

const EVENT: Readonly<Record<keyof OutgoingEvent['event'], Part>> = {
  name: textOf(MAX_EVENT_NAME),
  startsAtMs: TIME_MS,
  endsAtMs: optional(TIME_MS),
  description: optional(textOf(MAX_EVENT_DESCRIPTION)),
  location: optional(EVENT_PLACE),
  joinLink: optional(WEB_ADDRESS),
  isCall: optional(BOOLEAN),
  isCanceled: optional(BOOLEAN),
  allowsExtraGuests: optional(BOOLEAN),
  remindBeforeSeconds: optional(wholeNumber(0, 365 * 24 * 60 * 60)),
}

/** @see OutgoingEvent */
export const eventKind: Kind<'event', OutgoingEvent> = defineKind({
  name: 'event',
  build: ({ event: meeting }) => {
    checkParts('event', meeting, EVENT)
    const { startsAtMs, endsAtMs, location, remindBeforeSeconds } = meeting
    if (endsAtMs !== undefined && endsAtMs < startsAtMs) {
      throw new UsageError(
        'WATON_CONTENT_EVENT',
        'event.endsAtMs is before event.startsAtMs, so the meeting would end before it begins: exchange them, or leave the end out',
      )
    }
    return {
      message: {
        eventMessage: {
          isCanceled: meeting.isCanceled ?? false,
          name: meeting.name,
          description: meeting.description ?? null,
          location: location === undefined ? null : eventPlace(location),
          joinLink: meeting.joinLink ?? null,
          startTime: seconds(startsAtMs),
          endTime: endsAtMs === undefined ? null : seconds(endsAtMs),
          extraGuestsAllowed: meeting.allowsExtraGuests ?? null,
          isScheduleCall: meeting.isCall ?? false,
          ...(remindBeforeSeconds === undefined
            ? {}
            : { hasReminder: true, reminderOffsetSec: remindBeforeSeconds }),
        },
      },
      stanza: { meta: { event_type: 'creation' } },
    }
  },
})

function eventPlace(
  place: NonNullable<OutgoingEvent['event']['location']>,
): Message.LocationMessage.$Properties {
  if ('latitude' in place) return placeFields('event.location', place)
  checkParts('event.location', place, { name: textOf(), address: optional(textOf()) })
  return { name: place.name, address: place.address ?? null }
}

function seconds(ms: number): number {
  return Math.floor(ms / 1000)
}

const OUTCOMES: Readonly<Record<number, CallOutcome>> = {
  0: 'connected',
  1: 'missed',
  2: 'failed',
  3: 'rejected',
  4: 'accepted-elsewhere',
  5: 'ongoing',
  6: 'silenced',
  7: 'silenced-unknown-caller',
}
const CALL_TYPES = { 0: 'regular', 1: 'scheduled', 2: 'voice-chat' } as const
const SCHEDULED_TYPES = { 1: 'voice', 2: 'video' } as const
const EDIT_TYPES = { 1: 'cancel' } as const

/** @see EventContent */
export const event: ContentReader<'event', EventContent> = defineReader(
  'event',
  ['eventMessage'],
  (meeting) => ({
    event: compact<ReceivedEvent>({
      name: meeting.name ?? '',
      description: meeting.description,
      location: meeting.location ? locationOf(meeting.location) : undefined,
      startsAtMs: secondsToMs(meeting.startTime),
      endsAtMs: secondsToMs(meeting.endTime),
      joinLink: meeting.joinLink,
      isCanceled: flag(meeting.isCanceled),
      isCall: flag(meeting.isScheduleCall),
      allowsExtraGuests: flag(meeting.extraGuestsAllowed),
      remindBeforeSeconds: meeting.hasReminder === true ? meeting.reminderOffsetSec : undefined,
    }),
  }),
)

/** @see EventInviteContent */
export const eventInvite: ContentReader<'eventInvite', EventInviteContent> = defineReader(
  'eventInvite',
  ['eventInviteMessage'],
  (invite) =>
    compact<EventInviteContent>({
      eventInvite: compact<ReceivedEventInvite>({
        eventId: invite.eventId,
        title: invite.eventTitle,
        startsAtMs: secondsToMs(invite.startTime),
        endsAtMs: secondsToMs(invite.endTime),
        callLink: invite.callLink,
        isCanceled: flag(invite.isCanceled),
        thumbnail: bytesText(invite.jpegThumbnail),
      }),
      caption: invite.caption,
    }),
)

/** @see CallLogContent */
export const callLog: ContentReader<'callLog', CallLogContent> = defineReader(
  'callLog',
  ['callLogMesssage'],
  (log) => ({
    callLog: compact<ReceivedCallLog>({
      isVideo: flag(log.isVideo),
      outcome: named(OUTCOMES, log.callOutcome),
      durationSeconds: log.durationSecs,
      type: named(CALL_TYPES, log.callType),
      participants: (log.participants ?? []).map(({ jid, callOutcome }) =>
        compact<CallLogParticipant>({ jid: jid ?? '', outcome: named(OUTCOMES, callOutcome) }),
      ),
    }),
  }),
)

/** @see ScheduledCallContent */
export const scheduledCall: ContentReader<'scheduledCall', ScheduledCallContent> = defineReader(
  'scheduledCall',
  ['scheduledCallCreationMessage'],
  ({ scheduledTimestampMs, callType, title }) => ({
    scheduledCall: compact<ReceivedScheduledCall>({
      atMs: scheduledTimestampMs,
      type: named(SCHEDULED_TYPES, callType),
      title,
    }),
  }),
)

/** @see ScheduledCallEditContent */
export const scheduledCallEdit: ContentReader<'scheduledCallEdit', ScheduledCallEditContent> = defineReader(
  'scheduledCallEdit',
  ['scheduledCallEditMessage'],
  ({ key, editType }, scope) => {
    const about = target(key, scope)
    return about && { scheduledCallEdit: { target: about, action: named(EDIT_TYPES, editType) ?? 'unknown' } }
  },
)
