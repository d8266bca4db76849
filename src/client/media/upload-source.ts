/**
 * A file as it is uploaded: encrypted, under a name that follows from all of its bytes, so that it is read once before the
 * first byte leaves. Bytes and files on the disk are encrypted anew for each attempt, under the same key; a stream can be
 * read only once, so what it gives is put aside, encrypted, in a temporary file.
 */
import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { equalBytes } from '../../base/bytes.ts'
import { StorageError, UsageError, asError, isWatonError } from '../../base/errors.ts'
import type { RandomSource } from '../../base/random.ts'
import { letOthersRun } from '../../base/turn.ts'
import { type EncryptedMedia, MEDIA_KEY_BYTES, createMediaEncryptor } from '../../protocol/media/index.ts'
import type { MediaSource, OutgoingFile } from '../../protocol/message/kinds/index.ts'

/** See the file comment. */
export interface EncryptedSource {
  /** 32 random bytes. */
  readonly mediaKey: Uint8Array
  /** Digests and lengths. */
  readonly facts: EncryptedMedia
  /** What is uploaded, from the beginning. */
  readonly chunks: () => AsyncIterable<Uint8Array>
  /** Throws what went wrong with the file while it was read the last time. */
  readonly check: () => void
  /** Removes what was put aside. */
  readonly discard: () => Promise<void>
}

/** Bytes that are encrypted in one go: a few milliseconds. */
const PIECE_BYTES = 1024 * 1024

type Bytes = AsyncGenerator<Uint8Array, void, undefined>
type Stream = Exclude<MediaSource, Uint8Array | string>
type KeyedFile = OutgoingFile & { readonly mediaKey: Uint8Array }

/**
 * Reads a file once.
 *
 * @throws {UsageError} `WATON_MEDIA_SOURCE` when it cannot be read
 * @throws {StorageError} `WATON_MEDIA_TEMPORARY` when a stream cannot be put aside
 */
export async function encryptedSource(
  outgoing: OutgoingFile,
  random: RandomSource,
  signal: AbortSignal,
): Promise<EncryptedSource> {
  const file = { ...outgoing, mediaKey: random.bytes(MEDIA_KEY_BYTES) }
  const { source } = file
  const isRepeatable = source instanceof Uint8Array || typeof source === 'string'
  return isRepeatable ? repeated(file, signal) : putAside(file, source, signal)
}

async function repeated(file: KeyedFile, signal: AbortSignal): Promise<EncryptedSource> {
  const facts = await passOver(encrypted(file), signal)
  let problem: Error | undefined
  const chunks = async function* (): Bytes {
    problem = undefined
    try {
      // the sidecar is known by now
      checkSame(facts, yield* encrypted({ ...file, sidecar: false }))
    } catch (error) {
      problem = asError(error)
      throw error
    }
  }
  const check = (): void => {
    if (problem !== undefined) throw problem
  }
  return { mediaKey: file.mediaKey, facts, chunks, check, discard: () => Promise.resolve() }
}

async function putAside(file: KeyedFile, stream: Stream, signal: AbortSignal): Promise<EncryptedSource> {
  const folder = await onDisk(() => mkdtemp(join(tmpdir(), 'waton-upload-')))
  const path = join(folder, 'file')
  const discard = (): Promise<void> => rm(folder, { recursive: true, force: true }).catch(() => undefined)
  try {
    const handle = await onDisk(() => open(path, 'wx', 0o600))
    try {
      const write = (part: Uint8Array): Promise<void> => onDisk(() => handle.writeFile(part))
      const facts = await passOver(encrypted({ ...file, source: stream }), signal, write)
      const chunks = (): Bytes => readPath(path)
      return { mediaKey: file.mediaKey, facts, chunks, check: () => undefined, discard }
    } finally {
      await handle.close()
    }
  } catch (error) {
    await discard()
    throw error
  }
}

/** Runs through a file. @returns what follows from all of its bytes */
async function passOver(
  parts: Encrypted,
  signal: AbortSignal,
  write?: (part: Uint8Array) => Promise<void>,
): Promise<EncryptedMedia> {
  for (;;) {
    const next = await parts.next()
    signal.throwIfAborted()
    if (next.done === true) return next.value
    await write?.(next.value)
  }
}

/** Encrypted bytes, and at their end what follows from all of them. */
type Encrypted = AsyncGenerator<Uint8Array, EncryptedMedia, undefined>

async function* encrypted({ source, mediaKey, kind, sidecar }: KeyedFile): Encrypted {
  const encryptor = createMediaEncryptor({ mediaKey, kind, sidecar })
  for await (const piece of piecesOf(source)) {
    const part = encryptor.push(piece)
    if (part.length > 0) yield part
  }
  const made = encryptor.finish()
  yield made.chunk
  return made
}

/** The bytes of a file, in pieces that are not too large. @throws {UsageError} `WATON_MEDIA_SOURCE` */
async function* piecesOf(source: MediaSource): Bytes {
  try {
    const parts: AsyncIterable<unknown> | Iterable<unknown> =
      source instanceof Uint8Array ? [source] : typeof source === 'string' ? readPath(source) : source
    for await (const part of parts) {
      if (!(part instanceof Uint8Array)) throw noBytes()
      yield* slices(part)
    }
  } catch (error) {
    throw isWatonError(error) ? error : unreadable(error)
  }
}

async function* slices(bytes: Uint8Array): Bytes {
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
    if (at > 0) await letOthersRun()
    yield bytes.subarray(at, at + PIECE_BYTES)
  }
}

async function* readPath(path: string): Bytes {
  const handle = await open(path, 'r')
  try {
    for (;;) {
      // memory of its own each time: what was given out may be on its way still
      const { bytesRead, buffer } = await handle.read(new Uint8Array(PIECE_BYTES), 0, PIECE_BYTES, null)
      if (bytesRead === 0) return
      yield buffer.subarray(0, bytesRead)
    }
  } finally {
    await handle.close()
  }
}

/** A file may be written to while it is uploaded. @throws {UsageError} `WATON_MEDIA_CHANGED` */
function checkSame(before: EncryptedMedia, now: EncryptedMedia): void {
  if (equalBytes(before.encSha256, now.encSha256)) return
  throw new UsageError(
    'WATON_MEDIA_CHANGED',
    'the file changed while it was uploaded, so nothing was sent; send it when nobody writes to it',
    { action: 'retry' },
  )
}

function noBytes(): UsageError {
  return new UsageError(
    'WATON_MEDIA_SOURCE',
    'the stream of a file gave something that is no Uint8Array, so nothing was sent; a Node stream must have no encoding',
  )
}

function unreadable(cause: unknown): UsageError {
  const { code } = (cause ?? {}) as { readonly code?: unknown }
  const reason = typeof code === 'string' ? code : undefined
  return new UsageError(
    'WATON_MEDIA_SOURCE',
    `the file could not be read${reason === undefined ? '' : ` (${reason})`}, so nothing was sent; look at its path or its stream`,
    { details: { reason }, cause },
  )
}

async function onDisk<Value>(step: () => Promise<Value>): Promise<Value> {
  try {
    return await step()
  } catch (cause) {
    throw new StorageError(
      'WATON_MEDIA_TEMPORARY',
      'a stream is put aside, encrypted, in the folder for temporary files before it is uploaded, and that failed, so nothing was sent; look at its space and rights, or pass a path or bytes',
      { cause },
    )
  }
}
