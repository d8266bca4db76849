/** Invitations to groups and channels, and phone numbers that are asked for. */
import { type Expectation, oneOf } from '../../../base/check.ts'
import { Message } from '../../proto/message.ts'
import type { OutgoingOptions } from '../outgoing-options.ts'
import {
  GROUP_JID,
  JPEG,
  NEWSLETTER_JID,
  TIME_MS,
  TRUE,
  checkParts,
  checkValue,
  optional,
  textOf,
} from './check.ts'
import { type Kind, defineKind } from './kind.ts'
import { type ContentReader, bytesText, compact, defineReader, named, secondsToMs } from './reader.ts'

/** An invitation to a group. */
export interface ReceivedGroupInvite {
  /** The group. */
  readonly group: string
  /** What lets one in. */
  readonly code?: string
  /** Until when, in milliseconds since the epoch. */
  readonly expiresAtMs?: number
  /** What the group is called. */
  readonly name?: string
  /** A group, or the parent of a community. */
  readonly type?: 'group' | 'community' | 'unknown'
  /** Its picture, a JPEG as base64. */
  readonly thumbnail?: string
}

/** An invitation to a channel. */
export interface ReceivedNewsletterInvite {
  /** The channel. */
  readonly newsletter: string
  /** To follow it, or to run it with others. */
  readonly as: 'follower' | 'admin'
  /** What it is called. */
  readonly name?: string
  /** Until when, in milliseconds since the epoch. */
  readonly expiresAtMs?: number
  /** Its picture, a JPEG as base64. */
  readonly thumbnail?: string
}

/** An invitation to a group. */
export interface GroupInviteContent {
  /** The invitation. */
  readonly groupInvite: ReceivedGroupInvite
  /** What is written below it. */
  readonly caption?: string
}

/** An invitation to a channel. */
export interface NewsletterInviteContent {
  /** The invitation. */
  readonly newsletterInvite: ReceivedNewsletterInvite
  /** What is written below it. */
  readonly caption?: string
}

/** The phone number of this account is asked for. */
export interface PhoneNumberRequestContent {
  /** Always `true`. */
  readonly phoneNumberRequest: true
}

/** An invitation to a group to send. An admin of the group gets its code from the server. */
export interface OutgoingGroupInvite extends OutgoingOptions {
  /** The invitation. */
  readonly groupInvite: {
    /** The group. */
    readonly group: string
    /** What lets one in. */
    readonly code: string
    /** Until when, in milliseconds since the epoch. */
    readonly expiresAtMs: number
    /** What the group is called. */
    readonly name: string
    /** A group, or the parent of a community. @default 'group' */
    readonly type?: 'group' | 'community'
    /** Its picture, a small JPEG. */
    readonly thumbnailBytes?: Uint8Array
  }
  /** What is written below it. */
  readonly caption?: string
}

/** An invitation to a channel to send. */
export interface OutgoingNewsletterInvite extends OutgoingOptions {
  /** The invitation. */
  readonly newsletterInvite: {
    /** The channel. */
    readonly newsletter: string
    /** To follow it, or to run it with others. */
    readonly as: 'follower' | 'admin'
    /** What it is called. */
    readonly name: string
    /** Until when an invitation to run it counts, in milliseconds since the epoch. */
    readonly expiresAtMs?: number
    /** Its picture, a small JPEG. */
    readonly thumbnailBytes?: Uint8Array
  }
  /** What is written below it. */
  readonly caption?: string
}

/** A request for the phone number of somebody who is known by LID only. */
export interface OutgoingPhoneNumberRequest extends OutgoingOptions {
  /** Always `true`. */
  readonly phoneNumberRequest: true
}

/** Shows the phone number of this account in a chat that knows it by LID only. */
export interface OutgoingPhoneNumberShare {
  /** Always `true`. */
  readonly phoneNumberShared: true
}

/** Characters of the name of a group or channel. WhatsApp's own apps take 100. */
const MAX_NAME = 100

const INVITE_CODE: Expectation = {
  expected: 'an invite code: letters, digits, - and _',
  accepts: (value) => typeof value === 'string' && /^[A-Za-z0-9_-]{4,128}$/.test(value),
}

/** @see OutgoingGroupInvite */
export const groupInviteKind: Kind<'groupInvite', OutgoingGroupInvite> = defineKind({
  name: 'groupInvite',
  keys: ['caption'],
  build: ({ groupInvite: invite, caption }) => {
    checkParts('groupInvite', invite, {
      group: GROUP_JID,
      code: INVITE_CODE,
      expiresAtMs: TIME_MS,
      name: textOf(MAX_NAME),
      type: optional(oneOf('group', 'community')),
      thumbnailBytes: optional(JPEG),
    })
    checkCaption(caption)
    const { group, code, expiresAtMs, name, type, thumbnailBytes } = invite
    return {
      message: {
        groupInviteMessage: {
          groupJid: group,
          inviteCode: code,
          inviteExpiration: Math.floor(expiresAtMs / 1000),
          groupName: name,
          jpegThumbnail: thumbnailBytes ?? null,
          caption: caption ?? null,
          groupType: type === 'community' ? Message.GroupInviteMessage.GroupType.PARENT : null,
        },
      },
    }
  },
})

