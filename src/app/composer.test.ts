import { describe, expect, it } from 'vitest'
import type { Client } from '../client/client.ts'
import type { MessageContent } from '../client/content.ts'
import { Composer, concat, flatten, pass, run } from './composer.ts'
import type { MiddlewareFunction } from './composer.ts'
import { Context } from './context.ts'

/** A step that notes its name and hands on. */
function mark(name: string): MiddlewareFunction<string[]> {
  return async (log, next) => {
    log.push(`${name} in`)
    await next()
    log.push(`${name} out`)
  }
}

async function trace(middleware: MiddlewareFunction<string[]>): Promise<string[]> {
  const log: string[] = []
  await run(middleware, log)
  return log
}

const noClient = {} as unknown as Client

function contextOf(content: MessageContent): Context {
  const sender = { jid: '15550000001@s.whatsapp.net' }
  const message = {
    id: 'A1',
    chat: sender.jid,
    sender,
    fromMe: false,
    origin: 'live',
    sentAtMs: 1,
    content,
  } as const
  const event = { seq: 1, type: 'message', version: 1, at: 1, payload: message } as const
  const handler = {
    attempt: 1,
    signal: new AbortController().signal,
    send: () => Promise.reject(new TypeError('nothing is sent here')),
  }
  return new Context({ event, client: noClient, handler, prefix: '/' })
}

describe('the middleware algebra', () => {
  it('refuses a second call of next, and what follows has run once', async () => {
    const log: string[] = []
    const twice: MiddlewareFunction<string[]> = async (_ctx, next) => {
      await next()
      await next()
    }
    const both = concat<string[]>(twice, (ctx) => ctx.push('once'))
    await expect(run(both, log)).rejects.toMatchObject({ code: 'WATON_BOT_NEXT_TWICE' })
    expect(log).toEqual(['once'])
  })

  it('hands what a step throws to the caller, through the steps before it', async () => {
    const failure = new TypeError('handler')
    const failing: MiddlewareFunction<string[]> = () => {
      throw failure
    }
    await expect(trace(concat(mark('a'), failing))).rejects.toBe(failure)
  })

  it('stops at a step that does not call next', async () => {
    expect(await trace(concat((log) => log.push('end'), mark('never')))).toEqual(['end'])
  })

  it('has pass as its neutral element', async () => {
    const alone = await trace(mark('a'))
    expect(await trace(concat(pass, mark('a')))).toEqual(alone)
    expect(await trace(concat(mark('a'), pass))).toEqual(alone)
  })

  it('is associative', async () => {
    const [a, b, c] = [mark('a'), mark('b'), mark('c')]
    const expected = ['a in', 'b in', 'c in', 'c out', 'b out', 'a out']
    expect(await trace(concat(concat(a, b), c))).toEqual(expected)
    expect(await trace(concat(a, concat(b, c)))).toEqual(expected)
  })

  it('takes an object with steps where it takes a step', async () => {
    expect(await trace(flatten({ middleware: () => mark('object') }))).toEqual(['object in', 'object out'])
  })
})

describe('a composer', () => {
  it('refuses a filter that no event has, and names those that exist', () => {
    const query = 'message:txet' as 'message:text'
    expect(() => new Composer().on(query)).toThrow(/message:text/)
  })

  it.each(['toString', 'message:constructor', ':text', 'message:', ''])('refuses the filter %j', (query) => {
    const refusal = expect.objectContaining({ code: 'WATON_BOT_FILTER' }) as unknown
    expect(() => new Composer().on(query as 'message')).toThrow(refusal)
  })

  it('runs steps in the order they were added, also those added to a returned branch later', async () => {
    const seen: string[] = []
    const composer = new Composer()
    const branch = composer.on('message:text', (_ctx, next) => {
      seen.push('filter')
      return next()
    })
    composer.use(() => seen.push('last'))
    branch.use((_ctx, next) => {
      seen.push('branch')
      return next()
    })
    await run(composer.middleware(), contextOf({ text: 'hi' }))
    expect(seen).toEqual(['filter', 'branch', 'last'])
  })

  it('lets each context through the filters that match it and past the others', async () => {
    const composer = new Composer()
    const seen: string[] = []
    composer.on('message.receipt', () => seen.push('receipt'))
    composer.on('message:unknown', (ctx) => seen.push(ctx.content.unknown.kind))
    composer.on('message:text', (ctx) => seen.push(ctx.text))
    await run(composer.middleware(), contextOf({ text: 'hi' }))
    await run(composer.middleware(), contextOf({ unknown: { kind: 'imageMessage' } }))
    expect(seen).toEqual(['hi', 'imageMessage'])
  })

  it('runs a command for its exact word only, and gives what follows', async () => {
    const composer = new Composer()
    const seen: unknown[] = []
    composer.command(['echo', 'say'], (ctx) => seen.push([ctx.command, ctx.match, ctx.args]))
    composer.use((ctx) => seen.push(ctx.text))
    for (const text of ['/echo a  b', '/SAY', '/echoes', 'echo']) {
      await run(composer.middleware(), contextOf({ text }))
    }
    expect(seen).toEqual([['echo', 'a  b', ['a', 'b']], ['say', '', []], '/echoes', 'echo'])
  })

  it('can be used as a step of another composer', async () => {
    const seen: string[] = []
    const inner = new Composer()
    const outer = new Composer()
    outer.use(inner)
    inner.command('ping', () => seen.push('pong'))
    await run(outer.middleware(), contextOf({ text: '/ping' }))
    expect(seen).toEqual(['pong'])
  })
})
