/** Breaking what is handed out of app state, one bit or one record at a time, for `faults.appState.spoil`. */
import { SyncdPatch, SyncdSnapshot } from '../../protocol/proto/app-state.ts'
import { decodeProto, encodeProto } from '../../protocol/proto/codec.ts'
import type { AppStateSpoil } from '../world/app-state-plans.ts'

/** Whether this is to be spoilt now; asking uses the plan up. */
export type IsSpoilt = (as: AppStateSpoil) => boolean

/** Of a value: the MAC is the end of it, and the IV the beginning. */
const IN_THE_CIPHERTEXT = 20

/** A copy of a serialised `SyncdPatch` with what is planned done to it. */
export function spoilPatch(bytes: Uint8Array, isSpoilt: IsSpoilt): Uint8Array {
  const patch = decodeProto(SyncdPatch, Uint8Array.from(bytes), 'SyncdPatch')
  const { index, value } = patch.mutations[0]?.record ?? {}
  const places = [
    ['patch-mac', patch.patchMac, 0],
    ['value', value?.blob, IN_THE_CIPHERTEXT],
    ['value-mac', value?.blob, -1],
    ['index', index?.blob, 0],
  ] as const
  const did = places.map(([as, where, at]) => isSpoilt(as) && flip(where, at))
  return did.some(Boolean) ? encodeProto(SyncdPatch, patch, 'SyncdPatch') : bytes
}

/** The same for a serialised `SyncdSnapshot`. */
export function spoilSnapshot(bytes: Uint8Array, isSpoilt: IsSpoilt): Uint8Array {
  const snapshot = decodeProto(SyncdSnapshot, Uint8Array.from(bytes), 'SyncdSnapshot')
  const did = [
    isSpoilt('record') && flip(snapshot.records[0]?.value?.blob, IN_THE_CIPHERTEXT),
    isSpoilt('snapshot-mac') && flip(snapshot.mac, 0),
    isSpoilt('missing-record') && snapshot.records.pop() !== undefined,
  ]
  return did.some(Boolean) ? encodeProto(SyncdSnapshot, snapshot, 'SyncdSnapshot') : bytes
}

function flip(bytes: Uint8Array | null | undefined, at: number): boolean {
  const index = bytes && at < 0 ? bytes.length + at : at
  const byte = bytes?.[index]
  if (!bytes || byte === undefined) return false
  bytes[index] = byte ^ 1
  return true
}
