/**
 * Which devices a message goes to. Lists come from USync, are persisted, and follow what the server announces; it is asked
 * only for what is not known, doubtful or old. What it does not tell leaves the list as it was, and is no word about
 * whether there is such a person: that is asked for by number. Questions about the same person at the same time are one.
 */
import { BoundedMap } from '../../base/bounded-map.ts'
import type { Clock } from '../../base/clock.ts'
import { QueryError, WatonError, describeError } from '../../base/errors.ts'
import type { Logger } from '../../base/logger.ts'
import { isPn, parseJid, signalAddress, userJid } from '../../protocol/jid.ts'
import { CONTACT, DEVICES, LID, usync } from '../../protocol/stanza/iq/usync/index.ts'
import type { UsyncUser } from '../../protocol/stanza/iq/usync/index.ts'
import type { Connection } from '../connection/connection.ts'
import { canonicalJid, learnMapping, personJid, phoneJid } from '../identity/addresses.ts'
import {
  accountKeyOf,
  answeredList,
  deviceJids,
  noteIdentityChange,
  verifiedList,
} from '../identity/device-list.ts'
import type { NextList } from '../identity/device-list.ts'
import type { Self } from '../identity/self.ts'
import type { AccountState } from '../state/account-state.ts'
import { DEVICE_LIST, SESSION } from '../state/records.ts'
import type { DeviceList } from '../state/records.ts'
import type { Unit } from '../state/unit.ts'
import type { Unknowns } from '../unknowns.ts'
import { BatchedQuestions } from './batched.ts'

/** How long a list is believed without having been asked for again. Changes are announced; this bounds a missed one. */
const LIST_MAX_AGE_MS = 24 * 60 * 60 * 1000

/** How long a doubtful list stands in before the server is asked about it another time. */
const ASK_AGAIN_MS = 5 * 60 * 1000

/** How long somebody whom the server does not know is believed not to exist. */
const NOBODY_MS = 5 * 60 * 1000

/** People remembered as unknown to the server, or as asked about in vain, at most. */
const MAX_REMEMBERED = 4096

/** People asked about in one query. */
const ASK_BATCH = 100

/** Queries under way at a time. */
const MAX_QUERIES = 4

const QUERY = usync([DEVICES, LID], { context: 'message' })
const BY_NUMBER = usync([CONTACT])

/** The server's error about somebody whom it does not know, or does not want to know. */
const NOT_FOUND = 404

type Answered = UsyncUser<[typeof DEVICES, typeof LID]>

/**
 * What an answer says of somebody: a list to go by, one that is not believed, that there are no devices, or nothing; and
 * an error that says nothing about whether there is such a person.
 */
type Outcome = 'listed' | 'doubtful' | 'empty' | 'silence' | 'error'

/** What a {@link DeviceDirectory} works with. */
export interface DeviceDirectoryOptions {
  readonly state: AccountState
  readonly self: Self
  readonly clock: Clock
  readonly logger: Logger
  readonly unknowns: Unknowns
}

/** See the file comment. */
export class DeviceDirectory {
  readonly #options: DeviceDirectoryOptions
  readonly #questions: BatchedQuestions
  /** People of whom the server said that it knows no device, and until when that is believed. */
  readonly #nobody = new BoundedMap<string, number>(MAX_REMEMBERED)
  /** People with a doubtful list, and when the server was asked about it last. */
  readonly #doubted = new BoundedMap<string, number>(MAX_REMEMBERED)

