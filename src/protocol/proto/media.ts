/**
 * Protobuf messages about files on the media servers: asking a phone to upload one again, and its answer. Small; the
 * messages that carry files are in `message.ts`.
 */
export * from './generated/media.js'
