/**
 * Where a download goes: memory, or a file beside its target that takes the target's name when everything in it was found
 * right. Nothing is ever seen under the final name that is not whole.
 */
import { open, rename, rm, stat } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { concatBytes, toHex } from '../../base/bytes.ts'
import { StorageError, UsageError } from '../../base/errors.ts'
import type { RandomSource } from '../../base/random.ts'

/** See the file comment. */
export interface Sink {
  /** Takes the next bytes. They are not believed before {@link finish}. */
  write(bytes: Uint8Array): Promise<void>
  /** Forgets what was written. */
  restart(): Promise<void>
  /** It was all right: the file, or nothing where it is on the disk now. */
  finish(): Promise<Uint8Array | undefined>
  /** It was not: nothing is left of it. */
  discard(): Promise<void>
}

/** Collects in memory. */
export function memorySink(): Sink {
  let parts: Uint8Array[] = []
  const forget = (): Promise<void> => {
    parts = []
    return Promise.resolve()
  }
  return {
    write: (bytes) => {
      parts.push(bytes)
      return Promise.resolve()
    },
    restart: forget,
    finish: () => Promise.resolve(concatBytes(...parts)),
    discard: forget,
  }
}

/**
 * Writes to a file.
 *
 * @throws {UsageError} `WATON_MEDIA_PATH` when `path` is a directory, or in none
 * @throws {StorageError} `WATON_MEDIA_FILE` when it cannot be written
 */
export async function fileSink(path: string, random: RandomSource): Promise<Sink> {
  await checkPath(path)
  const partPath = `${path}.${toHex(random.bytes(4))}.part`
  const handle = await attempt(path, () => open(partPath, 'wx'))
  return new FileSink(path, partPath, handle)
}

async function checkPath(path: string): Promise<void> {
  const [target, folder] = await Promise.all([kindOf(path), kindOf(dirname(path))])
  if (folder === 'directory' && target !== 'directory') return
  throw new UsageError(
    'WATON_MEDIA_PATH',
    'a download goes to a file in a directory that is there: name a file, and make its directory first',
  )
}

async function kindOf(path: string): Promise<'directory' | 'other' | undefined> {
  try {
    return (await stat(path)).isDirectory() ? 'directory' : 'other'
  } catch {
    return undefined
  }
}

class FileSink implements Sink {
  readonly #path: string
  readonly #partPath: string
  readonly #handle: FileHandle
  #offset = 0

  constructor(path: string, partPath: string, handle: FileHandle) {
    this.#path = path
    this.#partPath = partPath
    this.#handle = handle
  }

  async write(bytes: Uint8Array): Promise<void> {
    await attempt(this.#path, async () => {
      for (let done = 0; done < bytes.length;) {
        const { bytesWritten } = await this.#handle.write(bytes, done, bytes.length - done, this.#offset)
        done += bytesWritten
        this.#offset += bytesWritten
      }
    })
  }

  async restart(): Promise<void> {
    if (this.#offset === 0) return
    await attempt(this.#path, () => this.#handle.truncate(0))
    this.#offset = 0
  }

  async finish(): Promise<undefined> {
    await attempt(this.#path, async () => {
      await this.#handle.sync()
      await this.#handle.close()
      await rename(this.#partPath, this.#path)
      await syncFolder(dirname(this.#path))
    })
  }

  async discard(): Promise<void> {
    await this.#handle.close().catch(() => undefined)
    await rm(this.#partPath, { force: true }).catch(() => undefined)
  }
}

/** The new name is durable, too. Where directories cannot be opened or synced, the file system sees to it. */
async function syncFolder(path: string): Promise<void> {
  try {
    const folder = await open(path, 'r')
    try {
      await folder.sync()
    } finally {
      await folder.close()
    }
  } catch {
    // the file is whole under its name all the same
  }
}

async function attempt<Result>(path: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (cause) {
    const { code } = cause as { readonly code?: unknown }
    throw new StorageError(
      'WATON_MEDIA_FILE',
      'the download could not be written to its file; look at the disk and its rights. Nothing is left of it',
      { cause, details: { path, ...(typeof code === 'string' ? { reason: code } : {}) } },
    )
  }
}
