/**
 * Asks WhatsApp's web page which version is current: done only when the server has refused ours (failure 405). Without an
 * address, as for a simulator, nothing is asked.
 */
import type { Clock } from '../../base/clock.ts'
import { TransportError, WatonError, describeError } from '../../base/errors.ts'
import type { WebVersion } from '../../protocol/version.ts'
import { readServiceWorker } from '../../protocol/web-version.ts'
import type { Endpoint } from '../options.ts'

/** Where and how long to ask. */
export interface FetchVersionOptions {
  readonly endpoint: Endpoint
  readonly clock: Clock
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

/** The service worker is smaller by far; more is not read. */
const MAX_CHARACTERS = 8 * 1024 * 1024

/** Without these the page answers with a login form. @source Baileys 7.0.0-rc14 fetchLatestWaWebVersion */
const HEADERS = {
  'sec-fetch-site': 'none',
  'user-agent':
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36',
}

/**
 * The current version, or `undefined` when this endpoint has no place to ask.
 *
 * @throws {TransportError} `WATON_VERSION_FETCH` when it could not be had
 */
export async function fetchCurrentVersion(options: FetchVersionOptions): Promise<WebVersion | undefined> {
  const { endpoint, clock, timeoutMs, signal } = options
  const { fetchVersion, versionUrl } = endpoint
  if (fetchVersion === undefined && versionUrl === undefined) return undefined
  const abort = new AbortController()
  const stop = (): void => {
    abort.abort()
  }
  const timer = clock.schedule(timeoutMs, stop)
  signal.addEventListener('abort', stop, { once: true })
  if (signal.aborted) stop()
  try {
    const asked = fetchVersion === undefined ? download(versionUrl ?? '', abort.signal) : fetchVersion()
    return await Promise.race([asked, rejectOn(abort.signal)])
  } catch (cause) {
    if (cause instanceof WatonError) throw cause
    throw failed(describeError(cause), cause)
  } finally {
    timer.cancel()
    signal.removeEventListener('abort', stop)
  }
}

async function download(url: string, signal: AbortSignal): Promise<WebVersion> {
  const response = await fetch(url, { headers: HEADERS, signal })
  if (!response.ok || response.body === null) {
    await response.body?.cancel()
    throw failed(`the page answered ${String(response.status)}`)
  }
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of response.body) {
    text += decoder.decode(chunk as Uint8Array, { stream: true })
    if (text.length > MAX_CHARACTERS) break
  }
  const version = readServiceWorker(text)
  if (version === undefined) throw failed('the page names no version')
  return version
}

function rejectOn(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const refuse = (): void => {
      reject(failed('it took too long, or the client was closed'))
    }
    if (signal.aborted) refuse()
    else signal.addEventListener('abort', refuse, { once: true })
  })
}

function failed(why: string, cause?: unknown): TransportError {
  return new TransportError(
    'WATON_VERSION_FETCH',
    `the current version of WhatsApp Web could not be fetched: ${why}`,
    { retryable: true, ...(cause === undefined ? {} : { cause }) },
  )
}
