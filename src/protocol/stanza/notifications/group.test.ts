import { describe, expect, it } from 'vitest'
import { ProtocolError } from '../../../base/errors.ts'
import { node, type BinaryNode } from '../../binary/node.ts'
import { addressPairsWithin } from '../address-pairs.ts'
import { parseGroupChanges } from './group.ts'

const GROUP = '120363000000000001@g.us'
const [ANN, BOB] = ['100000000001@lid', '100000000002@lid']
const BOB_PN = '15550000002@s.whatsapp.net'

function notification(...children: BinaryNode[]): BinaryNode {
  const attrs = { id: 'N1', from: GROUP, t: '1700000000', type: 'w:gp2', participant: ANN }
  return node('notification', attrs, children)
}

const bob = (attrs: Record<string, string> = {}): BinaryNode => node('participant', { jid: BOB, ...attrs })
const settingsOf = (child: BinaryNode): unknown => {
  const [change] = parseGroupChanges(notification(child))
  return change?.type === 'settings' ? change.settings : change
}

describe('a change of a group', () => {
  it.each([
    node('create'),
    node('create', {}, [node('group')]),
    node('add', {}, [node('participant')]),
    node('subject'),
    node('ephemeral', { expiration: 'soon' }),
  ])('is refused when it is incomplete: %o', (child) => {
    expect(() => parseGroupChanges(notification(child))).toThrow(ProtocolError)
  })

  it('that nobody knows comes through by its name, and one for other clients not at all', () => {
    const stanza = notification(node('novelty'), node('missing_participant_identification'), node('toString'))
    expect(parseGroupChanges(stanza)).toEqual([
      { type: 'unknown', tag: 'novelty' },
      { type: 'unknown', tag: 'toString' },
    ])
  })

  it('may stand beside others in one stanza', () => {
    const stanza = notification(node('locked'), node('add', { reason: 'invite' }, [bob({ type: 'admin' })]))
    expect(parseGroupChanges(stanza)).toEqual([
      { type: 'settings', settings: { isLocked: true } },
      { type: 'participants', action: 'add', participants: [{ jid: BOB, role: 'admin' }], reason: 'invite' },
    ])
  })

  it('tells who removes themselves from who is removed', () => {
    const remove = (jid: string): BinaryNode =>
      notification(node('remove', {}, [node('participant', { jid })]))
    expect(parseGroupChanges(remove(ANN))).toMatchObject([{ action: 'leave' }])
    expect(parseGroupChanges(remove(BOB))).toMatchObject([{ action: 'remove' }])
  })

  it.each([
    [node('subject', { subject: 'Hiking' }), { subject: 'Hiking' }],
    [node('description', { id: '1' }, [node('body', {}, 'every sunday')]), { description: 'every sunday' }],
    [node('description', { id: '1' }, [node('delete')]), { description: '' }],
    [node('announcement'), { isAnnouncement: true }],
    [node('not_announcement'), { isAnnouncement: false }],
    [node('unlocked'), { isLocked: false }],
    [node('ephemeral', { expiration: '86400' }), { ephemeralSeconds: 86_400 }],
    [node('not_ephemeral'), { ephemeralSeconds: 0 }],
    [node('member_add_mode', {}, 'all_member_add'), { membersMayAdd: true }],
    [node('member_add_mode', {}, 'admin_add'), { membersMayAdd: false }],
    [node('membership_approval_mode', {}, [node('group_join', { state: 'on' })]), { needsApproval: true }],
    [node('no_frequently_forwarded'), { allowsFrequentlyForwarded: false }],
    [node('growth_locked', { expiration: '1', type: 'invite' }), { isGrowthLocked: true }],
    [node('suspended'), { isSuspended: true }],
    [node('invite', { code: 'AbC' }), { type: 'invite', code: 'AbC' }],
    [node('revoke'), { type: 'invite' }],
    [node('delete', { reason: 'x' }), { type: 'deleted', reason: 'x' }],
    [
      node('link', { link_type: 'sub_group' }, [node('group', { jid: '1@g.us', subject: 'S' })]),
      { type: 'linked', relation: 'sub_group', groups: ['1@g.us'] },
    ],
  ])('of what it is or allows: %o', (child, expected) => {
    expect(settingsOf(child)).toEqual(expected)
  })

  it('of requests tells taking back from turning down, and knows both names of those who ask', () => {
    const asked = node('created_membership_requests', { request_method: 'invite_link' }, [
      node('requested_user', { jid: BOB, phone_number: BOB_PN }),
    ])
    const revoked = (jid: string): BinaryNode =>
      node('revoked_membership_requests', {}, [node('participant', { jid })])
    expect(parseGroupChanges(notification(asked, revoked(BOB), revoked(ANN)))).toEqual([
      { type: 'requests', action: 'created', participants: [{ jid: BOB }], method: 'invite_link' },
      { type: 'requests', action: 'rejected', participants: [{ jid: BOB }] },
      { type: 'requests', action: 'revoked', participants: [{ jid: ANN }] },
    ])
    expect(addressPairsWithin(notification(asked))).toEqual([{ pn: BOB_PN, lid: BOB }])
  })

  it('that creates it says everything about it', () => {
    const group = node(
      'group',
      { id: '120363000000000001', creator: ANN, creation: '1700000000', subject: 'H' },
      [
        bob({ type: 'superadmin', phone_number: BOB_PN }),
        node('announcement'),
        node('ephemeral', { expiration: '60' }),
        node('linked_parent', { jid: '2@g.us' }),
        node('description', { id: '1' }, [node('body', {}, 'about')]),
      ],
    )
    expect(parseGroupChanges(notification(node('create', {}, [group])))).toEqual([
      {
        type: 'created',
        group: {
          id: GROUP,
          creator: ANN,
          createdAtSeconds: 1_700_000_000,
          subject: 'H',
          description: 'about',
          parent: '2@g.us',
          isAnnouncement: true,
          isLocked: false,
          ephemeralSeconds: 60,
          membersMayAdd: false,
          needsApproval: false,
          isCommunity: false,
          participants: [{ jid: BOB, role: 'superadmin' }],
        },
      },
    ])
  })
})
