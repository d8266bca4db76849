/**
 * The keys of the app state, which a phone hands to a device that it has just linked, in a message between own devices.
 * Also answers a linked device that asks for keys it is missing. History is `history.ts`.
 *
 * @source reference whatsmeow `appstate.go`/`message.go` (key share, key request); Baileys `lib/Utils/process-message.js`
 */
import { concatBytes, equalBytes, uint16Bytes, uint32Bytes, uintFromBytes } from '../../base/bytes.ts'
import type { MessageProperties } from '../../protocol/proto/message.ts'
import { Message } from '../../protocol/proto/message.ts'
import type { PhoneAccount } from './account.ts'

/** One app-state key as all devices of the account hold it. */
export interface AppStateKey {
  /** 6 bytes: the device that made it and a counter. */
  readonly id: Uint8Array
  /** 32 bytes. */
  readonly data: Uint8Array
  readonly atMs: number
}

const KEY_BYTES = 32
const MAX_KEYS = 100

const { Type } = Message.ProtocolMessage

/** See the file comment. It builds; the outbox sends. */
export class FirstLogin {
  readonly #account: PhoneAccount
  readonly #rawId: number
  readonly #keys: AppStateKey[] = []

  constructor(account: PhoneAccount) {
    this.#account = account
    this.#rawId = uintFromBytes(account.random.bytes(4))
    this.addKey()
  }

  /** The account's app-state keys, oldest first. */
  get keys(): readonly AppStateKey[] {
    return this.#keys
  }

  /** Makes another app-state key; linked devices get it with the next share. */
  addKey(): AppStateKey {
    const { clock, random } = this.#account
    const id = concatBytes(uint16Bytes(0), uint32Bytes(this.#keys.length + 1))
    const key = { id, data: random.bytes(KEY_BYTES), atMs: clock.nowMs() }
    this.#keys.push(key)
    if (this.#keys.length > MAX_KEYS) this.#keys.shift()
    return key
  }

  /** `appStateSyncKeyShare` with the wanted keys (all by default); a key that is not there is shared without data. */
  keyShare(wanted: readonly Uint8Array[] = this.#keys.map((key) => key.id)): MessageProperties {
    const keys = wanted.map((keyId) => {
      const key = this.#keys.find((candidate) => equalBytes(candidate.id, keyId))
      if (key === undefined) return { keyId: { keyId } }
      const fingerprint = { rawId: this.#rawId, currentIndex: 0, deviceIndexes: [0] }
      return { keyId: { keyId }, keyData: { keyData: key.data, fingerprint, timestamp: key.atMs } }
    })
    return { protocolMessage: { type: Type.APP_STATE_SYNC_KEY_SHARE, appStateSyncKeyShare: { keys } } }
  }

  /** The keys that a linked device asks for, when the message is such a question. */
  requestedKeys(content: MessageProperties): readonly Uint8Array[] | undefined {
    const { protocolMessage } = content
    if (protocolMessage?.type !== Type.APP_STATE_SYNC_KEY_REQUEST) return undefined
    const ids = protocolMessage.appStateSyncKeyRequest?.keyIds ?? []
    return ids.flatMap(({ keyId }) => (keyId instanceof Uint8Array ? [keyId] : [])).slice(0, MAX_KEYS)
  }
}
