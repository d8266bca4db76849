/**
 * Takes one piece of history in, part by part. First who is who, because everything is kept under the address that a person
 * has in the end; then the rest. The mark of each part is in its commit, so whatever stops an import, it goes on behind the
 * last part that is durable.
 */
import { concatBytes } from '../../base/bytes.ts'
import { ClosedError, ProtocolError, StorageError } from '../../base/errors.ts'
import { letOthersRun } from '../../base/turn.ts'
import { HistoryReader } from '../../protocol/history/index.ts'
import type {
  HistoryChat as ReadChat,
  HistoryItem,
  HistoryMessage,
  HistorySummary,
} from '../../protocol/history/index.ts'
import { tryParseJid } from '../../protocol/jid.ts'
import type { HistoryContact, MessagePayload, Person } from '../events.ts'
import { learnMapping } from '../identity/addresses.ts'
import { HISTORY_NOTIFICATION, LID_BY_PN, NCT_SALT, SELF } from '../state/records.ts'
import type { Unit } from '../state/unit.ts'
import { hasFacts, toldChat } from './chat.ts'
import { findMessage, namedPerson } from './message.ts'
import type { MessageReading } from './message.ts'
import { HistoryPart } from './part.ts'
import { inflated } from './payload.ts'
import type { Piece } from './piece.ts'
import { HISTORY_IMPORT } from './records.ts'
import type { HistoryImport } from './records.ts'

/** What an import works with. */
export interface ImportOptions extends MessageReading {
  readonly piece: Piece
  readonly mark: HistoryImport
  readonly signal: AbortSignal
  /** Whether chats and messages are recorded, or only what the account needs itself. */
  readonly isWanted: boolean
  /** A part is durable. */
  readonly onPart: (part: RecordedPart) => void
}

/** What became of a part. */
export interface RecordedPart {
  readonly isLast: boolean
  /** Messages of the piece so far. */
  readonly messages: number
  readonly told: readonly MessagePayload[]
}

/** Messages that are read without a break: a millisecond or two. */
const READ_AT_ONCE = 25

/** Addresses that are learned in one unit of work: each looks for sessions that have to move. */
const MAPPINGS_AT_ONCE = 20

/** Parts that are on their way to the store. */
const MAX_STAGED = 2

/** A part that was read under addresses that have changed is read again, so often. */
const MAX_ROUNDS = 3

const MAX_SALT_BYTES = 256

/** See the file comment. */
export class PieceImport {
  readonly #options: ImportOptions
  #mark: HistoryImport
  #part = new HistoryPart()
  #partItems: HistoryItem[] = []
  #items = 0
  #sinceBreak = 0
  #staged: Promise<void>[] = []

  constructor(options: ImportOptions) {
    this.#options = options
    this.#mark = options.mark
  }

  /**
   * Takes it in. What it resolves after is durable.
   *
   * @throws {ProtocolError} when it is damaged: what came before is durable
   * @throws {StorageError} when the store fails; {@link ClosedError} when its signal has ended it
   */
  async run(content: Uint8Array | undefined): Promise<void> {
    const summary = content === undefined ? undefined : await this.#takeAll(content)
    await this.#record({ isLast: true, salt: summary?.nctSalt })
    await this.#settle(0)
  }

