/**
 * Two accounts that write to each other, and ways to take from one of them what it needs to read: its sessions, its
 * one-time pre-keys. What is taken is gone from the store of a closed client, as after a damaged disk.
 */
import { expect, onTestFinished } from 'vitest'
import { Client, MemoryStore } from 'waton'
import type { ClientOptions, DurableEvent, Endpoint } from 'waton'
import type { Change, Store } from 'waton/persistence'
import { childOf } from '../../src/protocol/binary/node.ts'
import type { SimulatedPhone, Trace, TracedStanza } from 'waton/simulator'
import { log } from '../client/support.ts'
import { until } from '../helpers/until.ts'

export const BOB_DEVICE = '15550000002:1@s.whatsapp.net'

/** A client with the store that it can be taken from. */
export class Party {
  readonly #options: ClientOptions
  readonly store: Store
  /** The phone that has linked it. */
  readonly phone: SimulatedPhone
  client: Client

  private constructor(options: ClientOptions, store: Store, phone: SimulatedPhone) {
    this.#options = options
    this.store = store
    this.phone = phone
    this.client = new Client(options)
    onTestFinished(() => this.client.close())
  }

  /** Links a client to the phone. */
  static async link(
    endpoint: Endpoint,
    phone: SimulatedPhone,
    options: Partial<ClientOptions> = {},
  ): Promise<Party> {
    const store = options.store ?? new MemoryStore()
    const party = new Party({ ...options, endpoint, store }, store, phone)
    party.client.once('pairing.qr', async ({ qr }) => {
      await phone.linkDevice(qr)
    })
    await party.client.connect()
    return party
  }

  /** Closes the client, and opens another on the same store after `meanwhile`. */
  async restart(meanwhile: () => Promise<void> = () => Promise.resolve()): Promise<void> {
    await this.client.close()
    await meanwhile()
    this.client = new Client(this.#options)
    await this.client.connect()
  }

  /** Restarts without the records of these kinds. Returns how many were lost. */
  async lose(...kinds: readonly string[]): Promise<number> {
    let lost = 0
    await this.restart(async () => {
      lost = await forget(this.store, kinds)
    })
    return lost
  }

  /** The texts of others in the log, in order: each is there as often as it was shown. */
  async texts(): Promise<readonly string[]> {
    return (await log(this.client)).flatMap((event) => textOf(event) ?? [])
  }

  /** Waits until the log has the texts. */
  async untilTexts(...texts: readonly string[]): Promise<void> {
    await until(`the texts ${texts.join(', ')}`, async () => {
      const seen = await this.texts()
      return texts.every((text) => seen.includes(text))
    })
  }

  /** The ids of what could not be read at first. */
  async unreadable(): Promise<readonly string[]> {
    return (await log(this.client)).flatMap(({ type, payload }) =>
      type === 'message.undecryptable' ? [payload.id] : [],
    )
  }

  /**
   * Checks that each message that could not be read was told once, and that what took its place says so.
   *
   * @returns the ids of those that were replaced
   */
  async replaced(): Promise<readonly string[]> {
    const told = new Map<string, number>()
    const ids: string[] = []
    for (const { seq, type, payload } of await log(this.client)) {
      if (type === 'message.undecryptable') {
        expect(told.has(payload.id), `${payload.id} was told once`).toBe(false)
        told.set(payload.id, seq)
      } else if (type === 'message') {
        expect(payload.replaces, payload.id).toBe(told.get(payload.id))
        if (payload.replaces !== undefined) ids.push(payload.id)
      }
    }
    return ids
  }

  /** The sessions that it has, by address, as they are stored. */
  async sessions(): Promise<ReadonlyMap<string, string>> {
    const rows = await this.store.listRecords('default', 'session', undefined, 1000)
    return new Map(rows.map(({ key, value }) => [key, Buffer.from(value).toString('base64')]))
  }
}

function textOf(event: DurableEvent): string | undefined {
  if (event.type !== 'message' || event.payload.fromMe) return undefined
  const { content } = event.payload
  return 'text' in content ? content.text : undefined
}

async function forget(store: Store, kinds: readonly string[]): Promise<number> {
  const claim = await store.claim('default', { owner: 'a damaged disk', nowMs: Date.now(), leaseMs: 60_000 })
  const changes: Change[] = []
  for (const kind of kinds)
    for (const { key } of await store.listRecords('default', kind, undefined, 10_000))
      changes.push({ op: 'delete-record', kind, key })
  await store.commit(claim, changes)
  await claim.release()
  return changes.length
}

/** The requests that a device made for a message, in order. */
export function requestsFor(trace: Trace, device: string, id: string): readonly TracedStanza[] {
  return trace
    .stanzas({ direction: 'client-to-server', device, tag: 'receipt' })
    .filter(({ node: { attrs } }) => attrs.type === 'retry' && attrs.id === id)
}

/** The times that a device wrote a message for one device alone, in order. */
export function repeatsOf(trace: Trace, device: string, id: string): readonly TracedStanza[] {
  return trace
    .stanzas({ direction: 'client-to-server', device, tag: 'message' })
    .filter(({ node }) => node.attrs.id === id && childOf(node, 'enc') !== undefined)
}
