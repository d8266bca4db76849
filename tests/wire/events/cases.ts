/**
 * Stanzas of a server that Baileys makes an event of, each without its id, which every delivery gets anew. The shapes are
 * those of the parsers' sources. What Baileys makes no event of is not here: other devices, identities, texts about
 * somebody, businesses, numbers that changed (it fails to read its own note of one).
 */
import { node } from '../../../src/protocol/binary/node.ts'
import type { BinaryNode } from '../../../src/protocol/binary/node.ts'

/** Somebody who is known by both addresses. */
export const CAROL = '15550000003@s.whatsapp.net'
/** The same person. */
export const CAROL_LID = '100000000003@lid'
const [DAVE, DAVE_LID] = ['15550000004@s.whatsapp.net', '100000000004@lid']
const GROUP = '120363000000000001@g.us'
const NEWS = '120363000000000002@newsletter'
const SERVER = '@s.whatsapp.net'
const T = '1700000000'

/** A stanza that both get, and the name of the event that Baileys makes of it. */
export interface Case {
  readonly stanza: BinaryNode
  readonly tells: string
}

type Children = readonly BinaryNode[]

const notification = (type: string, from: string, children: Children, attrs = {}): BinaryNode =>
  node('notification', { from, type, t: T, ...attrs }, [...children])
const by = { participant: CAROL_LID, participant_pn: CAROL, addressing_mode: 'lid' }
const group = (child: BinaryNode, tells = 'groups.update', attrs: object = by): Case => ({
  stanza: notification('w:gp2', GROUP, [child], attrs),
  tells,
})
const dave = node('participant', { jid: DAVE_LID, phone_number: DAVE })
const participants = (tag: string, who: Children = [dave], attrs: object = by): Case =>
  group(node(tag, {}, [...who]), 'group-participants.update', attrs)
const about = (attrs: object = {}): Record<string, string> => ({
  'call-id': 'CALL1',
  'call-creator': '100000000003:2@lid',
  ...attrs,
})
const call = (child: BinaryNode, attrs = {}): Case => ({
  stanza: node('call', { from: CAROL_LID, t: T, ...attrs }, [child]),
  tells: 'call',
})
const receipt = (tells: string, attrs: object): Case => ({
  stanza: node('receipt', { from: CAROL, t: T, ...attrs }),
  tells,
})
const presence = (attrs: object): Case => ({
  stanza: node('presence', { from: CAROL, ...attrs }),
  tells: 'presence.update',
})
const chatState = (child: BinaryNode): Case => ({
  stanza: node('chatstate', { from: CAROL }, [child]),
  tells: 'presence.update',
})
const picture = (from: string, child: BinaryNode): Case => ({
  stanza: notification('picture', from, [child]),
  tells: 'contacts.update',
})
const newsletter = (tells: string, child: BinaryNode): Case => ({
  stanza: notification('newsletter', NEWS, [child]),
  tells,
})
const accountSync = (tells: string, child: BinaryNode): Case => ({
  stanza: notification('account_sync', SERVER, [child]),
  tells,
})
const mex = (tells: string, operation: string, data: object): Case => ({
  stanza: notification('mex', SERVER, [node('update', { op_name: operation }, JSON.stringify(data))]),
  tells,
})
const oldMex = (tells: string, data: object): Case => ({
  stanza: notification('mex', NEWS, [node('mex', {}, JSON.stringify(data))]),
  tells,
})
const mediaRetry = (children: Children): Case => ({
  stanza: notification('mediaretry', SERVER, [...children, node('rmr', { jid: CAROL, from_me: 'true' })]),
  tells: 'messages.media-update',
})

const newGroup = node(
  'group',
  { id: '120363000000000009', subject: 'New', creation: T, creator: CAROL_LID },
  [
    node('participant', { jid: CAROL_LID, phone_number: CAROL, type: 'superadmin' }),
    dave,
    node('announcement'),
    node('ephemeral', { expiration: '86400' }),
    node('description', { id: 'D1' }, [node('body', {}, 'What for')]),
  ],
)

