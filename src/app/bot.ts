/**
 * The bot: opens a store, shows the QR code when there is no linked account yet, connects, and feeds the durable events
 * of the account through its middleware. Retries, order and bounds of handlers are the business of the client's
 * consumer; this file only decides which events a bot wants to see.
 */
import { BOOLEAN, checkArgument, checkOptions, FUNCTION, objectWith, TEXT } from '../base/check.ts'
import type { Expectation } from '../base/check.ts'
import { sleep, systemClock } from '../base/clock.ts'
import { deferred } from '../base/deferred.ts'
import type { Deferred } from '../base/deferred.ts'
import { describeError, UsageError } from '../base/errors.ts'
import { redacted, silentLogger } from '../base/logger.ts'
import type { Logger } from '../base/logger.ts'
import { CLIENT_OPTIONS } from '../client/check-calls.ts'
import { Client } from '../client/client.ts'
import type { HandlerContext } from '../client/consume/options.ts'
import type { CloseReason, DurableEvent, EphemeralEvents, Me } from '../client/events.ts'
import type { ClientOptions } from '../client/options.ts'
import { openStore } from '../open-store.ts'
import type { StoreSource } from '../open-store.ts'
import { DEFAULT_COMMAND_PREFIX } from './commands.ts'
import { Composer, run } from './composer.ts'
import { Context } from './context.ts'

/** A QR code to show, and until when it is valid. */
export type QrCode = EphemeralEvents['pairing.qr']

/** Gets what a handler threw. The event is handled again afterwards, until the client's consumer gives it up. */
export type ErrorHandler = (error: unknown, ctx: Context) => unknown

/** Options of a `Bot`: those of a `Client`, and what is the bot's own. */
export interface BotOptions extends Omit<ClientOptions, 'store'> {
  /** The path of an SQLite file, created when missing, or any `Store`. A store that the bot opened is closed by it. */
  readonly store: StoreSource
  /**
   * The durable name of this bot's place in the event log. Two bots on one account need two names.
   *
   * @default 'bot'
   */
  readonly name?: string
  /** What a command begins with. @default '/' */
  readonly prefix?: string
  /**
   * Messages that had waited longer than this when they came are not handled, in milliseconds; `Infinity` for all. They
   * are recorded all the same. What comes with the history of a new link (`origin: 'history'`) is never handled.
   *
   * @default 300_000
   */
  readonly maxAgeMs?: number
  /** Whether messages that this account wrote on its other devices are handled too. @default false */
  readonly handleOwn?: boolean
  /** Shows the QR code. @default draws it in the terminal */
  readonly onQr?: (code: QrCode) => unknown
  /**
   * Whether SIGINT and SIGTERM stop the bot, so that the process ends by itself. A second signal ends it at once.
   *
   * @default true
   */
  readonly stopOnSignals?: boolean
}

const DEFAULT_MAX_AGE_MS = 5 * 60 * 1000

/** Less is the way of a message, and its rounding to seconds. */
const LEAST_SKEW_MS = 60_000
/** How long handlers under way may take when the bot stops. */
const HANDLER_GRACE_MS = 10_000
const STOP_SIGNALS = ['SIGINT', 'SIGTERM'] as const

/**
 * A bot in five lines.
 *
 * @example
 * ```ts
 * import { Bot } from 'waton'
 *
 * const bot = new Bot({ store: 'me.db' })
 * bot.command('ping', (ctx) => ctx.reply('pong'))
 * await bot.start()
 * ```
 */
