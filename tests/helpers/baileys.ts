/** Drives an unmodified Baileys in a process of its own: the other party of every interoperability test. */
import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import type { BinaryNode } from 'waton/protocol'
import type { SimulatedPhone, Simulator } from 'waton/simulator'
import type { KeyPair } from '../../src/protocol/crypto/index.ts'
import { WEB_VERSION } from '../../src/protocol/version.ts'
import { until } from './until.ts'

/** Keys to begin with, in place of those that Baileys makes. */
export interface BaileysCredentials {
  readonly noiseKey: KeyPair
  readonly identityKey: KeyPair
  readonly signedPreKey: KeyPair & { readonly id: number; readonly signature: Uint8Array }
  readonly registrationId: number
  readonly advSecret: Uint8Array
}

/** Settings of `makeWASocket`; what is left out is Baileys' own default. */
export interface BaileysSettings {
  readonly browser?: readonly [os: string, browser: string, version: string]
  readonly syncFullHistory?: boolean
  /** It takes in what is older, too, which it asks for and passes over by its own defaults. */
  readonly takesFullHistory?: boolean
  readonly keepAliveIntervalMs?: number
  /** PEM; with it Baileys brings files to the simulator's media server and fetches them there. */
  readonly mediaCertificate?: string
  /** Where it fetches what it would fetch from WhatsApp's own media host. */
  readonly mediaHost?: string
  /** Which MACs of app state it checks; none, by its own default. */
  readonly appStateMacVerification?: { readonly patch: boolean; readonly snapshot: boolean }
}

/** What Baileys says about one message. */
export interface BaileysMessage {
  readonly type: 'notify' | 'append'
  readonly key: {
    readonly id: string
    readonly remoteJid: string
    readonly fromMe: boolean
    readonly remoteJidAlt?: string
  }
  readonly text?: string
  /** The message as Baileys hands it to its user, serialised. */
  readonly raw?: Uint8Array
  readonly pushName?: string
  /** Set on messages that it could not decrypt. */
  readonly messageStubType?: number
}

interface Status {
  readonly key: { readonly id: string }
  /** Baileys' numbers: 2 server, 3 delivered, 4 read. */
  readonly status: number
}

interface Presence {
  readonly lastKnownPresence: string
}

/** One thing that Baileys told its user: the event's name and one entry of it, as JSON has it. */
export interface BaileysAnnouncement {
  readonly name: string
  readonly payload: Readonly<Record<string, unknown>>
}

/** A `messaging-history.set` of Baileys; of each message its key, what it is, and its words. */
export interface BaileysHistory {
  readonly syncType: number
  readonly chunkOrder?: number | null
  readonly progress?: number | null
  readonly isLatest?: boolean
  readonly peerDataRequestSessionId?: string | null
  readonly chats: readonly (Readonly<Record<string, unknown>> & { readonly id: string })[]
  readonly contacts: readonly (Readonly<Record<string, unknown>> & { readonly id: string })[]
  readonly messages: readonly (Readonly<Record<string, unknown>> & {
    readonly key: { readonly id: string; readonly remoteJid: string; readonly fromMe: boolean }
    readonly kind?: string
    readonly text?: string
  })[]
}

interface ChildEvent {
  readonly event: string
  readonly [name: string]: unknown
}

/** One Baileys with one account, from its first connect to the end of its process. */
export class Baileys {
  readonly #child: ChildProcess
  readonly #calls = new Map<number, { resolve: (result: unknown) => void; reject: (error: Error) => void }>()
  #nextCall = 1
  readonly qrs: string[] = []
  /** Every message it has announced, in order. */
  readonly messages: BaileysMessage[] = []
  readonly statuses: Status[] = []
  /** What it was told of others' presence and typing: `available`, `composing`, ..., in order. */
  readonly presences: string[] = []
  /** The pieces of history it has announced, in order. */
  readonly history: BaileysHistory[] = []
  /** What it has told beside messages, in order. */
  readonly announced: BaileysAnnouncement[] = []
  /** Warnings of its log, in order. */
  readonly warnings: string[] = []
  /** What it has told of app state and of contacts, in order. */
  readonly changes: BaileysAnnouncement[] = []
  /**
   * Chains in which it may encrypt and which nobody can read, because it broke their session itself: their ratchet keys,
   * base64. Its own records show them (row W2 of `tests/baileys-failures`).
   */
  readonly brokenChains: Set<string> = new Set<string>()
  opened = 0

