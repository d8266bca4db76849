/**
 * An unmodified Baileys as a client of the simulated server: it pairs by QR code, comes back after 515, and writes with
 * phones and other devices. Where a client that waton did not write is content, the server is right.
 */
import makeWASocket, { DisconnectReason, initAuthCreds, proto } from '@whiskeysockets/baileys'
import type {
  AuthenticationState,
  ConnectionState,
  SignalDataTypeMap,
  WAMessage,
} from '@whiskeysockets/baileys'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { startSimulator } from '../../src/simulator/index.ts'
import type { SimulatedPhone, Simulator } from '../../src/simulator/index.ts'

const ALICE = '15550000001'
const BOB = '15550000002'
const DEADLINE_MS = 20_000
const DELIVERED: number = proto.WebMessageInfo.Status.DELIVERY_ACK
const READ: number = proto.WebMessageInfo.Status.READ

const silentLogger = {
  level: 'silent',
  child: () => silentLogger,
  trace() {},
  debug() {},
  info() {},
  warn() {},
  error() {},
}

/** Keys in memory, as a store of Baileys. */
function createAuthState(): AuthenticationState & { readonly records: Map<string, unknown> } {
  const records = new Map<string, unknown>()
  const keys: AuthenticationState['keys'] = {
    get<T extends keyof SignalDataTypeMap>(type: T, ids: string[]) {
      const found: Record<string, SignalDataTypeMap[T]> = {}
      for (const id of ids) {
        const value = records.get(`${type}/${id}`)
        if (value !== undefined) found[id] = value as SignalDataTypeMap[T]
      }
      return found
    },
    set(data) {
      for (const [type, values] of Object.entries(data)) {
        for (const [id, value] of Object.entries(values)) {
          if (value === null) records.delete(`${type}/${id}`)
          else records.set(`${type}/${id}`, value)
        }
      }
    },
  }
  return { creds: initAuthCreds(), keys, records }
}

function withDeadline<T>(what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const deadline = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`nothing came in time: ${what}`))
    }, DEADLINE_MS)
  })
  return Promise.race([promise, deadline]).finally(() => {
    clearTimeout(timer)
  })
}

/** One Baileys client: its store outlives its sockets. */
class BaileysClient {
  readonly state = createAuthState()
  readonly messages: WAMessage[] = []
  /** The highest status of each message that Baileys reported. */
  readonly statuses = new Map<string, number>()
  socket: ReturnType<typeof makeWASocket>
  readonly #url: string
  readonly #watchers = new Set<() => void>()
  /** What the present socket said of its connection; an older one that still speaks is not heard here. */
  #updates: Partial<ConnectionState>[] = []

  constructor(url: string) {
    this.#url = url
    this.socket = this.connect()
  }

  connect(): ReturnType<typeof makeWASocket> {
    const updates: Partial<ConnectionState>[] = []
    this.#updates = updates
    const socket = makeWASocket({
      waWebSocketUrl: this.#url,
      version: [2, 3000, 1043857760],
      auth: this.state,
      logger: silentLogger,
      markOnlineOnConnect: false,
      retryRequestDelayMs: 0,
      shouldSyncHistoryMessage: () => false,
    })
    socket.ev.on('creds.update', (update) => {
      Object.assign(this.state.creds, update)
    })
    socket.ev.on('connection.update', (update) => {
      updates.push(update)
      this.#changed()
    })
    socket.ev.on('messages.upsert', ({ messages }) => {
      this.messages.push(...messages.filter((message) => textOf(message) !== undefined))
      // While Baileys holds events back, a status is merged into the message it belongs to.
      for (const { key, status } of messages) this.#raiseStatus(key.id, status)
      this.#changed()
    })
    socket.ev.on('messages.update', (updates) => {
      for (const { key, update } of updates) this.#raiseStatus(key.id, update.status)
      this.#changed()
    })
    this.socket = socket
    return socket
  }

  /** Scans with the phone and logs in for the first time. */
  async link(phone: SimulatedPhone): Promise<void> {
    const { qr } = await this.update('a QR code', (update) => typeof update.qr === 'string')
    const [, closed] = await Promise.all([
      phone.linkDevice(qr ?? ''),
      this.update('the restart', (update) => update.connection === 'close'),
    ])
    expect(statusOf(closed)).toBe(DisconnectReason.restartRequired)
    await this.open()
  }

  /** Connects again and waits until Baileys says it is open and has its backlog. */
  async open(): Promise<void> {
    this.connect()
    await this.update('open', (update) => update.connection === 'open')
    await this.update('backlog', (update) => update.receivedPendingNotifications === true)
  }

  quit(): void {
    void this.socket.end(undefined)
  }