/** @see OutgoingNewsletterInvite */
export const newsletterInviteKind: Kind<'newsletterInvite', OutgoingNewsletterInvite> = defineKind({
  name: 'newsletterInvite',
  keys: ['caption'],
  build: ({ newsletterInvite: invite, caption }) => {
    checkParts('newsletterInvite', invite, {
      newsletter: NEWSLETTER_JID,
      as: oneOf('follower', 'admin'),
      name: textOf(MAX_NAME),
      expiresAtMs: optional(TIME_MS),
      thumbnailBytes: optional(JPEG),
    })
    checkCaption(caption)
    const { newsletter, as, name, expiresAtMs, thumbnailBytes } = invite
    const fields = {
      newsletterJid: newsletter,
      newsletterName: name,
      jpegThumbnail: thumbnailBytes ?? null,
      caption: caption ?? null,
    }
    if (as === 'follower') return { message: { newsletterFollowerInviteMessageV2: fields } }
    const inviteExpiration = expiresAtMs === undefined ? null : Math.floor(expiresAtMs / 1000)
    return { message: { newsletterAdminInviteMessage: { ...fields, inviteExpiration } } }
  },
})

/** @see OutgoingPhoneNumberRequest */
export const phoneNumberRequestKind: Kind<'phoneNumberRequest', OutgoingPhoneNumberRequest> = defineKind({
  name: 'phoneNumberRequest',
  build: (content) => {
    checkValue('phoneNumberRequest', content.phoneNumberRequest, TRUE)
    return { message: { requestPhoneNumberMessage: {} } }
  },
})

/** @see OutgoingPhoneNumberShare */
export const phoneNumberShareKind: Kind<'phoneNumberShared', OutgoingPhoneNumberShare> = defineKind({
  name: 'phoneNumberShared',
  takesOptions: false,
  build: (content) => {
    checkValue('phoneNumberShared', content.phoneNumberShared, TRUE)
    return { message: { protocolMessage: { type: Message.ProtocolMessage.Type.SHARE_PHONE_NUMBER } } }
  },
})

function checkCaption(caption: unknown): void {
  if (caption !== undefined) checkValue('caption', caption, textOf())
}

const GROUP_TYPES = { 0: 'group', 1: 'community' } as const

/** @see GroupInviteContent */
export const groupInvite: ContentReader<'groupInvite', GroupInviteContent> = defineReader(
  'groupInvite',
  ['groupInviteMessage'],
  (invite) =>
    compact<GroupInviteContent>({
      groupInvite: compact<ReceivedGroupInvite>({
        group: invite.groupJid ?? '',
        code: invite.inviteCode,
        expiresAtMs: secondsToMs(invite.inviteExpiration),
        name: invite.groupName,
        type: named(GROUP_TYPES, invite.groupType),
        thumbnail: bytesText(invite.jpegThumbnail),
      }),
      caption: invite.caption,
    }),
)

interface InviteFields {
  readonly newsletterJid?: string | null
  readonly newsletterName?: string | null
  readonly jpegThumbnail?: Uint8Array | null
  readonly caption?: string | null
}

function newsletterInviteOf(
  invite: InviteFields,
  as: 'follower' | 'admin',
  expiresAtMs?: number,
): NewsletterInviteContent {
  return compact<NewsletterInviteContent>({
    newsletterInvite: compact<ReceivedNewsletterInvite>({
      newsletter: invite.newsletterJid ?? '',
      as,
      name: invite.newsletterName,
      expiresAtMs,
      thumbnail: bytesText(invite.jpegThumbnail),
    }),
    caption: invite.caption,
  })
}

/** @see NewsletterInviteContent */
export const newsletterInvite: ContentReader<'newsletterInvite', NewsletterInviteContent> = defineReader(
  'newsletterInvite',
  ['newsletterFollowerInviteMessageV2'],
  (invite) => newsletterInviteOf(invite, 'follower'),
)

/** @see NewsletterInviteContent */
export const newsletterAdminInvite: ContentReader<'newsletterInvite', NewsletterInviteContent> = defineReader(
  'newsletterInvite',
  ['newsletterAdminInviteMessage'],
  (invite) => newsletterInviteOf(invite, 'admin', secondsToMs(invite.inviteExpiration)),
)

/** @see PhoneNumberRequestContent */
export const phoneNumberRequest: ContentReader<'phoneNumberRequest', PhoneNumberRequestContent> =
  defineReader('phoneNumberRequest', ['requestPhoneNumberMessage'], () => ({ phoneNumberRequest: true }))
