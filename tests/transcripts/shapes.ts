/** Stanzas that Baileys cannot make a server send: built after the shapes that other projects have seen. */
import { node } from 'waton/protocol'
import type { BinaryNode } from 'waton/protocol'
import { stanzas } from 'waton/simulator'

/** What a server sends. */
export interface ShapeKind {
  readonly about: string
  /** Where the shape is from. */
  readonly source: string
  readonly inbound: readonly BinaryNode[]
}

const BOB = '15550000002@s.whatsapp.net'
const BOB_DEVICE = '15550000002:2@s.whatsapp.net'
const GROUP = '120363000000000001@g.us'
const NEWS = '120363000000000002@newsletter'
const SERVER = '@s.whatsapp.net'
const HEAD = { id: 'SHAPE1', from: BOB, atSeconds: 1_700_000_000 }
const CALL = { ...HEAD, from: BOB_DEVICE, callId: 'CALL1' }
const GARBAGE = Uint8Array.of(0x33, 1, 2, 3)
const WHATSMEOW = 'whatsmeow notification.go'
const BAILEYS = 'Baileys 7.0.0-rc14 Socket/messages-recv.js'

function notice(type: string, children: readonly BinaryNode[], from = BOB, source = WHATSMEOW): ShapeKind {
  return {
    about: `a notification of the type ${type}`,
    source,
    inbound: [stanzas.notification({ ...HEAD, from, type }, children)],
  }
}

function group(child: BinaryNode): ShapeKind {
  const head = { ...HEAD, from: GROUP, participant: BOB, type: 'w:gp2' }
  return {
    about: `a group: ${child.tag}`,
    source: 'whatsmeow group.go',
    inbound: [stanzas.notification(head, [child])],
  }
}

function receipt(
  type: string | undefined,
  more: Partial<stanzas.ReceiptFacts> = {},
  children: readonly BinaryNode[] = [],
): ShapeKind {
  const facts = { ...HEAD, from: BOB_DEVICE, ...more, ...(type === undefined ? {} : { type }) }
  return {
    about: `a receipt: ${type ?? 'delivery'}`,
    source: 'whatsmeow receipt.go',
    inbound: [stanzas.receipt(facts, children)],
  }
}

function unreadable(encryption: string, from = BOB, participant?: string): ShapeKind {
  const head = { ...HEAD, from, encryption, ...(participant === undefined ? {} : { participant }) }
  return {
    about: `a message that cannot be read: ${encryption} from ${from}`,
    source: BAILEYS,
    inbound: [stanzas.encryptedMessage(head, GARBAGE)],
  }
}

function call(about: string, stanza: BinaryNode): ShapeKind {
  return { about, source: 'whatsmeow call.go', inbound: [stanza] }
}

function info(about: string, ...children: readonly BinaryNode[]): ShapeKind {
  return { about, source: 'whatsmeow connectionevents.go', inbound: [stanzas.bulletin(...children)] }
}

