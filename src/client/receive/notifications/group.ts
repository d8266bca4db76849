/** What changed in a group: told as events, one for each change. */
import { parseGroupChanges } from '../../../protocol/stanza/notifications/group.ts'
import type {
  CreatedGroup,
  GroupChange,
  GroupParticipant,
} from '../../../protocol/stanza/notifications/group.ts'
import type { GroupEvent, GroupMember } from '../../events.ts'
import { personOf } from '../../identity/addresses.ts'
import type { Unit } from '../../state/unit.ts'
import type { ReceiveContext } from '../context.ts'
import { notificationKind } from './kind.ts'
import type { NotificationKind } from './kind.ts'

/** See the file comment. */
export const GROUP: NotificationKind = notificationKind({
  type: 'w:gp2',
  parse: parseGroupChanges,
  async apply(unit, changes, { from, participant, atMs }, context) {
    const author = participant === undefined ? {} : { author: await personOf(unit, participant) }
    for (const change of changes) await tell(unit, change, { chat: from, ...author, atMs }, context)
  },
})

async function tell(
  unit: Unit,
  change: GroupChange,
  about: GroupEvent,
  { unknowns }: ReceiveContext,
): Promise<void> {
  const { chat } = about
  switch (change.type) {
    case 'created':
      await created(unit, change.group, about)
      return
    case 'deleted':
      unit.event('group.deleted', { ...about, ...reasonOf(change) }, chat)
      return
    case 'settings':
      unit.event('group.changed', { ...about, settings: change.settings }, chat)
      return
    case 'participants': {
      const participants = await members(unit, change.participants)
      const { action } = change
      unit.event('group.participants', { ...about, action, participants, ...reasonOf(change) }, chat)
      return
    }
    case 'invite':
      unit.event(
        'group.invite',
        { ...about, ...(change.code === undefined ? {} : { code: change.code }) },
        chat,
      )
      return
    case 'requests': {
      const { action, method } = change
      const participants = await members(unit, change.participants)
      const how = method === undefined ? {} : { method }
      unit.event('group.request', { ...about, action, participants, ...how }, chat)
      return
    }
    case 'linked':
    case 'unlinked': {
      const { relation, groups } = change
      const isLinked = change.type === 'linked'
      unit.event('group.linked', { ...about, isLinked, relation, groups, ...reasonOf(change) }, chat)
      return
    }
    case 'unknown':
      unknowns.count('notification', `w:gp2/${change.tag}`)
  }
}

async function created(unit: Unit, group: CreatedGroup, about: GroupEvent): Promise<void> {
  const { id, creator, createdAtSeconds, participants, parent, isCommunity, ...settings } = group
  unit.event(
    'group.created',
    {
      ...about,
      chat: id,
      ...(creator === undefined ? {} : { creator: await personOf(unit, creator) }),
      ...(createdAtSeconds === undefined ? {} : { createdAtMs: createdAtSeconds * 1000 }),
      settings,
      participants: await members(unit, participants),
      ...(parent === undefined ? {} : { parent }),
      isCommunity,
    },
    id,
  )
}

async function members(unit: Unit, people: readonly GroupParticipant[]): Promise<readonly GroupMember[]> {
  const found: GroupMember[] = []
  for (const { jid, role } of people)
    found.push({ ...(await personOf(unit, jid)), ...(role === undefined ? {} : { role }) })
  return found
}

function reasonOf({ reason }: { readonly reason?: string }): { readonly reason?: string } {
  return reason === undefined ? {} : { reason }
}