  async #takeAll(content: Uint8Array): Promise<HistorySummary> {
    await this.#learnAddresses(content)
    return this.#read(content, async (items) => {
      for (const item of items) await this.#take(item)
    })
  }

  async #read(
    content: Uint8Array,
    take: (items: readonly HistoryItem[]) => Promise<void>,
  ): Promise<HistorySummary> {
    const reader = new HistoryReader()
    for await (const chunk of inflated(content)) {
      await take(reader.push(chunk))
      await this.#breathe()
    }
    return reader.end()
  }

  async #breathe(): Promise<void> {
    this.#sinceBreak = 0
    await letOthersRun()
    this.#checkWanted()
  }

  #checkWanted(): void {
    if (this.#options.signal.aborted)
      throw new ClosedError(
        'WATON_CLIENT_CLOSED',
        'the client was closed while it took history in; it goes on when the account is opened again',
      )
  }

  /** Who is who, from all of the piece. */
  async #learnAddresses(content: Uint8Array): Promise<void> {
    const found = new Map<string, string>()
    await this.#read(content, async (items) => {
      for (const item of items) await this.#noteAddresses(found, item)
    })
    await this.#recordAddresses(found)
  }

  async #noteAddresses(found: Map<string, string>, item: HistoryItem): Promise<void> {
    if (item.kind === 'contact') {
      const { pnJid, lidJid } = item.contact
      if (pnJid && lidJid) await this.#noteAddress(found, pnJid, lidJid)
    } else if (item.kind === 'lid-mapping') await this.#noteAddress(found, item.pn, item.lid)
    if (found.size >= MAPPINGS_AT_ONCE) await this.#recordAddresses(found)
  }

  async #noteAddress(found: Map<string, string>, pn: string, lid: string): Promise<void> {
    const phone = tryParseJid(pn)
    const hidden = tryParseJid(lid)
    if (phone === undefined || hidden === undefined) return
    if ((await this.#options.state.read(LID_BY_PN, phone.user)) !== hidden.user) found.set(pn, lid)
  }

  async #recordAddresses(found: Map<string, string>): Promise<void> {
    if (found.size === 0) return
    const { state, self } = this.#options
    await state.commit(async (unit) => {
      const contacts: Person[] = []
      for (const [pn, lid] of found)
        if (await learnMapping(unit, pn, lid)) contacts.push({ jid: lid, pn, lid })
      if (contacts.length > 0) unit.event('lid.mapping', { contacts, atMs: unit.nowMs }, self.pn)
    })
    found.clear()
    await this.#breathe()
  }

  /** One thing after the other; those that are in a part which is durable are passed over. */
  async #take(item: HistoryItem): Promise<void> {
    this.#items += 1
    if (this.#items <= this.#mark.items) return
    if (this.#part.isFull) await this.#record({ isLast: false })
    this.#partItems.push(item)
    await this.#collect(item)
  }

  async #collect(item: HistoryItem): Promise<void> {
    const part = this.#part
    if (item.kind === 'message') await this.#collectMessage(item)
    else if (item.kind === 'chat') await this.#collectChat(item)
    else if (item.kind === 'push-name' || item.kind === 'contact') {
      const contact = await this.#contactOf(item)
      if (contact !== undefined) part.contacts.push(contact)
    } else if (item.kind === 'skipped') {
      const { logger, unknowns } = this.#options
      const { what, why, offset, lengthBytes } = item
      logger.warn(
        { what, why, offset, lengthBytes },
        'a part of the history could not be read and was passed over',
      )
      unknowns.count('content', `history/${what}/${why}`)
    }
  }

  async #collectChat(item: ReadChat): Promise<void> {
    const { state, isWanted } = this.#options
    if (hasFacts(item)) this.#part.facts.push(item)
    const told = isWanted ? await toldChat(state, item) : undefined
    if (told !== undefined) this.#part.chats.push(told)
  }

  async #collectMessage(item: HistoryMessage): Promise<void> {
    if (!this.#options.isWanted) return
    this.#sinceBreak += 1
    if (this.#sinceBreak >= READ_AT_ONCE) await this.#breathe()
    try {
      const message = await findMessage(item, this.#options)
      if (message !== undefined) this.#part.add(message)
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      const { logger, unknowns } = this.#options
      logger.warn({ id: item.info.key?.id, code: error.code }, 'a message of the history could not be read')
      unknowns.count('content', `history/message/${error.code}`)
    }
  }

  async #contactOf(
    item: HistoryItem & { readonly kind: 'push-name' | 'contact' },
  ): Promise<HistoryContact | undefined> {
    const { state } = this.#options
    if (item.kind === 'push-name') {
      const person = await namedPerson(state, item.jid)
      return person && { ...person, pushName: item.name }
    }
    const { lidJid, pnJid, fullName, firstName } = item.contact
    const jid = lidJid ?? pnJid
    const name = fullName ?? firstName
    const person = jid && name ? await namedPerson(state, jid) : undefined
    return person && name ? { ...person, name } : undefined
  }

  /** Commits the part. Reading goes on while it is written. */
  async #record(end: { readonly isLast: boolean; readonly salt?: Uint8Array | undefined }): Promise<void> {
    for (let round = 1; ; round += 1) {
      this.#checkWanted()
      const { state } = this.#options
      const part = this.#part
      const staged = await state.transact(async (unit) => {
        if (round < MAX_ROUNDS && !(await part.isCurrent(unit))) return false
        this.#mark = await this.#recordPart(unit, part, end)
        return true
      })
      this.#staged.push(staged.committed)
      await this.#settle(MAX_STAGED - 1)
      if (staged.value) break
      await this.#readAgain()
    }
    this.#part = new HistoryPart()
    this.#partItems = []
  }

  /** Somebody's LID was learned since the part was read. */
  async #readAgain(): Promise<void> {
    this.#part = new HistoryPart()
    for (const item of this.#partItems) await this.#collect(item)
  }

  async #recordPart(
    unit: Unit,
    part: HistoryPart,
    { isLast, salt }: { readonly isLast: boolean; readonly salt?: Uint8Array | undefined },
  ): Promise<HistoryImport> {
    const { piece, self, onPart } = this.#options
    const { id, syncType, chunkOrder, progress, requestId } = piece
    const mark = await this.#currentMark(unit)
    const told = await part.recordMessages(unit)
    await part.recordChats(unit)
    const payload = part.payload(
      {
        ...{ syncType, piece: id, part: mark.parts + 1, isLastPart: isLast, atMs: unit.nowMs },
        ...(chunkOrder === undefined ? {} : { chunkOrder }),
        ...(progress === undefined ? {} : { progress }),
        ...(requestId === undefined ? {} : { requestId }),
      },
      told,
    )
    if (payload !== undefined) unit.event('history.chunk', payload, self.pn)
    if (salt !== undefined && salt.length > 0 && salt.length <= MAX_SALT_BYTES)
      unit.put(NCT_SALT, SELF, concatBytes(salt))
    const next: HistoryImport = {
      ...mark,
      state: isLast ? 'imported' : mark.state,
      parts: mark.parts + (payload === undefined ? 0 : 1),
      items: this.#items - (isLast ? 0 : 1),
      messages: mark.messages + told.length,
    }
    unit.put<HistoryImport>(HISTORY_IMPORT, id, next)
    if (isLast) unit.delete(HISTORY_NOTIFICATION, id)
    unit.onCommit(() => {
      onPart({ isLast, messages: next.messages, told })
    })
    return next
  }

  /** What this part goes on from: the part before may have been dropped with its commit, and the piece announced anew. */
  async #currentMark(unit: Unit): Promise<HistoryImport> {
    const mark = await unit.read(HISTORY_IMPORT, this.#options.piece.id)
    const { state, items, parts } = this.#mark
    if (mark?.state === state && mark.items === items && mark.parts === parts) return mark
    throw new StorageError(
      'WATON_STORE_WRITE',
      'an earlier part of the history was dropped or has begun anew; it goes on from there',
      { retryable: true },
    )
  }

  /** Waits until so many parts at most are on their way. */
  async #settle(most: number): Promise<void> {
    while (this.#staged.length > most) await this.#staged.shift()
  }
}
