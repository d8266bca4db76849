/**
 * Protobuf messages of connecting and pairing: handshake, certificates, client payload, device identity. Small, because
 * every process loads it. Decode with `decodeProto` of `codec.ts`.
 */
export * from './generated/connection.js'
