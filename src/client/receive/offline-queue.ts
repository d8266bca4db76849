/**
 * Pulls the server's offline queue in batches: a server that is not asked stops after the first few stanzas. Counting is
 * all there is to it: by the time a whole batch has arrived, the next one is asked for.
 *
 * @source whatsapp-rust `src/client/offline_batch.rs` (after WA Web `WAWebOfflineHandler`): a pull loop; Baileys
 *   7.0.0-rc14 `Socket/socket.js`: batches of 100
 */
import type { BinaryNode } from '../../protocol/binary/node.ts'
import { buildOfflineBatch } from '../../protocol/stanza/info-bulletin.ts'

/** Stanzas asked for at once. */
const BATCH = 100

/** See the file comment. What belongs to an earlier connection is forgotten with the next preview. */
export class OfflineQueue {
  #arrived = 0

  /** The server says that something waits. Returns what asks for the first batch. */
  begin(): BinaryNode {
    this.#arrived = 0
    return buildOfflineBatch(BATCH)
  }

  /** One stanza of the queue has been taken in. Returns what asks for the next batch, when it is time. */
  took(): BinaryNode | undefined {
    this.#arrived += 1
    return this.#arrived % BATCH === 0 ? buildOfflineBatch(BATCH) : undefined
  }
}
