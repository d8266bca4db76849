/** The table of addresses against what Baileys' schema encodes. */
import { proto } from '@whiskeysockets/baileys'
import { expect, test } from 'vitest'
import { ProtocolError } from '../../base/errors.ts'
import { readLidMappings } from './lid-mappings.ts'

type Row = proto.ILIDMigrationMapping

function encoded(rows: readonly Row[]): Uint8Array {
  const payload = { pnToLidMappings: [...rows], chatDbMigrationTimestamp: 1_700_000_000 }
  return new Uint8Array(proto.LIDMigrationMappingSyncPayload.encode(payload).finish())
}

test('bytes that are no table are refused', () => {
  for (const bytes of [Uint8Array.of(0xff), Uint8Array.of(0x0a, 5, 1), Uint8Array.of(0x0a, 1, 0xff)])
    expect(() => readLidMappings(bytes)).toThrow(ProtocolError)
})

test('rows without a number or a LID are left out, and no row is no mapping', () => {
  expect(readLidMappings(new Uint8Array(0))).toEqual([])
  expect(
    readLidMappings(
      encoded([
        { pn: 15550000001, assignedLid: 0 },
        { pn: 0, assignedLid: 7 },
      ]),
    ),
  ).toEqual([])
})

test('the latest LID wins over the one that was assigned first, and long numbers stay exact', () => {
  const rows = [
    { pn: 15550000001, assignedLid: 100000000000001 },
    { pn: 999999999999999, assignedLid: 1, latestLid: 270000000000009 },
  ]
  expect(readLidMappings(encoded(rows))).toEqual([
    { pn: '15550000001@s.whatsapp.net', lid: '100000000000001@lid' },
    { pn: '999999999999999@s.whatsapp.net', lid: '270000000000009@lid' },
  ])
})
