/**
 * Callers without a compiler: every public entry point with values of every wrong kind. Each call ends within a deadline,
 * in a typed error that says what to change, and nothing is written.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Bot, Client, Composer, isWatonError, MemoryStore, openStore, renderQr } from 'waton'
import { startSimulator } from 'waton/simulator'
import type { SimulatedPhone, Simulator } from 'waton/simulator'
import { openSqlite } from 'waton/sqlite'
import { settle } from '../helpers/settle.ts'

/** The same calls, as somebody sees them who has no types. */
type Untyped = Readonly<Record<string, (...values: readonly unknown[]) => unknown>>
type UntypedClass = new (options: unknown) => unknown

const untyped = (value: unknown): Untyped => value as Untyped
const construct = (constructor: unknown, options: unknown): unknown =>
  new (constructor as UntypedClass)(options)

const cycle: Record<string, unknown> = {}
cycle['text'] = cycle

const thrower = (): never => {
  // eslint-disable-next-line @typescript-eslint/only-throw-error -- callers throw anything
  throw 'a getter of the caller'
}

/** One value of each kind that does not belong where it is put. */
const JUNK: Readonly<Record<string, unknown>> = {
  null: null,
  'a number': 5.5,
  NaN,
  'a negative number': -1,
  'a bigint': 5n,
  true: true,
  'empty text': '',
  'huge text': 'x'.repeat(1_000_000),
  'half a surrogate pair': '\ud800',
  'a list': [],
  'an empty object': {},
  'an object without a prototype': Object.create(null) as unknown,
  'an object that contains itself': cycle,
  'an object with a getter that throws': Object.defineProperty({}, 'text', {
    get: thrower,
    enumerable: true,
  }),
  'a proxy that throws': new Proxy({}, { get: thrower, has: thrower, ownKeys: thrower }),
  'a function': () => undefined,
  'a symbol': Symbol('x'),
}

const TEXTS = ['empty text', 'huge text', 'half a surrogate pair']
const NUMBERS = ['a number', 'a negative number']
const PLAIN = [
  'an empty object',
  'an object without a prototype',
  'an object that contains itself',
  'a function',
]

const BOB = '15550000002@s.whatsapp.net'
const done = AbortSignal.abort()

let simulator: Simulator
let phone: SimulatedPhone
let client: Client
let closed: Client
const store = new MemoryStore()

beforeAll(async () => {
  simulator = await startSimulator({ seed: 8 })
  phone = await simulator.addPhone({ phoneNumber: '15550000001', name: 'Alice' })
  await simulator.addPhone({ phoneNumber: '15550000002', name: 'Bob' })
  client = new Client({ store, endpoint: simulator.endpoint })
  client.once('pairing.qr', async ({ qr }) => {
    await phone.linkDevice(qr)
  })
  await client.connect()
  closed = new Client({ store: new MemoryStore(), endpoint: simulator.endpoint })
  await closed.close()
})

afterAll(async () => {
  await client.close()
  await simulator.close()
})

/** A call with one wrong value, and the kinds of junk that are right there. */
type Case = readonly [call: string, run: (value: unknown) => unknown, accepts?: readonly string[]]

const withStore = (name: string) => (value: unknown) => ({ store: new MemoryStore(), [name]: value })

const clientOption = (name: string, accepts: readonly string[] = []): Case => [
  `new Client({ ${name} })`,
  (value) => construct(Client, withStore(name)(value)),
  accepts,
]

const botOption = (name: string, accepts: readonly string[] = []): Case => [
  `new Bot({ ${name} })`,
  (value) => construct(Bot, withStore(name)(value)),
  accepts,
]

const simulatorOption = (name: string, accepts: readonly string[] = []): Case => [
  `startSimulator({ ${name} })`,
  (value) => untyped({ startSimulator })['startSimulator']?.({ [name]: value }),
  accepts,
]

