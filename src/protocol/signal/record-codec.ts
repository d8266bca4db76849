/**
 * Session records as bytes: a compact format of our own, because records are written with every message. All numbers
 * are varints (7 bits per byte, low bits first), all keys are raw.
 *
 *     record   version (1 byte) | flags: 1 current | current? | count, archived...
 *     session  baseKey 32 | remoteIdentityKey 32 | remoteRegistrationId | rootKey 32 | archivedAtMs
 *              | ratchet public 32, private 32 | counter | previousCounter
 *              | flags: 1 chainKey, 2 pending, 4 preKeyId, 8 receive only (since version 2) | chainKey 32? | signedPreKeyId? | preKeyId?
 *              | count, chains...
 *     chain    ratchetKey 32 | chainKey 32 | counter | count, (counter, seed 32)...
 *
 * The first byte is the version of all the rest; a change of the layout raises it and keeps a reader for the old one.
 */
import { ProtocolError } from '../../base/errors.ts'
import type { ReceivingChain } from './chain.ts'
import { RecordReader, RecordWriter, nextSkippedSeed, writeSkippedSeeds } from './record-bytes.ts'
import {
  MAX_ARCHIVED_SESSIONS,
  MAX_RECEIVING_CHAINS,
  MAX_SKIPPED_SEEDS,
  SessionRecord,
  type PendingPreKey,
  type SessionState,
} from './session-record.ts'

const RECORD_VERSION = 2
const HAS_CURRENT = 1
const HAS_CHAIN_KEY = 1
const HAS_PENDING = 2
const HAS_PRE_KEY_ID = 4
const IS_RECEIVE_ONLY = 8

/** The record as bytes, for the store. They hold private keys. */
export function encodeSessionRecord(record: SessionRecord): Uint8Array {
  const writer = new RecordWriter()
  const { current, archived } = record
  writer.byte(RECORD_VERSION)
  writer.byte(current === undefined ? 0 : HAS_CURRENT)
  if (current !== undefined) writeSession(writer, current)
  writer.number(archived.length)
  for (const session of archived) writeSession(writer, session)
  return writer.finish()
}

/**
 * The record that {@link encodeSessionRecord} wrote.
 *
 * @throws {ProtocolError} `WATON_SIGNAL_RECORD_VERSION` when a newer waton wrote it, `WATON_SIGNAL_RECORD_MALFORMED`
 * when it is damaged; nothing else, on any input
 */
export function decodeSessionRecord(bytes: Uint8Array): SessionRecord {
  const version = bytes[0] ?? 0
  if (version > RECORD_VERSION) {
    throw new ProtocolError(
      'WATON_SIGNAL_RECORD_VERSION',
      'the session record was written by a newer version of waton; open the store with that version or a later one',
      { details: { version, newest: RECORD_VERSION }, action: 'upgrade' },
    )
  }
  if (version === 0) throw damaged('its version is unknown', 0)
  // One copy, so that the record's keys are views into memory that nobody else writes to.
  const reader = new RecordReader(bytes.slice(1), damaged)
  const current = (reader.flags(HAS_CURRENT) & HAS_CURRENT) === 0 ? undefined : readSession(reader)
  const archived = reader.list(MAX_ARCHIVED_SESSIONS, readSession)
  reader.end()
  return new SessionRecord(current, archived)
}

function writeSession(writer: RecordWriter, session: SessionState): void {
  const { sending, pendingPreKey } = session
  writer.key(session.baseKey)
  writer.key(session.remoteIdentityKey)
  writer.number(session.remoteRegistrationId)
  writer.key(session.rootKey)
  writer.number(session.archivedAtMs)
  writer.key(sending.ratchetKey.publicKey)
  writer.key(sending.ratchetKey.privateKey)
  writer.number(sending.counter)
  writer.number(sending.previousCounter)
  writer.byte(sessionFlags(session))
  if (sending.chainKey !== undefined) writer.key(sending.chainKey)
  if (pendingPreKey !== undefined) writer.number(pendingPreKey.signedPreKeyId)
  if (pendingPreKey?.preKeyId !== undefined) writer.number(pendingPreKey.preKeyId)
  writer.number(session.receiving.length)
  for (const chain of session.receiving) writeChain(writer, chain)
}

function sessionFlags({ sending, pendingPreKey, isReceiveOnly }: SessionState): number {
  return (
    (sending.chainKey === undefined ? 0 : HAS_CHAIN_KEY) |
    (pendingPreKey === undefined ? 0 : HAS_PENDING) |
    (pendingPreKey?.preKeyId === undefined ? 0 : HAS_PRE_KEY_ID) |
    (isReceiveOnly === true ? IS_RECEIVE_ONLY : 0)
  )
}

function writeChain(writer: RecordWriter, chain: ReceivingChain): void {
  writer.key(chain.ratchetKey)
  writer.key(chain.chainKey)
  writer.number(chain.counter)
  writeSkippedSeeds(writer, chain.skipped)
}

function readSession(reader: RecordReader): SessionState {
  const baseKey = reader.key()
  const remoteIdentityKey = reader.key()
  const remoteRegistrationId = reader.number()
  const rootKey = reader.key()
  const archivedAtMs = reader.number()
  const ratchetKey = { publicKey: reader.key(), privateKey: reader.key() }
  const counter = reader.number()
  const previousCounter = reader.number()
  const flags = reader.flags(HAS_CHAIN_KEY | HAS_PENDING | HAS_PRE_KEY_ID | IS_RECEIVE_ONLY)
  const chainKey = (flags & HAS_CHAIN_KEY) === 0 ? undefined : reader.key()
  const pendingPreKey = readPending(reader, flags)
  const receiving = reader.list(MAX_RECEIVING_CHAINS, readChain)
  const skipped = receiving.reduce((sum, chain) => sum + chain.skipped.length, 0)
  if (skipped > MAX_SKIPPED_SEEDS) throw reader.damaged('it holds too many seeds')
  if (chainKey === undefined && receiving.length === 0)
    throw reader.damaged('a session can neither send nor step')
  const sending = { ratchetKey, chainKey, counter, previousCounter }
  return {
    baseKey,
    remoteIdentityKey,
    remoteRegistrationId,
    rootKey,
    sending,
    receiving,
    pendingPreKey,
    archivedAtMs,
    ...((flags & IS_RECEIVE_ONLY) === 0 ? {} : { isReceiveOnly: true }),
  }
}

function readPending(reader: RecordReader, flags: number): PendingPreKey | undefined {
  if ((flags & HAS_PENDING) === 0) {
    if ((flags & HAS_PRE_KEY_ID) !== 0) throw reader.damaged('its flags contradict each other')
    return undefined
  }
  const signedPreKeyId = reader.number()
  return { signedPreKeyId, preKeyId: (flags & HAS_PRE_KEY_ID) === 0 ? undefined : reader.number() }
}

function readChain(reader: RecordReader): ReceivingChain {
  return {
    ratchetKey: reader.key(),
    chainKey: reader.key(),
    counter: reader.number(),
    skipped: reader.list(MAX_SKIPPED_SEEDS, nextSkippedSeed),
  }
}

function damaged(why: string, offset: number): ProtocolError {
  return new ProtocolError('WATON_SIGNAL_RECORD_MALFORMED', `the session record is damaged: ${why}`, {
    details: { offset },
    action: 'check-store',
  })
}
