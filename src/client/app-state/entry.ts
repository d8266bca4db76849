/** The entries of app state as the store keeps them: read again as the mutations that they were, and listed. */
import { EMPTY_BYTES, toHex, utf8Text } from '../../base/bytes.ts'
import { WatonError } from '../../base/errors.ts'
import { letOthersRun } from '../../base/turn.ts'
import type { AppStateMutation } from '../../protocol/app-state/index.ts'
import { SyncActionData } from '../../protocol/proto/app-state.ts'
import { decodeProto } from '../../protocol/proto/codec.ts'
import type { AccountState } from '../state/account-state.ts'
import { APP_STATE_ENTRY, entryKey, entryPrefix } from '../state/records.ts'
import type { AppStateEntry } from '../state/records.ts'

/** Entries by the MAC of their index in hexadecimal. */
export type Entries = ReadonlyMap<string, AppStateEntry>

/** Rows asked of the store at once. */
const PAGE = 256

/**
 * The mutation that an entry came with: it was verified then. An entry whose bytes are not whole any more says nothing, and is
 * kept like one that nobody can read.
 */
export function mutationOf({ valueMac, data }: AppStateEntry, indexMac: Uint8Array): AppStateMutation {
  const sealed = { operation: 'set', indexMac, valueMac, keyId: EMPTY_BYTES, data } as const
  try {
    const { index, value, version } = decodeProto(SyncActionData, data, 'SyncActionData')
    const parts: unknown = JSON.parse(utf8Text(index ?? EMPTY_BYTES))
    if (isIndex(parts))
      return { ...sealed, index: parts, value: value ?? {}, actionVersion: version ?? 0, isReadable: true }
  } catch (error) {
    if (!(error instanceof WatonError) && !(error instanceof SyntaxError)) throw error
  }
  return { ...sealed, index: [], value: {}, actionVersion: 0, isReadable: false }
}

/** The entries under some indexes. */
export async function entriesUnder(
  state: Pick<AccountState, 'read'>,
  collection: string,
  indexMacs: readonly Uint8Array[],
): Promise<Entries> {
  const entries = new Map<string, AppStateEntry>()
  for (const indexMac of indexMacs) {
    const entry = await state.read(APP_STATE_ENTRY, entryKey(collection, indexMac))
    if (entry !== undefined) entries.set(toHex(indexMac), entry)
  }
  return entries
}

/** All entries of a collection that are durable. Damaged ones are as good as none: what takes their place is fetched. */
export async function listEntries({ store, account }: AccountState, collection: string): Promise<Entries> {
  const entries = new Map<string, AppStateEntry>()
  const prefix = entryPrefix(collection)
  for (let after = prefix; ;) {
    const rows = await store.listRecords(account, APP_STATE_ENTRY.kind, after, PAGE)
    for (const { key, value } of rows) {
      if (!key.startsWith(prefix)) return entries
      const entry = entryIn(value)
      if (entry !== undefined) entries.set(key.slice(prefix.length), entry)
    }
    const last = rows.at(-1)
    if (last === undefined || rows.length < PAGE) return entries
    after = last.key
    await letOthersRun()
  }
}

function entryIn(value: Uint8Array): AppStateEntry | undefined {
  try {
    return APP_STATE_ENTRY.decode(value)
  } catch (error) {
    if (error instanceof WatonError) return undefined
    throw error
  }
}

function isIndex(parts: unknown): parts is readonly string[] {
  return Array.isArray(parts) && parts.length > 0 && parts.every((part) => typeof part === 'string')
}
