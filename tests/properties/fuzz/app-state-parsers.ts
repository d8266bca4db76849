/** Readers of app state, with what a device of another implementation wrote. */
import { proto } from '@whiskeysockets/baileys'
import { seededRandom } from '../../../src/base/random.ts'
import {
  readAppStateBlob,
  readExternalMutations,
  readPatch,
  readSnapshot,
} from '../../../src/protocol/app-state/index.ts'
import { BaileysDevice, RustDevice, WatonDevice, type Change } from '../../vectors/app-state/parties.ts'
import type { ByteParser } from './byte-parsers.ts'

const CHANGES: readonly Change[] = [1, 2, 3].map((number) => ({
  operation: 'set',
  index: ['pin_v1', `1555000000${String(number)}@s.whatsapp.net`],
  value: { pinAction: { pinned: number === 1 } },
}))

/** See the file comment. */
export async function appStateParsers(): Promise<readonly ByteParser[]> {
  const random = seededRandom('app state parsers')
  const key = { id: random.bytes(6), data: random.bytes(32) }
  const rust = new RustDevice(key, random)
  const patches = [rust.patch(CHANGES), await new BaileysDevice(key).write(CHANGES[0] ?? never())]
  const snapshot = rust.snapshot()
  const blob = { directPath: '/v/t62/1', mediaKey: random.bytes(32), fileSizeBytes: 1000, handle: 'h' }
  const { mutations } = proto.SyncdPatch.decode(patches[0] ?? never())
  return [
    { name: 'readPatch', parse: readPatch, valid: patches },
    { name: 'readSnapshot', parse: readSnapshot, valid: [snapshot] },
    {
      name: 'readExternalMutations',
      parse: readExternalMutations,
      valid: [new Uint8Array(proto.SyncdMutations.encode({ mutations }).finish())],
    },
    {
      name: 'readAppStateBlob',
      parse: readAppStateBlob,
      valid: [new Uint8Array(proto.ExternalBlobReference.encode(blob).finish())],
    },
    { name: 'verifyPatch', parse: (bytes) => new WatonDevice(key, random).read(bytes), valid: patches },
    {
      name: 'verifySnapshot',
      parse: (bytes) => new WatonDevice(key, random).readSnapshot(bytes),
      valid: [snapshot],
    },
  ]
}

function never(): never {
  throw new RangeError('there is one')
}
