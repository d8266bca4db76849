/**
 * Sender keys as bytes, in the same alphabet as session records. The first byte is the version of all the rest.
 *
 *     own     version (1 byte) | keyId | iteration | chainKey 32 | signing public 32, private 32
 *     others' version (1 byte) | count, (keyId | signingKey 32 | chainKey 32 | counter | count, (counter, seed 32)...)...
 */
import { RecordReader, RecordWriter, nextSkippedSeed, writeSkippedSeeds } from '../signal/record-bytes.ts'
import { damagedRecord, newerRecord } from './failures.ts'
import {
  MAX_SENDER_KEYS,
  MAX_SKIPPED_SEEDS,
  OwnSenderKey,
  SenderKeyRecord,
  type SenderKeyState,
} from './record.ts'

const RECORD_VERSION = 1

/** An own sender key as bytes, for the store. They hold private keys. */
export function encodeOwnSenderKey({ state }: OwnSenderKey): Uint8Array {
  const writer = new RecordWriter()
  writer.byte(RECORD_VERSION)
  writer.number(state.keyId)
  writer.number(state.iteration)
  writer.key(state.chainKey)
  writer.key(state.signingKey.publicKey)
  writer.key(state.signingKey.privateKey)
  return writer.finish()
}

/**
 * The key that {@link encodeOwnSenderKey} wrote.
 *
 * @throws {ProtocolError} `WATON_SENDER_KEY_RECORD_VERSION` when a newer waton wrote it,
 *   `WATON_SENDER_KEY_RECORD_MALFORMED` when it is damaged; nothing else, on any input
 */
export function decodeOwnSenderKey(bytes: Uint8Array): OwnSenderKey {
  const reader = openRecord(bytes)
  const keyId = reader.number()
  const iteration = reader.number()
  const chainKey = reader.key()
  const signingKey = { publicKey: reader.key(), privateKey: reader.key() }
  reader.end()
  return new OwnSenderKey({ keyId, iteration, chainKey, signingKey })
}

/** The keys of another device as bytes, for the store. */
export function encodeSenderKeyRecord({ states }: SenderKeyRecord): Uint8Array {
  const writer = new RecordWriter()
  writer.byte(RECORD_VERSION)
  writer.number(states.length)
  for (const state of states) {
    writer.number(state.keyId)
    writer.key(state.signingKey)
    writer.key(state.chainKey)
    writer.number(state.counter)
    writeSkippedSeeds(writer, state.skipped)
  }
  return writer.finish()
}

/**
 * The record that {@link encodeSenderKeyRecord} wrote.
 *
 * @throws {ProtocolError} see {@link decodeOwnSenderKey}
 */
export function decodeSenderKeyRecord(bytes: Uint8Array): SenderKeyRecord {
  const reader = openRecord(bytes)
  const states = reader.list(MAX_SENDER_KEYS, readState)
  reader.end()
  return new SenderKeyRecord(states)
}

function openRecord(bytes: Uint8Array): RecordReader {
  const version = bytes[0] ?? 0
  if (version > RECORD_VERSION) throw newerRecord(version, RECORD_VERSION)
  if (version === 0) throw damagedRecord('its version is unknown', 0)
  // one copy, so that its keys are views into memory that nobody else writes to
  return new RecordReader(bytes.slice(1), damagedRecord)
}

function readState(reader: RecordReader): SenderKeyState {
  return {
    keyId: reader.number(),
    signingKey: reader.key(),
    chainKey: reader.key(),
    counter: reader.number(),
    skipped: reader.list(MAX_SKIPPED_SEEDS, nextSkippedSeed),
  }
}
