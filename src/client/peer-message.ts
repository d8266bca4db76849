/** Messages to the own phone that no human sees, sealed within the unit that remembers why they were sent. */
import type { RandomSource } from '../base/random.ts'
import type { BinaryNode } from '../protocol/binary/node.ts'
import { signalAddress } from '../protocol/jid.ts'
import { createMessageId } from '../protocol/message/message-id.ts'
import { padMessage } from '../protocol/message/padding.ts'
import { hasOpenSession } from '../protocol/signal/index.ts'
import { buildPeerMessage } from '../protocol/stanza/peer-message.ts'
import { canonicalJid } from './identity/addresses.ts'
import { encryptOrBroken, setSessionAside } from './identity/broken-session.ts'
import type { Self } from './identity/self.ts'
import type { AccountState } from './state/account-state.ts'
import { PEER_MESSAGE, SESSION } from './state/records.ts'
import type { Unit } from './state/unit.ts'

/** What sealing works with. */
export interface PeerContext {
  readonly state: Pick<AccountState, 'reportUnreadable'>
  readonly self: Self
  readonly random: RandomSource
}

/**
 * Encrypts a message for the own phone.
 *
 * @param message - a serialised `Message`
 * @returns the stanza, to be sent after the commit; `undefined` when there is no session with the phone
 */
export async function sealForPhone(
  unit: Unit,
  message: Uint8Array,
  { state, self, random }: PeerContext,
): Promise<BinaryNode | undefined> {
  const address = signalAddress(await canonicalJid(unit, self.pn))
  const record = await unit.read(SESSION, address)
  if (record === undefined || !hasOpenSession(record)) return undefined
  const sealed = encryptOrBroken(address, {
    record,
    plaintext: padMessage(message, random),
    local: self.local,
    random,
    nowMs: unit.nowMs,
  })
  if ('error' in sealed) {
    setSessionAside(unit, sealed, state)
    return undefined
  }
  unit.put(SESSION, address, sealed.record)
  const id = createMessageId({ random, nowMs: unit.nowMs, self: self.pn })
  // for a phone that cannot read it
  unit.put(PEER_MESSAGE, id, message)
  return buildPeerMessage({
    id,
    copy: { jid: self.pn, type: sealed.type, ciphertext: sealed.body },
    deviceIdentity: self.deviceIdentity,
  })
}
