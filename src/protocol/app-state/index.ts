/** App state: the settings that all devices of an account share, verified on the way in and signed on the way out. */
export { encodePatch, type AppStateChange, type EncodedPatch, type PatchEncoding } from './encode.ts'
export { missingKeyIds } from './failures.ts'
export { expandAppStateKeys, type AppStateKeys } from './keys.ts'
export { EMPTY_LT_HASH, LT_HASH_BYTES, addToLtHash, subtractFromLtHash } from './lt-hash.ts'
export type { AppStateOperation } from './macs.ts'
export type { AppStateMutation } from './mutation.ts'
export {
  readAppStateBlob,
  readExternalMutations,
  readPatch,
  readSnapshot,
  type AppStateBlob,
  type AppStatePatch,
  type AppStateSnapshot,
  type SealedMutation,
} from './read.ts'
export {
  EMPTY_APP_STATE,
  verifyPatch,
  verifySnapshot,
  type AppStateKeyring,
  type AppStateSteps,
  type AppStateVersion,
  type PatchVerification,
  type SnapshotVerification,
  type VerifiedAppState,
} from './verify.ts'