const consumeOption = (name: string, accepts: readonly string[] = []): Case => [
  `client.consume(..., { ${name} })`,
  (value) => untyped(client)['consume']?.('worker', () => undefined, { signal: done, [name]: value }),
  accepts,
]

const consumeFrom = (from: unknown): unknown =>
  untyped(client)['consume']?.('worker', () => undefined, { from, signal: done })

const CONSTRUCTORS: readonly Case[] = [
  ['new Client(value)', (value) => construct(Client, value)],
  clientOption('store'),
  clientOption('account', ['half a surrogate pair']),
  clientOption('endpoint'),
  clientOption('logger'),
  clientOption('clock'),
  clientOption('random'),
  clientOption('history'),
  clientOption('markOnline', ['true']),
  clientOption('timing', PLAIN),
  [
    'new Client({ timing: { leaseMs } })',
    (value) => construct(Client, withStore('timing')({ leaseMs: value })),
    ['a number'],
  ],
  ['new Bot(value)', (value) => construct(Bot, value)],
  ['new Bot({ store })', (value) => construct(Bot, { store: value }), TEXTS],
  botOption('name', ['huge text', 'half a surrogate pair']),
  botOption('prefix', ['huge text', 'half a surrogate pair']),
  botOption('maxAgeMs', ['a number']),
  botOption('onQr', ['a function']),
  botOption('handleOwn', ['true']),
]

const COMPOSER: readonly Case[] = [
  ['bot.use(value)', (value) => untyped(new Composer())['use']?.(value), ['a function']],
  ['bot.on(value)', (value) => untyped(new Composer())['on']?.(value)],
  ["bot.on('message', value)", (value) => untyped(new Composer())['on']?.('message', value), ['a function']],
  ['bot.filter(value)', (value) => untyped(new Composer())['filter']?.(value), ['a function']],
  ['bot.command(value)', (value) => untyped(new Composer())['command']?.(value), ['huge text']],
]

const STORES: readonly Case[] = [
  [
    'openStore(value)',
    (value) => untyped({ openStore })['openStore']?.(value),
    ['huge text', 'half a surrogate pair'],
  ],
  [
    'openSqlite(value)',
    (value) => untyped({ openSqlite })['openSqlite']?.(value),
    ['huge text', 'half a surrogate pair'],
  ],
  [
    'openSqlite(path, value)',
    (value) => untyped({ openSqlite })['openSqlite']?.('/nowhere/me.db', value),
    PLAIN,
  ],
  [
    'openSqlite(path, { durability })',
    (value) => untyped({ openSqlite })['openSqlite']?.('/nowhere/me.db', { durability: value }),
  ],
  [
    'openSqlite(path, { busyTimeoutMs })',
    (value) => untyped({ openSqlite })['openSqlite']?.('/nowhere/me.db', { busyTimeoutMs: value }),
  ],
]

