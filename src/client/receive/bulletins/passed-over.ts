/** Bulletins that are known and ask nothing of this device. */
import { bulletinKind } from './kind.ts'
import type { BulletinKind } from './kind.ts'

/** Why each is passed over. */
const REASONS: Readonly<Record<string, string>> = {
  downgrade_webclient:
    'the account left multi-device: the server ends the connection by itself, and says why',
}

/** See the file comment. */
export const PASSED_OVER: readonly BulletinKind[] = Object.entries(REASONS).map(([tag, reason]) =>
  bulletinKind({
    tag,
    parse: () => ({ reason }),
    apply: (_unit, said, { logger }) => {
      logger.debug({ bulletin: tag, ...said }, 'an information bulletin was not acted on')
      return undefined
    },
  }),
)