  private constructor(url: string) {
    this.#child = fork(fileURLToPath(new URL('baileys-child.mjs', import.meta.url)), [url], {
      // libsignal prints sessions to the console; that noise is not ours
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      serialization: 'advanced',
      execArgv: [],
    })
    this.#child.on('message', (event: ChildEvent) => {
      this.#take(event)
    })
    this.#child.on('exit', () => {
      for (const call of this.#calls.values()) call.reject(new Error('the Baileys process ended'))
    })
  }

  /** Starts the process; it connects when it is told to, and whoever starts it ends it with {@link quit}. */
  static async start(
    url: string,
    settings: BaileysSettings = {},
    credentials?: BaileysCredentials,
  ): Promise<Baileys> {
    const baileys = new Baileys(url)
    const { primary, secondary, tertiary } = WEB_VERSION
    await baileys.#call('begin', { ...settings, version: [primary, secondary, tertiary], credentials })
    return baileys
  }

  /** Starts Baileys, has the phone scan its QR code, and resolves when it is open. */
  static async link(
    simulator: Simulator,
    phone: SimulatedPhone,
    settings: BaileysSettings = {},
  ): Promise<Baileys> {
    const baileys = await Baileys.#connected(simulator, settings)
    const qr = await until('a QR code of Baileys', () => baileys.qrs[0])
    await phone.linkDevice(qr)
    await until('Baileys to be open', () => baileys.opened > 0)
    return baileys
  }

  /** Starts Baileys, has the phone enter its pairing code, and resolves when it is open. */
  static async linkByCode(
    simulator: Simulator,
    phone: SimulatedPhone,
    enter: (code: string) => Promise<unknown> = (code) => phone.linkDeviceByCode(code),
  ): Promise<Baileys> {
    const baileys = await Baileys.#connected(simulator)
    await enter(await baileys.requestCode(simulator, phone))
    await until('Baileys to be open', () => baileys.opened > 0)
    return baileys
  }

  static async #connected(simulator: Simulator, settings: BaileysSettings = {}): Promise<Baileys> {
    const { url, mediaCertificate, mediaHost } = simulator.endpoint
    const baileys = await Baileys.start(url, { mediaCertificate, mediaHost, ...settings })
    onTestFinished(() => baileys.quit())
    await baileys.connect()
    return baileys
  }

  /** Begins to connect; from then on it comes back by itself, until it is logged out. */
  async connect(settings: BaileysSettings = {}): Promise<void> {
    await this.#call('connect', settings)
  }

  /** Closes the connection; it stays closed until {@link connect}. */
  async disconnect(): Promise<void> {
    await this.#call('disconnect', {})
  }

  /** Asks the phone for anything that a `PeerDataOperationRequestMessage` can ask for. @returns the id of the request */
  async askPhone(request: object): Promise<string> {
    return ((await this.#call('askPhone', { request })) as { id: string }).id
  }

  /** Asks the phone for messages that are older than one. @returns the id of the request */
  async fetchHistory(
    count: number,
    key: { readonly remoteJid: string; readonly id: string; readonly fromMe: boolean },
    timestamp: number,
  ): Promise<string> {
    return ((await this.#call('fetchHistory', { count, key, timestamp })) as { id: string }).id
  }

  /** A pairing code for the phone, once the server has taken it. */
  async requestCode(simulator: Simulator, phone: SimulatedPhone): Promise<string> {
    await until('Baileys to be ready for a code', () => this.qrs[0])
    const phoneNumber = phone.pn.replace(/@.*/, '')
    const { code } = (await this.#call('code', { phoneNumber })) as { code: string }
    await until('the code to be announced', () =>
      simulator.trace.stanzas({ tag: 'iq' }).some(({ node }) => isAcceptedCode(node)),
    )
    return code
  }

  /** Sends a stanza as it is. */
  async sendStanza(stanza: BinaryNode): Promise<void> {
    await this.#call('stanza', { stanza })
  }

  /** Asks the server a raw question, whose id is kept, and waits for the answer. */
  async query(stanza: BinaryNode): Promise<void> {
    await this.#call('query', { stanza })
  }

  /** Declines a call; resolves when the server knows. */
  async rejectCall(id: string, creator: string): Promise<void> {
    await this.#call('rejectCall', { id, creator })
  }

  /** Replaces its signed pre-key; resolves when the server has the new one. */
  async rotateSignedPreKey(): Promise<void> {
    await this.#call('rotate', {})
  }

  /** Forgets records, e.g. `session` or `pre-key`. Returns how many there were. */
  lose(...kinds: readonly string[]): Promise<number> {
    return this.#call('lose', { kinds }) as Promise<number>
  }

  /** While it is not connected: gets another identity, and forgets its sessions and pre-keys. */
  async registerAnew(as: {
    readonly identityKey: KeyPair
    readonly deviceIdentity: Uint8Array
  }): Promise<void> {
    await this.#call('registerAnew', as)
  }

  /** Begins new sessions with devices in place of those that it has, as it does at every question about devices. */
  async renewSessions(...devices: readonly string[]): Promise<void> {
    await this.#call('renewSessions', { devices })
  }

  /** Removes itself from the account; it does not come back. */
  async logout(): Promise<void> {
    await this.#call('logout', {})
  }

  /** Sends a text; resolves when Baileys has written it. */
  send(chat: string, text: string, id?: string): Promise<{ id: string }> {
    return this.#call('send', { chat, text, ...(id === undefined ? {} : { id }) }) as Promise<{ id: string }>
  }

  /** Sends any content that `sendMessage` of Baileys builds; a file is given as a `Buffer`. */
  sendContent(chat: string, content: object, options: object = {}): Promise<{ id: string }> {
    return this.#call('content', { chat, content, options }) as Promise<{ id: string }>
  }

  /** Fetches and decrypts the file of a message that it has announced. */
  download(id: string): Promise<Uint8Array> {
    return this.#call('download', { id }) as Promise<Uint8Array>
  }

  /** The same, given the means to have the phone upload an expired file again. */
  downloadOrAsk(id: string): Promise<Uint8Array> {
    return this.#call('downloadOrAsk', { id }) as Promise<Uint8Array>
  }

  /** Asks its phone to upload the file of a message again. @returns where it is from now on */
  updateMedia(id: string): Promise<string> {
    return this.#call('updateMedia', { id }) as Promise<string>
  }

  /** Sends a message as the schema has it: Baileys encrypts whatever it is given. */
  relay(chat: string, message: object, id: string): Promise<{ id: string }> {
    return this.#call('relay', { chat, message, id }) as Promise<{ id: string }>
  }

  /** Changes app state with `chatModify`; resolves when the server has answered. */
  async modify(change: object, chat: string): Promise<void> {
    await this.#call('modify', { change, chat })
  }

  /** Changes app state with another function of the socket, e.g. `addLabel`. */
  async change(name: string, ...parameters: readonly unknown[]): Promise<void> {
    await this.#call('change', { name, parameters })
  }

  /** The version that it has of each collection of app state. */
  appStateVersions(): Promise<Readonly<Record<string, number>>> {
    return this.#call('versions', {}) as Promise<Readonly<Record<string, number>>>
  }

  /** Waits for a piece of news about app state that satisfies the predicate. */
  waitForChange(
    name: string,
    predicate: (payload: BaileysAnnouncement['payload']) => boolean,
  ): Promise<BaileysAnnouncement> {
    return until(`Baileys to tell of ${name}`, () =>
      this.changes.find((change) => change.name === name && predicate(change.payload)),
    )
  }

  /** Tells the sender that a message was read. */
  async read(message: BaileysMessage): Promise<void> {
    await this.#call('read', { key: message.key })
  }

  /** Tells the senders of several messages that they were read. */
  async readAll(messages: readonly BaileysMessage[]): Promise<void> {
    await this.#call('readAll', { keys: messages.map(({ key }) => key) })
  }

  /** Its own presence, or with a chat what it does there. */
  async presence(
    type: 'available' | 'unavailable' | 'composing' | 'recording' | 'paused',
    chat?: string,
  ): Promise<void> {
    await this.#call('presence', { type, chat })
  }

  /** Asks for somebody's presence. */
  async subscribe(jid: string): Promise<void> {
    await this.#call('subscribe', { jid })
  }

  /** Waits for a message with this text. */
  waitForText(text: string): Promise<BaileysMessage> {
    return until(`Baileys to get "${text}"`, () => this.messages.find((message) => message.text === text))
  }

  /** The highest status that Baileys knows of a message it sent. */
  statusOf(id: string): number {
    return Math.max(0, ...this.statuses.filter(({ key }) => key.id === id).map(({ status }) => status))
  }

  /** Ends the process. */
  async quit(): Promise<void> {
    if (this.#child.exitCode !== null) return
    const gone = new Promise((resolve) => this.#child.once('exit', resolve))
    this.#child.disconnect()
    await gone
  }

  #call(command: string, input: object): Promise<unknown> {
    const call = this.#nextCall++
    return new Promise((resolve, reject) => {
      this.#calls.set(call, { resolve, reject })
      this.#child.send({ call, command, ...input })
    })
  }

  #take(event: ChildEvent): void {
    switch (event.event) {
      case 'qr':
        this.qrs.push(event.qr as string)
        return
      case 'open':
        this.opened += 1
        return
      case 'message':
        this.messages.push(event as unknown as BaileysMessage)
        return
      case 'history':
        this.history.push(event.history as BaileysHistory)
        return
      case 'broken-chain':
        this.brokenChains.add(event.ratchetKey as string)
        return
      case 'presence':
        for (const { lastKnownPresence } of Object.values(event.presences as Record<string, Presence>))
          this.presences.push(lastKnownPresence)
        return
      case 'announced':
        this.announced.push({
          name: event.name as string,
          payload: JSON.parse(event.payload as string) as BaileysAnnouncement['payload'],
        })
        return
      case 'warned':
        this.warnings.push(event.text as string)
        return
      case 'changed':
        this.changes.push({
          name: event.name as string,
          payload: JSON.parse(event.payload as string) as BaileysAnnouncement['payload'],
        })
        return
      case 'status':
        this.statuses.push(event as unknown as Status)
        return
      case 'answer':
        this.#answer(event)
    }
  }

  #answer({ call, result, error }: ChildEvent): void {
    const waiting = this.#calls.get(call as number)
    this.#calls.delete(call as number)
    if (error === undefined) waiting?.resolve(result)
    else waiting?.reject(new Error(`Baileys: ${JSON.stringify(error)}`))
  }
}

/** Baileys hands out its code before the server has it: the server's answer says when it can be entered. */
function isAcceptedCode({ attrs, content }: BinaryNode): boolean {
  const [first] = Array.isArray(content) ? (content as readonly BinaryNode[]) : []
  return attrs.type === 'result' && first?.tag === 'link_code_companion_reg'
}
