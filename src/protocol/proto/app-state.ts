/**
 * Protobuf messages of app state (settings that all devices of an account share): patches, snapshots, and the values in
 * them. Load it only where app state is read or written. Decode with `decodeProto` of `codec.ts`.
 */
export * from './generated/app-state.js'
