/**
 * The middleware algebra: four functions (`pass`, `concat`, `flatten`, `run`) for contexts of any kind, and a `Composer`
 * for bot contexts whose methods are all defined through them. What filters and commands mean is in their own files.
 */
import { checkArgument, FUNCTION, objectWith } from '../base/check.ts'
import type { Expectation } from '../base/check.ts'
import { UsageError } from '../base/errors.ts'
import { commandNames } from './commands.ts'
import type { CommandContext, Context, FilteredContext } from './context.ts'
import { compileFilter } from './filter-query.ts'
import type { FilterQuery } from './filter-query.ts'

/** Hands the context on to whatever was added later. May be called at most once. */
export type Next = () => Promise<void>

/** One step: does something with the context, and calls `next` to let later steps see it too. */
export type MiddlewareFunction<C> = (ctx: C, next: Next) => unknown

/** Something that can be used where a step is expected, e.g. a `Composer`. */
export interface MiddlewareObject<C> {
  /** The step as a function. */
  middleware(): MiddlewareFunction<C>
}

/** A step, or an object that is one. */
export type Middleware<C> = MiddlewareFunction<C> | MiddlewareObject<C>

/** The step that does nothing but hand on: the neutral element of `concat`. */
export const pass: MiddlewareFunction<unknown> = (_ctx, next) => next()

const MIDDLEWARE: Expectation = {
  expected: 'a function, or an object with middleware()',
  accepts: (value) => FUNCTION.accepts(value) || objectWith('an object', 'middleware').accepts(value),
}

/** The plain function behind a step. */
export function flatten<C>(middleware: Middleware<C>): MiddlewareFunction<C> {
  checkArgument('a middleware', middleware, MIDDLEWARE)
  return typeof middleware === 'function' ? middleware : middleware.middleware()
}

/**
 * Two steps as one: `first` runs, and its `next` runs `second`.
 *
 * The result rejects with `UsageError` `WATON_BOT_NEXT_TWICE` when `first` calls `next` a second time, because
 * everything after it would handle the same event twice.
 */
export function concat<C>(
  first: MiddlewareFunction<C>,
  second: MiddlewareFunction<C>,
): MiddlewareFunction<C> {
  return async (ctx, next) => {
    let isCalled = false
    await first(ctx, async () => {
      if (isCalled) throw nextCalledTwice()
      isCalled = true
      await second(ctx, next)
    })
  }
}

/** Runs one step on a context; what it hands on goes nowhere. */
export async function run<C>(middleware: MiddlewareFunction<C>, ctx: C): Promise<void> {
  await middleware(ctx, () => Promise.resolve())
}

/** A growing list of steps that is itself a step. */
export class Composer<C extends Context = Context> implements MiddlewareObject<C> {
  #handler: MiddlewareFunction<C>

  /** @param middleware - steps to begin with, in order */
  constructor(...middleware: readonly Middleware<C>[]) {
    this.#handler = chain(middleware)
  }

  /** The list as one function. Steps that are added later belong to it too. */
  middleware(): MiddlewareFunction<C> {
    return (ctx, next) => this.#handler(ctx, next)
  }

  /**
   * Adds steps for every context.
   *
   * @returns a composer of just these steps, to add more behind them
   */
  use(...middleware: readonly Middleware<C>[]): Composer<C> {
    const branch = new Composer<C>(...middleware)
    this.#handler = concat(this.#handler, flatten(branch))
    return branch
  }

  /**
   * Adds steps for the contexts that `predicate` accepts; the others go on to what is added later.
   *
   * @returns a composer of just these steps, with the narrowed context type
   */
  filter<D extends C>(predicate: (ctx: C) => ctx is D, ...middleware: readonly Middleware<D>[]): Composer<D>
  filter(predicate: (ctx: C) => boolean, ...middleware: readonly Middleware<C>[]): Composer<C>
  filter<D extends C>(predicate: (ctx: C) => ctx is D, ...middleware: readonly Middleware<D>[]): Composer<D> {
    checkArgument('the predicate of filter(predicate, ...)', predicate, FUNCTION)
    const branch = new Composer<D>(...middleware)
    const handler = branch.middleware()
    this.use((ctx, next) => (predicate(ctx) ? handler(ctx, next) : next()))
    return branch
  }

  /**
   * Adds steps for one kind of event: `message`, or `message:text` for messages with one kind of content.
   *
   * @returns a composer of just these steps, with the narrowed context type
   * @throws {UsageError} `WATON_BOT_FILTER` for a name that no event has
   */
  on<Query extends FilterQuery>(
    query: Query,
    ...middleware: readonly Middleware<FilteredContext<C, Query>>[]
  ): Composer<FilteredContext<C, Query>> {
    const matches = compileFilter(query)
    return this.filter((ctx): ctx is FilteredContext<C, Query> => matches(ctx.event), ...middleware)
  }

  /**
   * Adds steps for a command, e.g. `ping` for `/ping`. Several names may share them.
   *
   * @returns a composer of just these steps; `ctx.args` and `ctx.match` hold what follows the name
   * @throws {UsageError} `WATON_BOT_COMMAND_NAME` for a name that could never match
   */
  command(
    name: string | readonly string[],
    ...middleware: readonly Middleware<CommandContext<C>>[]
  ): Composer<CommandContext<C>> {
    const names = commandNames(name)
    const isNamed = (ctx: C): ctx is CommandContext<C> => ctx.command !== undefined && names.has(ctx.command)
    return this.filter(isNamed, ...middleware)
  }
}

function chain<C>(middleware: readonly Middleware<C>[]): MiddlewareFunction<C> {
  return middleware.map(flatten).reduce<MiddlewareFunction<C>>((all, step) => concat(all, step), pass)
}

function nextCalledTwice(): UsageError {
  return new UsageError(
    'WATON_BOT_NEXT_TWICE',
    'a middleware called next() twice, which would handle the same event twice; call it once, and await it',
  )
}
