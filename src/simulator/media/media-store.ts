/**
 * What the media servers keep: encrypted files under paths that end some day, uploads that broke off, and the tokens with
 * which a device may upload. It cannot read a file. No HTTP here (`media-server.ts`).
 *
 * @source Baileys 7.0.0-rc14 `lib/Utils/messages-media.js` (paths, token); whatsmeow `upload.go`, `download.go` (answer,
 *   `hash` of a download); whatsapp-rust `src/upload.rs` (resuming); the paths have the form of those in real messages
 */
import { concatBytes, fromBase64, fromHex, toBase64, toHex, utf8Bytes } from '../../base/bytes.ts'
import type { Clock } from '../../base/clock.ts'
import type { RandomSource } from '../../base/random.ts'
import { sha256 } from '../../protocol/crypto/index.ts'
import type { Trace } from '../trace.ts'
import { GOOD_MEDIA_HABITS } from './media-habits.ts'
import type { MediaHabits } from './media-habits.ts'

/** The part of a path that says what kind of file it is. */
const FOLDERS: Readonly<Record<string, string>> = {
  image: 't62.7118-24',
  video: 't62.7161-24',
  audio: 't62.7117-24',
  document: 't62.7119-24',
  'md-app-state': 't62.36147-24',
  'thumbnail-link': 't62.36144-24',
  'sticker-pack': 't62.15575-24',
  'thumbnail-sticker-pack': 't62.15576-24',
}

const MAX_TOKENS = 1_000
const MAX_PARTIALS = 8
const AUTH_BYTES = 48

/** What an upload is answered with. */
export interface StoredMedia {
  /** With the host. */
  readonly url: string
  /** Path and query, to be asked for at any media host. */
  readonly directPath: string
  /** Names the file to the server. */
  readonly handle: string
}

/** What is found under a path. */
export type MediaLookup =
  | { readonly kind: 'found'; readonly body: Uint8Array; readonly hash: string }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'gone' }

/** Whether a token lets its holder upload. */
export type AuthVerdict = 'good' | 'unknown' | 'expired'

interface StoredObject extends StoredMedia {
  readonly hash: string
  readonly signature: string
  readonly body: Uint8Array
  expiresAtMs: number
}

/** See the file comment. A hash is the SHA-256 of an encrypted file, in base64url without padding. */
export class MediaStore {
  readonly #clock: Clock
  readonly #random: RandomSource
  readonly #trace: Trace
  /** By the path without its query. */
  readonly #objects = new Map<string, StoredObject>()
  readonly #partials = new Map<string, Uint8Array>()
  /** When a token ends. */
  readonly #tokens = new Map<string, number>()
  #totalBytes = 0
  #count = 0
  /** How files and tokens are treated. */
  habits: MediaHabits = GOOD_MEDIA_HABITS
  /** Where the media server listens. */
  host = 'localhost:0'

  constructor(clock: Clock, random: RandomSource, trace: Trace) {
    this.#clock = clock
    this.#random = random
    this.#trace = trace
  }

  /** Whether the servers take files of this kind, the word in the path of an upload. */
  takes(kind: string): boolean {
    return Object.hasOwn(FOLDERS, kind)
  }

