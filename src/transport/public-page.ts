/**
 * Reads what an address of the public web holds, for callers that were handed the address by somebody else: one GET without
 * cookies or credentials, over HTTP(S) on its usual port, to a machine of the public internet only. Names are resolved
 * here, once, and exactly the addresses that were judged are connected to; each redirect is judged anew. It has no limit of
 * time of its own: the caller's signal ends it at any point. Errors name the host, and nothing else of the address.
 */
import { lookup as lookUpName } from 'node:dns/promises'
import { request as requestHttp } from 'node:http'
import type { Agent, IncomingMessage, RequestOptions } from 'node:http'
import { request as requestHttps } from 'node:https'
import { isIP } from 'node:net'
import type { LookupFunction } from 'node:net'
import { pipeline } from 'node:stream'
import type { Readable } from 'node:stream'
import { createBrotliDecompress, createGunzip } from 'node:zlib'
import { isWatonError, TimeoutError, TransportError } from '../base/errors.ts'
import { isNeighbour, isPublicAddress } from './public-address.ts'

/** What is read, and how much of it. */
export interface PublicPageRequest {
  /** A complete URL. */
  readonly url: string
  /** Types of content that are read, in lower case, e.g. `text/html`. Others are an error. */
  readonly accepts: readonly string[]
  /** Bytes that are read, after decompression; what follows them is left. */
  readonly maxBytes: number
  /** Ends it, whatever it waits for. */
  readonly signal: AbortSignal
}

/** What was read. */
export interface PublicPage {
  /** Where it was in the end, after redirects. */
  readonly url: string
  /** The `content-type` of the answer, as it came. */
  readonly contentType: string
  /** The beginning of the content, decompressed. */
  readonly bytes: Uint8Array
  /** Whether that is all of it. */
  readonly isWhole: boolean
}

/** The way to the network; tests put their own in its place. */
export interface PublicNetwork {
  /** All addresses of a name. */
  readonly resolve: (hostname: string) => Promise<readonly string[]>
  /** Makes the connections of a protocol; none has Node's own way, without keeping any. */
  readonly agentFor?: (protocol: string) => Agent
}

/** The internet, as this machine sees it. */
export const INTERNET: PublicNetwork = {
  resolve: async (hostname) => (await lookUpName(hostname, { all: true })).map(({ address }) => address),
}

/** Redirects that are followed. */
const MAX_REDIRECTS = 5
/** Characters of an address, as browsers and WhatsApp take them at least. */
const MAX_URL = 2048
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])
/** Says what asks, since a page may want to answer a program otherwise, or not at all. */
const USER_AGENT = 'Mozilla/5.0 (compatible; waton-link-preview)'

/**
 * Reads a page.
 *
 * @throws {TransportError} `WATON_PAGE_REFUSED` when the address, or one that it leads to, is not to be opened;
 *   `WATON_PAGE_ANSWER` when the answer is none that is read; `WATON_PAGE_UNREACHABLE` when there is none
 * @throws {TimeoutError} `WATON_PAGE_STOPPED` when `signal` has ended it
 */
export async function readPublicPage(
  request: PublicPageRequest,
  network: PublicNetwork = INTERNET,
): Promise<PublicPage> {
  const at = { host: hostOf(request.url) }
  try {
    return await follow(request, network, at)
  } catch (error) {
    const { host } = at
    if (request.signal.aborted) {
      throw new TimeoutError('WATON_PAGE_STOPPED', `${host} was not read in the time there was for it`, {
        details: { host },
      })
    }
    if (isWatonError(error)) throw error
    // the error of the system may repeat the address, with all that is in it
    const reason = (error as { code?: unknown } | null)?.code
    throw new TransportError(
      'WATON_PAGE_UNREACHABLE',
      `${host} could not be read: ${typeof reason === 'string' ? reason : 'its answer broke off'}; check whether it can be reached from here`,
      { details: { host }, cause: error, retryable: true },
    )
  }
}

async function follow(
  request: PublicPageRequest,
  network: PublicNetwork,
  at: { host: string },
): Promise<PublicPage> {
  let address = request.url
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects += 1) {
    const url = checkedUrl(address)
    at.host = url.hostname
    const addresses = await publicAddresses(url, network, request.signal)
    const response = await answerOf(url, addresses, { request, network })
    try {
      const next = redirectOf(response, url)
      if (next === undefined) return await readAnswer(response, url, request)
      address = next
    } finally {
      // nothing more of it is wanted, also where it goes on
      response.destroy()
    }
  }
  throw wrongAnswer(at.host, `redirects more than ${String(MAX_REDIRECTS)} times`)
}

function checkedUrl(address: string): URL {
  const url = address.length <= MAX_URL && URL.canParse(address) ? new URL(address) : undefined
  if (url === undefined) throw refused('it', `is no web address of at most ${String(MAX_URL)} characters`)
  const { protocol, hostname, port, username, password } = url
  if (protocol !== 'http:' && protocol !== 'https:') throw refused(hostname, 'is not asked over HTTP')
  // another port is hardly ever a page for everybody, and often something that listens for neighbours
  if (port !== '') throw refused(hostname, 'is named with a port')
  if (username !== '' || password !== '') throw refused(hostname, 'is named with a user or a password')
  return url
}

