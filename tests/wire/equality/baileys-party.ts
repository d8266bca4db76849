/** Baileys as the device under test, in a process of its own. */
import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { WEB_VERSION } from '../../../src/protocol/version.ts'
import { DEVICE } from './party.ts'
import type { Party, SharedCredentials } from './party.ts'

/** Longer than any scenario runs: Baileys pings by the machine's clock. */
const NO_KEEP_ALIVE_MS = 600_000
/** Short enough to see a ping. */
const CHATTY_KEEP_ALIVE_MS = 100

interface ChildEvent {
  readonly event: string
  readonly [name: string]: unknown
}

/** See the file comment. */
export class BaileysParty implements Party {
  readonly name = 'baileys'
  readonly qrs: string[] = []
  readonly texts: string[] = []
  opened = 0
  readonly #child: ChildProcess
  readonly #calls = new Map<number, { resolve: (result: unknown) => void; reject: (error: Error) => void }>()
  #nextCall = 1

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

  /** Starts the process; it connects when it is told to. */
  static async start(url: string, credentials: SharedCredentials): Promise<BaileysParty> {
    const party = new BaileysParty(url)
    const { primary, secondary, tertiary } = WEB_VERSION
    // the third element, the version of the system, is never sent
    const browser = [DEVICE.os, DEVICE.browser, '']
    await party.#call('begin', { credentials, version: [primary, secondary, tertiary], browser })
    return party
  }

  async connect({ isChatty }: { isChatty: boolean } = { isChatty: false }): Promise<void> {
    const keepAliveIntervalMs = isChatty ? CHATTY_KEEP_ALIVE_MS : NO_KEEP_ALIVE_MS
    await this.#call('connect', { keepAliveIntervalMs })
  }

  async disconnect(): Promise<void> {
    await this.#call('disconnect', {})
  }

  send(chat: string, text: string, id?: string): Promise<string> {
    return this.#call('send', { chat, text, id }) as Promise<string>
  }

  async mark(id: string): Promise<void> {
    await this.#call('mark', { id })
  }

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
      case 'text':
        this.texts.push(event.text as string)
        return
      case 'answer':
        this.#answer(event)
    }
  }

  #answer({ call, result, error }: ChildEvent): void {
    const waiting = this.#calls.get(call as number)
    this.#calls.delete(call as number)
    if (error === undefined) waiting?.resolve(result)
    else waiting?.reject(new Error(`Baileys: ${error as string}`))
  }
}
