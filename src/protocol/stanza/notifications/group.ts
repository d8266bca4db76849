/**
 * What changed in a group (`type="w:gp2"`): who is in it, what it is called, what its members may do, who asks to join. One
 * stanza may hold several changes; tags that nobody knows come through as `unknown`.
 *
 * @source Baileys 7.0.0-rc14 `Socket/messages-recv.js` handleGroupNotification, `Socket/groups.js` extractGroupMetadata;
 *   whatsapp-rust `wacore/src/stanza/groups.rs` for what Baileys leaves out (several children, delete, link, growth, revoke)
 */
import {
  childOf,
  childrenOf,
  contentText,
  numberAttribute,
  requireAttribute,
  requireChild,
  type BinaryNode,
} from '../../binary/node.ts'
import { sameUser } from '../../jid.ts'

/** What a member of a group may do beyond what all may. */
export type GroupRole = 'admin' | 'superadmin'

/** One member, by the address that the stanza uses; the other address is found by `addressPairsWithin`. */
export interface GroupParticipant {
  /** As on the wire. */
  readonly jid: string
  /** Absent for ordinary members. */
  readonly role?: GroupRole
}

/** What happened to members. */
export type ParticipantAction = 'add' | 'remove' | 'leave' | 'promote' | 'demote' | 'modify'

/** What a group is and allows, as far as a stanza says. */
export interface GroupSettings {
  /** What it is called. */
  readonly subject?: string
  /** What it is for; empty when it was taken away. */
  readonly description?: string
  /** Whether only admins may write. */
  readonly isAnnouncement?: boolean
  /** Whether only admins may change subject, description and picture. */
  readonly isLocked?: boolean
  /** After how many seconds new messages vanish; 0: they stay. */
  readonly ephemeralSeconds?: number
  /** Whether every member may add others, not only admins. */
  readonly membersMayAdd?: boolean
  /** Whether admins must let in who wants to join. */
  readonly needsApproval?: boolean
  /** Whether often forwarded messages may be sent. */
  readonly allowsFrequentlyForwarded?: boolean
  /** Whether nobody can join by link for a while. */
  readonly isGrowthLocked?: boolean
  /** Whether WhatsApp has put the group out of use. */
  readonly isSuspended?: boolean
}

/** A group that was created, or that this account came into. */
export interface CreatedGroup extends GroupSettings {
  /** The group's JID. */
  readonly id: string
  /** Who began it, as on the wire. */
  readonly creator?: string
  /** When it began, in seconds since the epoch. */
  readonly createdAtSeconds?: number
  /** Who is in it. */
  readonly participants: readonly GroupParticipant[]
  /** The community that it belongs to. */
  readonly parent?: string
  /** Whether it is a community itself. */
  readonly isCommunity: boolean
}

/** One change. */
export type GroupChange =
  | { readonly type: 'created'; readonly group: CreatedGroup }
  | { readonly type: 'deleted'; readonly reason?: string }
  | { readonly type: 'settings'; readonly settings: GroupSettings }
  | {
      readonly type: 'participants'
      readonly action: ParticipantAction
      readonly participants: readonly GroupParticipant[]
      /** Why, e.g. `invite`: they came by link. */
      readonly reason?: string
    }
  /** The invitation link is another one; with a code when the stanza names the new one. */
  | { readonly type: 'invite'; readonly code?: string }
  | {
      readonly type: 'requests'
      readonly action: 'created' | 'revoked' | 'rejected'
      /** Who wants to join. */
      readonly participants: readonly GroupParticipant[]
      /** How, e.g. `invite_link`, `linked_group_join`, `non_admin_add`. */
      readonly method?: string
    }
  | {
      readonly type: 'linked' | 'unlinked'
      /** What the groups are to this one, e.g. `parent_group`, `sub_group`. */
      readonly relation: string
      readonly groups: readonly string[]
      readonly reason?: string
    }
  | { readonly type: 'unknown'; readonly tag: string }

type Reader = (child: BinaryNode, stanza: BinaryNode) => GroupChange

