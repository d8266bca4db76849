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
import { hasOpenSession } from '../../protocol/signal/index.ts'
import type { LocalIdentity } from '../../protocol/signal/index.ts'
import { buildMessage, stanzaParts } from '../../protocol/stanza/message.ts'
import type { EncryptedCopy } from '../../protocol/stanza/message.ts'
import { canonicalJid } from '../identity/addresses.ts'
import { encryptOrBroken, setSessionAside } from '../identity/broken-session.ts'
import type { BrokenSession } from '../identity/broken-session.ts'
import type { AccountState } from '../state/account-state.ts'
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

/** What encrypting works with. */
interface EncryptContext {
  readonly state: Pick<AccountState, 'reportUnreadable'>
  readonly sender: Sender
  readonly random: RandomSource
  readonly tokens: PrivacyTokens
}

/** What came of encrypting for devices. */
interface Encrypted {
  readonly copies: EncryptedCopy[]
  readonly broken: BrokenSession[]
}

/**
 * Encrypts for every device that has a session.
 *
 * @returns the stanza: what the outbox keeps, encoded, and the wire gets. `undefined` when sessions were broken: the unit
 *   has set them aside and does nothing else, and their devices need new ones first
 *
 * @throws {ClosedError} `WATON_SEND_NO_SESSION` when no device of the other side can be encrypted for
 */
export async function encryptItem(
  unit: Unit,
  item: OutboxItem,
  recipients: Recipients,
  context: EncryptContext,
): Promise<BinaryNode | undefined> {
  const { body } = item
  const encrypted: Encrypted = { copies: [], broken: [] }
  const { copies, broken } = encrypted
  // own devices first: the order in which WhatsApp Web lists participants
  if (recipients.own.length > 0) {
    const forOwn = wrapDeviceSent(body.to, body.message)
    await encryptFor(unit, recipients.own, forOwn, { ...context, ...encrypted })
  }
  const before = copies.length
  await encryptFor(unit, recipients.other, body.message, { ...context, ...encrypted })
  if (broken.length > 0) {
    // the chains of the others have not moved: nothing was encrypted that anybody will see
    unit.discard()
    for (const session of broken) setSessionAside(unit, session, context.state)
    return undefined
  }
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
  context: Pick<EncryptContext, 'sender' | 'random'> & Encrypted,
): Promise<void> {
  for (const [index, device] of devices.entries()) {
    if (index % DEVICES_PER_TURN === DEVICES_PER_TURN - 1) await letOthersRun()
    const address = signalAddress(await canonicalJid(unit, device))
    const record = await unit.read(SESSION, address)
    if (record === undefined || !hasOpenSession(record)) continue
    const encrypted = encryptOrBroken(address, {
      record,
      plaintext: padMessage(message, context.random),
      local: context.sender.local,
      random: context.random,
      nowMs: unit.nowMs,
    })
    if ('error' in encrypted) {
      context.broken.push(encrypted)
      continue
    }
    unit.put(SESSION, address, encrypted.record)
    context.copies.push({ jid: device, type: encrypted.type, ciphertext: encrypted.body })
  }
}
