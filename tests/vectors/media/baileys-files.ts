/** Files that unmodified Baileys encrypts and decrypts, in process: no network, a temporary file that is removed. */
import { readFile, rm } from 'node:fs/promises'
import { downloadEncryptedContent, encryptedStream, getMediaKeys } from '@whiskeysockets/baileys'
import { toBase64 } from '../../../src/base/bytes.ts'

/** Baileys' name of a kind of file. */
export type BaileysKind = Parameters<typeof encryptedStream>[1]

/** A file as Baileys would upload it. */
export interface BaileysUpload {
  readonly mediaKey: Uint8Array
  readonly uploaded: Uint8Array
  readonly sha256: Uint8Array
  readonly encSha256: Uint8Array
  readonly lengthBytes: number
}

/** Lets Baileys encrypt. */
export async function baileysUpload(file: Uint8Array, kind: BaileysKind): Promise<BaileysUpload> {
  const made = await encryptedStream(Buffer.from(file), kind)
  const uploaded = new Uint8Array(await readFile(made.encFilePath))
  await rm(made.encFilePath)
  return {
    mediaKey: new Uint8Array(made.mediaKey),
    uploaded,
    sha256: new Uint8Array(made.fileSha256),
    encSha256: new Uint8Array(made.fileEncSha256),
    lengthBytes: made.fileLength,
  }
}

/** Lets Baileys decrypt. It fetches an address that contains what it is to fetch. */
export async function baileysDownload(
  uploaded: Uint8Array,
  mediaKey: Uint8Array,
  kind: BaileysKind,
): Promise<Uint8Array> {
  const keys = await getMediaKeys(mediaKey, kind)
  const url = `data:application/octet-stream;base64,${toBase64(uploaded)}`
  const parts: Uint8Array[] = []
  for await (const part of await downloadEncryptedContent(url, keys)) parts.push(part as Uint8Array)
  return new Uint8Array(Buffer.concat(parts))
}