const CALLS: readonly Case[] = [
  [
    'client.on(value, listener)',
    (value) => untyped(client)['on']?.(value, () => undefined),
    ['half a surrogate pair'],
  ],
  ["client.on('message', value)", (value) => untyped(client)['on']?.('message', value), ['a function']],
  ['client.send(value, content)', (value) => untyped(client)['send']?.(value, { text: 'hi' })],
  ['client.send(chat, value)', (value) => untyped(client)['send']?.(BOB, value)],
  [
    'client.send(chat, { text: value })',
    (value) => untyped(client)['send']?.(BOB, { text: value }),
    ['empty text'],
  ],
  [
    'client.send(chat, content, value)',
    (value) => untyped(client)['send']?.('nobody', { text: 'hi' }, value),
  ],
  [
    'client.send(chat, content, { id })',
    (value) => untyped(client)['send']?.(BOB, { text: 'hi' }, { id: value }),
  ],
  ['client.readMessages(value)', (value) => untyped(client)['readMessages']?.(value), ['a list']],
  ['client.readMessages([value])', (value) => untyped(client)['readMessages']?.([value])],
  [
    'client.readMessages([{ id: value, chat }])',
    (value) => untyped(client)['readMessages']?.([{ id: value, chat: 'nowhere' }]),
  ],
  [
    'client.readMessages([{ id, chat: value }])',
    (value) => untyped(client)['readMessages']?.([{ id: 'A', chat: value }]),
  ],
  [
    'client.markPlayed([{ id, chat, sender: value }])',
    (value) => untyped(client)['markPlayed']?.([{ id: 'A', chat: '1@g.us', sender: value }]),
  ],
  ['client.markPlayed(value)', (value) => untyped(client)['markPlayed']?.(value), ['a list']],
  ['client.download(value)', (value) => untyped(client)['download']?.(value)],
  [
    'client.download({ id: value, chat })',
    (value) => untyped(client)['download']?.({ id: value, chat: BOB }),
    ['huge text', 'half a surrogate pair'],
  ],
  [
    'client.download({ id, chat, content: value })',
    (value) => untyped(client)['download']?.({ id: 'A', chat: BOB, content: value }),
  ],
  [
    'client.download({ id, chat, content: { image: value } })',
    (value) => untyped(client)['download']?.({ id: 'A', chat: BOB, content: { image: value } }),
  ],
  [
    'client.download(message, value)',
    (value) => untyped(client)['download']?.({ id: 'A', chat: BOB }, value),
  ],
  [
    'client.download(message, { path })',
    (value) => untyped(client)['download']?.({ id: 'A', chat: BOB }, { path: value }),
  ],
  [
    'client.download(message, { maxBytes })',
    (value) => untyped(client)['download']?.({ id: 'A', chat: BOB }, { maxBytes: value }),
  ],
  [
    'client.download(message, { signal })',
    (value) => untyped(client)['download']?.({ id: 'A', chat: BOB }, { signal: value }),
  ],
  [
    'client.download(message, { onProgress })',
    (value) => untyped(client)['download']?.({ id: 'A', chat: BOB }, { onProgress: value }),
  ],
  ['client.setPresence(value)', (value) => untyped(client)['setPresence']?.(value)],
  ['client.subscribePresence(value)', (value) => untyped(client)['subscribePresence']?.(value)],
  ['client.setChatState(value, state)', (value) => untyped(client)['setChatState']?.(value, 'composing')],
  ['client.setChatState(chat, value)', (value) => untyped(client)['setChatState']?.(BOB, value)],
  ['client.backup(value)', (value) => untyped(client)['backup']?.(value), TEXTS],
  ['client.backup(path, value)', (value) => untyped(client)['backup']?.('/nowhere/copy.db', value), PLAIN],
  [
    'client.backup(path, { overwrite })',
    (value) => untyped(client)['backup']?.('/nowhere/copy.db', { overwrite: value }),
    ['true'],
  ],
  ['client.rejectCall(value)', (value) => untyped(client)['rejectCall']?.(value)],
  ['client.rejectCall({ id: value })', (value) => untyped(client)['rejectCall']?.({ id: value, creator: 5 })],
  ['client.contacts.lookup(value)', (value) => untyped(client.contacts)['lookup']?.(value), ['a list']],
  ['client.contacts.lookup([value])', (value) => untyped(client.contacts)['lookup']?.([value]), TEXTS],
  [
    'client.contacts.lookup(numbers, value)',
    (value) => untyped(client.contacts)['lookup']?.(['15550000001'], value),
    PLAIN,
  ],
  [
    'client.consume(value, handler)',
    (value) => untyped(client)['consume']?.(value, () => undefined, { signal: done }),
    ['half a surrogate pair'],
  ],
  [
    'client.consume(name, value)',
    (value) => untyped(client)['consume']?.('worker', value, { signal: done }),
    ['a function'],
  ],
  consumeOption('from'),
  consumeOption('maxAttempts'),
  consumeOption('signal'),
  consumeOption('types'),
  consumeOption('maxAgeMs', ['a number']),
  consumeOption('timeoutMs', ['a number']),
  ['client.consume(..., { from: { seq } })', (value) => consumeFrom({ seq: value })],
  ['client.events.dead.list(value)', (value) => drain(untyped(client.events.dead)['list']?.(value)), PLAIN],
  [
    'client.events.dead.list({ consumer })',
    (value) => drain(untyped(client.events.dead)['list']?.({ consumer: value })),
    ['half a surrogate pair'],
  ],
  [
    'client.events.dead.retry(value, 1)',
    (value) => untyped(client.events.dead)['retry']?.(value, 1),
    ['half a surrogate pair'],
  ],
  [
    'client.events.dead.retry(consumer, value)',
    (value) => untyped(client.events.dead)['retry']?.('a', value),
  ],
  [
    'client.events.dead.discard(value, 1)',
    (value) => untyped(client.events.dead)['discard']?.(value, 1),
    ['half a surrogate pair'],
  ],
  [
    'client.events.dead.discard(consumer, value)',
    (value) => untyped(client.events.dead)['discard']?.('a', value),
  ],
  ['client.query(value)', (value) => untyped(client)['query']?.(value)],
  ['client.requestPairingCode(value)', (value) => untyped(client)['requestPairingCode']?.(value)],
  ['client.outbox.get(value)', (value) => untyped(client.outbox)['get']?.(value), TEXTS],
  ['client.outbox.cancel(value)', (value) => untyped(client.outbox)['cancel']?.(value), TEXTS],
  ['client.outbox.list(value)', (value) => drain(untyped(client.outbox)['list']?.(value)), PLAIN],
  ['client.outbox.list({ states })', (value) => drain(untyped(client.outbox)['list']?.({ states: value }))],
  ['client.outbox.list({ chat })', (value) => drain(untyped(client.outbox)['list']?.({ chat: value }))],
  ['client.outbox.list({ after })', (value) => drain(untyped(client.outbox)['list']?.({ after: value }))],
  ['client.outbox.list({ limit })', (value) => drain(untyped(client.outbox)['list']?.({ limit: value }))],
  ['client.events.read(value)', (value) => drain(untyped(client.events)['read']?.(value)), PLAIN],
  ['client.events.read({ until })', (value) => drain(untyped(client.events)['read']?.({ until: value }))],
  ['client.events.read({ types })', (value) => drain(untyped(client.events)['read']?.({ types: value }))],
  ['client.events.read({ chat })', (value) => drain(untyped(client.events)['read']?.({ chat: value }))],
  ['client.events.read({ after })', (value) => drain(untyped(client.events)['read']?.({ after: value }))],
  ['renderQr(value)', (value) => untyped({ renderQr })['renderQr']?.(value), ['empty text']],
]

