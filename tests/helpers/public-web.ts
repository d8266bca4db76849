/**
 * The public web for tests, on loopback. The guard of what reads it stays as it is: names resolve to public addresses, and
 * only the last step, the TCP connection to the address that was judged, is led to a real server, by an agent that notes
 * what it was asked for.
 */
import { Agent as HttpAgent, createServer } from 'node:http'
import type { IncomingMessage, RequestListener } from 'node:http'
import { connect } from 'node:net'
import type { AddressInfo, LookupFunction } from 'node:net'
import type { Duplex } from 'node:stream'
import { onTestFinished } from 'vitest'
import type { PublicNetwork } from '../../src/transport/public-page.ts'

/** An address of the public internet. */
export const PUBLIC = '93.184.216.34'

/** What came in at loopback, by the server's hand. */
export interface PublicWeb {
  readonly network: PublicNetwork
  readonly port: number
  /** The addresses that a connection was made to. */
  readonly connectedTo: string[]
  /** Requests that the server has seen. */
  readonly requests: IncomingMessage[]
  connections: number
  readonly names: Map<string, readonly string[][]>
}

/** Opens no connection but to the server, and says which address it would have been. */
export class Diverted extends HttpAgent {
  readonly #port: number
  readonly #connectedTo: string[]

  constructor(port: number, connectedTo: string[]) {
    super()
    this.#port = port
    this.#connectedTo = connectedTo
  }

  override createConnection(
    options: { host?: string; lookup?: LookupFunction },
    callback?: (error: Error | null, socket: Duplex) => void,
  ): undefined {
    const { host = '', lookup } = options
    const dial = (address: string): void => {
      this.#connectedTo.push(address)
      const socket = connect(this.#port, '127.0.0.1')
      callback?.(null, socket)
    }
    if (lookup === undefined) throw new Error('a connection without a pinned address')
    if (/^[\d.]+$|:/.test(host)) dial(host)
    else
      lookup(host, { all: true }, (_error, addresses) => {
        dial((addresses as { address: string }[]).map(({ address }) => address).join(' '))
      })
  }
}

/** A server, and names that lead to it: each list of addresses is one answer to a question for the name, the last for good. */
export async function publicWeb(
  listener: RequestListener,
  names: Readonly<Record<string, readonly string[][]>> = {},
): Promise<PublicWeb> {
  const requests: IncomingMessage[] = []
  const server = createServer((request, response) => {
    requests.push(request)
    listener(request, response)
  })
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const connectedTo: string[] = []
  const agent = new Diverted(port, connectedTo)
  const asked = new Map<string, number>()
  const made: PublicWeb = {
    port,
    requests,
    connectedTo,
    connections: 0,
    names: new Map(Object.entries({ 'page.example': [[PUBLIC]], ...names })),
    network: {
      resolve: (name) => {
        const answers = made.names.get(name) ?? []
        const turn = asked.get(name) ?? 0
        asked.set(name, turn + 1)
        const answer = answers[Math.min(turn, answers.length - 1)]
        const unknown = Object.assign(new Error(`getaddrinfo ENOTFOUND ${name}`), { code: 'ENOTFOUND' })
        return answer === undefined ? Promise.reject(unknown) : Promise.resolve(answer)
      },
      agentFor: () => agent,
    },
  }
  server.on('connection', () => (made.connections += 1))
  return made
}
