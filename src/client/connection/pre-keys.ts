/**
 * Keeps enough one-time pre-keys on the server. Keys and watermarks are durable before they are uploaded, so that a
 * crash can waste ids but never hand out a key that we do not have.
 */
import type { Logger } from '../../base/logger.ts'
import type { RandomSource } from '../../base/random.ts'
import { StorageError } from '../../base/errors.ts'
import { MAX_PRE_KEY_ID, generatePreKeys } from '../../protocol/signal/index.ts'
import type { PreKeyPair } from '../../protocol/signal/index.ts'
import { countPreKeys, uploadPreKeys } from '../../protocol/stanza/iq/pre-keys.ts'
import type { Self } from '../identity/self.ts'
import type { AccountState } from '../state/account-state.ts'
import { PRE_KEY, PRE_KEY_STATE, SELF, SIGNED_PRE_KEY } from '../state/records.ts'
import type { PreKeyState } from '../state/records.ts'
import type { Unit } from '../state/unit.ts'
import type { Connection } from './connection.ts'

/** Keys uploaded by a new device. @source Baileys 7.0.0-rc14 INITIAL_PREKEY_COUNT; whatsmeow and whatsapp-rust: 812 */
const FIRST_UPLOAD = 812

/** Fewer keys on the server than this ask for an upload. @source Baileys 7.0.0-rc14 MIN_PREKEY_COUNT */
const LOW_WATER = 5

/** How many keys the server is filled up to later: bursts of new contacts exhaust the 5 that Baileys keeps (L14). */
const REFILL = 50

/** What pre-key upkeep works with. */
export interface PreKeyUpkeepOptions {
  readonly state: AccountState
  readonly self: Self
  readonly random: RandomSource
  readonly logger: Logger
}

/** See the file comment. */
export class PreKeyUpkeep {
  readonly #options: PreKeyUpkeepOptions
  #underWay: Promise<void> | undefined

  constructor(options: PreKeyUpkeepOptions) {
    this.#options = options
  }

  /** Asks how many keys the server has and uploads more when they run low. One at a time. */
  ensure(connection: Connection): Promise<void> {
    this.#underWay ??= this.#ensure(connection).finally(() => {
      this.#underWay = undefined
    })
    return this.#underWay
  }

  async #ensure(connection: Connection): Promise<void> {
    const onServer = await connection.query(countPreKeys, undefined)
    const { uploaded } = await this.#watermarks()
    if (onServer > LOW_WATER && uploaded) return
    await this.#upload(connection, uploaded ? REFILL : FIRST_UPLOAD)
  }

  async #upload(connection: Connection, count: number): Promise<void> {
    const { state, self, random, logger } = this.#options
    const { identityKey, registrationId, signedPreKeyId } = self.credentials
    const signedPreKey = await state.read(SIGNED_PRE_KEY, String(signedPreKeyId))
    if (signedPreKey === undefined) {
      throw new StorageError(
        'WATON_STORE_RECORD',
        'the signed pre-key of this device is missing from the store; restore it from a backup',
      )
    }
    const made = await state.commit((unit) => pendingKeys(unit, count, random))
    await connection.query(uploadPreKeys, {
      registrationId,
      identityKey: identityKey.publicKey,
      preKeys: made.map(({ id, publicKey }) => ({ id, publicKey })),
      signedPreKey: {
        id: signedPreKey.id,
        publicKey: signedPreKey.keyPair.publicKey,
        signature: signedPreKey.signature,
      },
    })
    await state.commit(async (unit) => {
      const watermarks = (await unit.read(PRE_KEY_STATE, SELF)) ?? EMPTY
      unit.put(PRE_KEY_STATE, SELF, { ...watermarks, firstUnuploadedId: watermarks.nextId, uploaded: true })
    })
    logger.info({ count: made.length }, 'pre-keys uploaded')
  }

  async #watermarks(): Promise<PreKeyState> {
    return (await this.#options.state.read(PRE_KEY_STATE, SELF)) ?? EMPTY
  }
}

const EMPTY: PreKeyState = { nextId: 1, firstUnuploadedId: 1, uploaded: false }

/**
 * The keys to upload. Those that an interrupted upload left behind come first: uploading the same key again is
 * harmless, and an id is never given to two keys.
 */
async function pendingKeys(unit: Unit, count: number, random: RandomSource): Promise<readonly PreKeyPair[]> {
  const watermarks = (await unit.read(PRE_KEY_STATE, SELF)) ?? EMPTY
  const left: PreKeyPair[] = []
  for (let id = watermarks.firstUnuploadedId; id !== watermarks.nextId; id = following(id)) {
    const pair = await unit.read(PRE_KEY, String(id))
    if (pair !== undefined) left.push({ id, ...pair })
  }
  if (left.length > 0) return left
  const made = generatePreKeys(watermarks.nextId, count, random)
  for (const { id, publicKey, privateKey } of made) unit.put(PRE_KEY, String(id), { publicKey, privateKey })
  unit.put(PRE_KEY_STATE, SELF, { ...watermarks, nextId: following(made.at(-1)?.id ?? watermarks.nextId) })
  return made
}

function following(id: number): number {
  return id >= MAX_PRE_KEY_ID ? 1 : id + 1
}