  constructor(options: DeviceDirectoryOptions) {
    this.#options = options
    this.#questions = new BatchedQuestions({
      batch: ASK_BATCH,
      concurrency: MAX_QUERIES,
      ask: (connection, users) => this.#ask(connection, users),
    })
  }

  /**
   * The device JIDs of some users, in the form of address (phone number or LID) they were asked for.
   *
   * @throws {QueryError} `WATON_SEND_NO_DEVICES` when the server says that there is nobody, `WATON_SEND_DEVICES_UNKNOWN`
   *   when it says nothing or gives an error, and what refuses a query as a whole, as far as no list is known
   */
  async devicesOf(
    connection: Connection,
    users: readonly string[],
  ): Promise<ReadonlyMap<string, readonly string[]>> {
    const missing: string[] = []
    for (const user of users) {
      await this.#verify(user)
      if (await this.#mustAsk(user)) missing.push(user)
    }
    if (missing.length > 0) await this.#refresh(connection, missing)
    const known = new Map<string, readonly string[]>()
    for (const user of users) {
      const list = await this.#stored(user)
      if (list === undefined) throw this.isNobody(user) ? noDevices(user) : notTold(user)
      known.set(user, deviceJids(user, list))
    }
    return known
  }

  /** Asks about somebody although a list is known: it has shown itself to be wrong. */
  async renew(connection: Connection, users: readonly string[]): Promise<void> {
    await this.#refresh(connection, users.map(userJid))
  }

  /** Sees to it that the own devices are known before the first message. */
  async keepOwn(connection: Connection): Promise<void> {
    const { self } = this.#options
    if (await this.#mustAsk(self.pn)) await this.#refresh(connection, [self.pn])
  }

  /** Whether the server has said lately that nobody has this address. */
  isNobody(user: string): boolean {
    const until = this.#nobody.get(user)
    return until !== undefined && this.#options.clock.nowMs() < until
  }

  /** Remembers for a while that nobody has this address, or forgets it. */
  noteNobody(user: string, isNobody: boolean): void {
    if (isNobody) this.#nobody.set(user, this.#options.clock.nowMs() + NOBODY_MS)
    else this.#nobody.delete(user)
  }

  async #mustAsk(user: string): Promise<boolean> {
    const nowMs = this.#options.clock.nowMs()
    const list = await this.#stored(user)
    if (list === undefined) return !this.isNobody(user) || (await this.#hasWritten(user))
    const isDoubtful = list.isStale === true || nowMs - list.fetchedAtMs > LIST_MAX_AGE_MS
    if (!isDoubtful) return false
    const askedAtMs = this.#doubted.get(user)
    return askedAtMs === undefined || nowMs - askedAtMs > ASK_AGAIN_MS
  }

  /** Whether there is a session with the phone of somebody: they exist, whatever was said of them a moment ago. */
  async #hasWritten(user: string): Promise<boolean> {
    const { state } = this.#options
    const phone = personJid(await canonicalJid(state, user))
    return (await state.read(SESSION, signalAddress(phone))) !== undefined
  }

  /** Looks again at a list that came before the key of the person's phone was known. */
  async #verify(user: string): Promise<void> {
    const { state, self } = this.#options
    if ((await this.#stored(user))?.unverified === undefined) return
    const accountKey = await accountKeyOf(state, self, user)
    if (accountKey === undefined) return
    await state.commit(async (unit) => {
      const key = personJid(await canonicalJid(unit, user))
      const list = await unit.read(DEVICE_LIST, key)
      if (list === undefined) return
      const next = verifiedList(list, accountKey)
      this.#note(user, next)
      unit.put(DEVICE_LIST, key, next.list)
    })
  }

  /** A list of device keys that is not the phone's own is not passed over in silence. */
  #note(user: string, { refusal }: NextList): void {
    if (refusal === undefined) return
    this.#options.logger.warn({ user, code: refusal.code }, 'a list of device keys was not believed')
    this.#options.unknowns.count('answer', 'usync/key-index-list that does not verify')
  }

  async #stored(user: string): Promise<DeviceList | undefined> {
    const { state } = this.#options
    return state.read(DEVICE_LIST, personJid(await canonicalJid(state, user)))
  }

  /** Asks; when that fails and a list is known of everybody, the lists stand in. */
  async #refresh(connection: Connection, users: readonly string[]): Promise<void> {
    try {
      await this.#questions.ask(connection, users)
    } catch (error) {
      if (!(error instanceof QueryError)) throw error
      for (const user of users) if ((await this.#stored(user)) === undefined) throw error
      this.#options.logger.warn({ reason: describeError(error) }, 'device lists stay as they were')
      for (const user of users) this.#doubted.set(user, this.#options.clock.nowMs())
    }
  }

  async #ask(connection: Connection, users: readonly string[]): Promise<void> {
    const { state, unknowns, clock } = this.#options
    const request = { users: users.map((user) => ({ jid: userJid(user) })), sid: connection.nextId() }
    const answer = await connection.query(QUERY, request)
    for (const path of answer.unknown) unknowns.count('answer', `usync/${path}`)
    const refusal = answer.errors.devices
    if (refusal !== undefined) throw listingRefused(refusal)
    const told = await state.commit((unit) => this.#record(unit, [...answer.users, ...answer.side]))
    const unheardOf: string[] = []
    for (const user of users) {
      const outcome = told.get(userJid(user)) ?? 'silence'
      if (outcome === 'listed') this.#doubted.delete(user)
      else this.#doubted.set(user, clock.nowMs())
      const isKnown = outcome === 'listed' || (await this.#stored(user)) !== undefined
      if (!isKnown && outcome !== 'error') unheardOf.push(user)
      this.noteNobody(user, !isKnown && outcome === 'empty' && !(await this.#hasNumber(user)))
    }
    await this.#findOut(connection, unheardOf)
  }

  async #hasNumber(user: string): Promise<boolean> {
    return this.#options.self.isOwn(user) || (await phoneJid(this.#options.state, user)) !== undefined
  }

  /**
   * Asks for people of whom no device was told whether they exist. Of a number the directory of contacts says it in so many
   * words; of a LID alone there is nothing but the list of devices.
   *
   * @source whatsmeow `user.go` IsOnWhatsApp; whatsapp-rust issue 799: lists of people who exist come empty at times
   */
  async #findOut(connection: Connection, users: readonly string[]): Promise<void> {
    const byDigits = await this.#numbersOf(users)
    if (byDigits.size === 0) return
    const targets = [...byDigits.keys()].map((digits) => ({ phone: `+${digits}` }))
    try {
      const answer = await connection.query(BY_NUMBER, { users: targets, sid: connection.nextId() })
      for (const person of answer.users) {
        const { digits, isThere } = existenceOf(person)
        const user = byDigits.get(digits)
        if (user !== undefined && isThere !== undefined) this.noteNobody(user, !isThere)
      }
    } catch (error) {
      if (!(error instanceof WatonError)) throw error
      this.#options.logger.warn(
        { reason: describeError(error) },
        'whether somebody exists could not be found out',
      )
    }
  }

  /** Other people by the digits of their numbers, as far as these are known. */
  async #numbersOf(users: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const { state, self } = this.#options
    const byDigits = new Map<string, string>()
    for (const user of users) {
      const phone = self.isOwn(user) ? undefined : await phoneJid(state, user)
      if (phone !== undefined) byDigits.set(parseJid(phone).user, user)
    }
    return byDigits
  }

  /** Records the lists, and returns what the answer says of each user. */
  async #record(unit: Unit, answered: readonly Answered[]): Promise<ReadonlyMap<string, Outcome>> {
    const outcomes = new Map<string, Outcome>()
    for (const user of answered) {
      const { lid } = user.values
      if (lid !== undefined) await learnMapping(unit, user.jid, lid)
      if (user.pn !== undefined) await learnMapping(unit, user.pn, user.jid)
      const outcome = errorOutcome(user) ?? (await this.#recordList(unit, user))
      for (const jid of [user.jid, user.pn, lid]) {
        // somebody may be mentioned twice, once with the list and once for something else
        if (jid !== undefined && (outcome !== 'silence' || !outcomes.has(userJid(jid))))
          outcomes.set(userJid(jid), outcome)
      }
    }
    return outcomes
  }

  async #recordList(unit: Unit, { jid, values }: Answered): Promise<Outcome> {
    const { self, logger, unknowns } = this.#options
    const { devices } = values
    if (devices?.list === undefined) return 'silence'
    const key = personJid(await canonicalJid(unit, jid))
    const before = await unit.read(DEVICE_LIST, key)
    const accountKey = await accountKeyOf(unit, self, jid)
    const next = answeredList(devices, before, { accountKey, nowMs: unit.nowMs })
    if (before !== undefined && devices.list.length === 0) {
      logger.warn({ user: jid }, 'the server told no device of somebody; the list before is kept')
      unknowns.count('answer', 'usync/no devices of somebody who had some')
    }
    if (next === undefined) return 'empty'
    if (next.isOtherAccount) await noteIdentityChange(unit, jid, unit.nowMs)
    this.#note(jid, next)
    unit.put(DEVICE_LIST, key, next.list)
    return next.list.isStale === true ? 'doubtful' : 'listed'
  }
}

