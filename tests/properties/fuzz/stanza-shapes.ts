/**
 * Stanzas that no conversation of the simulator has, in their documented form: what a parser must have seen whole before
 * its damaged forms mean anything. The shapes of the transcripts are among them; here is what those lack.
 */
import { utf8Bytes } from '../../../src/base/bytes.ts'
import { node } from '../../../src/protocol/binary/node.ts'
import type { BinaryNode } from '../../../src/protocol/binary/node.ts'
import { SHAPES } from '../../transcripts/shapes.ts'

const ALICE = '15550000001@s.whatsapp.net'
const [BOB, BOB_LID] = ['15550000002@s.whatsapp.net', '100000000002@lid']
const [CAROL, CAROL_LID] = ['15550000003@s.whatsapp.net', '100000000003@lid']
const GROUP = '120363000000000001@g.us'
const NEWS = '120363000000000002@newsletter'
const SERVER = '@s.whatsapp.net'
const AT = '1700000000'

function notice(
  type: string,
  from: string,
  children: readonly BinaryNode[],
  attrs: Readonly<Record<string, string>> = {},
): BinaryNode {
  return node('notification', { id: 'SHAPE1', from, t: AT, type, ...attrs }, children)
}

/** @source Baileys 7.0.0-rc14 `Utils/generics.js` getErrorCodeFromStreamError, `Socket/socket.js` */
const STREAM: readonly BinaryNode[] = [
  node('failure', { reason: '401', location: 'frc' }),
  node('stream:error', { code: '515' }),
  node('stream:error', {}, [node('conflict', { type: 'replaced' })]),
  node('ib', {}, [node('offline_preview', { count: '3', message: '2', receipt: '1' })]),
  node('ib', {}, [node('downgrade_webclient')]),
]

/**
 * While a device is linked.
 *
 * @source Baileys 7.0.0-rc14 `Socket/messages-recv.js` link_code_companion_reg, and its pull request 2765 for new codes;
 *   whatsmeow `pair-passkey.go` for the passkey
 */
const LINKING: readonly BinaryNode[] = [
  notice('link_code_companion_reg', SERVER, [
    node('link_code_companion_reg', { stage: 'primary_hello' }, [
      node('link_code_pairing_wrapped_primary_ephemeral_pub', {}, new Uint8Array(80)),
      node('primary_identity_pub', {}, new Uint8Array(32)),
      node('link_code_pairing_ref', {}, Uint8Array.of(1, 2)),
    ]),
  ]),
  notice('link_code_companion_reg', SERVER, [
    node('link_code_companion_reg', { stage: 'refresh_code', force_manual_refresh: 'true' }, [
      node('link_code_pairing_ref', {}, Uint8Array.of(1, 2)),
    ]),
  ]),
  notice('companion_reg_refresh', SERVER, [node('companion_reg_refresh')]),
  notice('companion_reg_refresh', SERVER, [node('pair-device-rotate-qr')]),
  notice('passkey_prologue_request', SERVER, [node('passkey_request_options', {}, '{"challenge":"x"}')]),
  notice('crsc_continuation', SERVER, [node('primary_ephemeral_identity', {}, new Uint8Array(32))]),
]

/** @source Baileys 7.0.0-rc14 `Socket/messages-recv.js`, whatsmeow `notification.go`, whatsapp-rust `handlers/notification.rs` */
const PEOPLE: readonly BinaryNode[] = [
  notice('encrypt', SERVER, [node('digest')]),
  notice(
    'devices',
    BOB,
    [
      node('add', { device_hash: '2:x' }, [
        node('device', { jid: '15550000002:4@s.whatsapp.net', lid: '100000000002:4@lid', 'key-index': '2' }),
        node('key-index-list', { ts: AT }, Uint8Array.of(1, 2, 3)),
      ]),
      node('update', { hash: 'x' }),
    ],
    { lid: BOB_LID },
  ),
  notice('account_sync', ALICE, [
    node('devices', { dhash: '2:x' }, [node('device', { jid: '15550000001:3@s.whatsapp.net' })]),
    node('privacy', {}, [node('category', { name: 'last', value: 'contacts' })]),
    node('picture'),
  ]),
  notice('server_sync', ALICE, [node('collection', { name: 'critical_block' })]),
  notice('picture', GROUP, [node('set', { jid: GROUP, id: '77', author: BOB, author_lid: BOB_LID })]),
  notice('picture', BOB, []),
  notice('contacts', SERVER, [
    node('modify', { old: BOB, new: '15550000009@s.whatsapp.net', old_lid: BOB_LID, new_lid: BOB_LID }),
    node('update', { jid: BOB }),
    node('sync', { after: AT }),
  ]),
  notice('contacts', SERVER, [node('add', { jid: BOB }), node('remove', { jid: CAROL })]),
  notice('business', BOB, [
    node('verified_name', { jid: BOB, serial: '1', issuer: 'smb:wa' }, [node('name', {}, 'Bikes')]),
    node('profile', { hash: 'x' }),
    node('product_catalog', {}, [
      node('product', {}, [node('id', {}, '1')]),
      node('collection', { id: '2' }),
    ]),
    node('subscriptions'),
  ]),
  notice('disappearing_mode', BOB, [node('disappearing_mode', { duration: '86400', t: AT })]),
  notice('mediaretry', ALICE, [
    node('encrypt', {}, [node('enc_p', {}, new Uint8Array(40)), node('enc_iv', {}, new Uint8Array(12))]),
    node('rmr', { jid: GROUP, from_me: 'false', participant: BOB }),
  ]),
]

