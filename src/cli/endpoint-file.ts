/**
 * The file by which `waton simulate` tells other commands where its server is: JSON with `url`, `rootKey` (hexadecimal),
 * `rootSerial`, and of the media server `mediaHost` and `mediaCertificate` (PEM). There is nothing secret in it.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { UsageError } from 'waton'
import type { Endpoint } from 'waton'

/** Writes what a client needs to know of a server. */
export async function writeEndpoint(path: string, endpoint: Endpoint): Promise<void> {
  const { url, rootKey, rootSerial, mediaHost, mediaCertificate } = endpoint
  const hexKey = rootKey === undefined ? undefined : toHex(rootKey)
  const fields = { url, rootKey: hexKey, rootSerial, mediaHost, mediaCertificate }
  await writeFile(path, `${JSON.stringify(fields, null, 2)}\n`)
}

/**
 * Reads what `writeEndpoint` wrote.
 *
 * @throws {UsageError} `WATON_CLI_ENDPOINT` when the file is missing or is something else
 */
export async function readEndpoint(path: string): Promise<Endpoint> {
  const fields = await readJson(path)
  const { url, rootKey, rootSerial, mediaHost, mediaCertificate } = fields
  if (
    typeof url !== 'string' ||
    typeof rootKey !== 'string' ||
    !/^[0-9a-f]{64}$/.test(rootKey) ||
    typeof rootSerial !== 'number'
  ) {
    throw notAnEndpoint(path)
  }
  return {
    url,
    rootKey: fromHex(rootKey),
    rootSerial,
    ...(typeof mediaHost === 'string' ? { mediaHost } : {}),
    ...(typeof mediaCertificate === 'string' ? { mediaCertificate } : {}),
  }
}

async function readJson(path: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'))
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch (cause) {
    throw notAnEndpoint(path, cause)
  }
}

function notAnEndpoint(path: string, cause?: unknown): UsageError {
  return new UsageError(
    'WATON_CLI_ENDPOINT',
    `${path} does not describe a server: run \`waton simulate\` in another terminal first, which writes such a file`,
    { cause },
  )
}

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

function fromHex(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
}
