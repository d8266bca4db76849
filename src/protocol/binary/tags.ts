/**
 * The alphabet and the limits of the binary stanza format, shared by both directions. A stanza is a list: tag, then name
 * and value of each attribute, then the content; every value starts with one of the tags below or is a word of the token
 * tables (`dictionary.ts`). The frame in front of it is one flag byte.
 *
 * @source Baileys 7.0.0-rc14 `WABinary/constants.js`, `encode.js`, `decode.js`
 */

/** Flag bit: the rest of the frame is zlib-compressed. Other bits have no known meaning and are ignored, as by others. */
export const FLAG_COMPRESSED = 2

/** No items; as a value, the empty text. */
export const LIST_EMPTY = 0
/** The first of the tags that select a dictionary; the word's index follows in one byte. */
export const DICTIONARY_0 = 236
/** How many dictionaries follow each other from {@link DICTIONARY_0}. */
export const DICTIONARY_COUNT = 4
/** Person on another network: user, device (2 bytes), network number (2 bytes), server. */
export const INTEROP_JID = 245
/** Person on Messenger: user, device (2 bytes), server. */
export const FB_JID = 246
/** Device of a person: domain byte, device byte, user. */
export const AD_JID = 247
/** List with its size in one byte. */
export const LIST_8 = 248
/** List with its size in two bytes. */
export const LIST_16 = 249
/** JID without a device: user, server. */
export const JID_PAIR = 250
/** Text of `0-9A-F`, two characters a byte. */
export const HEX_8 = 251
/** Bytes with their length in one byte. */
export const BINARY_8 = 252
/** Bytes with their length in 20 bits (3 bytes). */
export const BINARY_20 = 253
/** Bytes with their length in four bytes. */
export const BINARY_32 = 254
/** Text of `0-9-.`, two characters a byte. */
export const NIBBLE_8 = 255

/** Longest text that is packed, in characters: the length byte counts bytes in 7 bits and Baileys stops at 127 characters. */
export const MAX_PACKED_LENGTH = 127
/** Most items of one list: its size is two bytes. */
export const MAX_LIST_SIZE = 65_535
/**
 * Deepest nesting of stanzas. The deepest known ones have about 8 levels; the limit keeps hostile bytes from using up the
 * stack. Sending and receiving share it, so nothing can be written that could not be read.
 */
export const MAX_DEPTH = 64
/** Deepest nesting of JIDs inside the parts of a JID. Real ones never nest; text such as `a@b@c` does, once per `@`. */
export const MAX_JID_NESTING = 8

/** Domain byte of a device of a phone number. */
export const DOMAIN_USER = 0
/** Domain byte of a device of a LID. */
export const DOMAIN_LID = 1
/** Domain byte of a hosted device of a phone number. */
export const DOMAIN_HOSTED = 128
/** Domain byte of a hosted device of a LID. */
export const DOMAIN_HOSTED_LID = 129