const SIMULATOR: readonly Case[] = [
  simulatorOption('seed', [...TEXTS, ...NUMBERS]),
  simulatorOption('port'),
  simulatorOption('clock'),
  simulatorOption('pingIntervalMs'),
  simulatorOption('traceCapacity'),
  ['simulator.addPhone(value)', (value) => untyped(simulator)['addPhone']?.(value)],
  [
    'simulator.addPhone({ phoneNumber })',
    (value) => untyped(simulator)['addPhone']?.({ phoneNumber: value, name: 'A' }),
  ],
  ['phone.giveToken(value)', (value) => untyped(phone)['giveToken']?.(value)],
  ['phone.send(value, content)', (value) => untyped(phone)['send']?.(value, { text: 'hi' })],
  ['phone.send(chat, value)', (value) => untyped(phone)['send']?.(BOB, value)],
  [
    'phone.send(chat, { text: value })',
    (value) => untyped(phone)['send']?.(BOB, { text: value }),
    ['half a surrogate pair'],
  ],
  ['phone.linkDevice(value)', (value) => untyped(phone)['linkDevice']?.(value)],
  ['phone.linkDeviceByCode(value)', (value) => untyped(phone)['linkDeviceByCode']?.(value)],
]

async function drain(items: unknown): Promise<void> {
  for await (const item of items as AsyncIterable<unknown>) expect(item).toBeDefined()
}

