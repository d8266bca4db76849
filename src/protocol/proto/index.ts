/**
 * Protobuf in one import: the codec and the connecting types. Message content is in `message.ts`, on its own because it
 * is large and only the code that reads content needs it.
 */
export * from './codec.ts'
export * from './connection.ts'
