/**
 * Keeps the keys that the server has of us the ones that we have: enough one-time pre-keys, a signed pre-key that is
 * not too old, and a directory that is ours. Everything is durable before it is sent, one thing is done at a time, and
 * nothing here ends a connection or holds up its opening: a server that refuses keys is asked again later.
 *
 * What changes in the store is `pre-key-stock.ts` and `signed-pre-key.ts`.
 */
import type { Clock, Timer } from '../../base/clock.ts'
import { deferred } from '../../base/deferred.ts'
import { QueryError, describeError } from '../../base/errors.ts'
import type { Logger } from '../../base/logger.ts'
import type { RandomSource } from '../../base/random.ts'
import {
  countPreKeys,
  fetchPreKeyDigest,
  rotateSignedPreKey,
  uploadPreKeys,
} from '../../protocol/stanza/iq/pre-keys.ts'
import type { PreKeyDigest } from '../../protocol/stanza/iq/pre-keys.ts'
import type { Connection } from '../connection/connection.ts'
import type { Self } from '../identity/self.ts'
import type { AccountState } from '../state/account-state.ts'
import { PRE_KEY_STATE, SELF, SIGNED_PRE_KEY } from '../state/records.ts'
import { compareDirectory } from './directory-check.ts'
import { NO_PRE_KEYS, abandonUpload, markUploaded, skipForeignIds, stageUpload } from './pre-key-stock.ts'
import {
  completeRotation,
  currentSignedPreKey,
  postponeRotation,
  publicHalf,
  replaceLost,
  stageRotation,
} from './signed-pre-key.ts'

/** Keys uploaded by a new device. @source Baileys 7.0.0-rc14 INITIAL_PREKEY_COUNT; whatsmeow and whatsapp-rust: 812 */
const FIRST_UPLOAD = 812

/** No more keys on the server than this ask for an upload. @source Baileys 7.0.0-rc14 MIN_PREKEY_COUNT */
const LOW_WATER = 5

/** Keys in each later upload: the 5 of Baileys do not survive a burst of new contacts. */
const REFILL = 50

/** Pauses after refused uploads: the first, and the longest. */
const FIRST_PAUSE_MS = 60_000
const LONGEST_PAUSE_MS = 6 * 3_600_000

/** How often an open connection looks whether the signed pre-key is due. */
const LOOK_AGAIN_MS = 24 * 3_600_000

/** A directory that is still not ours after it was filled again is left alone for this long. */
const REPAIR_PAUSE_MS = 7 * 24 * 3_600_000

/** What the upkeep works with. */
export interface KeyUpkeepOptions {
  readonly state: AccountState
  readonly self: Self
  readonly clock: Clock
  readonly random: RandomSource
  readonly logger: Logger
}

type Asking = Pick<Connection, 'query' | 'isOpen' | 'ended'>

/** What the server holds of us; `undefined` when it holds nothing. */
type Directory = PreKeyDigest | undefined

/** See the file comment. */
export class KeyUpkeep {
  readonly #options: KeyUpkeepOptions
  #connection: Asking | undefined
  /** One thing at a time: what is begun later sees what was done before. */
  #tail: Promise<unknown> = Promise.resolve()
  #refill: Promise<void> | undefined
  /** One-time keys that the server has at most, by its last count and our uploads and uses since. */
  #stock = Infinity
  #refusals = 0
  #notBeforeMs = 0
  #pause: Timer | undefined
  #daily: Timer | undefined

  constructor(options: KeyUpkeepOptions) {
    this.#options = options
  }

