/**
 * Decrypts one part of a message within a unit of work. What it reads and writes (session, one-time pre-key and its
 * tombstone) commits together with what the message becomes (promise G2); a part that cannot be read changes nothing.
 */
import { CryptoError } from '../../base/errors.ts'
import type { RandomSource } from '../../base/random.ts'
import { signalAddress } from '../../protocol/jid.ts'
import { decryptPreKeySignal, decryptSignal, readPreKeySignal } from '../../protocol/signal/index.ts'
import type { LocalIdentity, SessionRecord } from '../../protocol/signal/index.ts'
import type { EncryptedPart } from '../../protocol/stanza/message.ts'
import { canonicalJid } from '../identity/addresses.ts'
import { PRE_KEY, SESSION, SIGNED_PRE_KEY, SPENT_PRE_KEY } from '../state/records.ts'
import type { Unit } from '../state/unit.ts'

/** What decrypting works with. */
export interface DecryptContext {
  readonly local: LocalIdentity
  readonly random: RandomSource
  /** Called once the use of a one-time pre-key is durable. */
  readonly onPreKeySpent: () => void
}

/**
 * The padded plaintext of a part.
 *
 * @param author - the device that wrote it
 * @throws {CryptoError | ProtocolError} `WATON_SIGNAL_...`, or `WATON_DECRYPT_UNSUPPORTED` for a kind of encryption that
 *   this version does not know
 */
export async function decryptPart(
  unit: Unit,
  part: EncryptedPart,
  author: string,
  context: DecryptContext,
): Promise<Uint8Array> {
  const address = signalAddress(await canonicalJid(unit, author))
  const record = await unit.read(SESSION, address)
  switch (part.type) {
    case 'msg':
      return decryptInSession(unit, { address, record, body: part.ciphertext }, context)
    case 'pkmsg':
      return decryptFirst(unit, { address, record, body: part.ciphertext }, context)
    default:
      throw new CryptoError('WATON_DECRYPT_UNSUPPORTED', 'this version cannot read this kind of encryption', {
        details: { type: part.type },
        action: 'upgrade',
      })
  }
}

interface Encrypted {
  readonly address: string
  readonly record: SessionRecord | undefined
  readonly body: Uint8Array
}

function decryptInSession(
  unit: Unit,
  { address, record, body }: Encrypted,
  { local, random }: DecryptContext,
): Uint8Array {
  if (record === undefined) {
    throw new CryptoError(
      'WATON_SIGNAL_NO_SESSION',
      'there is no session with this device; it is asked to start one',
      {
        details: { address },
      },
    )
  }
  const decrypted = decryptSignal({ record, body, local, random, nowMs: unit.nowMs })
  unit.put(SESSION, address, decrypted.record)
  return decrypted.plaintext
}

async function decryptFirst(
  unit: Unit,
  { address, record, body }: Encrypted,
  context: DecryptContext,
): Promise<Uint8Array> {
  const { preKeyId, signedPreKeyId } = readPreKeySignal(body)
  const preKey = preKeyId === undefined ? undefined : await unit.read(PRE_KEY, String(preKeyId))
  // by its id: the current key, one that was replaced, or one that the server has before we know that it has
  const signedPreKey = await unit.read(SIGNED_PRE_KEY, String(signedPreKeyId))
  const decrypted = decryptPreKeySignal({
    ...(record === undefined ? {} : { record }),
    body,
    local: context.local,
    ...(signedPreKey === undefined ? {} : { signedPreKey: { id: signedPreKey.id, ...signedPreKey.keyPair } }),
    ...(preKey === undefined || preKeyId === undefined ? {} : { preKey: { id: preKeyId, ...preKey } }),
    random: context.random,
    nowMs: unit.nowMs,
  })
  unit.put(SESSION, address, decrypted.record)
  if (decrypted.isNewSession && preKeyId !== undefined) {
    unit.delete(PRE_KEY, String(preKeyId))
    // told apart from an id that never existed: whoever uses it again holds an old bundle
    unit.put(SPENT_PRE_KEY, String(preKeyId), address)
    unit.onCommit(context.onPreKeySpent)
  }
  return decrypted.plaintext
}
