/** What callers without types can get wrong in options and calls of a `Client`, told before anything is done. */
import {
  BOOLEAN,
  checkArgument,
  checkOptions,
  FUNCTION,
  MILLISECONDS,
  NAME,
  OBJECT,
  objectWith,
  oneOf,
  TEXT,
  wholeNumber,
} from '../base/check.ts'
import type { Expectation } from '../base/check.ts'
import { UsageError } from '../base/errors.ts'
import { DURABLE_TYPES, isDurableType } from './events/registry.ts'
import { EPHEMERAL_TYPES } from './events/ephemeral.ts'
import { DEFAULT_TIMING } from './options.ts'
import type { ClientOptions, Endpoint } from './options.ts'
import { SEND_STATES } from './send/states.ts'
import type { SendState } from './send/states.ts'

const STORE = objectWith('a store', 'claim')

/** Every option of a client by its name. */
export const CLIENT_OPTIONS: Readonly<Record<keyof ClientOptions, Expectation>> = {
  store: STORE,
  account: NAME,
  endpoint: OBJECT,
  logger: objectWith('a logger', 'debug', 'info', 'warn', 'error', 'child'),
  clock: objectWith('a clock', 'nowMs', 'schedule'),
  random: objectWith('a random source', 'bytes'),
  history: oneOf('none', 'recent', 'full'),
  markOnline: BOOLEAN,
  device: OBJECT,
  previewLink: FUNCTION,
  retention: OBJECT,
  timing: OBJECT,
}

const ENDPOINT = {
  url: TEXT,
  rootKey: { expected: '32 bytes', accepts: (value) => value instanceof Uint8Array && value.length === 32 },
  rootSerial: wholeNumber(0),
  resume: BOOLEAN,
  proxy: TEXT,
  agent: OBJECT,
  connect: FUNCTION,
  mediaHost: NAME,
  mediaCertificate: TEXT,
  mediaDispatcher: objectWith('a dispatcher of undici', 'dispatch'),
  versionUrl: TEXT,
  fetchVersion: FUNCTION,
} satisfies Readonly<Record<keyof Endpoint, Expectation>>

const PAIR_OF_TIMES: Expectation = {
  expected: 'two numbers of milliseconds above 0',
  accepts: (value) => Array.isArray(value) && value.length === 2 && value.every(MILLISECONDS.accepts),
}

const RETENTION = { days: wholeNumber(1, 36_500), bytes: wholeNumber(65_536) }

/** Each time of {@link DEFAULT_TIMING} by its name. */
const TIMING = Object.fromEntries(
  Object.entries(DEFAULT_TIMING).map(([name, value]: [string, unknown]) => [
    name,
    Array.isArray(value) ? PAIR_OF_TIMES : MILLISECONDS,
  ]),
)

/** @throws {UsageError} `WATON_CLIENT_STORE` without a store, `WATON_ARGUMENT` for anything else */
export function checkClientOptions(options: unknown): void {
  checkOptions('new Client(options)', options, {})
  const { store, endpoint, timing, retention } = options as Readonly<Record<string, unknown>>
  // a path is for `Bot`
  if (!isStore(store)) {
    throw new UsageError(
      'WATON_CLIENT_STORE',
      'a client needs a store: pass new MemoryStore() or await openSqlite(path)',
    )
  }
  checkOptions('new Client(options)', options, CLIENT_OPTIONS)
  if (endpoint !== undefined) {
    checkOptions('the endpoint of new Client(options)', endpoint, ENDPOINT)
    checkArgument('url in the endpoint of new Client(options)', (endpoint as { url?: unknown }).url, TEXT)
  }
  if (retention !== undefined) checkOptions('the retention of new Client(options)', retention, RETENTION)
  if (timing !== undefined) checkOptions('the timing of new Client(options)', timing, TIMING)
}

function isStore(store: unknown): boolean {
  try {
    return STORE.accepts(store)
  } catch {
    return false
  }
}

/** A listener for an event that does not exist would wait for ever. */
const EVENT_NAME: Expectation = {
  expected:
    'the name of an event, such as message, message.receipt, connection.state or pairing.qr: docs/reference/events.md has all, with their names in Baileys',
  accepts: (value) =>
    typeof value === 'string' && (isDurableType(value) || EPHEMERAL_TYPES.some((type) => type === value)),
}

/** @throws {UsageError} `WATON_ARGUMENT` */
export function checkListener(name: unknown, listener: unknown): void {
  checkArgument('the name in client.on(name, listener)', name, EVENT_NAME)
  checkArgument('the listener in client.on(name, listener)', listener, FUNCTION)
}

/** More is known when it is read. */
const CONTENT: Expectation = {
  expected: "an object with one key that says what it is, e.g. { text: 'hello' }",
  accepts: (value) =>
    OBJECT.accepts(value) &&
    !Array.isArray(value) &&
    !ArrayBuffer.isView(value) &&
    typeof value !== 'function',
}