/** See the file comment. By the name of the file. */
export const SHAPES: Readonly<Record<string, ShapeKind>> = {
  'notification-picture-set': notice('picture', [node('set', { jid: BOB, id: '1700000000' })]),
  'notification-picture-delete': notice('picture', [node('delete', { jid: BOB })]),
  'notification-status': notice('status', [node('set', {}, 'Busy')]),
  'notification-devices-add': notice('devices', [
    node('add', {}, [node('device', { jid: BOB_DEVICE, 'key-index': '2' })]),
  ]),
  'notification-devices-remove': notice('devices', [
    node('remove', {}, [node('device', { jid: BOB_DEVICE, 'key-index': '2' })]),
  ]),
  'notification-identity': notice('encrypt', [node('identity')]),
  'notification-pre-keys': notice('encrypt', [node('count', { value: '100' })], SERVER),
  'notification-account-sync': notice('account_sync', [
    node('disappearing_mode', { duration: '86400', t: '1700000000' }),
  ]),
  'notification-blocklist': notice('account_sync', [
    node('blocklist', { dhash: '1' }, [node('item', { action: 'block', jid: BOB })]),
  ]),
  'notification-privacy-token': notice('privacy_token', [
    node('tokens', {}, [
      node('token', { jid: BOB, t: '1700000000', type: 'trusted_contact' }, Uint8Array.of(1, 2)),
    ]),
  ]),
  'notification-server-sync': notice(
    'server_sync',
    [node('collection', { name: 'regular', version: '3' })],
    SERVER,
  ),
  'notification-contacts': notice('contacts', [node('update', { hash: 'abcd' })]),
  'notification-business': notice('business', [node('remove', { jid: BOB })]),
  'notification-media-retry': notice('mediaretry', [
    node('error', { code: '2' }),
    node('rmr', { jid: BOB, from_me: 'false' }),
  ]),
  'notification-newsletter': notice('newsletter', [node('live_updates')], NEWS),
  'notification-mex': notice(
    'mex',
    [node('update', { op_name: 'NotificationNewsletterUpdate' }, '{"data":{}}')],
    SERVER,
  ),
  'notification-psa': notice('psa', [], SERVER),
  'notification-unknown': notice('something-new', [node('surprise')]),
  'group-create': group(
    node('create', { type: 'new', key: 'k' }, [
      node(
        'group',
        {
          id: '120363000000000001',
          creator: BOB,
          creation: '1700000000',
          subject: 'Friends',
          s_t: '1700000000',
          s_o: BOB,
        },
        [node('participant', { jid: BOB, type: 'superadmin' })],
      ),
    ]),
  ),
  'group-subject': group(node('subject', { subject: 'Best friends', s_t: '1700000000', s_o: BOB })),
  'group-add': group(node('add', {}, [node('participant', { jid: BOB })])),
  'group-remove': group(node('remove', {}, [node('participant', { jid: BOB })])),
  'group-promote': group(node('promote', {}, [node('participant', { jid: BOB })])),
  'group-announcement': group(node('announcement')),
  'group-ephemeral': group(node('ephemeral', { expiration: '86400' })),
  'receipt-delivery': receipt(undefined),
  'receipt-read': receipt('read'),
  'receipt-read-list': receipt('read', { moreIds: ['SHAPE2', 'SHAPE3'] }),
  'receipt-played': receipt('played'),
  'receipt-read-self': receipt('read-self', {
    from: '15550000001@s.whatsapp.net',
    attributes: { recipient: BOB },
  }),
  'receipt-group': receipt('read', { from: GROUP, participant: BOB_DEVICE }),
  'receipt-server-error': receipt('server-error'),
  'receipt-unknown': receipt('something-new'),
  'receipt-retry': {
    about: 'a device asks for a message that was never sent',
    source: BAILEYS,
    inbound: [stanzas.retryReceipt({ ...HEAD, from: BOB_DEVICE, count: 1, registrationId: 77 })],
  },
  'ack-error': {
    about: 'a message that was never sent is refused',
    source: BAILEYS,
    inbound: [stanzas.ack({ ...HEAD, class: 'message', error: 479 })],
  },
  'unreadable-msg': unreadable('msg'),
  'unreadable-pkmsg': unreadable('pkmsg'),
  'unreadable-group': unreadable('skmsg', GROUP, BOB_DEVICE),
  'unreadable-status': unreadable('skmsg', 'status@broadcast', BOB_DEVICE),
  'unreadable-bot': unreadable('msmsg', '13135550002@bot'),
  'unreadable-new': unreadable('something-new'),
  'unreadable-again': {
    about: 'a message that cannot be read comes three times',
    source: 'Baileys #2779',
    inbound: [0, 1, 2].map(() => stanzas.encryptedMessage({ ...HEAD, encryption: 'msg' }, GARBAGE)),
  },
  'unavailable-view-once': {
    about: 'a message that only the phone gets',
    source: BAILEYS,
    inbound: [stanzas.unavailableMessage(HEAD)],
  },
  'message-without-content': {
    about: 'a message without anything in it',
    source: BAILEYS,
    inbound: [node('message', { id: 'SHAPE1', from: BOB, t: '1700000000', type: 'text' })],
  },
  'message-malformed': {
    about: 'a message without a time',
    source: 'shape of no server',
    inbound: [node('message', { id: 'SHAPE1', from: BOB, t: 'soon' })],
  },
  newsletter: {
    about: 'a message of a channel',
    source: BAILEYS,
    inbound: [
      stanzas.newsletterMessage({ ...HEAD, from: NEWS, serverId: 100 }, Uint8Array.of(0x0a, 2, 0x68, 0x69)),
    ],
  },
  'newsletter-malformed': {
    about: 'bytes of a channel that are no message',
    source: BAILEYS,
    inbound: [stanzas.newsletterMessage({ ...HEAD, from: NEWS, serverId: 101 }, Uint8Array.of(0xff, 0xff))],
  },
  'call-offer': call('somebody calls', stanzas.callOffer(CALL)),
  'call-video': call('somebody calls with video', stanzas.callOffer({ ...CALL, video: true })),
  'call-group': call('a group is called', stanzas.callOfferNotice({ ...CALL, groupJid: GROUP })),
  'call-missed': {
    ...call('a call that nobody took', stanzas.callOffer(CALL)),
    inbound: [stanzas.callOffer(CALL), stanzas.callTerminate({ ...CALL, id: 'SHAPE2', reason: 'timeout' })],
  },
  'call-accept': call('a call is taken elsewhere', stanzas.callSignal('accept', CALL)),
  'call-transport': call('the transport of a call', stanzas.callSignal('transport', CALL)),
  'presence-available': {
    about: 'somebody is there',
    source: 'whatsmeow presence.go',
    inbound: [stanzas.presence({ from: BOB, isAvailable: true })],
  },
  'presence-last-seen': {
    about: 'somebody left',
    source: 'whatsmeow presence.go',
    inbound: [stanzas.presence({ from: BOB, isAvailable: false, last: 1_700_000_000 })],
  },
  'chat-state-composing': {
    about: 'somebody types',
    source: 'whatsmeow presence.go',
    inbound: [stanzas.chatState({ from: BOB, state: 'composing' })],
  },
  'chat-state-recording': {
    about: 'somebody records in a group',
    source: 'whatsmeow presence.go',
    inbound: [stanzas.chatState({ from: GROUP, participant: BOB, state: 'recording' })],
  },
  'info-dirty': info(
    'groups changed while we were away',
    node('dirty', { type: 'groups', timestamp: '1700000000' }),
  ),
  'info-routing': info(
    'where to connect next time',
    node('edge_routing', {}, [node('routing_info', {}, Uint8Array.of(1, 2, 3))]),
  ),
  'info-expiration': info('this version is refused soon', node('client_expiration', { t: '1800000000' })),
  'info-threads': info('facts about threads', node('thread_metadata', {}, [node('item')])),
  'info-offline-empty': info(
    'nothing waited',
    node('offline_preview', { count: '0', message: '0', receipt: '0', notification: '0', appdata: '0' }),
    node('offline', { count: '0' }),
  ),
  'info-malformed': info('a bulletin without its kind', node('dirty')),
  'unknown-tag': {
    about: 'a stanza of a name that nobody knows',
    source: 'shape of no server',
    inbound: [stanzas.unknown('surprise', HEAD)],
  },
  'unknown-status': {
    about: 'a stanza named status',
    source: 'whatsapp-rust #1101',
    inbound: [stanzas.unknown('status', HEAD)],
  },
  'server-ping': {
    about: 'the server asks whether the client is there',
    source: 'whatsapp-rust keepalive',
    inbound: [node('iq', { from: SERVER, type: 'get', xmlns: 'urn:xmpp:ping', id: '7' })],
  },
}
