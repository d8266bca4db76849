/** What the server says as JSON: limits of the account, newsletters, addresses. */
import { parseMex } from '../../../protocol/stanza/notifications/mex.ts'
import type { MexUpdate } from '../../../protocol/stanza/notifications/mex.ts'
import { canonicalJid, learnMapping, personOf } from '../../identity/addresses.ts'
import type { Unit } from '../../state/unit.ts'
import type { ReceiveContext } from '../context.ts'
import { notificationKind } from './kind.ts'
import type { Notification, NotificationKind } from './kind.ts'

/** A lock without an end. @source Baileys 7.0.0-rc14 handleReachoutTimelockNotification: WA Web takes a minute */
const DEFAULT_LOCK_MS = 60_000

/** See the file comment. */
export const MEX: NotificationKind = notificationKind({
  type: 'mex',
  parse: parseMex,
  async apply(unit, updates, notification, context) {
    for (const update of updates) await applyUpdate(unit, update, notification, context)
  },
})

async function applyUpdate(
  unit: Unit,
  update: MexUpdate,
  { atMs }: Notification,
  { self, unknowns }: ReceiveContext,
): Promise<void> {
  switch (update.type) {
    case 'reachout-timelock':
      await timelock(unit, update, { account: await canonicalJid(unit, self.pn), atMs })
      return
    case 'message-cap': {
      const account = await canonicalJid(unit, self.pn)
      const capped = { restriction: 'message-cap' as const, isActive: true, details: update.info, atMs }
      unit.event('account.restricted', capped, account)
      return
    }
    case 'newsletter-settings': {
      const { newsletter: chat, settings } = update
      unit.event('newsletter.changed', { chat, settings, atMs }, chat)
      return
    }
    case 'newsletter-role': {
      const { newsletter: chat, user, role } = update
      const participant = await personOf(unit, user)
      const action = role === 'ADMIN' ? 'promote' : 'demote'
      unit.event('newsletter.participant', { chat, participant, action, role, atMs }, chat)
      return
    }
    case 'newsletter-membership': {
      const { newsletter: chat, isMember } = update
      unit.event('newsletter.participant', { chat, action: isMember ? 'join' : 'leave', atMs }, chat)
      return
    }
    case 'addresses':
      for (const { pn, lid } of update.pairs) await learnMapping(unit, pn, lid)
      return
    case 'unknown':
      unknowns.count('notification', `mex/${update.operation}`)
  }
}

async function timelock(
  unit: Unit,
  { isActive, endsAtSeconds, enforcement }: Extract<MexUpdate, { type: 'reachout-timelock' }>,
  { account, atMs }: { readonly account: string; readonly atMs: number },
): Promise<void> {
  const endsAtMs = endsAtSeconds === undefined ? unit.nowMs + DEFAULT_LOCK_MS : endsAtSeconds * 1000
  unit.event(
    'account.restricted',
    {
      restriction: 'reachout-timelock',
      isActive,
      ...(isActive ? { endsAtMs } : {}),
      ...(enforcement === undefined ? {} : { enforcement }),
      atMs,
    },
    account,
  )
  return Promise.resolve()
}
