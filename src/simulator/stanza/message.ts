/**
 * `<message>` on its way in and out: the shape a sender must keep and the stanza each receiving device gets.
 *
 * ```xml
 * <message id to type><participants><to jid><enc v="2" type="pkmsg">...</enc></to>...</participants><device-identity/></message>
 * <message from id type t notify sender_lid><enc v="2" type="pkmsg">...</enc><device-identity/></message>
 * ```
 *
 * @source Baileys 7.0.0-rc14 `lib/Socket/messages-send.js` relayMessage, `lib/Utils/decode-wa-message.js`;
 *   whatsmeow `message.go` parseMessageSource
 */
import { childOf, childrenOf, contentBytes, node, requireAttribute } from '../../protocol/binary/node.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import type { ChildShape, Shape } from './shape.ts'
import { SERVER } from './iq.ts'

/** Devices one message is addressed to. */
const MAX_PARTICIPANTS = 5_000
/** First byte of every Signal message: current version 3, least version 3. */
const SIGNAL_VERSION_BYTE = 0x33

/** The `type` attributes of messages. */
export const MESSAGE_TYPES: readonly string[] = [
  'text',
  'media',
  'reaction',
  'poll',
  'event',
  'medianotify',
  'pay',
]

const ENC: ChildShape = {
  max: 2,
  required: ['v', 'type'],
  optional: ['mediatype', 'decrypt-fail', 'count', 'native_flow_name'],
  content: 'bytes',
}

/** What a client may send. */
export const MESSAGE_SHAPE: Shape = {
  required: ['id', 'to', 'type'],
  optional: [
    'phash',
    'edit',
    'category',
    'push_priority',
    'device_fanout',
    'participant',
    'recipient',
    'recipient_pn',
    'peer_recipient_pn',
    'peer_recipient_lid',
    'peer_recipient_username',
    'addressing_mode',
    'expiration',
  ],
  content: {
    children: {
      participants: {
        content: {
          children: {
            to: {
              min: 1,
              max: MAX_PARTICIPANTS,
              required: ['jid'],
              content: { children: { enc: { ...ENC, min: 1 } } },
            },
          },
        },
      },
      enc: ENC,
      'device-identity': { content: 'bytes' },
      reporting: {
        content: {
          children: {
            reporting_token: { required: ['v'], content: 'bytes' },
            reporting_tag: { content: 'bytes' },
          },
        },
      },
      meta: {
        optional: [
          'appdata',
          'polltype',
          'event_type',
          'tag_reason',
          'target_id',
          'thread_msg_id',
          'thread_msg_sender_jid',
        ],
      },
      tctoken: { optional: ['t'], content: 'bytes' },
      cstoken: { content: 'bytes' },
      biz: {
        optional: ['actual_actors', 'host_storage', 'privacy_mode_ts', 'native_flow_name'],
        content: 'anything',
      },
    },
  },
}

/** One encrypted copy: for which device, and its `<enc>` children. */
export interface MessageCopy {
  readonly jid: string
  readonly encs: readonly BinaryNode[]
}

/**
 * The copies in a message: the one directly in the stanza, or those of `<participants>`. What is repeated for one device
 * may have both, and the direct one counts.
 */
export function readCopies(message: BinaryNode): readonly MessageCopy[] {
  const direct = childrenOf(message, 'enc')
  if (direct.length > 0) return [{ jid: requireAttribute(message, 'to'), encs: direct }]
  return addressedCopies(message)
}

function addressedCopies(message: BinaryNode): readonly MessageCopy[] {
  const participants = childOf(message, 'participants')
  const copies = participants === undefined ? [] : childrenOf(participants, 'to')
  return copies.map((to) => ({ jid: requireAttribute(to, 'jid'), encs: childrenOf(to, 'enc') }))
}

/** What is wrong with an `<enc>` of a person-to-person message; `undefined` when nothing is. */
export function findEncViolation(enc: BinaryNode): string | undefined {
  const { v, type } = enc.attrs
  if (v !== '2') return `<enc> has v="${v ?? ''}" instead of "2"`
  if (type !== 'pkmsg' && type !== 'msg')
    return `<enc> has type="${type ?? ''}" in a person-to-person message`
  if (contentBytes(enc)?.[0] !== SIGNAL_VERSION_BYTE) return '<enc> does not hold a version 3 Signal message'
  return undefined
}

/** What a receiving device gets besides what is copied from the sender's stanza. */
export interface DeliveryFacts {
  /** The sending device, addressed as the copy was. */
  readonly from: string
  readonly nowSeconds: number
  readonly senderName: string
  /** For a device of somebody else: the sender's other address. */
  readonly senderAlt: Readonly<Record<'sender_pn' | 'sender_lid', string | undefined>>
  /** For another device of the sender: the chat, and the chat's other address. */
  readonly recipient: string | undefined
  readonly recipientAlt: Readonly<Record<'peer_recipient_pn' | 'peer_recipient_lid', string | undefined>>
  readonly encs: readonly BinaryNode[]
}

/** Children that go to every receiver as they are. */
const PASSED_ON = ['device-identity', 'reporting', 'meta', 'biz']

/** The stanza for one receiving device. */
export function deliveredMessage(message: BinaryNode, facts: DeliveryFacts): BinaryNode {
  const { id, type, edit, category } = message.attrs
  const attributes = {
    from: facts.from,
    recipient: facts.recipient,
    id,
    type,
    t: facts.nowSeconds,
    notify: category === 'peer' ? undefined : facts.senderName,
    category,
    edit,
    ...facts.senderAlt,
    ...facts.recipientAlt,
  }
  const needsIdentity = facts.encs.some((enc) => enc.attrs['type'] === 'pkmsg')
  const passed = childrenOf(message).filter(
    (child) => PASSED_ON.includes(child.tag) && (needsIdentity || child.tag !== 'device-identity'),
  )
  return node('message', attributes, [...facts.encs, ...passed])
}

/** `<ack class="message">`: the server has the message, perhaps with other devices in mind, or says with a code why not. */
export function messageAck(
  message: BinaryNode,
  nowSeconds: number,
  error?: number,
  phash?: string,
): BinaryNode {
  const { id, to } = message.attrs
  return node('ack', { class: 'message', id, from: to ?? SERVER, t: nowSeconds, error, phash })
}

/**
 * Whether a message is repeated for one device in the shape of a message for many, which the server refuses with 479.
 *
 * @source whatsapp-rust `src/retry.rs`: a repetition goes as one `<enc>` to one device
 */
export function isMisplacedRepeat(message: BinaryNode): boolean {
  if (childrenOf(message, 'enc').length > 0) return false
  const isCounted = addressedCopies(message).some(({ encs }) =>
    encs.some((enc) => enc.attrs['count'] !== undefined),
  )
  return isCounted || message.attrs['device_fanout'] === 'false'
}

/**
 * What is wrong with a message that has a copy of its own and others beside it; `undefined` when nothing is. Only a
 * repetition may have both, and the others are for the same device.
 *
 * @source Baileys 7.0.0-rc14 `lib/Socket/messages-send.js` relayMessage: what it repeats for a device is encrypted twice
 */
export function findBesideViolation(message: BinaryNode): string | undefined {
  if (childrenOf(message, 'enc').length === 0) return undefined
  const { to, device_fanout: fanOut } = message.attrs
  const beside = addressedCopies(message)
  if (beside.length === 0 || (fanOut === 'false' && beside.every(({ jid }) => jid === to))) return undefined
  return '<message> carries both <participants> and <enc> to one person'
}
