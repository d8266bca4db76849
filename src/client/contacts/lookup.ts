/**
 * Who is on WhatsApp: numbers in, one answer for each, in their order. What goes wrong with some spoils nobody else's
 * answer, and is never told as "not on WhatsApp".
 */
import type { Clock } from '../../base/clock.ts'
import { ClosedError, ProtocolError, QueryError, TimeoutError, UsageError } from '../../base/errors.ts'
import type { WatonError } from '../../base/errors.ts'
import { SERVER_USER, isLid, isPn, parseJid, userJid } from '../../protocol/jid.ts'
import { BUSINESS, CONTACT, DEVICES, LID, usync } from '../../protocol/stanza/iq/usync/index.ts'
import type { UsyncAnswer, UsyncError, UsyncTarget, UsyncUser } from '../../protocol/stanza/iq/usync/index.ts'
import type { Connection } from '../connection/connection.ts'
import { canonicalJid, learnMapping, phoneJid } from '../identity/addresses.ts'
import type { DeviceDirectory } from '../send/devices.ts'
import type { AccountState } from '../state/account-state.ts'
import type { Unknowns } from '../unknowns.ts'
import { readContact } from './numbers.ts'
import type { AskedContact } from './numbers.ts'

/** What became of one number. */
export interface ContactLookup {
  /** As it was given. */
  readonly input: string
  /** Whether somebody on WhatsApp has it; `undefined` when that could not be found out: see `error`. */
  readonly isOnWhatsApp: boolean | undefined
  /** The address to use for them: their LID when it is known. There for everybody who is on WhatsApp. */
  readonly jid?: string
  /** Their phone-number address, which may have other digits than the number: countries change them. */
  readonly pn?: string
  /** Their LID address, when the server tells it. */
  readonly lid?: string
  /** Whether they are a business. */
  readonly isBusiness?: boolean
  /** Why it could not be found out. */
  readonly error?: WatonError
}

/** Options of a lookup. */
export interface LookupOptions {
  /** For all numbers together; those without an answer by then have an error. @default 60_000 */
  readonly timeoutMs?: number
}

/** Other people. */
export interface Contacts {
  /**
   * Finds out which phone numbers are on WhatsApp, and the addresses of those who are. Asked in parts of a hundred.
   *
   * ```ts
   * const [bob] = await client.contacts.lookup(['+1 555 000-0002'])
   * if (bob?.jid !== undefined) await client.send(bob.jid, { text: 'hello' })
   * ```
   *
   * @param phoneNumbers - with country code, written as people write them, or addresses of persons
   * @returns one result for each, in their order. What could not be found out has `error` and no `isOnWhatsApp`
   * @throws {ClosedError} `WATON_NOT_CONNECTED`
   */
  lookup(phoneNumbers: readonly string[], options?: LookupOptions): Promise<readonly ContactLookup[]>
}

/** Numbers asked about in one query. @source WhatsApp Web asks about an address book in parts, too */
const BATCH = 100

const DEFAULT_TIMEOUT_MS = 60_000

const BY_NUMBER = usync([CONTACT, LID, BUSINESS])
const BY_LID = usync([DEVICES, BUSINESS])

type Protocols = [typeof CONTACT, typeof LID, typeof BUSINESS, typeof DEVICES]
type Answered = UsyncUser<Protocols>
type Found = Omit<ContactLookup, 'input'>

/** What a {@link ContactDirectory} works with. */
export interface ContactDirectoryOptions {
  readonly state: AccountState
  readonly devices: DeviceDirectory
  readonly clock: Clock
  readonly unknowns: Unknowns
}

/** See the file comment. */
export class ContactDirectory {
  readonly #options: ContactDirectoryOptions

  constructor(options: ContactDirectoryOptions) {
    this.#options = options
  }