  update(
    what: string,
    predicate: (update: Partial<ConnectionState>) => boolean,
  ): Promise<Partial<ConnectionState>> {
    return this.until(what, () => this.#updates.find(predicate))
  }

  message(text: string): Promise<WAMessage> {
    return this.until(`message "${text}"`, () => this.messages.find((message) => textOf(message) === text))
  }

  /** Resolves with what `probe` finds, now or after any event. */
  until<T>(what: string, probe: () => T | undefined): Promise<T> {
    return withDeadline(
      what,
      new Promise((resolve) => {
        const look = (): void => {
          const found = probe()
          if (found === undefined) return
          this.#watchers.delete(look)
          resolve(found)
        }
        this.#watchers.add(look)
        look()
      }),
    )
  }

  #raiseStatus(id: string | null | undefined, status: number | null | undefined): void {
    this.statuses.set(id ?? '', Math.max(this.statuses.get(id ?? '') ?? 0, status ?? 0))
  }

  #changed(): void {
    for (const look of this.#watchers) look()
  }
}

function textOf({ message }: WAMessage): string | undefined {
  return message?.conversation ?? message?.extendedTextMessage?.text ?? undefined
}

function statusOf(update: Partial<ConnectionState>): number | undefined {
  const error = update.lastDisconnect?.error as { output?: { statusCode?: number } } | undefined
  return error?.output?.statusCode
}

/** Resolves when the server waits for no answer of the device. */
async function answered(simulator: Simulator, jid: string): Promise<void> {
  if (simulator.unanswered(jid).length === 0) return
  const settled = new Promise<void>((resolve) => {
    const stop = simulator.trace.subscribe(() => {
      queueMicrotask(() => {
        if (simulator.unanswered(jid).length > 0) return
        stop()
        resolve()
      })
    })
  })
  await withDeadline(`answers of ${jid}`, settled)
}

