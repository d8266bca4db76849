/**
 * What stanzas set in motion besides changes of the store, wired to the parts that do it: questions to the server, and
 * what only the moment's listeners hear. Each is called after the commit of its stanza.
 */
import { describeError } from '../../base/errors.ts'
import type { Logger } from '../../base/logger.ts'
import type { TypedEmitter } from '../../base/typed-emitter.ts'
import { cleanDirty } from '../../protocol/stanza/iq/dirty.ts'
import type { AppStateSync } from '../app-state/app-state-sync.ts'
import type { Connection } from '../connection/connection.ts'
import type { ClientEvents } from '../events.ts'
import type { KeyUpkeep } from '../keys/key-upkeep.ts'
import type { Media } from '../media/media.ts'
import type { Effects } from './context.ts'
import type { PrivacyTokens } from '../tokens/tokens.ts'
import type { OfflineQueue } from './offline-queue.ts'
import type { PlaceholderRequests } from './placeholder-requests.ts'

/** The parts that effects reach. */
export interface EffectParts {
  readonly emitter: TypedEmitter<ClientEvents>
  readonly logger: Logger
  readonly preKeys: KeyUpkeep
  readonly appState: Pick<AppStateSync, 'wake'>
  readonly placeholders: PlaceholderRequests
  readonly offline: OfflineQueue
  readonly tokens: PrivacyTokens
  readonly media: Pick<Media, 'answered'>
  /** The connection of the moment. */
  readonly connection: () => Connection | undefined
}

/** See the file comment. */
export function makeEffects(parts: EffectParts): Effects {
  const { emitter, preKeys, appState, placeholders, offline, tokens, media } = parts
  return {
    preKeysLow: () => {
      preKeys.low()
    },
    preKeySpent: () => {
      preKeys.spent()
    },
    appState: () => {
      appState.wake()
    },
    placeholders: () => {
      placeholders.wake()
    },
    dirty: (what, timestampSeconds) => {
      clean(parts, what, timestampSeconds)
    },
    offlineDone: (total) => {
      offline.end(total)
    },
    versionExpires: (atSeconds) => {
      emitter.emit('connection.expiring', atSeconds === undefined ? {} : { expiresAtMs: atSeconds * 1000 })
    },
    presence: (event) => {
      emitter.emit('presence', event)
    },
    chatState: (event) => {
      emitter.emit('chat.state', event)
    },
    identityChanged: (jid) => {
      tokens.identityChanged(jid)
    },
    mediaAnswered: (retry) => {
      media.answered(retry)
    },
  }
}

function clean(
  { connection, logger }: EffectParts,
  what: string,
  timestampSeconds: number | undefined,
): void {
  connection()
    ?.query(cleanDirty, { type: what, ...(timestampSeconds === undefined ? {} : { timestampSeconds }) })
    .catch((error: unknown) => {
      logger.warn({ what, reason: describeError(error) }, 'a dirty bit could not be cleaned')
    })
}