  /** See `Contacts.lookup`. */
  async lookup(
    connection: Connection,
    inputs: readonly string[],
    { timeoutMs = DEFAULT_TIMEOUT_MS }: LookupOptions = {},
  ): Promise<readonly ContactLookup[]> {
    const { devices, clock } = this.#options
    const asked = inputs.map(contactOrError)
    const found = new Map<string, Found>()
    const wanted = new Map<string, AskedContact>()
    for (const one of asked) {
      if ('error' in one) continue
      if (devices.isNobody(addressOf(one))) found.set(addressOf(one), { isOnWhatsApp: false })
      else wanted.set(addressOf(one), one)
    }
    const endsAtMs = clock.nowMs() + timeoutMs
    for (const by of ['number', 'lid'] as const) {
      const contacts = [...wanted.values()].filter((one) => one.by === by)
      await this.#askAll(connection, contacts, { endsAtMs, timeoutMs, found })
    }
    return inputs.map((input, index) => ({ input, ...resultOf(asked[index], found) }))
  }

  /** In parts, one after the other: the server refuses who asks about too many at once. */
  async #askAll(
    connection: Connection,
    contacts: readonly AskedContact[],
    run: { readonly endsAtMs: number; readonly timeoutMs: number; readonly found: Map<string, Found> },
  ): Promise<void> {
    const { clock } = this.#options
    for (let start = 0; start < contacts.length; start += BATCH) {
      const part = contacts.slice(start, start + BATCH)
      const leftMs = run.endsAtMs - clock.nowMs()
      const error =
        leftMs > 0
          ? await this.#askPart(connection, part, { leftMs, found: run.found })
          : outOfTime(run.timeoutMs)
      if (error === undefined) continue
      // whatever stops this question stops the next ones
      for (const one of contacts.slice(start))
        run.found.set(addressOf(one), { isOnWhatsApp: undefined, error })
      return
    }
  }

  /** Returns why nothing was told about any of them. */
  async #askPart(
    connection: Connection,
    part: readonly AskedContact[],
    { leftMs, found }: { readonly leftMs: number; readonly found: Map<string, Found> },
  ): Promise<WatonError | undefined> {
    try {
      const answer = await ask(connection, part, leftMs)
      for (const path of answer.unknown) this.#options.unknowns.count('answer', `usync/${path}`)
      const refusal = answer.errors.contact ?? answer.errors.devices
      if (refusal !== undefined) return refused(refusal)
      for (const [address, one] of await this.#take(part, answer.users)) found.set(address, one)
      return undefined
    } catch (error) {
      const isTold =
        error instanceof QueryError ||
        error instanceof TimeoutError ||
        error instanceof ClosedError ||
        error instanceof ProtocolError
      if (isTold) return error
      throw error
    }
  }

  async #take(
    part: readonly AskedContact[],
    users: readonly Answered[],
  ): Promise<ReadonlyMap<string, Found>> {
    const { state, devices } = this.#options
    await state.commit(async (unit) => {
      for (const { jid, pn, values } of users) {
        if (values.lid !== undefined && isPn(jid)) await learnMapping(unit, jid, values.lid)
        if (pn !== undefined && isLid(jid)) await learnMapping(unit, pn, jid)
      }
    })
    const answers = new Map(users.map((user) => [keyOf(user), user]))
    const found = new Map<string, Found>()
    for (const one of part) {
      const address = addressOf(one)
      const user = answers.get(address)
      const result = user === undefined ? notTold() : await this.#found(one, user)
      if (result.isOnWhatsApp !== undefined) devices.noteNobody(address, !result.isOnWhatsApp)
      found.set(address, result)
    }
    return found
  }

  async #found(asked: AskedContact, user: Answered): Promise<Found> {
    const error = errorAbout(asked, user)
    if (error !== undefined) return { isOnWhatsApp: undefined, error: refused(error) }
    const isOnWhatsApp = isListed(asked, user)
    if (isOnWhatsApp === undefined) return notTold()
    if (!isOnWhatsApp) return { isOnWhatsApp }
    const { values, errors } = user
    const isBusiness = errors?.business === undefined ? { isBusiness: values.business !== undefined } : {}
    return { isOnWhatsApp, ...(await this.#addresses(user)), ...isBusiness }
  }

  async #addresses({ jid, pn, values }: Answered): Promise<Pick<Found, 'jid' | 'pn' | 'lid'>> {
    const { state } = this.#options
    const phone = isPn(jid) ? jid : (pn ?? (await phoneJid(state, jid)))
    const canonical = userJid(await canonicalJid(state, phone ?? jid))
    const lid = values.lid ?? (isLid(canonical) ? canonical : undefined)
    return {
      jid: canonical,
      ...(phone === undefined ? {} : { pn: userJid(phone) }),
      ...(lid === undefined ? {} : { lid }),
    }
  }
}

