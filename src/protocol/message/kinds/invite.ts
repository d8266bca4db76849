/** Invitations to groups and channels, and phone numbers that are asked for. */
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
