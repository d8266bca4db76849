/**
 * The way through a proxy: HTTP CONNECT or SOCKS5, as an `http.Agent` for one connection. The protocols themselves are
 * those of `https-proxy-agent` and `socks-proxy-agent`, optional packages that are loaded when a proxy is asked for; this
 * file says what a proxy may be, how far an attempt got, and keeps the credentials out of everything that is told.
 */
import type { Agent } from 'node:http'
import type { Socket } from 'node:net'
import type { SocksProxyAgent as SocksAgent } from 'socks-proxy-agent'
import { describeError, TransportError, UsageError } from '../base/errors.ts'

/** One attempt to get through a proxy. */
export interface ProxyRoute {
  readonly agent: Agent
  /** The proxy's host and port, without credentials. */
  readonly proxyHost: string
  /** Whether the tunnel stands: what fails from then on is not the proxy's doing. */
  readonly isThrough: boolean
  /** What an HTTP proxy answered, once it has. */
  readonly status: number | undefined
  /** Gives the attempt up. */
  cancel(): void
}

const SCHEMES: ReadonlySet<string> = new Set(['http:', 'https:', 'socks5:', 'socks5h:'])

/**
 * Checks the address of a proxy.
 *
 * @throws {UsageError} `WATON_TRANSPORT_PROXY_URL` without showing the address, which may hold a password
 */
export function checkProxy(proxy: string): URL {
  if (URL.canParse(proxy)) {
    const url = new URL(proxy)
    if (SCHEMES.has(url.protocol) && url.hostname !== '') return url
  }
  throw new UsageError(
    'WATON_TRANSPORT_PROXY_URL',
    'the address of the proxy is not an http://, https://, socks5:// or socks5h:// URL; write e.g. socks5://user:password@host:1080',
  )
}

/**
 * Prepares the way through a proxy for one connection.
 *
 * @param timeoutMs - what is left for connecting; a SOCKS proxy that stays silent is let go after it
 * @throws {UsageError} `WATON_TRANSPORT_PROXY_URL`, `WATON_TRANSPORT_PROXY_PACKAGE`
 */
export async function proxyRoute(proxy: string, timeoutMs: number): Promise<ProxyRoute> {
  const url = checkProxy(proxy)
  return url.protocol.startsWith('socks') ? socksRoute(url, timeoutMs) : httpRoute(url)
}

async function httpRoute(url: URL): Promise<ProxyRoute> {
  const { HttpsProxyAgent } = await loaded('https-proxy-agent', () => import('https-proxy-agent'))
  const given = new AbortController()
  const progress: { isThrough: boolean; status: number | undefined } = { isThrough: false, status: undefined }
  const agent = new HttpsProxyAgent(url, { signal: given.signal })
  agent.on('proxyConnect', ({ statusCode }: { statusCode: number }) => {
    progress.status = statusCode
    progress.isThrough = statusCode === 200
  })
  return routeOf(url, agent, progress, () => {
    given.abort()
  })
}

async function socksRoute(url: URL, timeoutMs: number): Promise<ProxyRoute> {
  const { SocksProxyAgent } = await loaded('socks-proxy-agent', () => import('socks-proxy-agent'))
  const progress: { isThrough: boolean; status: number | undefined } = { isThrough: false, status: undefined }
  // its timeout is for the handshake with the proxy and, left as it is, for silence afterwards too
  class Socks extends SocksProxyAgent {
    override async connect(...[request, options]: Parameters<SocksAgent['connect']>): Promise<Socket> {
      const socket = await super.connect(request, options)
      socket.setTimeout(0).removeAllListeners('timeout')
      progress.isThrough = true
      return socket
    }
  }
  return routeOf(url, new Socks(url, { timeout: timeoutMs }), progress, () => undefined)
}

function routeOf(
  url: URL,
  agent: Agent,
  progress: Pick<ProxyRoute, 'isThrough' | 'status'>,
  cancel: () => void,
): ProxyRoute {
  return {
    agent,
    proxyHost: url.host,
    get isThrough() {
      return progress.isThrough
    },
    get status() {
      return progress.status
    },
    cancel,
  }
}

async function loaded<Module>(name: string, load: () => Promise<Module>): Promise<Module> {
  try {
    return await load()
  } catch (cause) {
    throw new UsageError(
      'WATON_TRANSPORT_PROXY_PACKAGE',
      `the package ${name}, which speaks to this kind of proxy, is not installed; run: npm install ${name}`,
      { cause },
    )
  }
}

/**
 * Why the proxy did not let us through. The error of the proxy package is told in words and not kept: it may hold the
 * credentials.
 */
export function proxyError(route: ProxyRoute, host: string, error?: unknown): TransportError {
  const { proxyHost, status } = route
  const why =
    status === undefined ? describeError(error) : `it answered with HTTP status ${status.toString()}`
  const advice =
    status === 407
      ? 'give the user and password that it asks for'
      : 'check its address, and whether it is running'
  return new TransportError(
    'WATON_TRANSPORT_PROXY',
    `the proxy ${proxyHost} did not connect to ${host}: ${why}; ${advice}`,
    { details: { proxy: proxyHost, host, status }, retryable: status === undefined || status >= 500 },
  )
}