/** @source whatsapp-rust `wacore/src/stanza/groups.rs`, Baileys 7.0.0-rc14 `Socket/groups.js` */
const GROUPS: readonly BinaryNode[] = [
  notice(
    'w:gp2',
    GROUP,
    [
      node('remove', { reason: 'x' }, [node('participant', { jid: BOB_LID, phone_number: BOB })]),
      node('description', { id: '1' }, [node('body', {}, 'every sunday')]),
      node('not_ephemeral'),
      node('member_add_mode', {}, 'all_member_add'),
      node('membership_approval_mode', {}, [node('group_join', { state: 'on' })]),
      node('invite', { code: 'x' }),
      node('novelty'),
    ],
    { participant: BOB_LID, participant_pn: BOB, addressing_mode: 'lid' },
  ),
  notice(
    'w:gp2',
    GROUP,
    [
      node('created_membership_requests', { request_method: 'invite_link' }, [
        node('requested_user', { jid: CAROL_LID, phone_number: CAROL }),
      ]),
      node('revoked_membership_requests', {}, [node('participant', { jid: CAROL_LID })]),
      node('link', { link_type: 'sub_group' }, [node('group', { jid: GROUP, subject: 'Hiking' })]),
      node('unlink', { unlink_type: 'parent_group', unlink_reason: 'x' }, [
        node('group', { id: '120363000000000003' }),
      ]),
      node('delete', { reason: 'x' }),
    ],
    { participant: CAROL },
  ),
]

/** @source Baileys 7.0.0-rc14 `Socket/messages-recv.js` handleNewsletterNotification; whatsmeow `notification.go` */
const NEWSLETTERS: readonly BinaryNode[] = [
  notice('newsletter', NEWS, [
    node('reaction', { message_id: '101' }, [node('reaction', {}, '👍')]),
    node('view', { message_id: '101' }, '42'),
    node('participant', { jid: BOB, action: 'promote', role: 'ADMIN' }),
    node('update', {}, [node('settings', {}, [node('name', {}, 'News'), node('description', {}, 'x')])]),
    node('message', { message_id: 'A', server_id: '102', t: AT }, [
      node('plaintext', {}, Uint8Array.of(0x0a, 2, 0x68, 0x69)),
    ]),
  ]),
  notice('newsletter', NEWS, [
    node('live_updates', {}, [
      node('messages', { t: AT }, [
        node('message', { server_id: '101' }, [
          node('views_count', { count: '42' }),
          node('reactions', {}, [node('reaction', { code: '👍', count: '7' })]),
        ]),
      ]),
    ]),
  ]),
]

/**
 * The JSON of `mex` notifications, one of every kind.
 *
 * @source Baileys 7.0.0-rc14 `Socket/messages-recv.js` handleMexNotification, handleReachoutTimelockNotification,
 *   handleMessageCappingNotification; whatsmeow `notification.go` handleMexNotification
 */
export const MEX: readonly object[] = [
  {
    data: {
      xwa2_notify_account_reachout_timelock: {
        is_active: true,
        time_enforcement_ends: AT,
        enforcement_type: 'DEFAULT',
      },
    },
  },
  { data: { xwa2_notify_new_chat_messages_capping_info_update: { total_quota: 10, used_quota: 3 } } },
  { data: { xwa2_notify_newsletter_on_join: { id: NEWS } } },
  { data: { xwa2_notify_newsletter_on_leave: { id: NEWS } } },
  {
    operation: 'NotificationNewsletterUpdate',
    updates: [{ jid: NEWS, settings: { name: 'News', nested: { deep: [1] } } }],
  },
  { operation: 'NotificationNewsletterAdminPromote', updates: [{ jid: NEWS, user: BOB }] },
  { operation: 'NotificationNewsletterAdminDemote', updates: [{ jid: NEWS, user: BOB }] },
  {
    operation: 'NotificationLinkedProfilesUpdates',
    updates: [{ jid: BOB_LID, added_profiles: [{ pn: BOB }, BOB] }],
  },
]

