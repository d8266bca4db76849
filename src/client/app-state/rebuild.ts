/**
 * A collection that is fetched as a whole, in memory until it has caught up with what was known of it: a snapshot may be older
 * than that, with patches after it, and what it says in between is no news.
 */
import { toHex } from '../../base/bytes.ts'
import { EMPTY_APP_STATE } from '../../protocol/app-state/index.ts'
import type { AppStateMutation, AppStateVersion, VerifiedAppState } from '../../protocol/app-state/index.ts'

/** See the file comment. */
export class Rebuild {
  /** How far it is. */
  at: AppStateVersion = EMPTY_APP_STATE
  readonly #whole = new Map<string, AppStateMutation>()

  /** All entries, by the MAC of their index in hexadecimal. */
  get whole(): ReadonlyMap<string, AppStateMutation> {
    return this.#whole
  }

  /** A snapshot takes the place of everything before. */
  begin(verified: VerifiedAppState): void {
    this.#whole.clear()
    this.follow(verified)
  }

  /** A patch follows. */
  follow({ to, mutations }: VerifiedAppState): void {
    for (const mutation of mutations) {
      const name = toHex(mutation.indexMac)
      if (mutation.operation === 'set') this.#whole.set(name, mutation)
      else this.#whole.delete(name)
    }
    this.at = to
  }

  /** The value MAC under an index. */
  readonly valueMac = (indexMac: Uint8Array): Uint8Array | undefined =>
    this.#whole.get(toHex(indexMac))?.valueMac
}