/** An error that leaves open whether somebody is on WhatsApp. */
function errorAbout({ by }: AskedContact, { errors }: Answered): UsyncError | undefined {
  return errors?.user ?? (by === 'number' ? errors?.contact : errors?.devices)
}

/** Numbers are asked about as such; whoever has a LID and devices is there. */
function isListed({ by }: AskedContact, { values }: Answered): boolean | undefined {
  if (by === 'number') return values.contact?.isOnWhatsApp
  // no list at all leaves it open
  const list = values.devices?.list
  return list === undefined ? undefined : list.length > 0
}

function contactOrError(input: string): AskedContact | { readonly error: UsageError } {
  try {
    return readContact(input)
  } catch (error) {
    if (error instanceof UsageError) return { error }
    throw error
  }
}

function resultOf(
  asked: AskedContact | { readonly error: UsageError } | undefined,
  found: ReadonlyMap<string, Found>,
): Found {
  if (asked === undefined) return notTold()
  if ('error' in asked) return { isOnWhatsApp: undefined, error: asked.error }
  return found.get(addressOf(asked)) ?? notTold()
}

async function ask(
  connection: Connection,
  part: readonly AskedContact[],
  timeoutMs: number,
): Promise<UsyncAnswer<Protocols>> {
  const request = { users: part.map(targetOf), sid: connection.nextId() }
  return part[0]?.by === 'lid'
    ? connection.query(BY_LID, request, timeoutMs)
    : connection.query(BY_NUMBER, request, timeoutMs)
}

function targetOf(asked: AskedContact): UsyncTarget {
  return asked.by === 'number' ? { phone: `+${asked.digits}` } : { jid: asked.jid }
}

function addressOf(asked: AskedContact): string {
  return asked.by === 'number' ? `${asked.digits}@${SERVER_USER}` : asked.jid
}

/** Which question an answer belongs to: the server repeats the number, because the address may have other digits. */
function keyOf({ jid, pn, values }: Answered): string {
  const query = values.contact?.query?.replace(/\D/g, '')
  if (query !== undefined && query !== '') return `${query}@${SERVER_USER}`
  const { user, server } = parseJid(pn ?? jid)
  return `${user}@${server}`
}

function notTold(): Found {
  return {
    isOnWhatsApp: undefined,
    error: new QueryError(
      'WATON_CONTACT_NOT_TOLD',
      'the server said nothing about this number; ask again later',
      {
        retryable: true,
      },
    ),
  }
}

function refused({ code, text, backoffSeconds }: UsyncError): QueryError {
  return new QueryError('WATON_CONTACT_REFUSED', 'the server did not answer about this number', {
    details: { serverCode: code, serverText: text, backoffSeconds },
    retryable: code >= 500 || code === 429,
  })
}

function outOfTime(timeoutMs: number): TimeoutError {
  return new TimeoutError(
    'WATON_CONTACT_TIMEOUT',
    'the time for this lookup was over before this number was asked about; ask for fewer, or allow more time',
    { details: { timeoutMs }, retryable: true },
  )
}