/** A `mex` notification with one update. */
export function mexNotice(json: string): BinaryNode {
  return notice('mex', SERVER, [node('update', { op_name: 'NotificationUserReachoutTimelockUpdate' }, json)])
}

/** Answers to what Baileys asks of the simulator, where the simulator has nothing to tell. @source Baileys `Socket/chats.js` */
const ANSWERS: readonly BinaryNode[] = [
  node('iq', { id: '1', from: SERVER, type: 'result' }, [
    node('list', { dhash: 'x' }, [node('item', { jid: BOB_LID }), node('item', { jid: CAROL_LID })]),
  ]),
]

const PUBLIC_KEY = [node('id', {}, Uint8Array.of(0, 0, 7)), node('value', {}, new Uint8Array(32))]
const SIGNED_KEY = node('skey', {}, [...PUBLIC_KEY, node('signature', {}, new Uint8Array(64))])

/** Keys, and the request for a message that carries some. */
const KEYS: readonly BinaryNode[] = [
  node('key', {}, PUBLIC_KEY),
  SIGNED_KEY,
  node('receipt', { from: BOB_LID, id: '3EB0AB', type: 'retry', t: '1700000000' }, [
    node('retry', { count: '2', id: '3EB0AB', t: '1700000000', v: '1', error: '4' }),
    node('registration', {}, Uint8Array.of(0, 0, 1, 2)),
    node('keys', {}, [
      node('type', {}, Uint8Array.of(5)),
      node('identity', {}, new Uint8Array(32)),
      node('key', {}, PUBLIC_KEY),
      SIGNED_KEY,
      node('device-identity', {}, new Uint8Array(8)),
    ]),
  ]),
  node('iq', { id: '1', from: SERVER, type: 'result' }, [
    node('result', {}, utf8Bytes('{"data":{"xwa2_fetch_account_reachout_timelock":{"is_active":true}}}')),
  ]),
]

/** @source Baileys 7.0.0-rc14 `Socket/messages-send.js` refreshMediaConn; whatsapp-rust 0.7 for `auth_ttl` and `type` */
const MEDIA: readonly BinaryNode[] = [
  node('iq', { id: '1', from: SERVER, type: 'result' }, [
    node('media_conn', { auth: 'a', ttl: '300', auth_ttl: '21600', max_buckets: '12' }, [
      node('host', { hostname: 'media.example', type: 'primary', maxContentLengthBytes: '16000000' }),
      node('host', { hostname: 'mmg.whatsapp.net', type: 'fallback' }),
    ]),
  ]),
]

/** @source Baileys 7.0.0-rc14 `Utils/chat-utils.js` extractSyncdPatches; whatsapp-rust for a refusal inside a result */
const APP_STATE: readonly BinaryNode[] = [
  node('iq', { id: '1', from: SERVER, type: 'result' }, [
    node('sync', {}, [
      node('collection', { name: 'regular_high', version: '9', has_more_patches: 'true' }, [
        node('patches', {}, [node('patch', {}, new Uint8Array(40))]),
      ]),
      node('collection', { name: 'regular' }, [node('snapshot', {}, new Uint8Array(40))]),
      node('collection', { name: 'regular_low', type: 'error' }, [
        node('error', { code: '409', text: 'conflict' }),
      ]),
    ]),
  ]),
]

/** Children of `<ib>`, each of which has a parser of its own. */
const BULLETINS: readonly BinaryNode[] = [
  node('edge_routing', {}, [node('routing_info', {}, Uint8Array.of(8, 1))]),
  node('dirty', { type: 'groups', timestamp: '1700000000' }),
  node('offline_preview', { count: '3', message: '2', receipt: '1' }),
  node('offline', { count: '3' }),
  node('client_expiration', { t: '1700000000' }),
]

/** See the file comment. */
export const STANZA_SHAPES: readonly BinaryNode[] = [
  ...Object.values(SHAPES).flatMap(({ inbound }) => inbound),
  ...ANSWERS,
  ...STREAM,
  ...LINKING,
  ...PEOPLE,
  ...GROUPS,
  ...NEWSLETTERS,
  ...MEDIA,
  ...APP_STATE,
  ...BULLETINS,
  ...KEYS,
  ...MEX.map((json) => mexNotice(JSON.stringify(json))),
]
