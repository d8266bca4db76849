/** Who the phone is: the facts that every part of it needs and that do not change while it lives. */
import type { Clock } from '../../base/clock.ts'
import type { Logger } from '../../base/logger.ts'
import type { RandomSource } from '../../base/random.ts'
import { sameUser } from '../../protocol/jid.ts'

/** The account and what its phone runs on. */
export interface PhoneAccount {
  /** `15550000001@s.whatsapp.net` */
  readonly pn: string
  /** `...@lid` */
  readonly lid: string
  /** The name the human gave themselves. */
  readonly name: string
  readonly clock: Clock
  readonly random: RandomSource
  readonly logger: Logger
}

/** Whether a JID, with or without device, is this account. */
export function isOwn(account: Pick<PhoneAccount, 'pn' | 'lid'>, jid: string): boolean {
  return sameUser(jid, account.pn) || sameUser(jid, account.lid)
}

/** Seconds since the epoch, as stanzas carry time. */
export function nowSeconds(clock: Clock): number {
  return Math.floor(clock.nowMs() / 1000)
}
