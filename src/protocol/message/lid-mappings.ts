/**
 * The table of phone numbers and LIDs that the phone gives its companions when the account moves to LIDs. The schema's
 * message for it is read by hand: it is three numbers.
 *
 * @source schema `LIDMigrationMappingSyncPayload` (1: `LIDMigrationMapping` with 1 pn, 2 assignedLid, 3 latestLid)
 */
import type { Reader } from 'protobufjs/minimal.js'
import { SERVER_LID, SERVER_USER, formatJid } from '../jid.ts'
import { decodeProto } from '../proto/codec.ts'

/** Mappings read from one message at most; a phone book has fewer contacts. */
const MAX_MAPPINGS = 100_000

const WIRE_VARINT = 0
const WIRE_LENGTH_DELIMITED = 2

/** Two addresses of one person, without device. */
export interface LidMapping {
  readonly pn: string
  readonly lid: string
}

interface Numbers {
  pn?: number
  assigned?: number
  latest?: number
}

/** The mappings of a payload; incomplete ones are left out. @throws {ProtocolError} when it is no such payload */
export function readLidMappings(payload: Uint8Array): readonly LidMapping[] {
  return decodeProto({ decode: readAll }, payload, 'LIDMigrationMappingSyncPayload')
}

function readAll(reader: Reader | Uint8Array): readonly LidMapping[] {
  const found: LidMapping[] = []
  if (reader instanceof Uint8Array) return found
  while (reader.pos < reader.len && found.length < MAX_MAPPINGS) {
    const tag = reader.uint32()
    if (tag === ((1 << 3) | WIRE_LENGTH_DELIMITED)) {
      const { pn, assigned, latest } = decodeProto({ decode: readOne }, reader.bytes(), 'LIDMigrationMapping')
      const lid = latest || assigned
      if (pn && lid) found.push({ pn: jid(pn, SERVER_USER), lid: jid(lid, SERVER_LID) })
    } else reader.skipType(tag & 7)
  }
  return found
}

function readOne(reader: Reader | Uint8Array): Numbers {
  const numbers: Numbers = {}
  if (reader instanceof Uint8Array) return numbers
  while (reader.pos < reader.len) {
    const tag = reader.uint32()
    const name = tag % 8 === WIRE_VARINT ? FIELDS.get(tag >>> 3) : undefined
    if (name === undefined) reader.skipType(tag & 7)
    else numbers[name] = Number(reader.uint64())
  }
  return numbers
}

const FIELDS: ReadonlyMap<number, keyof Numbers> = new Map([
  [1, 'pn'],
  [2, 'assigned'],
  [3, 'latest'],
])

function jid(user: number, server: string): string {
  return formatJid({ user: String(user), server, device: 0 })
}