const GROUP_SERVER = '@g.us'

/** Said for other kinds of client. @source whatsapp-rust `groups.rs`: skipped */
const PASSED_OVER: ReadonlySet<string> = new Set(['missing_participant_identification'])

const settings = (read: (child: BinaryNode) => GroupSettings): Reader => {
  return (child) => ({ type: 'settings', settings: read(child) })
}

const participants = (action: ParticipantAction): Reader => {
  return (child, stanza) => {
    const people = participantsIn(child)
    const reason = child.attrs.reason
    return {
      type: 'participants',
      action: action === 'remove' && isLeaving(people, stanza) ? 'leave' : action,
      participants: people,
      ...(reason === undefined ? {} : { reason }),
    }
  }
}

/** By tag. A map, because tags come from outside. */
const READERS: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ['create', (child) => ({ type: 'created', group: createdGroup(requireChild(child, 'group')) })],
  ['delete', (child) => ({ type: 'deleted', ...reasonOf(child.attrs.reason) })],
  ['add', participants('add')],
  ['remove', participants('remove')],
  ['leave', participants('leave')],
  ['promote', participants('promote')],
  ['demote', participants('demote')],
  ['modify', participants('modify')],
  ['subject', settings((child) => ({ subject: requireAttribute(child, 'subject') }))],
  ['description', settings((child) => ({ description: descriptionOf(child) }))],
  ['announcement', settings(() => ({ isAnnouncement: true }))],
  ['not_announcement', settings(() => ({ isAnnouncement: false }))],
  ['locked', settings(() => ({ isLocked: true }))],
  ['unlocked', settings(() => ({ isLocked: false }))],
  ['ephemeral', settings((child) => ({ ephemeralSeconds: numberAttribute(child, 'expiration') ?? 0 }))],
  ['not_ephemeral', settings(() => ({ ephemeralSeconds: 0 }))],
  ['member_add_mode', settings((child) => ({ membersMayAdd: contentText(child) === 'all_member_add' }))],
  ['membership_approval_mode', settings((child) => ({ needsApproval: approvalOf(child) }))],
  ['no_frequently_forwarded', settings(() => ({ allowsFrequentlyForwarded: false }))],
  ['frequently_forwarded_ok', settings(() => ({ allowsFrequentlyForwarded: true }))],
  ['growth_locked', settings(() => ({ isGrowthLocked: true }))],
  ['growth_unlocked', settings(() => ({ isGrowthLocked: false }))],
  ['suspended', settings(() => ({ isSuspended: true }))],
  ['unsuspended', settings(() => ({ isSuspended: false }))],
  ['invite', ({ attrs: { code } }) => ({ type: 'invite', ...(code === undefined ? {} : { code }) })],
  ['revoke', () => ({ type: 'invite' })],
  ['created_membership_requests', readRequests],
  ['revoked_membership_requests', readRequests],
  ['link', (child) => readLink('linked', child)],
  ['unlink', (child) => readLink('unlinked', child)],
])

/**
 * All changes of one stanza, in order.
 *
 * ```xml
 * <notification from="120363000000000001@g.us" id="..." t="..." type="w:gp2" participant="100000000002@lid"
 *     participant_pn="15550000002@s.whatsapp.net" addressing_mode="lid">
 *   <add reason="invite"><participant jid="100000000003@lid" phone_number="15550000003@s.whatsapp.net" type="admin"/></add>
 *   <subject subject="Hiking" s_t="..." s_o="..."/>
 *   <description id="..."><body>every sunday</body></description>
 *   <ephemeral expiration="86400"/>
 *   <created_membership_requests request_method="invite_link"><requested_user jid="..." phone_number="..."/></created_membership_requests>
 *   <link link_type="sub_group"><group jid="..." subject="..."/></link>
 *   <create><group id="120363000000000001" subject="Hiking" creator="..." creation="..."><participant jid="..." type="superadmin"/></group></create>
 * </notification>
 * ```
 */
