/**
 * The question for the media servers.
 *
 * @source Baileys 7.0.0-rc14 `lib/Socket/messages-send.js` refreshMediaConn; whatsmeow `mediaconn.go` (the times and
 *   `max_buckets` must be there); whatsapp-rust `wacore/src/iq/mediaconn.rs` (hosts, their types and children); the
 *   Android client reads `is_new`, `max_auto_download_retry` and `max_manual_retry` too
 */
import { node } from '../../protocol/binary/node.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import { REFUSAL } from '../stanza/iq.ts'
import type { World } from '../world/world.ts'
import type { IqHandler } from './handler.ts'

const MAX_BUCKETS = 12
const MAX_RETRIES = 3
const CATEGORIES: readonly string[] = ['video', 'image', 'gif', 'sticker', 'ptt', 'document', 'audio', 'ppic']

const mediaConnection: IqHandler = {
  xmlns: 'w:m',
  type: 'set',
  child: 'media_conn',
  content: { children: { media_conn: { min: 1, optional: ['last_id'] } } },
  handle: (_query, { world, sender }) => {
    const code = world.mediaPlans.takeConnection()
    if (code === undefined) return { content: [answer(world)] }
    sender.note('fault', `the question for the media servers is refused with ${String(code)}`)
    return { refusal: { ...REFUSAL.unavailable, code } }
  },
}

/** All queries of this file. */
export const MEDIA_HANDLERS: readonly IqHandler[] = [mediaConnection]

function answer(world: World): BinaryNode {
  const { media } = world
  const { ttlSeconds, authTtlSeconds, deadHosts } = media.habits
  const attributes = {
    id: world.nextStanzaId(),
    auth: media.issueAuth(),
    ttl: ttlSeconds,
    auth_ttl: authTtlSeconds,
    max_buckets: MAX_BUCKETS,
    is_new: 1,
    max_auto_download_retry: MAX_RETRIES,
    max_manual_retry: MAX_RETRIES,
  }
  const fallback = media.host.replace('localhost', '127.0.0.1')
  const primary = [...deadHosts, media.host].map((hostname) => host(hostname, 'primary', fallback))
  return node('media_conn', attributes, [...primary, host(fallback, 'fallback')])
}

function host(hostname: string, type: 'primary' | 'fallback', fallbackHostname?: string): BinaryNode {
  const buckets = Array.from({ length: MAX_BUCKETS }, (_, bucket) => node(String(bucket)))
  const children = [
    node('upload'),
    node(
      'download',
      {},
      CATEGORIES.map((category) => node(category)),
    ),
    node('download_buckets', {}, buckets),
  ]
  return node('host', { hostname, type, class: 'mms', fallback_hostname: fallbackHostname }, children)
}
