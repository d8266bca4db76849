/**
 * Events about groups and communities: who is in them, what they are called and allow, who asks to join.
 */
import type {
  GroupRole,
  GroupSettings as StatedSettings,
  ParticipantAction,
} from '../../protocol/stanza/notifications/group.ts'
import { defineEvent } from './definition.ts'
import type { EventDefinition, Zod, ZodSchema } from './definition.ts'
import { personSchema, timeSchema } from './shared.ts'
import type { Person } from './shared.ts'

/** What a group is and allows. A member that is absent has not changed. */
export interface GroupSettings extends StatedSettings {
  /** Names the new picture; empty when it was taken away. */
  readonly pictureId?: string
}

/** A member of a group. */
export interface GroupMember extends Person {
  /** Absent for ordinary members. */
  readonly role?: GroupRole
}

/** What all events about one group say. */
export interface GroupEvent {
  /** The group. */
  readonly chat: string
  /** Who did it, when the server says so. */
  readonly author?: Person
  /** When, in milliseconds since the epoch. */
  readonly atMs: number
}

/** A group was created, or this account came into it. */
export interface GroupCreatedPayload extends GroupEvent {
  /** Who began it. */
  readonly creator?: Person
  /** When it began, in milliseconds since the epoch. */
  readonly createdAtMs?: number
  /** What it is and allows. */
  readonly settings: GroupSettings
  /** Who is in it. */
  readonly participants: readonly GroupMember[]
  /** The community that it belongs to. */
  readonly parent?: string
  /** Whether it is a community itself. */
  readonly isCommunity: boolean
}

/** What a group is called, looks like or allows has changed. */
export interface GroupChangedPayload extends GroupEvent {
  /** What is different now. */
  readonly settings: GroupSettings
}

/** A group is no more. */
export interface GroupDeletedPayload extends GroupEvent {
  /** Why, in the server's words. */
  readonly reason?: string
}

/** Who is in a group, or what they may do, has changed. */
export interface GroupParticipantsPayload extends GroupEvent {
  /** `remove`: by somebody else; `leave`: by themselves; `modify`: they have another number. */
  readonly action: ParticipantAction
  /** Whom it is about. */
  readonly participants: readonly GroupMember[]
  /** Why, in the server's words, e.g. `invite`: they came by link. */
  readonly reason?: string
}

/** The invitation link of a group is another one. */
export interface GroupInvitePayload extends GroupEvent {
  /** The code of the new link, when the server says so. */
  readonly code?: string
}

/** Somebody asks to join a group, or does not any more. */
export interface GroupRequestPayload extends GroupEvent {
  /** `revoked`: taken back; `rejected`: by an admin. */
  readonly action: 'created' | 'revoked' | 'rejected'
  /** Who wants to join. */
  readonly participants: readonly GroupMember[]
  /** How, in the server's words, e.g. `invite_link`. */
  readonly method?: string
}

/** Groups became part of a community, or are not any more. */
export interface GroupLinkedPayload extends GroupEvent {
  /** Whether they belong together now. */
  readonly isLinked: boolean
  /** What the others are to this group, in the server's words, e.g. `sub_group`. */
  readonly relation: string
  /** The other groups. */
  readonly groups: readonly string[]
  /** Why, in the server's words. */
  readonly reason?: string
}

function settingsSchema(z: Zod): ZodSchema<GroupSettings> {
  return z.object({
    subject: z.string().exactOptional(),
    description: z.string().exactOptional(),
    isAnnouncement: z.boolean().exactOptional(),
    isLocked: z.boolean().exactOptional(),
    ephemeralSeconds: z.number().exactOptional(),
    membersMayAdd: z.boolean().exactOptional(),
    needsApproval: z.boolean().exactOptional(),
    allowsFrequentlyForwarded: z.boolean().exactOptional(),
    isGrowthLocked: z.boolean().exactOptional(),
    isSuspended: z.boolean().exactOptional(),
    pictureId: z.string().exactOptional(),
  })
}

function memberSchema(z: Zod): ZodSchema<GroupMember> {
  return z.object({
    jid: z.string(),
    pn: z.string().exactOptional(),
    lid: z.string().exactOptional(),
    role: z.enum(['admin', 'superadmin']).exactOptional(),
  })
}

const aboutGroup = (z: Zod) => ({
  chat: z.string(),
  author: personSchema(z).exactOptional(),
  atMs: timeSchema(z),
})

/** A group that is new to this account. */
export const GROUP_CREATED: EventDefinition<'group.created', GroupCreatedPayload> = defineEvent({
  type: 'group.created',
  version: 1,
  schema: (z) =>
    z.object({
      ...aboutGroup(z),
      creator: personSchema(z).exactOptional(),
      createdAtMs: timeSchema(z).exactOptional(),
      settings: settingsSchema(z),
      participants: z.array(memberSchema(z)),
      parent: z.string().exactOptional(),
      isCommunity: z.boolean(),
    }),
})

/** What a group is called, looks like or allows. */
export const GROUP_CHANGED: EventDefinition<'group.changed', GroupChangedPayload> = defineEvent({
  type: 'group.changed',
  version: 1,
  schema: (z) => z.object({ ...aboutGroup(z), settings: settingsSchema(z) }),
})

/** A group that is no more. */
export const GROUP_DELETED: EventDefinition<'group.deleted', GroupDeletedPayload> = defineEvent({
  type: 'group.deleted',
  version: 1,
  schema: (z) => z.object({ ...aboutGroup(z), reason: z.string().exactOptional() }),
})

/** Who is in a group. */
export const GROUP_PARTICIPANTS: EventDefinition<'group.participants', GroupParticipantsPayload> =
  defineEvent({
    type: 'group.participants',
    version: 1,
    schema: (z) =>
      z.object({
        ...aboutGroup(z),
        action: z.enum(['add', 'remove', 'leave', 'promote', 'demote', 'modify']),
        participants: z.array(memberSchema(z)),
        reason: z.string().exactOptional(),
      }),
  })

/** The invitation link. */
export const GROUP_INVITE: EventDefinition<'group.invite', GroupInvitePayload> = defineEvent({
  type: 'group.invite',
  version: 1,
  schema: (z) => z.object({ ...aboutGroup(z), code: z.string().exactOptional() }),
})

/** Who asks to join. */
export const GROUP_REQUEST: EventDefinition<'group.request', GroupRequestPayload> = defineEvent({
  type: 'group.request',
  version: 1,
  schema: (z) =>
    z.object({
      ...aboutGroup(z),
      action: z.enum(['created', 'revoked', 'rejected']),
      participants: z.array(memberSchema(z)),
      method: z.string().exactOptional(),
    }),
})

/** Which groups belong together. */
export const GROUP_LINKED: EventDefinition<'group.linked', GroupLinkedPayload> = defineEvent({
  type: 'group.linked',
  version: 1,
  schema: (z) =>
    z.object({
      ...aboutGroup(z),
      isLinked: z.boolean(),
      relation: z.string(),
      groups: z.array(z.string()),
      reason: z.string().exactOptional(),
    }),
})
