/**
 * The settings that all devices of an account share, as its phone keeps them: it writes what the human changes, fetches what
 * linked devices have changed, and shows the outcome. One thing at a time; where a device was faster, the phone takes what
 * it lacks and writes again.
 *
 * @source Baileys 7.0.0-rc14 `lib/Socket/chats.js` resyncAppState, appPatch; whatsmeow `appstate.go`; whatsapp-rust for the
 *   number of attempts
 */
import { ProtocolError, QueryError } from '../../base/errors.ts'
import {
  childOf,
  childrenOf,
  node,
  numberAttribute,
  requireAttribute,
  requireBytes,
  requireChild,
} from '../../protocol/binary/node.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import { SERVER_JID } from '../../protocol/jid.ts'
import { ExternalBlobReference } from '../../protocol/proto/app-state.ts'
import { decodeProto } from '../../protocol/proto/codec.ts'
import type { MediaDesk } from '../link.ts'
import type { PhoneAccount } from './account.ts'
import type { AddressBook } from './address-book.ts'
import type { PlacedChange } from './app-state-actions.ts'
import { PhoneCollection } from './app-state-collection.ts'
import type { Change } from './app-state-collection.ts'
import { AppStateView } from './app-state-view.ts'
import type { Connection } from './connection.ts'
import type { FirstLogin } from './first-login.ts'
import { openFile } from './media-file.ts'

/** What {@link AppState} is built from. */
export interface AppStateOptions {
  readonly account: PhoneAccount
  readonly addresses: AddressBook
  readonly connection: Connection
  readonly firstLogin: FirstLogin
  readonly desk: MediaDesk | undefined
}

const NAMES: readonly string[] = [
  'critical_block',
  'critical_unblock_low',
  'regular_high',
  'regular_low',
  'regular',
]
const MAX_ATTEMPTS = 5
/** Answers to one question about one collection; each has at least one patch more. */
const MAX_PAGES = 2_000
const CONFLICT = 409
const NO_BYTES = new Uint8Array(0)

/** See the file comment. */
export class AppState {
  readonly view: AppStateView
  readonly #options: AppStateOptions
  readonly #collections: ReadonlyMap<string, PhoneCollection>
  #tail: Promise<void> = Promise.resolve()

  constructor(options: AppStateOptions) {
    this.#options = options
    this.view = new AppStateView((jid) => options.addresses.humanJid(jid))
    const tools = {
      random: options.account.random,
      keys: () => options.firstLogin.keys,
      fetch: (reference: ExternalBlobReference.$Properties) => this.#fetch(reference),
    }
    this.#collections = new Map(NAMES.map((name) => [name, new PhoneCollection(name, tools)]))
  }

  /** The version of each collection. */
  get versions(): ReadonlyMap<string, number> {
    return new Map([...this.#collections.values()].map(({ name, version }) => [name, version]))
  }

  /**
   * Writes what the human changed, those of one collection in one patch. Resolves when the server has it all.
   *
   * @throws {QueryError} `WATON_PHONE_APP_STATE_REFUSED`
   */
  change(changes: readonly PlacedChange[]): Promise<void> {
    return this.#inTurn(async () => {
      for (const [name, collection] of this.#collections) {
        const own = changes.filter((change) => change.collection === name)
        if (own.length > 0) await this.#write(collection, own)
      }
    })
  }

