/** The keys of app state that the phone has shared, expanded when they are needed. */
import { toHex } from '../../base/bytes.ts'
import { hasCode } from '../../base/errors.ts'
import { expandAppStateKeys } from '../../protocol/app-state/index.ts'
import type { AppStateKeys } from '../../protocol/app-state/index.ts'
import { decodeProto } from '../../protocol/proto/codec.ts'
import { Message } from '../../protocol/proto/message.ts'
import type { AccountState } from '../state/account-state.ts'
import { APP_STATE_KEY } from '../state/records.ts'

/** Gives a key by its id, if it is here. */
export type KeyOf = (keyId: Uint8Array) => AppStateKeys | undefined

/**
 * All keys of the moment. An account has a few: one for each time that a device was linked or removed. One that is damaged
 * is one that is missing: the phone is asked for it again.
 */
export async function loadKeys(state: Pick<AccountState, 'listKeys' | 'read'>): Promise<KeyOf> {
  const shared = new Map<string, Uint8Array>()
  for (const id of await state.listKeys(APP_STATE_KEY, '')) {
    const data = await state.read(APP_STATE_KEY, id)
    if (data !== undefined) shared.set(id, data)
  }
  const expanded = new Map<string, AppStateKeys | undefined>()
  return (keyId) => {
    const id = toHex(keyId)
    if (!expanded.has(id)) expanded.set(id, expand(shared.get(id)))
    return expanded.get(id)
  }
}

/** Whether a key is here and of use. */
export function isUsableKey(data: Uint8Array | undefined): boolean {
  return expand(data) !== undefined
}

function expand(data: Uint8Array | undefined): AppStateKeys | undefined {
  if (data === undefined) return undefined
  try {
    const { keyData } = decodeProto(Message.AppStateSyncKeyData, data, 'AppStateSyncKeyData')
    return keyData ? expandAppStateKeys(keyData) : undefined
  } catch (error) {
    if (hasCode(error, 'WATON_APP_STATE_KEY_LENGTH') || hasCode(error, 'WATON_PROTO_MALFORMED'))
      return undefined
    throw error
  }
}
