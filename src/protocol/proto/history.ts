/**
 * Protobuf messages of a piece of history: what a phone hands to its companions of its chats. Content of messages stays
 * bytes in here (`WebMessageInfo.message` and whatever else is a `Message`): `decodeMessage` of `message.ts` reads it, so
 * that nobody who only sorts chats loads the whole of it.
 */
export * from './generated/history.js'