/** What the content is, is checked by its kind. @throws {UsageError} `WATON_ARGUMENT` */
export function checkSend(
  chat: unknown,
  content: unknown,
  options?: unknown,
  object: string = 'client',
): void {
  checkArgument(`the chat in ${object}.send(chat, content)`, chat, TEXT)
  if (typeof content === 'string') {
    throw new UsageError(
      'WATON_ARGUMENT',
      `the content in ${object}.send(chat, content) is text: pass it as { text: '...' }`,
      { details: { argument: 'content', got: 'text', expected: '{ text }' } },
    )
  }
  checkArgument(`the content in ${object}.send(chat, content)`, content, CONTENT)
  if (options !== undefined) checkOptions('client.send(chat, content, options)', options, { id: TEXT })
}

const SEQ = wholeNumber(1)

function hasSeq(value: unknown): boolean {
  return SEQ.accepts((value as { readonly seq?: unknown }).seq)
}

/** Something for a type that does not exist would wait for ever. */
const TYPES: Expectation = {
  expected: `a list of types of durable events, e.g. ${DURABLE_TYPES.slice(0, 4).join(', ')} (docs/reference/events.md)`,
  accepts: (value) =>
    Array.isArray(value) && value.length > 0 && value.every((type) => isDurableType(String(type))),
}

const SIGNAL = objectWith('an AbortSignal', 'addEventListener', 'removeEventListener')

const CONSUME_OPTIONS: Readonly<Record<string, Expectation>> = {
  from: {
    expected: "'start', 'end' or { seq }",
    accepts: (value) => oneOf('start', 'end').accepts(value) || (OBJECT.accepts(value) && hasSeq(value)),
  },
  types: TYPES,
  maxAgeMs: MILLISECONDS,
  timeoutMs: MILLISECONDS,
  maxAttempts: {
    expected: 'a whole number from 1, or Infinity',
    accepts: (value) => value === Infinity || wholeNumber(1).accepts(value),
  },
  signal: SIGNAL,
}

/** @throws {UsageError} `WATON_ARGUMENT` */
export function checkConsume(name: unknown, handler: unknown, options: unknown): void {
  checkArgument('the name in client.consume(name, handler)', name, NAME)
  checkArgument('the handler in client.consume(name, handler)', handler, FUNCTION)
  checkOptions('client.consume(name, handler, options)', options, CONSUME_OPTIONS)
}

/** @throws {UsageError} `WATON_ARGUMENT` */
export function checkDeadLetterQuery(query: unknown): void {
  if (query !== undefined) checkOptions('client.events.dead.list(query)', query, { consumer: NAME })
}

/** @throws {UsageError} `WATON_ARGUMENT` */
export function checkDeadLetter(method: 'retry' | 'discard', consumer: unknown, seq: unknown): void {
  const call = `client.events.dead.${method}(consumer, seq)`
  checkArgument(`the consumer in ${call}`, consumer, NAME)
  checkArgument(`the seq in ${call}`, seq, SEQ)
}

const CHAT: Expectation = {
  expected: 'the address of a chat, e.g. 15550000002@s.whatsapp.net',
  accepts: (value) => typeof value === 'string' && /^[^@\s]+@[a-z.]+$/.test(value),
}

const READ_OPTIONS: Readonly<Record<string, Expectation>> = {
  after: wholeNumber(0),
  until: wholeNumber(0),
  types: TYPES,
  chat: CHAT,
}

/** @throws {UsageError} `WATON_ARGUMENT` */
export function checkRead(options: unknown): void {
  if (options !== undefined) checkOptions('client.events.read(options)', options, READ_OPTIONS)
}

/** @throws {UsageError} `WATON_ARGUMENT` */
export function checkQuestion(question: unknown): void {
  checkArgument('the question in client.query(question)', question, {
    expected: 'an <iq> made with node(tag, attributes, content)',
    accepts: (value) => {
      if (!OBJECT.accepts(value)) return false
      const { tag, attrs } = value as { readonly tag?: unknown; readonly attrs?: unknown }
      return tag === 'iq' && OBJECT.accepts(attrs)
    },
  })
}

/** @throws {UsageError} `WATON_ARGUMENT` */
export function checkCodeRequest(phoneNumber: unknown, options: unknown): void {
  checkArgument('the phone number in client.requestPairingCode(phoneNumber)', phoneNumber, TEXT)
  checkOptions('client.requestPairingCode(phoneNumber, options)', options, { code: TEXT })
}

/** @throws {UsageError} `WATON_ARGUMENT` */
export function checkMessageId(method: 'get' | 'cancel', id: unknown): void {
  checkArgument(`the id in client.outbox.${method}(id)`, id, TEXT)
}

