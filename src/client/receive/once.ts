/**
 * Stanzas that the server may deliver again because it has not seen our answer: what they say is recorded once. Messages
 * have their own way, by ciphertext.
 */
import { encodeNode } from '../../protocol/binary/encode.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import { sha256 } from '../../protocol/crypto/index.ts'
import type { Unit } from '../state/unit.ts'

/** Whether the stanza is here for the first time; it is remembered with the unit. */
export async function isFirst(unit: Unit, stanza: BinaryNode): Promise<boolean> {
  const hash = stanzaHash(stanza)
  if (await unit.isRecognised(hash)) return false
  unit.recognise(hash)
  return true
}

/** By its whole content, because ids repeat; without what a redelivery adds. */
function stanzaHash({ tag, attrs, content }: BinaryNode): Uint8Array {
  const kept = Object.entries(attrs)
    .filter(([name]) => name !== 'offline')
    .sort(([a], [b]) => (a < b ? -1 : 1))
  const stanza = { tag, attrs: Object.fromEntries(kept) }
  return sha256(encodeNode(content === undefined ? stanza : { ...stanza, content }))
}
