/**
 * Linking by code on the wire: what a companion asks, what the phone answered, and the shapes that both must keep. Nothing
 * is decrypted here: the server carries bytes that only the two sides can read.
 *
 * @source Baileys 7.0.0-rc14 `lib/Socket/socket.js` requestPairingCode, `lib/Socket/messages-recv.js`
 *   link_code_companion_reg; whatsmeow `pair-code.go` for the answer to the first stage
 */
import { ProtocolError } from '../../base/errors.ts'
import {
  contentText,
  node,
  requireAttribute,
  requireBytes,
  requireChild,
} from '../../protocol/binary/node.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import { iqResult, SERVER } from './iq.ts'
import { findViolation } from './shape.ts'
import type { ChildShape, Shape } from './shape.ts'

const TAG = 'link_code_companion_reg'
const NOTIFICATION_TYPE = TAG
const KEY_BYTES = 32
const WRAPPED_KEY_BYTES = 80
/** Salt, nonce, two identity keys, 32 random bytes, tag. */
const BUNDLE_BYTES = 32 + 12 + 3 * KEY_BYTES + 16

const BYTES: ChildShape = { min: 1, content: 'bytes' }
const QUERY = ['id', 'to', 'type', 'xmlns']

const HELLO_SHAPE: Shape = {
  required: QUERY,
  content: {
    children: {
      [TAG]: {
        min: 1,
        required: ['jid', 'stage', 'should_show_push_notification'],
        content: {
          children: {
            link_code_pairing_wrapped_companion_ephemeral_pub: BYTES,
            companion_server_auth_key_pub: BYTES,
            companion_platform_id: BYTES,
            companion_platform_display: BYTES,
            link_code_pairing_nonce: BYTES,
          },
        },
      },
    },
  },
}

const FINISH_SHAPE: Shape = {
  required: QUERY,
  content: {
    children: {
      [TAG]: {
        min: 1,
        required: ['jid', 'stage'],
        content: {
          children: {
            link_code_pairing_wrapped_key_bundle: BYTES,
            companion_identity_public: BYTES,
            link_code_pairing_ref: BYTES,
          },
        },
      },
    },
  },
}

/** The first stage: a companion announces a code. */
export interface CompanionHello {
  readonly stage: 'companion_hello'
  /** Whose phone is to enter the code. */
  readonly jid: string
  readonly wrappedEphemeral: Uint8Array
  readonly noiseKey: Uint8Array
  /** The kind of client, a number as text. */
  readonly platformId: string
}

/** The last stage: the companion's keys for the phone. */
export interface CompanionFinish {
  readonly stage: 'companion_finish'
  readonly jid: string
  readonly wrappedKeyBundle: Uint8Array
  readonly identityKey: Uint8Array
  readonly ref: Uint8Array
}

/** Whether a query is one of the two stages. */
export function isLinkCodeQuery({ attrs, content }: BinaryNode): boolean {
  const [first] = Array.isArray(content) ? (content as readonly BinaryNode[]) : []
  return attrs['type'] === 'set' && attrs['xmlns'] === 'md' && first?.tag === TAG
}

/**
 * Reads a stage.
 *
 * @throws {ProtocolError} `WATON_SIMULATOR_LINK_CODE` naming the place where it leaves its shape
 */
export function readLinkCodeQuery(query: BinaryNode): CompanionHello | CompanionFinish {
  const registration = requireChild(query, TAG)
  const { stage } = registration.attrs
  if (stage === 'companion_hello') return readHello(query, registration)
  if (stage === 'companion_finish') return readFinish(query, registration)
  throw wrong(`"${stage ?? ''}" is not a stage of linking by code`)
}

function readHello(query: BinaryNode, registration: BinaryNode): CompanionHello {
  check(query, HELLO_SHAPE)
  const platformId = contentText(requireChild(registration, 'companion_platform_id')) ?? ''
  if (!/^\d$/.test(platformId)) throw wrong('<companion_platform_id> is not a number from 0 to 9')
  if (contentText(requireChild(registration, 'link_code_pairing_nonce')) !== '0')
    throw wrong('<link_code_pairing_nonce> is not "0"')
  const wrapped = requireChild(registration, 'link_code_pairing_wrapped_companion_ephemeral_pub')
  return {
    stage: 'companion_hello',
    jid: requireAttribute(registration, 'jid'),
    wrappedEphemeral: requireBytes(wrapped, WRAPPED_KEY_BYTES),
    noiseKey: requireBytes(requireChild(registration, 'companion_server_auth_key_pub'), KEY_BYTES),
    platformId,
  }
}

function readFinish(query: BinaryNode, registration: BinaryNode): CompanionFinish {
  check(query, FINISH_SHAPE)
  const bundle = requireChild(registration, 'link_code_pairing_wrapped_key_bundle')
  return {
    stage: 'companion_finish',
    jid: requireAttribute(registration, 'jid'),
    wrappedKeyBundle: requireBytes(bundle, BUNDLE_BYTES),
    identityKey: requireBytes(requireChild(registration, 'companion_identity_public'), KEY_BYTES),
    ref: requireBytes(requireChild(registration, 'link_code_pairing_ref')),
  }
}

/** The answer to the first stage. */
export function helloAccepted(query: BinaryNode, ref: Uint8Array): BinaryNode {
  return iqResult(query, [node(TAG, { stage: 'companion_hello' }, [node('link_code_pairing_ref', {}, ref)])])
}

/** What the phone answered, for the companion. */
export interface PrimaryHello {
  readonly id: string
  readonly nowSeconds: number
  readonly ref: Uint8Array
  readonly primaryIdentity: Uint8Array
  /** Left out where a passkey protects the account. */
  readonly wrappedPrimaryEphemeral: Uint8Array | undefined
}

/** The notification that tells a companion what the phone answered. */
export function primaryHello(hello: PrimaryHello): BinaryNode {
  const { wrappedPrimaryEphemeral: wrapped } = hello
  const attributes = { from: SERVER, id: hello.id, type: NOTIFICATION_TYPE, t: hello.nowSeconds }
  const children = [
    node('primary_identity_pub', {}, hello.primaryIdentity),
    node('link_code_pairing_ref', {}, hello.ref),
  ]
  if (wrapped !== undefined)
    children.unshift(node('link_code_pairing_wrapped_primary_ephemeral_pub', {}, wrapped))
  return node('notification', attributes, [node(TAG, { stage: 'primary_hello' }, children)])
}

/** The notification that a code is over. */
export function refreshCode(facts: {
  readonly id: string
  readonly nowSeconds: number
  readonly ref: Uint8Array
  readonly isManual: boolean
}): BinaryNode {
  const attributes = { from: SERVER, id: facts.id, type: NOTIFICATION_TYPE, t: facts.nowSeconds }
  const stage = { stage: 'refresh_code', force_manual_refresh: String(facts.isManual) }
  return node('notification', attributes, [node(TAG, stage, [node('link_code_pairing_ref', {}, facts.ref)])])
}

function check(query: BinaryNode, shape: Shape): void {
  const violation = findViolation(query, shape)
  if (violation !== undefined) throw wrong(violation)
}

function wrong(text: string): ProtocolError {
  return new ProtocolError('WATON_SIMULATOR_LINK_CODE', text)
}