/** What a call ends in, or `undefined` when it succeeds; what it opened is closed again. */
async function failureOf(call: () => unknown): Promise<unknown> {
  const end = await settle(call, 5_000)
  if (end.status === 'failed') return end.error
  const opened = end.value as { readonly close?: () => Promise<void> } | undefined
  if (typeof opened === 'object' && typeof opened.close === 'function') await opened.close()
  return undefined
}

const codeOf = (error: unknown): unknown => (isWatonError(error) ? error.code : error)

describe.each<readonly [string, readonly Case[]]>([
  ['a constructor', CONSTRUCTORS],
  ['a composer', COMPOSER],
  ['a store', STORES],
  ['a client', CALLS],
  ['the simulator', SIMULATOR],
])('misuse of %s', (_what, cases) => {
  it.each(cases.map(([call, run, accepts]) => ({ call, run, accepts })))(
    'is told: $call',
    async ({ run, accepts = [] }) => {
      for (const [kind, value] of Object.entries(JUNK)) {
        const error = await failureOf(() => run(value))
        if (accepts.includes(kind)) {
          // right here; it may still fail for a reason of its own, but never with somebody else's error
          expect(error === undefined || isWatonError(error), `${kind}: ${String(codeOf(error))}`).toBe(true)
          continue
        }
        expect(isWatonError(error), `${kind}: ${String(codeOf(error))}`).toBe(true)
        if (!isWatonError(error)) continue
        expect(error.action, `${kind}: ${error.code} ${error.message}`).toBe('fix-call')
        expect(error.message.length).toBeLessThan(600)
        expect(error.retryable).toBe(false)
      }
    },
  )
})

describe('what would be passed over in silence', () => {
  it.each<readonly [string, () => unknown, RegExp]>([
    [
      'an option of a client',
      () => construct(Client, withStore('auth')({})),
      /no option "auth".*use one of store/,
    ],
    ['an option of a bot', () => construct(Bot, withStore('prefixx')('!')), /no option "prefixx"/],
    [
      'a part of the endpoint',
      () => construct(Client, withStore('endpoint')({ url: 'ws://localhost', port: 1 })),
      /no option "port"/,
    ],
    [
      'an option of send, where the id of Baileys would be lost',
      () => untyped(client)['send']?.(BOB, { text: 'hi' }, { messageId: 'A' }),
      /no option "messageId".*use one of id/,
    ],
    [
      'an option of consume',
      () => untyped(client)['consume']?.('worker', () => undefined, { signal: done, form: 'start' }),
      /no option "form"/,
    ],
    [
      'a part of a query',
      () => drain(untyped(client.outbox)['list']?.({ state: 'queued' })),
      /no option "state"/,
    ],
    [
      'an event',
      () => untyped(client)['on']?.('messages.upsert', () => undefined),
      /docs\/reference\/events\.md/,
    ],
    ['a text that is no content', () => untyped(client)['send']?.(BOB, 'hi'), /\{ text: '\.\.\.' \}/],
  ])('is told: %s', async (_what, call, hint) => {
    const error = await failureOf(call)
    expect(error).toMatchObject({ code: 'WATON_ARGUMENT', message: expect.stringMatching(hint) as string })
  })

  it('takes what is undefined as left out, and every option that a bot and a client share', () => {
    construct(Client, { store: new MemoryStore(), auth: undefined })
    construct(Bot, { store: new MemoryStore(), name: 'a', account: 'a', timing: {}, markOnline: true })
  })
})