export class Bot extends Composer {
  readonly #options: BotOptions
  readonly #name: string
  readonly #logger: Logger
  readonly #stop = new AbortController()
  readonly #finished: Deferred<CloseReason | undefined> = deferred()
  #onError: ErrorHandler | undefined
  #opening: Promise<Client> | undefined
  #store: ClientOptions['store'] | undefined
  #client: Client | undefined
  #consuming: Promise<void> | undefined
  /** Why the bot is given no events any more. */
  #deaf: { readonly error: unknown } | undefined
  #stopping: Promise<void> | undefined
  #isStarted = false
  #isConnected = false
  readonly #stopOnSignal = (): void => {
    this.#stopUnattended()
  }

  /** @throws {UsageError} `WATON_BOT_OPTIONS`, `WATON_ARGUMENT` for options that cannot work */
  constructor(options: BotOptions) {
    super()
    checkBotOptions(options)
    this.#options = options
    this.#name = options.name ?? 'bot'
    this.#logger = redacted(options.logger ?? silentLogger).child({ bot: this.#name })
  }

  /** @throws {UsageError} `WATON_BOT_NOT_OPEN` before `open` or `start` */
  get client(): Client {
    if (this.#client === undefined) {
      throw new UsageError(
        'WATON_BOT_NOT_OPEN',
        'bot.client does not exist before the store is open: await bot.start(), or bot.open() when you need it earlier',
      )
    }
    return this.#client
  }

  /** This device's account, or `undefined` before it is linked. */
  get me(): Me | undefined {
    return this.#client?.me
  }

  /**
   * Sets what sees the errors of handlers. Without one they go to the logger, or to the terminal when there is none.
   *
   * The event is handled again afterwards in any case: to give it up, catch the error in the handler itself.
   */
  catch(handler: ErrorHandler): this {
    this.#onError = handler
    return this
  }

  /** Opens the store and creates the client without connecting, e.g. to add listeners first. Repeatable. */
  open(): Promise<Client> {
    this.#opening ??= this.#open()
    return this.#opening
  }

  /**
   * Starts the bot. Resolves when the account is connected, which includes linking it when that was not done before;
   * the bot then runs until `stop`, or until the connection ends for good.
   *
   * @throws {UsageError} `WATON_BOT_STARTED` when it runs or was stopped
   * @throws {WatonError} what `client.connect` and `client.consume` throw; the bot is stopped then
   */
  async start(): Promise<void> {
    if (this.#isStarted || this.#stopping !== undefined) {
      throw new UsageError(
        'WATON_BOT_STARTED',
        'a bot starts once: create a new Bot to run again after a stop',
      )
    }
    this.#isStarted = true
    if (this.#options.stopOnSignals ?? true)
      for (const signal of STOP_SIGNALS) process.once(signal, this.#stopOnSignal)
    try {
      await this.#run(await this.open())
    } catch (error) {
      await this.stop()
      throw error
    }
  }

  /**
   * Stops the bot: handlers under way get a moment to finish, the connection closes, and a store that the bot opened is
   * closed. What was not handled yet is handled after the next start. Repeatable.
   *
   * A handler that wants to stop the bot must not await this: it would wait for itself.
   */
  stop(): Promise<void> {
    this.#stopping ??= this.#close()
    return this.#stopping
  }

  /**
   * Resolves when the bot has stopped: with the reason when its connection ended for good, e.g. because the phone removed
   * the device; with `undefined` after `stop`, and when the event log could not be read any more, which is logged.
   */
  finished(): Promise<CloseReason | undefined> {
    return this.#finished.promise
  }

  async #open(): Promise<Client> {
    this.#store = await openStore(this.#options.store)
    this.#client = new Client({ ...clientOptions(this.#options), store: this.#store })
    return this.#client
  }

  async #run(client: Client): Promise<void> {
    const { onQr = showQr } = this.#options
    client.on('pairing.qr', (code) => onQr(code))
    const forgetTrouble = client.on('connection.closed', (reason) => {
      this.#delayed(reason)
    })
    this.#consuming = this.#consume(client)
    await client.connect()
    forgetTrouble()
    if (this.#deaf !== undefined) throw this.#deaf.error
    this.#isConnected = true
    client.on('connection.closed', (reason) => {
      this.#ended(reason)
    })
  }

  async #consume(client: Client): Promise<void> {
    try {
      await client.consume(this.#name, (event, handler) => this.#handle(event, handler), {
        signal: this.#stop.signal,
      })
    } catch (error) {
      this.#logger.error({ error }, 'the consumer of the bot ended')
      this.#deaf = { error }
      // before that, whoever started the bot is told
      if (!this.#isConnected || this.#stopping !== undefined) return
      // a bot that answers nobody must not look like one that runs
      if (this.#options.logger === undefined)
        console.error(`The bot has stopped: it gets no events any more (${describeError(error)})`)
      this.#stopUnattended()
    }
  }

  async #close(reason?: CloseReason): Promise<void> {
    for (const signal of STOP_SIGNALS) process.off(signal, this.#stopOnSignal)
    this.#stop.abort()
    try {
      await this.#letHandlersFinish()
      await this.#closeClient()
    } finally {
      this.#finished.resolve(reason)
    }
  }

  /** A handler that never ends must not keep the process: its event is handled again after the next start. */
  async #letHandlersFinish(): Promise<void> {
    const { clock = systemClock } = this.#options
    const inTime = new AbortController()
    const grace = sleep(clock, HANDLER_GRACE_MS, inTime.signal)
    await Promise.race([this.#consuming, grace])
    inTime.abort()
  }

  async #closeClient(): Promise<void> {
    if (this.#opening === undefined) return
    const client = await this.#opening.catch(() => undefined)
    await client?.close()
    if (typeof this.#options.store === 'string') await this.#store?.close()
  }

  /** Whoever starts a bot and has no network waits: they are told what for. Linking has ends that belong to it. */
  #delayed({ reason, retrying, advice }: CloseReason): void {
    const isUsual = reason === 'restart-required' || reason === 'qr-expired'
    if (!retrying || isUsual || this.#options.logger !== undefined) return
    console.error(`The bot is not connected yet: ${reason}. ${advice}`)
  }

  /** The client comes back by itself from everything else. */
  #ended(reason: CloseReason): void {
    if (reason.retrying || this.#stopping !== undefined) return
    this.#logger.error(
      { reason: reason.reason, serverCode: reason.serverCode, action: reason.action },
      'the connection of the bot ended for good',
    )
    if (this.#options.logger === undefined)
      console.error(`The bot has stopped: ${reason.reason}. ${reason.advice}`)
    this.#stopUnattended(reason)
  }

  /** Stops when nobody waits for it: what goes wrong is told, because it cannot be thrown at anybody. */
  #stopUnattended(reason?: CloseReason): void {
    this.#stopping ??= this.#close(reason)
    this.#stopping.catch((error: unknown) => {
      this.#logger.error({ error }, 'the bot could not stop in order')
    })
  }

  async #handle(event: DurableEvent, handler: HandlerContext): Promise<void> {
    if (!this.#isWanted(event)) return
    const prefix = this.#options.prefix ?? DEFAULT_COMMAND_PREFIX
    const ctx = new Context({ event, client: this.client, handler, prefix })
    try {
      await run(this.middleware(), ctx)
    } catch (error) {
      await this.#report(error, ctx)
      throw error
    }
  }

  /** Decides by the event, so that one which is handled again is decided the same way. */
  #isWanted(event: DurableEvent): boolean {
    // nobody wants an answer to what was so when the device was linked
    if ('origin' in event.payload && event.payload.origin === 'history') return false
    if (event.type !== 'message') return true
    const { fromMe, origin, sentAtMs } = event.payload
    if (fromMe && this.#options.handleOwn !== true) return false
    // on a machine whose clock is wrong every message would seem too old, also one that comes as it is written
    const { clockSkewMs } = this.client
    const isSkewed = origin === 'live' && Math.abs(clockSkewMs) >= LEAST_SKEW_MS
    const skewMs = isSkewed ? clockSkewMs : 0
    return event.at + skewMs - sentAtMs <= (this.#options.maxAgeMs ?? DEFAULT_MAX_AGE_MS)
  }

  async #report(error: unknown, ctx: Context): Promise<void> {
    const onError = this.#onError ?? this.#reportByDefault
    try {
      await onError(error, ctx)
    } catch (second) {
      this.#logger.error({ error: second, seq: ctx.event.seq }, 'the error handler of the bot failed')
    }
  }

  readonly #reportByDefault: ErrorHandler = (error, ctx) => {
    this.#logger.error({ error, seq: ctx.event.seq, type: ctx.event.type }, 'a handler failed')
    if (this.#options.logger === undefined) {
      console.error(`A handler of the bot failed on event ${String(ctx.event.seq)}:`, error)
    }
  }
}