/** The addresses that may be connected to. Those of them that are not public are left out as if the name had none. */
async function publicAddresses(
  { hostname }: URL,
  network: PublicNetwork,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const literal = hostname.replace(/^\[|\]$/g, '')
  const found = isIP(literal) === 0 ? await unlessAborted(network.resolve(hostname), signal) : [literal]
  const addresses = found.filter((address) => isPublicAddress(address) && !isNeighbour(address))
  if (addresses.length === 0) throw refused(hostname, 'leads to no address of the public internet')
  return addresses
}

function answerOf(
  url: URL,
  addresses: readonly string[],
  { request: { accepts, signal }, network }: { request: PublicPageRequest; network: PublicNetwork },
): Promise<IncomingMessage> {
  const options: RequestOptions = {
    signal,
    agent: network.agentFor?.(url.protocol) ?? false,
    lookup: pinned(addresses),
    headers: {
      'user-agent': USER_AGENT,
      accept: accepts.join(', '),
      'accept-encoding': 'gzip, br',
      connection: 'close',
    },
  }
  return new Promise((resolve, reject) => {
    const sent = url.protocol === 'https:' ? requestHttps(url, options) : requestHttp(url, options)
    sent.once('response', resolve)
    // also afterwards: an error without a listener would end the process
    sent.on('error', reject)
    // an answer that switches the protocol ends the request without any other word
    sent.once('close', () => {
      reject(wrongAnswer(url.hostname, 'has not answered with a page'))
    })
    sent.end()
  })
}

/** Answers with the addresses that were judged, so that a name cannot have others by the time it is connected to. */
function pinned(addresses: readonly string[]): LookupFunction {
  const known = addresses.map((address) => ({ address, family: isIP(address) }))
  return (_hostname, { all }, callback) => {
    const [first] = known
    if (all === true) callback(null, known)
    else callback(null, first?.address ?? '', first?.family)
  }
}

function redirectOf({ statusCode, headers }: IncomingMessage, from: URL): string | undefined {
  if (!REDIRECTS.has(statusCode ?? 0)) return undefined
  const { location } = headers
  if (location === undefined || !URL.canParse(location, from.href)) {
    throw wrongAnswer(from.hostname, 'redirects without saying where to')
  }
  return new URL(location, from).href
}

async function readAnswer(
  response: IncomingMessage,
  { href, hostname }: URL,
  { accepts, maxBytes }: PublicPageRequest,
): Promise<PublicPage> {
  const { statusCode = 0, headers } = response
  if (statusCode < 200 || statusCode > 299) {
    throw wrongAnswer(hostname, `answers with HTTP status ${String(statusCode)}`)
  }
  const contentType = headers['content-type'] ?? ''
  const [type = ''] = contentType.split(';')
  if (!accepts.includes(type.trim().toLowerCase())) {
    throw wrongAnswer(hostname, `holds no ${accepts.join(' or ')}`)
  }
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of decompressed(response, hostname) as AsyncIterable<Uint8Array>) {
    chunks.push(chunk)
    length += chunk.length
    // leaving the loop ends the streams
    if (length > maxBytes) break
  }
  const bytes = joined(chunks, length).subarray(0, maxBytes)
  return { url: href, contentType, bytes, isWhole: length <= maxBytes }
}

/** One by one: a server may send a page in pieces of one byte, which are too many for one call. */
function joined(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.length
  }
  return bytes
}

function decompressed(response: IncomingMessage, hostname: string): Readable {
  const encoding = response.headers['content-encoding']?.trim().toLowerCase() ?? 'identity'
  if (encoding === 'identity') return response
  const decoders: Readonly<Record<string, typeof createGunzip | typeof createBrotliDecompress>> = {
    gzip: createGunzip,
    'x-gzip': createGunzip,
    br: createBrotliDecompress,
  }
  const decoder = decoders[encoding]?.()
  if (decoder === undefined) throw wrongAnswer(hostname, 'is compressed in a way that was not asked for')
  // each tells the other when it fails; whoever reads gets the error
  pipeline(response, decoder, () => undefined)
  return decoder
}

/** A promise that nobody can stop, left behind when the signal says so. */
function unlessAborted<Value>(work: Promise<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      reject(new TimeoutError('WATON_PAGE_STOPPED', 'a page was not read in the time there was for it'))
    }
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop, { once: true })
    void work.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', stop)
    })
  })
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).hostname : 'a page'
}

function refused(host: string, why: string): TransportError {
  return new TransportError(
    'WATON_PAGE_REFUSED',
    `${host} ${why}, and what somebody has written down is opened only on the public web; give what you know of the page yourself`,
    { details: { host }, action: 'discard' },
  )
}

function wrongAnswer(host: string, why: string): TransportError {
  return new TransportError('WATON_PAGE_ANSWER', `${host} ${why}, so that there is nothing to read there`, {
    details: { host },
    action: 'discard',
  })
}