const OUTBOX_QUERY: Readonly<Record<string, Expectation>> = {
  states: {
    expected: `a list of states: ${SEND_STATES.join(', ')}`,
    accepts: (value) =>
      Array.isArray(value) &&
      value.length > 0 &&
      value.every((one) => SEND_STATES.includes(one as SendState)),
  },
  chat: CHAT,
  after: wholeNumber(0),
  limit: {
    expected: 'a whole number from 1, or Infinity',
    accepts: (value) => value === Infinity || wholeNumber(1).accepts(value),
  },
}

/** @throws {UsageError} `WATON_ARGUMENT` */
export function checkOutboxQuery(query: unknown): void {
  if (query !== undefined) checkOptions('client.outbox.list(query)', query, OUTBOX_QUERY)
}

/** Numbers that one lookup takes: an address book, and not a country. */
const MAX_LOOKUP = 10_000

/** What a number looks like is told with its result. @throws {UsageError} `WATON_ARGUMENT` */
export function checkLookup(phoneNumbers: unknown, options: unknown): void {
  checkArgument('the numbers in client.contacts.lookup(phoneNumbers)', phoneNumbers, {
    expected: `a list of up to ${String(MAX_LOOKUP)} texts`,
    accepts: (value) =>
      Array.isArray(value) && value.length <= MAX_LOOKUP && value.every((one) => typeof one === 'string'),
  })
  if (options !== undefined)
    checkOptions('client.contacts.lookup(phoneNumbers, options)', options, { timeoutMs: MILLISECONDS })
}

/** @throws {UsageError} `WATON_ARGUMENT` */
export function checkRejectedCall(call: unknown): void {
  checkOptions('client.rejectCall(call)', call, {})
  const { id, creator } = call as { readonly id?: unknown; readonly creator?: unknown }
  checkArgument('the id in client.rejectCall(call)', id, NAME)
  checkArgument('the creator in client.rejectCall(call)', creator, NAME)
}

/** @throws {UsageError} `WATON_ARGUMENT` */
export function checkBackup(path: unknown, options: unknown): void {
  checkArgument('the path in client.backup(path)', path, TEXT)
  checkOptions('client.backup(path, options)', options, { overwrite: BOOLEAN })
}

/** @throws {UsageError} `WATON_ARGUMENT` */
export function checkMessageKeys(method: 'readMessages' | 'markPlayed', keys: unknown): void {
  const call = `client.${method}(keys)`
  checkArgument(`the keys in ${call}`, keys, {
    expected: 'a list of payloads of message events, or of { id, chat, sender }',
    accepts: (value) => Array.isArray(value) && value.every(isMessageKey),
  })
}

function isMessageKey(key: unknown): boolean {
  if (!OBJECT.accepts(key)) return false
  const { id, chat, sender, fromMe } = key as Readonly<Record<string, unknown>>
  const jid = OBJECT.accepts(sender) ? (sender as { readonly jid?: unknown }).jid : sender
  const isSender = jid === undefined || NAME.accepts(jid)
  const isOwnOrNot = fromMe === undefined || BOOLEAN.accepts(fromMe)
  return NAME.accepts(id) && NAME.accepts(chat) && isSender && isOwnOrNot
}

/** @throws {UsageError} `WATON_ARGUMENT` */
export function checkPresence(presence: unknown): void {
  checkArgument('the presence in client.setPresence(presence)', presence, oneOf('available', 'unavailable'))
}

/** @throws {UsageError} `WATON_ARGUMENT` */
export function checkPresenceSubscription(jid: unknown): void {
  checkArgument('the jid in client.subscribePresence(jid)', jid, TEXT)
}

/** @throws {UsageError} `WATON_ARGUMENT` */
export function checkChatState(chat: unknown, state: unknown): void {
  checkArgument('the chat in client.setChatState(chat, state)', chat, TEXT)
  checkArgument(
    'the state in client.setChatState(chat, state)',
    state,
    oneOf('composing', 'recording', 'paused'),
  )
}

const DOWNLOAD: Readonly<Record<string, Expectation>> = {
  path: NAME,
  maxBytes: wholeNumber(1),
  signal: SIGNAL,
  onProgress: FUNCTION,
}

/** @throws {UsageError} `WATON_ARGUMENT` */
export function checkDownload(message: unknown, options: unknown): void {
  const call = 'client.download(message)'
  checkArgument(`the message in ${call}`, message, {
    expected: 'the payload of a message event, or { id, chat, sender } of one in the log',
    accepts: (value) => isMessageKey(value) && hasContentOrNone(value),
  })
  if (options !== undefined) checkOptions('client.download(message, options)', options, DOWNLOAD)
}

function hasContentOrNone(value: unknown): boolean {
  const { content } = value as { readonly content?: unknown }
  return content === undefined || CONTENT.accepts(content)
}