const STORE: Expectation = {
  expected: 'the path of a file, or a store such as new MemoryStore()',
  accepts: (value) => TEXT.accepts(value) || objectWith('a store', 'claim').accepts(value),
}

async function showQr(code: QrCode): Promise<void> {
  const { renderQr } = await import('./terminal-qr.ts')
  console.log(
    `${await renderQr(code.qr)}\nScan this with WhatsApp on your phone: Linked devices > Link a device.`,
  )
}

const BOT_OPTIONS: Readonly<
  Record<Exclude<keyof BotOptions, Exclude<keyof ClientOptions, 'store'>>, Expectation>
> = {
  store: STORE,
  name: TEXT,
  prefix: TEXT,
  maxAgeMs: { expected: 'a number of milliseconds', accepts: (value) => typeof value === 'number' },
  handleOwn: BOOLEAN,
  onQr: FUNCTION,
  stopOnSignals: BOOLEAN,
}

/** The options that are not the bot's own. */
function clientOptions(options: BotOptions): Omit<ClientOptions, 'store'> {
  const others = Object.entries(options).filter(([name]) => !Object.hasOwn(BOT_OPTIONS, name))
  return Object.fromEntries(others)
}

function checkBotOptions(options: BotOptions): void {
  checkOptions('new Bot(options)', options, { ...CLIENT_OPTIONS, ...BOT_OPTIONS })
  checkArgument('store in new Bot(options)', options.store, STORE)
  const { name = 'bot', prefix = DEFAULT_COMMAND_PREFIX, maxAgeMs = DEFAULT_MAX_AGE_MS } = options
  const problem =
    (name === '' && 'name is empty; leave it out, or give a word that stays the same between runs') ||
    (prefix.trim() === '' && "prefix is empty, so every message would be a command; use '/' or '!'") ||
    (!(maxAgeMs > 0) && 'maxAgeMs must be above 0; use Infinity to handle messages of any age')
  if (problem !== false)
    throw new UsageError('WATON_BOT_OPTIONS', `the bot cannot start like this: ${problem}`)
}