/** Whether somebody has a number that was asked about; `undefined` when that is not said. */
function existenceOf({ jid, pn = jid, values: { contact } }: UsyncUser<[typeof CONTACT]>): {
  readonly digits: string
  readonly isThere: boolean | undefined
} {
  const { user } = parseJid(pn)
  const digits = contact?.query?.replace(/\D/g, '') ?? user
  if (contact?.isOnWhatsApp !== true) return { digits, isThere: contact?.isOnWhatsApp }
  // somebody may have the number under other digits: then nobody has this address
  return { digits, isThere: !isPn(pn) || user === digits }
}

/** What an error says; `undefined` when there is none. */
function errorOutcome({ errors }: Answered): Outcome | undefined {
  const error = errors?.user ?? errors?.devices
  if (error === undefined) return undefined
  return error.code === NOT_FOUND ? 'silence' : 'error'
}

function listingRefused(refusal: {
  readonly code: number
  readonly text?: string
  readonly backoffSeconds?: number
}): QueryError {
  return new QueryError(
    'WATON_USYNC_REFUSED',
    'the server refused to list devices; wait before asking again',
    {
      details: {
        serverCode: refusal.code,
        serverText: refusal.text,
        backoffSeconds: refusal.backoffSeconds,
      },
      retryable: true,
    },
  )
}

function notTold(user: string): QueryError {
  return new QueryError(
    'WATON_SEND_DEVICES_UNKNOWN',
    'the server did not tell the devices of this user; the message waits and is tried again',
    { details: { user }, action: 'wait' },
  )
}

function noDevices(user: string): QueryError {
  return new QueryError(
    'WATON_SEND_NO_DEVICES',
    'the server knows no device of this user: is the number on WhatsApp?',
    {
      details: { user },
    },
  )
}
