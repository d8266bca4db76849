/**
 * What a handler sends while it handles one event (promise G10). Messages are collected, with ids that follow from consumer,
 * event and call number, and become outbox rows in the commit that records the event as finished: both or neither. A
 * handler that fails leaves nothing behind. One that waits for the server (`acked`) cannot wait for that commit, which
 * waits for the handler: what it has sent so far is committed at once then, and a handler that runs again finds those
 * ids in the outbox. `docs/decisions/0013-effects-once.md` says why this is enough.
 */
import { deferred } from '../../base/deferred.ts'
import type { Deferred } from '../../base/deferred.ts'
import { UsageError } from '../../base/errors.ts'
import { checkSend } from '../check-calls.ts'
import type { OutgoingContent } from '../content.ts'
import type { DurableEvent } from '../events.ts'
import { canonicalJid } from '../identity/addresses.ts'
import type { SentMessage } from '../send/handle.ts'
import type { OutboxItem } from '../send/outbox-item.ts'
import type { OutboxDraft } from '../send/draft.ts'
import type { Outbox } from '../send/outbox.ts'
import type { AccountState } from '../state/account-state.ts'
import type { Unit } from '../state/unit.ts'
import { effectId } from './effect-id.ts'

/** What effects work with. */
export interface EffectsOptions {
  readonly state: AccountState
  readonly outbox: Pick<Outbox, 'prepare' | 'complete' | 'stage' | 'handle'>
  /** The account that sends, as its phone-number JID. @throws {UsageError} `WATON_NOT_LINKED` */
  readonly account: () => string
  readonly consumer: string
  readonly event: DurableEvent
}

/** Messages of one event at most: a handler in an endless loop ends in an error and not in full memory. */
const MAX_EFFECTS = 1_000

type Phase = 'open' | 'committed' | 'dropped'

/** One message of a handler. */
interface Effect {
  draft: OutboxDraft
  item?: OutboxItem
}

/** See the file comment. One for each attempt at an event. */
export class Effects {
  readonly #options: EffectsOptions
  readonly #effects: Effect[] = []
  /** Messages with files that are not on the media servers yet. */
  readonly #completing = new Set<Promise<void>>()
  #calls = 0
  #phase: Phase = 'open'
  #isClosing = false
  readonly #end: Deferred<void> = deferred()

  constructor(options: EffectsOptions) {
    this.#options = options
    this.#end.promise.catch(ignore)
  }

  /** Whether there is anything that has to be committed with the event. */
  get hasAny(): boolean {
    return this.#effects.some(({ item }) => item === undefined)
  }

  /** See `HandlerContext.send`. */
  async send(chat: string, content: OutgoingContent): Promise<SentMessage> {
    // before anything is awaited: the number of a call must not depend on what else goes on
    const effect = this.#add(chat, content)
    const isLate = this.#isClosing
    if (effect.draft.composed === undefined || effect.draft.link !== undefined)
      await this.#remembered(effect.draft, this.#complete(effect))
    if (isLate) {
      // the event is over: this is a message of its own
      await this.#end.promise
      await this.#commit([effect])
    }
    const to = await canonicalJid(this.#options.state, effect.draft.to)
    const follow = (stage: 'acked' | 'delivered' | 'read'): Promise<void> => this.#follow(effect, stage)
    const handle = (): SentMessage | undefined =>
      effect.item === undefined ? undefined : this.#options.outbox.handle(effect.item)
    return {
      id: effect.draft.id,
      chat: effect.item?.chat ?? to,
      get state() {
        return handle()?.state ?? 'queued'
      },
      get waitingFor() {
        const sent = handle()
        return sent === undefined ? 'handler' : sent.waitingFor
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

  /** The handler has succeeded: what it sends from here on is not part of the event. */
  close(): void {
    this.#isClosing = true
  }

  /** Waits for files that are still on their way: a handler need not wait for what it sends. */
  async uploaded(): Promise<void> {
    await Promise.allSettled(this.#completing)
  }

  /** Stages what is not durable yet. */
  async stage(unit: Unit): Promise<void> {
    await this.#stage(unit, this.#effects)
  }

  /** The event and its messages are durable. */
  committed(): void {
    this.#phase = 'committed'
    this.#end.resolve()
  }

  /** The attempt has failed: what is not durable yet is forgotten. */
  dropped(): void {
    this.#phase = 'dropped'
    this.#end.reject(tooLate())
  }

  #add(chat: string, content: OutgoingContent): Effect {
    const { outbox, account, consumer, event } = this.#options
    if (this.#phase === 'dropped') throw tooLate()
    checkSend(chat, content, undefined, 'context')
    if (this.#calls >= MAX_EFFECTS) throw tooMany()
    const id = effectId({ consumer, account: account(), event, call: this.#calls })
    const effect = { draft: outbox.prepare(chat, content, { id }) }
    this.#calls += 1
    this.#effects.push(effect)
    return effect
  }

  async #remembered({ prepared }: OutboxDraft, completing: Promise<void>): Promise<void> {
    if (prepared.file !== undefined) this.#completing.add(completing)
    try {
      await completing
    } finally {
      this.#completing.delete(completing)
    }
  }

  /** What a message is about is looked for before its sender goes on: it hears at once when that is not there. */
  async #complete(effect: Effect): Promise<void> {
    try {
      await this.#commitTargets(effect)
      effect.draft = await this.#options.outbox.complete(effect.draft)
    } catch (error) {
      this.#effects.splice(this.#effects.indexOf(effect), 1)
      throw error
    }
  }

  /** A handler that edits what it has sent means both: the first goes out at once. */
  async #commitTargets(effect: Effect): Promise<void> {
    if (this.#phase !== 'open' || this.#isClosing) return
    const earlier = this.#effects.slice(0, this.#effects.indexOf(effect))
    const ids = new Set(effect.draft.prepared.targets.map(({ id }) => id))
    if (earlier.some(({ item, draft }) => item === undefined && ids.has(draft.id)))
      await this.#commit(earlier)
  }

  /** Asking how far a message got makes it durable: nothing else could let it get anywhere while the handler runs. */
  async #progress(effect: Effect): Promise<SentMessage> {
    if (effect.item === undefined) {
      if (this.#phase === 'open' && !this.#isClosing) await this.#commit(this.#effects)
      else await this.#end.promise
    }
    if (effect.item === undefined) throw tooLate()
    return this.#options.outbox.handle(effect.item)
  }

  #follow(effect: Effect, stage: 'acked' | 'delivered' | 'read'): Promise<void> {
    const reached = this.#progress(effect).then((sent) => sent[stage])
    // a promise that nobody awaits is not an error, like those of any other handle
    reached.catch(ignore)
    return reached
  }

  async #commit(effects: readonly Effect[]): Promise<void> {
    await this.#options.state.commit((unit) => this.#stage(unit, effects))
  }

  async #stage(unit: Unit, effects: readonly Effect[]): Promise<void> {
    for (const effect of effects) {
      if (effect.item !== undefined) continue
      const item = await this.#options.outbox.stage(unit, effect.draft)
      unit.onCommit(() => {
        effect.item = item
      })
    }
  }
}

function tooLate(): UsageError {
  return new UsageError(
    'WATON_EFFECT_LATE',
    'this message was dropped, because the handler that sent it has failed or ran out of time: the next attempt sends it; await what a handler starts before it returns',
  )
}

function tooMany(): UsageError {
  return new UsageError(
    'WATON_EFFECT_LIMIT',
    `a handler sends ${String(MAX_EFFECTS)} messages for one event at most: use client.send for more`,
  )
}

function ignore(): void {
  // told to those who wait
}
