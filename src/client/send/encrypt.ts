/**
 * Turns one outbox item into the stanza that carries it: one encoding for the other side, one for the account's own
 * devices, encrypted for each device within a unit of work, so that the advanced chains and the finished stanza become
 * durable together before anything reaches the wire (promise G3).
 */
import { ClosedError } from '../../base/errors.ts'
import type { RandomSource } from '../../base/random.ts'
import { letOthersRun } from '../../base/turn.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import { signalAddress } from '../../protocol/jid.ts'
import { padMessage } from '../../protocol/message/padding.ts'
import { wrapDeviceSent } from '../../protocol/message/device-sent.ts'
import { buildReporting } from '../../protocol/message/reporting-token.ts'
import { encryptSignal, hasOpenSession } from '../../protocol/signal/index.ts'
import type { LocalIdentity } from '../../protocol/signal/index.ts'
import { buildMessage, stanzaParts } from '../../protocol/stanza/message.ts'
import type { EncryptedCopy } from '../../protocol/stanza/message.ts'
import { canonicalJid } from '../identity/addresses.ts'
import { SESSION } from '../state/records.ts'
import type { Unit } from '../state/unit.ts'
import type { PrivacyTokens } from '../tokens/tokens.ts'
import type { OutboxItem } from './outbox-item.ts'

/** Devices encrypted for without a break: about 2 ms. */
const DEVICES_PER_TURN = 64

/** What encrypting needs to know of the account. */
export interface Sender {
  readonly local: LocalIdentity
  /** Goes along with every pre-key message. */
  readonly deviceIdentity: Uint8Array
  /** This device's own address in the form the chat uses. */
  readonly self: string
}

/** Devices of a message by side. */
export interface Recipients {
  readonly own: readonly string[]
  readonly other: readonly string[]
}

/**
 * Encrypts for every device that has a session.
 *
 * @returns the stanza: what the outbox keeps, encoded, and the wire gets
 *
 * @throws {ClosedError} `WATON_SEND_NO_SESSION` when no device of the other side can be encrypted for
 */
export async function encryptItem(
  unit: Unit,
  item: OutboxItem,
  recipients: Recipients,
  context: { sender: Sender; random: RandomSource; tokens: PrivacyTokens },
): Promise<BinaryNode> {
  const { body } = item
  const copies: EncryptedCopy[] = []
  // own devices first: the order in which WhatsApp Web lists participants
  if (recipients.own.length > 0) {
    const forOwn = wrapDeviceSent(body.to, body.message)
    await encryptFor(unit, recipients.own, forOwn, { ...context, copies })
  }
  const before = copies.length
  await encryptFor(unit, recipients.other, body.message, { ...context, copies })
  if (copies.length === before && recipients.other.length > 0) {
    throw new ClosedError(
      'WATON_SEND_NO_SESSION',
      'no device of the other side gave its keys; the message waits for the next connection',
      {
        details: { id: item.id, devices: recipients.other.length },
        retryable: true,
      },
    )
  }
  const reporting = buildReporting({
    message: body.message,
    id: item.id,
    to: body.to,
    sender: context.sender.self,
  })
  const { extra = [], ...parts } = stanzaParts(body.extras)
  return buildMessage({
    id: item.id,
    to: body.to,
    type: body.stanzaType,
    copies,
    ...parts,
    ...(copies.some((copy) => copy.type === 'pkmsg')
      ? { deviceIdentity: context.sender.deviceIdentity }
      : {}),
    ...(reporting === undefined ? {} : { reporting }),
    extra: [...extra, ...(await context.tokens.attach(unit, body))],
  })
}

async function encryptFor(
  unit: Unit,
  devices: readonly string[],
  message: Uint8Array,
  context: { sender: Sender; random: RandomSource; copies: EncryptedCopy[] },
): Promise<void> {
  for (const [index, device] of devices.entries()) {
    if (index % DEVICES_PER_TURN === DEVICES_PER_TURN - 1) await letOthersRun()
    const address = signalAddress(await canonicalJid(unit, device))
    const record = await unit.read(SESSION, address)
    if (record === undefined || !hasOpenSession(record)) continue
    const encrypted = encryptSignal({
      record,
      plaintext: padMessage(message, context.random),
      local: context.sender.local,
      random: context.random,
      nowMs: unit.nowMs,
    })
    unit.put(SESSION, address, encrypted.record)
    context.copies.push({ jid: device, type: encrypted.type, ciphertext: encrypted.body })
  }
}