  /** A token to upload with. */
  issueAuth(): string {
    const token = toBase64Url(this.#random.bytes(AUTH_BYTES))
    this.#tokens.set(token, this.#clock.nowMs() + this.habits.authTtlSeconds * 1000)
    forgetOldest(this.#tokens, MAX_TOKENS)
    return token
  }

  checkAuth(token: string): AuthVerdict {
    const endsAtMs = this.#tokens.get(token)
    if (endsAtMs === undefined) return 'unknown'
    return this.#clock.nowMs() >= endsAtMs ? 'expired' : 'good'
  }

  /** Ends every token. @returns how many were good */
  revokeAuth(): number {
    const good = [...this.#tokens.keys()].filter((token) => this.checkAuth(token) === 'good')
    for (const token of good) this.#tokens.set(token, this.#clock.nowMs())
    return good.length
  }

  /** Keeps a file under a path of its own. The oldest files are forgotten when it would be too much. */
  put(kind: string, body: Uint8Array): StoredMedia {
    const digest = sha256(body)
    const hash = toBase64Url(digest)
    this.#partials.delete(hash)
    const expiresAtMs = this.#clock.nowMs() + this.habits.lifetimeSeconds * 1000
    const stored = this.#describe(kind, digest, expiresAtMs)
    this.#objects.set(pathOf(stored.directPath), { ...stored, hash, body, expiresAtMs })
    this.#totalBytes += body.length
    this.#makeRoom()
    return stored
  }

  /** What the path of a download leads to. @param query - its signature is checked, and its hash when it names one */
  read(path: string, query: URLSearchParams): MediaLookup {
    const found = this.#objects.get(path)
    const hash = query.get('hash')
    if (found === undefined || query.get('oh') !== found.signature) return { kind: 'unknown' }
    if (hash !== null && withoutPadding(hash) !== found.hash) return { kind: 'unknown' }
    if (this.#clock.nowMs() >= found.expiresAtMs) return { kind: 'gone' }
    return { kind: 'found', body: found.body, hash: found.hash }
  }

  /** As {@link read}, for a path with its query. */
  readDirect(directPath: string): MediaLookup {
    return this.read(pathOf(directPath), new URLSearchParams(directPath.split('?')[1] ?? ''))
  }

  /** The file of this hash, when one is there that has not ended. */
  findByHash(hash: string): StoredMedia | undefined {
    const nowMs = this.#clock.nowMs()
    return [...this.#objects.values()].findLast(
      (object) => object.hash === hash && nowMs < object.expiresAtMs,
    )
  }

  /** Ends every path that is there. @returns how many had not ended */
  expire(): number {
    const nowMs = this.#clock.nowMs()
    const alive = [...this.#objects.values()].filter(({ expiresAtMs }) => nowMs < expiresAtMs)
    for (const object of alive) object.expiresAtMs = nowMs
    return alive.length
  }

  /** Forgets a file, as if it had never been there. */
  forget(directPath: string): void {
    const found = this.#objects.get(pathOf(directPath))
    if (found === undefined) return
    this.#objects.delete(pathOf(directPath))
    this.#totalBytes -= found.body.length
  }

  /** What came of an upload before it broke off. */
  partial(hash: string): Uint8Array | undefined {
    return this.#partials.get(hash)
  }

  keepPartial(hash: string, bytes: Uint8Array): void {
    if (bytes.length > this.habits.maxFileBytes) return
    this.#partials.delete(hash)
    this.#partials.set(hash, bytes)
    forgetOldest(this.#partials, MAX_PARTIALS)
  }

  #describe(
    kind: string,
    digest: Uint8Array,
    expiresAtMs: number,
  ): StoredMedia & { readonly signature: string } {
    this.#count += 1
    // Not random: a path must not depend on which of two uploads is served first. The number makes it another each time.
    const mark = toHex(sha256(digest, utf8Bytes(String(this.#count))))
    const digits = (from: number, count: number): string =>
      BigInt(`0x1${mark.slice(from, from + 16)}`)
        .toString()
        .slice(-count)
    const name = `${digits(0, 8)}_${digits(16, 15)}_${digits(32, 19)}_n.enc`
    const signature = `01_${toBase64Url(fromHex(mark))}`
    const expiry = Math.floor(expiresAtMs / 1000)
      .toString(16)
      .toUpperCase()
    const path = `/v/${FOLDERS[kind] ?? kind}/${name}`
    const directPath = `${path}?ccb=11-4&oh=${signature}&oe=${expiry}&_nc_sid=5e03e0`
    const handle = toBase64(concatBytes(utf8Bytes(`${kind}:`), digest))
    return { url: `https://${this.host}${directPath}&mms3=true`, directPath, handle, signature }
  }

  #makeRoom(): void {
    for (const [path, object] of this.#objects) {
      if (this.#totalBytes <= this.habits.maxBytes) return
      this.#objects.delete(path)
      this.#totalBytes -= object.body.length
      this.#trace.note('warning', `the media server is full: ${path} was dropped`)
    }
  }
}

/** Base64url without padding, as names and tokens of uploads are written. */
export function toBase64Url(bytes: Uint8Array): string {
  return withoutPadding(toBase64(bytes)).replaceAll('+', '-').replaceAll('/', '_')
}

/** The 32 bytes of a hash as an upload names it; `undefined` when it is something else. */
export function hashBytes(text: string): Uint8Array | undefined {
  if (!/^[\w-]{43}=?$/.test(text)) return undefined
  const bytes = fromBase64(text)
  return bytes.length === 32 ? bytes : undefined
}

function withoutPadding(text: string): string {
  return text.replace(/=+$/, '')
}

function pathOf(directPath: string): string {
  return directPath.split('?')[0] ?? ''
}

function forgetOldest(map: Map<string, unknown>, max: number): void {
  const oldest = map.keys().next().value
  if (map.size > max && oldest !== undefined) map.delete(oldest)
}