describe('a chat that is no person', () => {
  it.each([
    'bob',
    '@',
    '@s.whatsapp.net',
    's.whatsapp.net',
    '15550000002',
    '15550000002@',
    '15550000002@example.org',
    '15550000002:999@s.whatsapp.net',
    '1555\n0000002@s.whatsapp.net',
    `${'1'.repeat(99)}@s.whatsapp.net`,
    '1@2@s.whatsapp.net',
  ])('is refused: %j', async (chat) => {
    const error = await failureOf(() => client.send(chat, { text: 'hi' }))
    expect(error).toMatchObject({ code: 'WATON_SEND_CHAT', action: 'fix-call' })
  })

  it.each([
    ['15550000002', /phone number.*client\.contacts\.lookup/],
    ['+1 (555) 000-0002', /phone number/],
    ['120363000000000001@g.us', /groups yet/],
  ])('is told what it is: %j', async (chat, hint) => {
    const error = await failureOf(() => client.send(chat, { text: 'hi' }))
    expect(error).toMatchObject({ message: expect.stringMatching(hint) as string })
  })
})

describe('calls in the wrong order', () => {
  it.each<readonly [string, () => unknown, string]>([
    [
      'a query before connect',
      () => new Client({ store }).query({ tag: 'iq', attrs: {} }),
      'WATON_NOT_CONNECTED',
    ],
    [
      'a message before linking',
      () => new Client({ store: new MemoryStore() }).send(BOB, { text: 'hi' }),
      'WATON_NOT_LINKED',
    ],
    [
      'a pairing code before connect',
      () => new Client({ store: new MemoryStore() }).requestPairingCode('15550000001'),
      'WATON_NOT_CONNECTED',
    ],
    ['a pairing code when linked', () => client.requestPairingCode('15550000001'), 'WATON_PAIRING_LINKED'],
    [
      'a chat state before connect',
      () => new Client({ store: new MemoryStore() }).setChatState(BOB, 'paused'),
      'WATON_NOT_CONNECTED',
    ],
    [
      'reading before linking',
      () => new Client({ store: new MemoryStore() }).readMessages([{ id: 'A', chat: BOB }]),
      'WATON_NOT_LINKED',
    ],
    ['a second owner', () => new Client({ store }).connect(), 'WATON_STORE_OWNED'],
    ['bot.client before open', () => new Bot({ store }).client, 'WATON_BOT_NOT_OPEN'],
    ['connect after close', () => closed.connect(), 'WATON_CLIENT_CLOSED'],
    ['send after close', () => closed.send(BOB, { text: 'hi' }), 'WATON_CLIENT_CLOSED'],
    ['consume after close', () => closed.consume('worker', () => undefined), 'WATON_CLIENT_CLOSED'],
    ['the log after close', () => drain(closed.events.read()), 'WATON_CLIENT_CLOSED'],
    ['the outbox after close', () => closed.outbox.get('x'), 'WATON_CLIENT_CLOSED'],
    ['a cancellation of nothing', () => client.outbox.cancel('x'), 'WATON_OUTBOX_UNKNOWN'],
    ['a presence after close', () => closed.setPresence('available'), 'WATON_CLIENT_CLOSED'],
    ['a pairing code after close', () => closed.requestPairingCode('15550000001'), 'WATON_CLIENT_CLOSED'],
  ])('are told: %s', async (_what, call, code) => {
    const error = await failureOf(call)
    expect(codeOf(error)).toBe(code)
  })

  it('may be made at any time and with anything where nothing is needed: unknowns', () => {
    for (const value of Object.values(JUNK)) expect(untyped(client)['unknowns']?.(value)).toEqual([])
    expect(new Client({ store: new MemoryStore() }).unknowns()).toEqual([])
    expect(closed.unknowns()).toEqual([])
  })

  it('may be repeated where that means nothing: close', async () => {
    await Promise.all([closed.close(), closed.close()])
    expect(await failureOf(() => closed.close())).toBeUndefined()
  })
})

describe('after all of this', () => {
  it('nothing was written but the texts that were right', async () => {
    const rows = await store.listOutbox('default', {
      states: ['queued', 'encrypted', 'acknowledged', 'delivered', 'read', 'failed'],
      after: -1,
      limit: 1000,
    })
    expect(rows).toHaveLength(1)
  })

  it('the client works', async () => {
    const sent = await client.send(BOB, { text: 'hello' })
    await sent.acked
    expect(client.state).toBe('open')
  })
})