export function parseGroupChanges(stanza: BinaryNode): readonly GroupChange[] {
  return childrenOf(stanza)
    .filter(({ tag }) => !PASSED_OVER.has(tag))
    .map((child) => READERS.get(child.tag)?.(child, stanza) ?? { type: 'unknown', tag: child.tag })
}

/** Everybody in it: `<participant>`, and `<requested_user>` where others ask for them. */
function participantsIn(owner: BinaryNode): readonly GroupParticipant[] {
  return childrenOf(owner)
    .filter(({ tag }) => tag === 'participant' || tag === 'requested_user')
    .map((child) => {
      const jid = requireAttribute(child, 'jid')
      const { type } = child.attrs
      return type === 'admin' || type === 'superadmin' ? { jid, role: type } : { jid }
    })
}

/** Somebody who removes themselves, and nobody else, leaves. */
function isLeaving(people: readonly GroupParticipant[], { attrs }: BinaryNode): boolean {
  const [first] = people
  if (first === undefined || people.length > 1) return false
  return sameUser(first.jid, attrs.participant) || sameUser(first.jid, attrs.participant_pn)
}

function reasonOf(reason: string | undefined): { readonly reason?: string } {
  return reason === undefined ? {} : { reason }
}

function descriptionOf(child: BinaryNode): string {
  const body = childOf(child, 'body')
  return body === undefined ? '' : (contentText(body) ?? '')
}

function approvalOf(child: BinaryNode): boolean {
  return childOf(child, 'group_join')?.attrs.state === 'on'
}

/** A request that its own author takes back is revoked; one that somebody else takes back is rejected. */
function readRequests(child: BinaryNode, stanza: BinaryNode): GroupChange {
  const author = stanza.attrs.participant
  const named = participantsIn(child)
  const people = named.length > 0 || author === undefined ? named : [{ jid: author }]
  const method = child.attrs.request_method
  const isTakenBack = people.every(({ jid }) => sameUser(jid, author))
  const ending = isTakenBack ? 'revoked' : 'rejected'
  return {
    type: 'requests',
    action: child.tag === 'created_membership_requests' ? 'created' : ending,
    participants: people,
    ...(method === undefined ? {} : { method }),
  }
}

function readLink(type: 'linked' | 'unlinked', child: BinaryNode): GroupChange {
  const { link_type: linked, unlink_type: unlinked, unlink_reason: reason } = child.attrs
  return {
    type,
    relation: linked ?? unlinked ?? '',
    groups: childrenOf(child, 'group').map(({ attrs }) => groupJid(attrs.jid ?? attrs.id ?? '')),
    ...reasonOf(reason),
  }
}

function groupJid(id: string): string {
  return id.includes('@') ? id : `${id}${GROUP_SERVER}`
}

function createdGroup(group: BinaryNode): CreatedGroup {
  const { creator, subject } = group.attrs
  const createdAtSeconds = numberAttribute(group, 'creation')
  const description = childOf(group, 'description')
  const parent = childOf(group, 'linked_parent')?.attrs.jid
  const ephemeral = childOf(group, 'ephemeral')
  const addMode = childOf(group, 'member_add_mode')
  const has = (tag: string): boolean => childOf(group, tag) !== undefined
  return {
    id: groupJid(requireAttribute(group, 'id')),
    ...(creator === undefined ? {} : { creator }),
    ...(createdAtSeconds === undefined ? {} : { createdAtSeconds }),
    ...(subject === undefined ? {} : { subject }),
    ...(description === undefined ? {} : { description: descriptionOf(description) }),
    ...(parent === undefined ? {} : { parent }),
    isAnnouncement: has('announcement'),
    isLocked: has('locked'),
    ephemeralSeconds: ephemeral === undefined ? 0 : (numberAttribute(ephemeral, 'expiration') ?? 0),
    membersMayAdd: addMode !== undefined && contentText(addMode) === 'all_member_add',
    needsApproval: has('membership_approval_mode'),
    isCommunity: has('parent'),
    participants: participantsIn(group),
  }
}