  /** A notification says that a collection has changed. */
  notified(notification: BinaryNode): Promise<void> {
    const stale = childrenOf(notification, 'collection').flatMap((child) => {
      const collection = this.#collections.get(requireAttribute(child, 'name'))
      const isKnown = (numberAttribute(child, 'version') ?? Infinity) <= (collection?.version ?? 0)
      return collection === undefined || isKnown ? [] : [collection]
    })
    return this.#inTurn(async () => {
      for (const collection of stale) await this.#sync(collection)
    })
  }

  async #write(collection: PhoneCollection, changes: readonly Change[]): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      const { bytes, commit } = collection.write(changes)
      const { answer, error } = await this.#ask(collection, bytes)
      if (error === undefined) {
        commit()
        for (const change of changes) this.view.apply(change)
        return
      }
      if (error.code !== CONFLICT || attempt === MAX_ATTEMPTS) throw refused(collection.name, error)
      this.#take(collection, answer)
      if (answer.attrs['has_more_patches'] === 'true') await this.#sync(collection)
    }
  }

  async #sync(collection: PhoneCollection): Promise<void> {
    for (let page = 1; page <= MAX_PAGES; page += 1) {
      const { answer, error } = await this.#ask(collection)
      if (error !== undefined) throw refused(collection.name, error)
      this.#take(collection, answer)
      if (answer.attrs['has_more_patches'] !== 'true') return
    }
  }

  /** Takes the snapshot and the patches of an answer. */
  #take(collection: PhoneCollection, answer: BinaryNode): void {
    const snapshot = childOf(answer, 'snapshot')
    if (snapshot !== undefined) {
      const reference = decodeProto(ExternalBlobReference, requireBytes(snapshot), 'ExternalBlobReference')
      for (const change of collection.readSnapshot(this.#fetch(reference))) this.view.apply(change)
    }
    const patches = childOf(answer, 'patches')
    for (const patch of patches === undefined ? [] : childrenOf(patches, 'patch'))
      for (const change of collection.read(requireBytes(patch))) this.view.apply(change)
  }

  async #ask(
    collection: PhoneCollection,
    patch?: Uint8Array,
  ): Promise<{ readonly answer: BinaryNode; readonly error: Refusal | undefined }> {
    const { name, version } = collection
    const children = patch === undefined ? [] : [node('patch', {}, patch)]
    const asked = node('collection', { name, version, return_snapshot: 'false' }, children)
    const attributes = { to: SERVER_JID, type: 'set', xmlns: 'w:sync:app:state' }
    const iq = await this.#options.connection.request(node('iq', attributes, [node('sync', {}, [asked])]))
    const answer = requireChild(requireChild(iq, 'sync'), 'collection')
    if (requireAttribute(answer, 'name') !== name) {
      const text = 'the server answers about another collection of app state than the phone asked about'
      throw new ProtocolError('WATON_PHONE_APP_STATE', text, { details: { name } })
    }
    if (answer.attrs['type'] !== 'error') return { answer, error: undefined }
    const error = requireChild(answer, 'error')
    return {
      answer,
      error: { code: numberAttribute(error, 'code') ?? 0, text: error.attrs['text'] ?? '' },
    }
  }

  #fetch(reference: ExternalBlobReference.$Properties): Uint8Array {
    const { directPath, mediaKey, fileSha256, fileEncSha256, fileSizeBytes } = reference
    const sealed = this.#options.desk?.fetch(directPath ?? '')
    if (sealed === undefined) {
      const text =
        'the phone cannot fetch a file with changes of app state: the media server does not have it'
      throw new ProtocolError('WATON_PHONE_MEDIA_GONE', text)
    }
    return openFile('App State', sealed, {
      mediaKey: mediaKey ?? NO_BYTES,
      fileSha256: fileSha256 ?? NO_BYTES,
      fileEncSha256: fileEncSha256 ?? NO_BYTES,
      fileLength: fileSizeBytes ?? 0,
    })
  }

  /** Runs `work` after everything that was asked for before it. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    const mine = this.#tail.then(work)
    this.#tail = mine.catch(() => {
      // a failure belongs to the caller, not to the next in line
    })
    return mine
  }
}

interface Refusal {
  readonly code: number
  readonly text: string
}

function refused(name: string, { code, text }: Refusal): QueryError {
  return new QueryError(
    'WATON_PHONE_APP_STATE_REFUSED',
    `the server refused a question of the phone about ${name} with ${String(code)} ${text}`,
    { details: { name, code, text } },
  )
}
