/** waton as the device under test, and the credentials that both clients begin with. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Client, MemoryStore } from 'waton'
import type { Change, Claim, CommitResult, Store } from 'waton/persistence'
import type { SimulatorEndpoint } from 'waton/simulator'
import type { Clock } from '../../../src/base/clock.ts'
import { silentLogger } from '../../../src/base/logger.ts'
import { seededRandom } from '../../../src/base/random.ts'
import type { RandomSource } from '../../../src/base/random.ts'
import { loadSelf } from '../../../src/client/identity/credentials.ts'
import { AccountState } from '../../../src/client/state/account-state.ts'
import { SIGNED_PRE_KEY } from '../../../src/client/state/records.ts'
import { node } from '../../../src/protocol/binary/node.ts'
import { StoreWrapper } from '../../../src/testing/store-wrapper.ts'
import { DEVICE, HISTORY } from './party.ts'
import type { Party, SharedCredentials } from './party.ts'

const ACCOUNT = 'default'

/** A store in which waton has made its credentials, and those credentials for the other client. */
export async function makeCredentials(
  clock: Clock,
  seed: string,
): Promise<{ store: MemoryStore; credentials: SharedCredentials }> {
  const store = new MemoryStore()
  const nowMs = clock.nowMs()
  const claim = await store.claim(ACCOUNT, { owner: 'wire equality', nowMs, leaseMs: 60_000 })
  const ignore = (): void => undefined
  const state = await AccountState.open({
    store,
    claim,
    clock,
    logger: silentLogger,
    onEvents: ignore,
    onFailure: ignore,
  })
  const self = await loadSelf(state, seededRandom(`${seed} credentials`), HISTORY)
  const { noiseKey, identityKey, registrationId, advSecret, signedPreKeyId } = self.credentials
  const signed = await state.read(SIGNED_PRE_KEY, String(signedPreKeyId))
  await state.close()
  await claim.release()
  if (signed === undefined) throw new Error('waton made credentials without a signed pre-key')
  const signedPreKey = { id: signed.id, signature: signed.signature, ...signed.keyPair }
  return { store, credentials: { noiseKey, identityKey, signedPreKey, registrationId, advSecret } }
}

/** A store that takes a moment for each commit, as one on disk does: what arrives meanwhile is committed together. */
export class UnhurriedStore extends StoreWrapper {
  override async commit(claim: Claim, changes: readonly Change[]): Promise<CommitResult> {
    await nextTurn()
    return this.inner.commit(claim, changes)
  }
}

/** What {@link WatonParty} runs with. */
export interface WatonPartyOptions {
  readonly store: Store
  readonly endpoint: SimulatorEndpoint
  readonly clock: Clock
  readonly seed: string
}

/** See the file comment. Each connect makes a client on the same store, as a restarted program does. */
export class WatonParty implements Party {
  readonly name = 'waton'
  readonly qrs: string[] = []
  readonly texts: string[] = []
  opened = 0
  readonly #options: WatonPartyOptions
  readonly #random: RandomSource
  #client: Client | undefined

  constructor(options: WatonPartyOptions) {
    this.#options = options
    this.#random = seededRandom(`${options.seed} waton`)
  }

  connect(): Promise<void> {
    const { store, endpoint, clock } = this.#options
    const client = new Client({
      store,
      endpoint,
      clock,
      random: this.#random,
      device: DEVICE,
      history: HISTORY,
      markOnline: false,
    })
    client.on('pairing.qr', ({ qr }) => {
      this.qrs.push(qr)
    })
    client.on('connection.open', () => {
      this.opened += 1
    })
    client.on('message', ({ payload }) => {
      if ('text' in payload.content) this.texts.push(payload.content.text)
    })
    this.#client = client
    // as with Baileys, being open is an event; being closed before that is not an error here
    client.connect().catch(() => undefined)
    return Promise.resolve()
  }

  async disconnect(): Promise<void> {
    await this.#client?.close()
    this.#client = undefined
  }

  async send(chat: string, text: string, id?: string): Promise<string> {
    const sent = await this.#connected.send(chat, { text }, id === undefined ? {} : { id })
    return sent.id
  }

  async mark(id: string): Promise<void> {
    const ping = node('iq', { id, to: '@s.whatsapp.net', type: 'get', xmlns: 'w:p' }, [node('ping')])
    await this.#connected.query(ping)
  }

  quit(): Promise<void> {
    return this.disconnect()
  }

  get #connected(): Client {
    if (this.#client === undefined) throw new Error('the scenario has not connected waton')
    return this.#client
  }
}
