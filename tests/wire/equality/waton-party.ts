/** waton as the device under test, and the credentials that both clients begin with. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Client, MemoryStore } from 'waton'
import type { ReceivedMessageKey } from 'waton'
import type { Change, Claim, CommitResult, Store } from 'waton/persistence'
import type { SimulatedPhone, SimulatorEndpoint } from 'waton/simulator'
import type { Clock } from '../../../src/base/clock.ts'
import { silentLogger } from '../../../src/base/logger.ts'
import { seededRandom } from '../../../src/base/random.ts'
import type { RandomSource } from '../../../src/base/random.ts'
import { loadSelf } from '../../../src/client/identity/credentials.ts'
import type { Self } from '../../../src/client/identity/self.ts'
import { ROTATION_MS } from '../../../src/client/keys/signed-pre-key.ts'
import { AccountState } from '../../../src/client/state/account-state.ts'
import { SIGNED_PRE_KEY } from '../../../src/client/state/records.ts'
import type { Credentials, StoredSignedPreKey } from '../../../src/client/state/records.ts'
import { node } from '../../../src/protocol/binary/node.ts'
import { StoreWrapper } from '../../../src/testing/store-wrapper.ts'
import { until } from '../../helpers/until.ts'
import { DEVICE, HISTORY } from './party.ts'
import type { Addition, Party, SharedCredentials } from './party.ts'

const ACCOUNT = 'default'

/** A store in which waton has made its credentials, and those credentials for the other client. */
export async function makeCredentials(
  clock: Clock,
  seed: string,
): Promise<{ store: MemoryStore; credentials: SharedCredentials }> {
  const store = new MemoryStore()
  const { credentials, signed } = await withState({ store, clock, seed }, currentKeys)
  const { noiseKey, identityKey, registrationId, advSecret } = credentials
  const signedPreKey = { id: signed.id, signature: signed.signature, ...signed.keyPair }
  return { store, credentials: { noiseKey, identityKey, signedPreKey, registrationId, advSecret } }
}

/** Makes the signed pre-key as old as one that is replaced, without a month in which all timers of the scene run. */
async function ageSignedPreKey(options: Omit<WatonPartyOptions, 'endpoint'>): Promise<void> {
  await withState(options, async (state, self) => {
    const { signed } = await currentKeys(state, self)
    const createdAtMs = signed.createdAtMs - ROTATION_MS
    await state.commit((unit) => {
      unit.put(SIGNED_PRE_KEY, String(signed.id), { ...signed, createdAtMs })
      return Promise.resolve()
    })
  })
}

async function currentKeys(
  state: AccountState,
  { credentials }: Self,
): Promise<{ credentials: Credentials; signed: StoredSignedPreKey }> {
  const signed = await state.read(SIGNED_PRE_KEY, String(credentials.signedPreKeyId))
  if (signed === undefined) throw new Error('waton made credentials without a signed pre-key')
  return { credentials, signed }
}

/** Works on the account while no client has it. */
async function withState<Value>(
  { store, clock, seed }: Omit<WatonPartyOptions, 'endpoint'>,
  work: (state: AccountState, self: Self) => Promise<Value>,
): Promise<Value> {
  const nowMs = clock.nowMs()
  const claim = await store.claim(ACCOUNT, { owner: 'wire equality', nowMs, leaseMs: 60_000 })
  const ignore = (): void => undefined
  const options = { store, claim, clock, logger: silentLogger, onEvents: ignore, onFailure: ignore }
  const state = await AccountState.open(options)
  try {
    return await work(state, await loadSelf(state, seededRandom(`${seed} credentials`), HISTORY))
  } finally {
    await state.close()
    await claim.release()
  }
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

/** Into so many app state is divided. */
const COLLECTIONS = 5

/** See the file comment. Each connect makes a client on the same store, as a restarted program does. */
export class WatonParty implements Party {
  readonly name = 'waton'
  readonly qrs: string[] = []
  readonly texts: string[] = []
  opened = 0
  readonly #options: WatonPartyOptions
  readonly #random: RandomSource
  readonly #received: (ReceivedMessageKey & { readonly text: string })[] = []
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
      if (!('text' in payload.content)) return
      this.texts.push(payload.content.text)
      this.#received.push({ ...payload, text: payload.content.text })
    })
    this.#client = client
    // as with Baileys, being open is an event; being closed before that is not an error here
    client.connect().catch(() => undefined)
    return Promise.resolve()
  }

  async disconnect(): Promise<void> {
    // cut before it has what it asked for, it would ask for that again with the next connection
    if (this.#client?.state === 'open') await until('app state to be here', () => this.#hasAppState())
    await this.#client?.close()
    this.#client = undefined
  }

  async #hasAppState(): Promise<boolean> {
    const { store } = this.#options
    const collections = await store.listRecords(ACCOUNT, 'app-state-collection', undefined, COLLECTIONS)
    return collections.length === COLLECTIONS
  }

  async send(chat: string, text: string, id?: string): Promise<string> {
    const sent = await this.#connected.send(chat, { text }, id === undefined ? {} : { id })
    return sent.id
  }

  async presence(...[type, chat]: Parameters<Party['presence']>): Promise<void> {
    if (type === 'available' || type === 'unavailable') await this.#connected.setPresence(type)
    else await this.#connected.setChatState(chat ?? '', type)
  }

  async subscribe(jid: string): Promise<void> {
    await this.#connected.subscribePresence(jid)
  }

  async read(texts: readonly string[]): Promise<void> {
    await this.#connected.readMessages(this.#received.filter(({ text }) => texts.includes(text)))
  }

  async rejectCall(id: string, creator: string): Promise<void> {
    await this.#connected.rejectCall({ id, creator })
  }

  async add(chat: string, { waton }: Addition, id: string): Promise<void> {
    await this.#connected.send(chat, waton, { id })
  }

  async mark(id: string): Promise<void> {
    const ping = node('iq', { id, to: '@s.whatsapp.net', type: 'get', xmlns: 'w:p' }, [node('ping')])
    await this.#connected.query(ping)
  }

  async requestCode(phone: SimulatedPhone): Promise<string> {
    return this.#connected.requestPairingCode(phone.pn.replace(/@.*/, ''))
  }

  async reconnectAndRotate(): Promise<void> {
    const before = this.opened
    await this.disconnect()
    await ageSignedPreKey(this.#options)
    await this.connect()
    await until('waton to be open again', () => this.opened > before)
  }

  async logout(): Promise<void> {
    await this.#connected.logout()
  }

  quit(): Promise<void> {
    return this.disconnect()
  }

  get #connected(): Client {
    if (this.#client === undefined) throw new Error('the scenario has not connected waton')
    return this.#client
  }
}