  /**
   * Before the client is open: asks how many one-time pre-keys the server has and uploads more when they run low. An
   * upload has been written when this resolves; its answer is not waited for. Rejects only when the server does not
   * answer at all.
   */
  async prepare(connection: Asking): Promise<void> {
    this.#attach(connection)
    const written = deferred<true>()
    const onWritten = (): void => {
      written.resolve(true)
    }
    await this.#refill?.catch(ignore)
    await this.#replaceLost()
    await Promise.race([this.#topUp(connection, onWritten), written.promise])
  }

  /** A device without its signed pre-key could not be written to, nor say with which keys it can be. */
  async #replaceLost(): Promise<void> {
    const { state, self, random, logger } = this.#options
    if ((await state.read(SIGNED_PRE_KEY, String(self.credentials.signedPreKeyId))) !== undefined) return
    const isReplaced = await state.commit(async (unit) => {
      const { repairedAtMs, ...rest } = (await unit.read(PRE_KEY_STATE, SELF)) ?? NO_PRE_KEYS
      // the server is told at once, whenever it was put right before
      if (repairedAtMs !== undefined) unit.put(PRE_KEY_STATE, SELF, rest)
      return replaceLost(unit, self, random)
    })
    if (isReplaced) logger.warn({}, 'the signed pre-key is gone from the store: another takes its place')
  }

  /** Once the client is open: checks the directory, and then rotates the signed pre-key whenever it is due. */
  async begin(connection: Asking): Promise<void> {
    // asked at once, in the order of the login's questions
    const directory = this.#askDirectory(connection)
    directory.catch(ignore)
    try {
      await this.#alone(async () => {
        await this.#check(connection, await directory)
      })
    } finally {
      this.#rotateDaily(connection)
    }
  }

  /** The server says that one-time pre-keys run low. */
  low(): void {
    const connection = this.#connection
    if (connection === undefined || this.#isPausing()) return
    this.#topUp(connection).catch((error: unknown) => {
      this.#options.logger.warn({ reason: describeError(error) }, 'pre-keys could not be counted')
    })
  }

  /** A session was built with a one-time pre-key. */
  spent(): void {
    this.#stock -= 1
    if (this.#stock <= LOW_WATER) this.low()
  }

  #attach(connection: Asking): void {
    this.#connection = connection
    void connection.ended.then(() => {
      if (this.#connection !== connection) return
      this.#connection = undefined
      this.#pause?.cancel()
      this.#daily?.cancel()
    })
  }

  #alone<Value>(work: () => Promise<Value>): Promise<Value> {
    const result = this.#tail.then(work)
    this.#tail = result.catch(ignore)
    return result
  }

  /** Single flight: whoever asks while an upload is under way gets that one. */
  #topUp(connection: Asking, onWritten: () => void = ignore): Promise<void> {
    this.#refill ??= this.#alone(() => this.#countAndUpload(connection, onWritten)).finally(() => {
      this.#refill = undefined
    })
    return this.#refill
  }

  async #countAndUpload(connection: Asking, onWritten: () => void): Promise<void> {
    const { state, logger } = this.#options
    try {
      this.#stock = await connection.query(countPreKeys, undefined)
    } catch (error) {
      if (!(error instanceof QueryError)) throw error
      logger.warn({ reason: describeError(error) }, 'the server does not say how many pre-keys it has')
      return
    }
    const { uploaded, nextId, firstUnuploadedId } = (await state.read(PRE_KEY_STATE, SELF)) ?? NO_PRE_KEYS
    const isUnanswered = nextId !== firstUnuploadedId
    if ((this.#stock > LOW_WATER && uploaded && !isUnanswered) || this.#isPausing()) return
    await this.#upload(connection, uploaded ? REFILL : FIRST_UPLOAD, onWritten)
  }

  /** Uploads, and takes care of what goes wrong. */
  async #upload(connection: Asking, count: number, onWritten: () => void = ignore): Promise<void> {
    const { state, self, random, logger } = this.#options
    const { identityKey, registrationId } = self.credentials
    const { preKeys, signedPreKey } = await state.commit(async (unit) => ({
      signedPreKey: await currentSignedPreKey(unit, self),
      preKeys: await stageUpload(unit, count, random),
    }))
    const lastId = preKeys.at(-1)?.id
    if (lastId === undefined) return
    const answer = connection.query(uploadPreKeys, {
      registrationId,
      identityKey: identityKey.publicKey,
      preKeys: preKeys.map(({ id, publicKey }) => ({ id, publicKey })),
      signedPreKey: publicHalf(signedPreKey),
    })
    onWritten()
    try {
      await answer
    } catch (error) {
      await this.#uploadFailed(error, lastId)
      return
    }
    await state.commit((unit) => markUploaded(unit, lastId))
    this.#refusals = 0
    this.#notBeforeMs = 0
    this.#stock += preKeys.length
    logger.info({ count: preKeys.length }, 'pre-keys uploaded')
  }

  /** Without an answer the same keys are uploaded again at the next occasion, which is the next login at the latest. */
  async #uploadFailed(error: unknown, lastId: number): Promise<void> {
    const { state, clock, logger } = this.#options
    logger.warn({ reason: describeError(error) }, 'pre-keys could not be uploaded')
    if (!(error instanceof QueryError)) return
    if (isFinal(error)) await state.commit((unit) => abandonUpload(unit, lastId))
    const wished = Number(error.details.backoffSeconds ?? 0) * 1000
    const pauseMs = Math.min(LONGEST_PAUSE_MS, Math.max(wished, FIRST_PAUSE_MS * 2 ** this.#refusals))
    this.#refusals = Math.min(this.#refusals + 1, 16)
    this.#notBeforeMs = clock.nowMs() + pauseMs
    this.#pause?.cancel()
    this.#pause = clock.schedule(pauseMs, () => {
      this.low()
    })
  }

  #isPausing(): boolean {
    return this.#options.clock.nowMs() < this.#notBeforeMs
  }

  async #askDirectory(connection: Asking): Promise<Directory> {
    try {
      return await connection.query(fetchPreKeyDigest, undefined)
    } catch (error) {
      if (error instanceof QueryError && NOTHING_HELD.has(Number(error.details.serverCode))) return undefined
      throw error
    }
  }

  /** Takes over what the server has already, and fills the directory again when it is not ours. */
  async #check(connection: Asking, first: Directory): Promise<void> {
    const { state, self, logger } = this.#options
    if (first === undefined) {
      await this.#repair(connection, 'nothing')
      return
    }
    const { hasCandidate, difference } = await compareDirectory(first, state, self)
    if (hasCandidate) {
      await state.commit((unit) => completeRotation(unit, self))
      logger.info({}, 'the server has the new signed pre-key already')
    }
    if (difference === undefined) {
      await this.#settleRepair()
      return
    }
    // a key may have been used between the answer and its comparison: only what differs twice differs
    const second = await this.#askDirectory(connection)
    const again = second === undefined ? undefined : await compareDirectory(second, state, self)
    if (again !== undefined && again.difference === undefined) return
    if (again !== undefined) await state.commit((unit) => skipForeignIds(unit, again.foreignIds))
    await this.#repair(connection, again?.difference ?? 'nothing')
  }

  async #repair(connection: Asking, difference: string): Promise<void> {
    const { state, clock, logger } = this.#options
    const { repairedAtMs } = (await state.read(PRE_KEY_STATE, SELF)) ?? NO_PRE_KEYS
    const isRecent = repairedAtMs !== undefined && clock.nowMs() - repairedAtMs < REPAIR_PAUSE_MS
    logger.warn({ difference }, 'what the server has of our keys is not what we have')
    // a server that has nothing cannot be left alone: nobody could write to this device
    if ((isRecent && difference !== 'nothing') || this.#isPausing()) return
    await state.commit(async (unit) => {
      const now = (await unit.read(PRE_KEY_STATE, SELF)) ?? NO_PRE_KEYS
      unit.put(PRE_KEY_STATE, SELF, { ...now, repairedAtMs: unit.nowMs })
    })
    await this.#upload(connection, FIRST_UPLOAD)
  }

  /** The directory is ours: the next time that it is not, it is filled again at once. */
  async #settleRepair(): Promise<void> {
    const { state } = this.#options
    if ((await state.read(PRE_KEY_STATE, SELF))?.repairedAtMs === undefined) return
    await state.commit(async (unit) => {
      const { repairedAtMs, ...rest } = (await unit.read(PRE_KEY_STATE, SELF)) ?? NO_PRE_KEYS
      if (repairedAtMs !== undefined) unit.put(PRE_KEY_STATE, SELF, rest)
    })
  }

  /** Looks now and once a day: a timer of weeks would not survive anything, and the store knows the age of the key. */
  #rotateDaily(connection: Asking): void {
    if (this.#connection !== connection) return
    this.#daily?.cancel()
    this.#daily = this.#options.clock.schedule(LOOK_AGAIN_MS, () => {
      this.#rotateDaily(connection)
    })
    this.#alone(() => this.#rotateIfDue(connection)).catch((error: unknown) => {
      // without an answer the candidate stays: the same key is sent again, or found in the directory
      this.#options.logger.warn({ reason: describeError(error) }, 'the signed pre-key could not be rotated')
    })
  }

  async #rotateIfDue(connection: Asking): Promise<void> {
    const { state, self, random, logger } = this.#options
    if (!connection.isOpen) return
    const candidate = await state.commit((unit) => stageRotation(unit, self, random))
    if (candidate === undefined) return
    try {
      await connection.query(rotateSignedPreKey, publicHalf(candidate))
    } catch (error) {
      if (error instanceof QueryError) await state.commit((unit) => postponeRotation(unit, isFinal(error)))
      throw error
    }
    await state.commit((unit) => completeRotation(unit, self))
    logger.info({ id: candidate.id }, 'the signed pre-key was rotated')
  }
}

/** @source whatsapp-rust 0.7 `digest_key`: 404 and 406 mean that there is nothing to compare with */
const NOTHING_HELD: ReadonlySet<number> = new Set([404, 406])

/** The server will refuse the same keys again; everything else is worth another attempt with them. */
function isFinal(error: QueryError): boolean {
  return error.code === 'WATON_QUERY_REFUSED' && !error.retryable
}

function ignore(): void {
  // told to whoever awaits it
}
