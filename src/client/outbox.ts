/**
 * `client.outbox`: what this account has sent, message by message, and how far it got. It shows what `send/outbox.ts`
 * keeps and changes nothing but by {@link OutboxView.cancel}.
 */
import { UsageError } from '../base/errors.ts'
import type { ErrorAction } from '../base/errors.ts'
import type { OutboxRow } from '../persistence/contract/index.ts'
import { canonicalJid } from './identity/addresses.ts'
import { adviceFor, unknownMessage } from './send/failure.ts'
import type { SentMessage, Stage } from './send/handle.ts'
import { outboxItem } from './send/outbox-item.ts'
import type { OutboxItem } from './send/outbox-item.ts'
import { SEND_STATES, STORED_AS } from './send/states.ts'
import type { SendState } from './send/states.ts'
import type { AccountState } from './state/account-state.ts'

/** A message of this account as the store has it, and its handle in one. */
export interface OutboxEntry extends SentMessage {
  /** Its place in sending order, which grows from message to message: where {@link OutboxQuery.after} goes on. */
  readonly position: number
  /** When it was accepted, in milliseconds since the epoch. */
  readonly at: number
  /** Attempts that failed so far. */
  readonly attempts: number
  /** Why it failed, and what to do about it; present in the state `failed`. */
  readonly failure?: {
    /** A stable code, e.g. `WATON_SEND_REFUSED`. */
    readonly code: string
    /** The server's own number for it. */
    readonly serverCode?: number
    /** What to do, by name; see `ERROR_ACTIONS`. */
    readonly action: ErrorAction
    /** What to do, in a sentence. */
    readonly advice: string
  }
}

/** Which messages to list. */
export interface OutboxQuery {
  /** Only those in one of these states. @default all */
  readonly states?: readonly SendState[]
  /** Only those to this chat, by phone number or LID. @default all */
  readonly chat?: string
  /** Only those behind this position. @default 0, the oldest that is kept */
  readonly after?: number
  /** So many at most. @default Infinity */
  readonly limit?: number
}

/** What was sent, by id. */
export interface OutboxView {
  /** A message that this account sent, also in an earlier run; `undefined` when there is none. */
  get(id: string): Promise<OutboxEntry | undefined>
  /**
   * Messages in the order in which they were sent. Finished ones are kept for as long as the event log, and for two weeks at
   * least.
   *
   * ```ts
   * for await (const { id, waitingFor } of client.outbox.list({ states: ['queued'] })) console.log(id, waitingFor)
   * ```
   */
  list(query?: OutboxQuery): AsyncIterable<OutboxEntry>
  /**
   * Keeps a message from going out, while it is `queued` or `encrypted`: resolves when it is certain that nobody gets it.
   * Its handle rejects with `WATON_SEND_CANCELLED`. Cancelling twice, or what has failed, changes nothing.
   *
   * @throws {UsageError} `WATON_OUTBOX_UNKNOWN`; `WATON_OUTBOX_SENT` when it may have left
   */
  cancel(id: string): Promise<OutboxEntry>
}

/** Rows read at once. */
const PAGE = 128

/** What the view asks: the outbox, seen from here. */
export interface OutboxSource {
  /** The item of a message. */
  find(id: string): Promise<OutboxItem | undefined>
  /** Keeps a message from going out, if that is still possible. */
  cancel(id: string): Promise<OutboxItem | undefined>
  /** The handle of an item. */
  handle(item: OutboxItem): SentMessage
  /** How far an item is, and what it waits for. */
  viewOf(item: OutboxItem): Pick<SentMessage, 'state' | 'waitingFor'>
}

/** What the view is made of. */
interface Parts {
  readonly state: AccountState
  readonly outbox: OutboxSource
}

/** See {@link OutboxView}. */
export function outboxView(parts: Parts): OutboxView {
  const { outbox } = parts
  return {
    get: async (id) => {
      const item = await outbox.find(id)
      return item === undefined ? undefined : entryOf(item, outbox.handle(item))
    },
    list: (query) => list(parts, query),
    cancel: async (id) => {
      const item = await outbox.cancel(id)
      if (item === undefined) throw unknownMessage(id)
      if (item.state !== 'cancelled' && item.state !== 'failed')
        throw alreadySent(id, outbox.viewOf(item).state)
      return entryOf(item, outbox.handle(item))
    },
  }
}

function alreadySent(id: string, state: SendState): UsageError {
  return new UsageError(
    'WATON_OUTBOX_SENT',
    `the message is ${state}: its ciphertext may be with the other side, so it cannot be cancelled any more; delete it for everyone instead`,
    { details: { id, state } },
  )
}

async function* list(
  parts: Parts,
  { states = SEND_STATES, chat, after = 0, limit = Infinity }: OutboxQuery = {},
): AsyncGenerator<OutboxEntry, void, undefined> {
  const { state, outbox } = parts
  // what was accepted a moment ago is listed, too
  await state.flush()
  const of = chat === undefined ? undefined : await canonicalJid(state, chat)
  let left = limit
  for await (const row of rowsOf(parts, states, after)) {
    if (of !== undefined && (await canonicalJid(state, row.chat)) !== of) continue
    const entry = listed(outbox, row)
    if (entry === undefined || !states.includes(entry.state)) continue
    yield entry
    left -= 1
    if (left <= 0) return
  }
}

async function* rowsOf(
  { state }: Parts,
  states: readonly SendState[],
  after: number,
): AsyncGenerator<OutboxRow, void, undefined> {
  const stored = [...new Set(states.map((one) => STORED_AS[one]))]
  let position = after
  for (;;) {
    const rows = await state.store.listOutbox(state.account, { states: stored, after: position, limit: PAGE })
    yield* rows
    const last = rows.at(-1)
    if (last === undefined || rows.length < PAGE) return
    position = last.position
  }
}

/** One that cannot be read is left out: whoever needs it sets it aside. */
function listed(outbox: OutboxSource, row: OutboxRow): OutboxEntry | undefined {
  let item: OutboxItem
  try {
    item = outboxItem(row)
  } catch {
    return undefined
  }
  return entryOf(item, lazyHandle(outbox, item))
}

/** A handle that watches nothing until it is asked to wait: a list may be long, and handles are bounded. */
function lazyHandle(outbox: OutboxSource, item: OutboxItem): SentMessage {
  const follow = (stage: Stage): Promise<void> => {
    const reached = outbox.find(item.id).then((found) => {
      // forgotten since it was listed: nothing more will be heard of it
      if (found === undefined) throw unknownMessage(item.id)
      return outbox.handle(found)[stage]
    })
    // a promise that nobody awaits is not an error, like those of any other handle
    reached.catch(() => undefined)
    return reached
  }
  return {
    id: item.id,
    chat: item.chat,
    get state() {
      return outbox.viewOf(item).state
    },
    get waitingFor() {
      return outbox.viewOf(item).waitingFor
    },
    get acked() {
      return follow('acked')
    },
    get delivered() {
      return follow('delivered')
    },
    get read() {
      return follow('read')
    },
  }
}

function entryOf({ position, at, body }: OutboxItem, handle: SentMessage): OutboxEntry {
  const { failure } = body
  const record = {
    position,
    at,
    attempts: body.trouble?.attempts ?? 0,
    ...(failure === undefined ? {} : { failure: { ...failure, ...adviceFor(failure) } }),
  }
  return Object.assign(handle, record)
}
