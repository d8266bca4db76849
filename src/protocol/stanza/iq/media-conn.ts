/** Where media are uploaded to and downloaded from, and what shows there that we may. */
import { defineIq, type IqQuery } from '../iq.ts'
import { childrenOf, node, numberAttribute, requireAttribute, requireChild } from '../../binary/node.ts'
import { serverIq } from './server-iq.ts'

/** A media server. */
export interface MediaHost {
  /** Its name, with a port where it is not 443. */
  readonly hostname: string
  /** It is for when the others cannot be reached. */
  readonly isFallback: boolean
  /** The largest file that it takes. */
  readonly maxContentLengthBytes?: number
}

/** The media servers of the moment. */
export interface MediaConnection {
  /** In the order in which they should be asked. */
  readonly hosts: readonly MediaHost[]
  /** Goes along with uploads. */
  readonly auth: string
  /** How long the hosts are good for. */
  readonly ttlSeconds: number
  /** How long `auth` is good for. */
  readonly authTtlSeconds: number
}

/** What is assumed where the server says nothing. @source WhatsApp Web asks again after about five minutes */
const DEFAULT_TTL_SECONDS = 300

/** Hosts that are taken from one answer. */
const MAX_HOSTS = 16

/**
 * Asks for the media servers.
 *
 * ```xml
 * <iq to="s.whatsapp.net" type="set" xmlns="w:m"><media_conn/></iq>
 * <iq type="result"><media_conn auth="..." ttl="300" auth_ttl="21600">
 *   <host hostname="media-ber1-1.cdn.whatsapp.net" type="primary"/><host hostname="mmg.whatsapp.net" type="fallback"/>
 * </media_conn></iq>
 * ```
 * @source Baileys 7.0.0-rc14 `Socket/messages-send.js` refreshMediaConn; whatsapp-rust 0.7 media_conn (auth_ttl, type)
 */
export const fetchMediaConnection: IqQuery<void, MediaConnection> = defineIq({
  name: 'media-conn.fetch',
  build: () => serverIq('set', 'w:m', [node('media_conn')]),
  parse: (answer) => {
    const connection = requireChild(answer, 'media_conn')
    const ttlSeconds = numberAttribute(connection, 'ttl') ?? DEFAULT_TTL_SECONDS
    const hosts = childrenOf(connection, 'host')
      .slice(0, MAX_HOSTS)
      .map((host): MediaHost => {
        const maxContentLengthBytes = numberAttribute(host, 'maxContentLengthBytes')
        return {
          hostname: requireAttribute(host, 'hostname'),
          isFallback: host.attrs.type === 'fallback',
          ...(maxContentLengthBytes === undefined ? {} : { maxContentLengthBytes }),
        }
      })
    return {
      hosts: [...hosts.filter((host) => !host.isFallback), ...hosts.filter((host) => host.isFallback)],
      auth: requireAttribute(connection, 'auth'),
      ttlSeconds,
      authTtlSeconds: numberAttribute(connection, 'auth_ttl') ?? ttlSeconds,
    }
  },
})