describe('an unmodified Baileys on the simulated server', () => {
  let simulator: Simulator
  let alice: SimulatedPhone
  let bob: SimulatedPhone
  const clients: BaileysClient[] = []

  const createClient = (): BaileysClient => {
    const client = new BaileysClient(simulator.endpoint.url)
    clients.push(client)
    return client
  }
  const linkedClient = async (phone: SimulatedPhone): Promise<BaileysClient> => {
    const client = createClient()
    await client.link(phone)
    return client
  }

  beforeEach(async () => {
    // The Signal library of Baileys prints session contents to the console.
    vi.spyOn(console, 'info').mockImplementation(() => undefined)
    vi.spyOn(console, 'log').mockImplementation(() => undefined)
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    vi.spyOn(console, 'error').mockImplementation(() => undefined)
    simulator = await startSimulator({ seed: 'baileys' })
    alice = await simulator.addPhone({ phoneNumber: ALICE, name: 'Alice' })
    bob = await simulator.addPhone({ phoneNumber: BOB, name: 'Bob' })
  })

  afterEach(async () => {
    for (const client of clients.splice(0)) client.quit()
    await simulator.close()
    vi.restoreAllMocks()
    expect(simulator.trace.notes.filter((note) => note.kind === 'violation')).toEqual([])
  })

  it('refuses to be linked when the phone signs with another secret, and the account stays as it was', async () => {
    const client = createClient()
    const { qr } = await client.update('a QR code', (update) => typeof update.qr === 'string')
    const linking = alice.linkDevice(qr ?? '', { forge: 'hmac' })
    await expect(linking).rejects.toMatchObject({ code: 'WATON_SIMULATOR_PAIRING_CLOSED' })
    expect(alice.devices).toEqual([])
  })

  it('cannot be linked twice by one QR code', async () => {
    const client = createClient()
    const { qr } = await client.update('a QR code', (update) => typeof update.qr === 'string')
    await client.link(alice)
    await expect(bob.linkDevice(qr ?? '')).rejects.toMatchObject({ code: 'WATON_SIMULATOR_QR_UNKNOWN' })
  })

  it('is logged out with 401 after it removed itself, and its credentials are of no use any more', async () => {
    const client = await linkedClient(alice)
    await client.socket.logout()
    await client.until('the removal', () => (alice.devices.length === 0 ? true : undefined))
    client.connect()
    const closed = await client.update('the refusal', (update) => update.connection === 'close')
    expect(statusOf(closed)).toBe(DisconnectReason.loggedOut)
  })

  it('is thrown off when the phone removes it', async () => {
    const client = await linkedClient(alice)
    await alice.unlinkDevice(1)
    const closed = await client.update('the removal', (update) => update.connection === 'close')
    expect(statusOf(closed)).toBe(DisconnectReason.loggedOut)
  })

  it('is replaced by a second connection of the same device', async () => {
    const client = await linkedClient(alice)
    const first = client.socket
    const closed = new Promise<Partial<ConnectionState>>((resolve) => {
      first.ev.on('connection.update', (update) => {
        if (update.connection === 'close') resolve(update)
      })
    })
    await client.open()
    expect(statusOf(await withDeadline('the conflict', closed))).toBe(DisconnectReason.connectionReplaced)
  })

  it('is told the reason of a refused login', async () => {
    const client = await linkedClient(alice)
    client.quit()
    simulator.faults.refuseLogin(`${ALICE}:1@s.whatsapp.net`, 403)
    client.connect()
    const closed = await client.update('the refusal', (update) => update.connection === 'close')
    expect(statusOf(closed)).toBe(DisconnectReason.forbidden)
  })

  it('pairs by QR code, comes back after 515 and uploads its keys', async () => {
    const client = await linkedClient(alice)
    expect(client.state.creds.me).toMatchObject({
      id: `${ALICE}:1@s.whatsapp.net`,
      lid: alice.lid.replace('@', ':1@'),
    })
    expect(alice.devices.map((device) => device.deviceId)).toEqual([1])
    const device = `${ALICE}:1@s.whatsapp.net`
    const [upload] = simulator.trace.stanzas({ device, xmlns: 'encrypt', type: 'set' })
    expect(upload).toBeDefined()
    await answered(simulator, device)
  })

  it('exchanges texts and receipts with the phone of somebody else', async () => {
    const client = await linkedClient(alice)
    const sent = await client.socket.sendMessage(bob.pn, { text: 'hello' })
    const id = sent?.key.id ?? ''
    const received = await bob.waitForMessage((message) => message.text === 'hello')
    expect(received).toMatchObject({ sender: alice.pn, device: `${ALICE}:1@s.whatsapp.net` })
    await client.until('two ticks', () => {
      return (client.statuses.get(id) ?? 0) >= DELIVERED ? true : undefined
    })
    bob.markRead([received.id])
    await client.until('blue ticks', () => {
      return client.statuses.get(id) === READ ? true : undefined
    })

    const reply = await bob.send(alice.pn, { text: 'hi back' })
    const message = await client.message('hi back')
    expect(message).toMatchObject({
      pushName: 'Bob',
      key: { remoteJid: bob.pn, fromMe: false, id: reply.id },
    })
    await answered(simulator, `${ALICE}:1@s.whatsapp.net`)
    expect(bob.receiptsFor(reply.id).delivered).toEqual([alice.pn])
    expect([...alice.problems, ...bob.problems]).toEqual([])
  })

  it('sees what the own phone writes, and the phone sees what it writes', async () => {
    const client = await linkedClient(alice)
    await alice.send(bob.pn, { text: 'from the phone' })
    const copy = await client.message('from the phone')
    expect(copy.key).toMatchObject({ fromMe: true, remoteJid: bob.pn })
    await client.socket.sendMessage(bob.pn, { text: 'from the desk' })
    const seen = await alice.waitForMessage((message) => message.text === 'from the desk')
    expect(seen).toMatchObject({ fromMe: true, chat: bob.pn })
    // An own copy leaves the mailbox by a receipt of type "sender" alone.
    await answered(simulator, `${ALICE}:1@s.whatsapp.net`)
    await answered(simulator, alice.pn)
  })

  it('gets what was written while its network was gone, in order', async () => {
    const client = await linkedClient(alice)
    const gone = client.update('the cut', (update) => update.connection === 'close')
    expect(simulator.faults.disconnect(`${ALICE}:1@s.whatsapp.net`)).toBe(true)
    await gone
    const texts = Array.from({ length: 12 }, (_, index) => `missed ${String(index)}`)
    const ids: string[] = []
    for (const text of texts) ids.push((await bob.send(alice.pn, { text })).id)
    await client.open()
    await client.message('missed 11')
    expect(client.messages.map(textOf)).toEqual(texts)
    await answered(simulator, `${ALICE}:1@s.whatsapp.net`)
    const device = `${ALICE}:1@s.whatsapp.net`
    const sent = simulator.trace.stanzas({ device, tag: 'message', direction: 'server-to-client' })
    const offlineIds = sent
      .filter(({ node }) => node.attrs['offline'] !== undefined)
      .map(({ node }) => node.attrs['id'])
    expect(offlineIds).toEqual(expect.arrayContaining(ids))
  })

  it('asks again for a message it cannot read, and gets it', async () => {
    const client = await linkedClient(alice)
    await bob.send(alice.pn, { text: 'readable' })
    await client.message('readable')
    await client.socket.sendMessage(bob.pn, { text: 'settled' })
    await bob.waitForMessage((message) => message.text === 'settled')
    for (const key of client.state.records.keys())
      if (key.startsWith('session/')) client.state.records.delete(key)
    await bob.send(alice.pn, { text: 'lost at first' })
    await client.message('lost at first')
    const device = `${ALICE}:1@s.whatsapp.net`
    expect(simulator.trace.stanzas({ device, tag: 'receipt', type: 'retry' }).length).toBeGreaterThan(0)
    await answered(simulator, device)
  })

  it('writes with another Baileys, by phone number and by LID', async () => {
    const first = await linkedClient(alice)
    const second = await linkedClient(bob)
    await first.socket.sendMessage(bob.pn, { text: 'by number' })
    await second.message('by number')
    await second.socket.sendMessage(alice.lid, { text: 'by lid' })
    const message = await first.message('by lid')
    expect(message.key).toMatchObject({ remoteJid: bob.lid, remoteJidAlt: bob.pn, addressingMode: 'lid' })
    await alice.waitForMessage(({ text }) => text === 'by lid')
    await answered(simulator, `${ALICE}:1@s.whatsapp.net`)
    await answered(simulator, `${BOB}:1@s.whatsapp.net`)
  })
})