/** See the file comment. */
export const CASES: Readonly<Record<string, Case>> = {
  'a new subject': group(node('subject', { subject: 'Hiking' })),
  'a subject by somebody of whom the server says one address': group(
    node('subject', { subject: 'Hiking' }),
    'groups.update',
    { participant: '100000000008@lid' },
  ),
  'a description': group(node('description', { id: 'D1' }, [node('body', {}, 'On Sundays')])),
  'only admins write': group(node('announcement')),
  'everybody writes': group(node('not_announcement')),
  'only admins change the group': group(node('locked')),
  'everybody changes the group': group(node('unlocked')),
  'everybody may add': group(node('member_add_mode', {}, 'all_member_add')),
  'only admins may add': group(node('member_add_mode', {}, 'admin_add')),
  'admins let people in': group(node('membership_approval_mode', {}, [node('group_join', { state: 'on' })])),
  'messages that vanish': group(node('ephemeral', { expiration: '86400' }), 'chats.update'),
  'messages that stay': group(node('not_ephemeral'), 'chats.update'),
  'another link': group(node('invite', { code: 'abc' })),
  'another picture of a group': picture(GROUP, node('set', { jid: GROUP, id: '77', author: CAROL_LID })),
  'somebody is added': participants('add'),
  'two are added': participants('add', [dave, node('participant', { jid: CAROL_LID, phone_number: CAROL })]),
  'somebody is removed': participants('remove'),
  'somebody leaves': participants('remove', [dave], { participant: DAVE_LID, participant_pn: DAVE }),
  'somebody becomes admin': participants('promote'),
  'somebody is no admin any more': participants('demote'),
  'somebody asks to join': group(
    node('created_membership_requests', { request_method: 'invite_link' }, [dave]),
    'group.join-request',
  ),
  'somebody takes it back': group(node('revoked_membership_requests', {}, [dave]), 'group.join-request', {
    participant: DAVE_LID,
    participant_pn: DAVE,
  }),
  'somebody is not let in': group(node('revoked_membership_requests', {}, [dave]), 'group.join-request'),
  'a new group': group(node('create', {}, [newGroup]), 'groups.upsert'),
  'another picture': picture(CAROL, node('set', { jid: CAROL, id: '1' })),
  'no picture any more': picture(CAROL, node('delete', { jid: CAROL })),
  'somebody is blocked': accountSync(
    'blocklist.update',
    node('blocklist', {}, [node('item', { jid: CAROL, action: 'block' })]),
  ),
  'somebody is not blocked any more': accountSync(
    'blocklist.update',
    node('blocklist', {}, [node('item', { jid: CAROL, action: 'unblock' })]),
  ),
  'vanishing messages in new chats': accountSync(
    'creds.update',
    node('disappearing_mode', { duration: '86400', t: T }),
  ),
  'somebody is there': presence({}),
  'somebody is gone': presence({ type: 'unavailable', last: T }),
  'somebody is gone and does not say since when': presence({ type: 'unavailable', last: 'deny' }),
  'some members are there': presence({ from: GROUP, count: '3' }),
  'somebody types': chatState(node('composing')),
  'somebody speaks': chatState(node('composing', { media: 'audio' })),
  'somebody has stopped': chatState(node('paused')),
  'a call': call(node('offer', about({ caller_pn: CAROL }), [node('audio')])),
  'a video call of a group': call(
    node('offer', about({ 'call-id': 'C2', 'group-jid': GROUP }), [node('video')]),
  ),
  'a call that waited': call(node('offer', about({ 'call-id': 'C3' })), { offline: '1' }),
  'somebody calls already': call(node('preaccept', about())),
  'the line': call(node('relaylatency', about({ latency: '42' }))),
  'a call that is taken': call(node('accept', about())),
  'a call that nobody took': call(node('terminate', about({ 'call-id': 'C2', reason: 'timeout' }))),
  'a call that is over': call(node('terminate', about({ 'call-id': 'C3' }))),
  'a call that is declined': call(node('reject', about({ 'call-id': 'C4' }))),
  'a message that arrived': receipt('messages.update', {}),
  'a message that was read': receipt('messages.update', { type: 'read' }),
  'a message that was played': receipt('messages.update', { type: 'played' }),
  'a message that a member got': receipt('message-receipt.update', { from: GROUP, participant: CAROL_LID }),
  'a message that a member has read': receipt('message-receipt.update', {
    from: GROUP,
    participant: CAROL_LID,
    type: 'read',
  }),
  'media that are there again': mediaRetry([
    node('encrypt', {}, [node('enc_p', {}, Uint8Array.of(1, 2)), node('enc_iv', {}, new Uint8Array(12))]),
  ]),
  'media that are gone': mediaRetry([node('error', { code: '2' })]),
  'a reaction in a newsletter': newsletter(
    'newsletter.reaction',
    node('reaction', { message_id: '101' }, [node('reaction', {}, '👍')]),
  ),
  'a view of a newsletter': newsletter('newsletter.view', node('view', { message_id: '101' }, '42')),
  'somebody of a newsletter': newsletter(
    'newsletter-participants.update',
    node('participant', { jid: CAROL, action: 'promote', role: 'ADMIN' }),
  ),
  'another name of a newsletter': newsletter(
    'newsletter-settings.update',
    node('update', {}, [node('settings', {}, [node('name', {}, 'News')])]),
  ),
  'settings of a newsletter in JSON': oldMex('newsletter-settings.update', {
    operation: 'NotificationNewsletterUpdate',
    updates: [{ jid: NEWS, settings: { name: 'News' } }],
  }),
  'an admin of a newsletter in JSON': oldMex('newsletter-participants.update', {
    operation: 'NotificationNewsletterAdminPromote',
    updates: [{ jid: NEWS, user: CAROL }],
  }),
  'no new chats for a while': mex('connection.update', 'NotificationUserReachoutTimelockUpdate', {
    data: {
      xwa2_notify_account_reachout_timelock: {
        is_active: true,
        time_enforcement_ends: T,
        enforcement_type: 'DEFAULT',
      },
    },
  }),
  'new chats again': mex('connection.update', 'NotificationUserReachoutTimelockUpdate', {
    data: { xwa2_notify_account_reachout_timelock: { is_active: false } },
  }),
  'only so many new chats': mex('message-capping.update', 'MessageCappingInfoNotification', {
    data: { xwa2_notify_new_chat_messages_capping_info_update: { total_quota: 50, used_quota: 12 } },
  }),
}
