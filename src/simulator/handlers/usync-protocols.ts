/**
 * What the directory says about one person, protocol by protocol.
 *
 * @source Baileys 7.0.0-rc14 `lib/WAUSync/Protocols`; whatsmeow `user.go` for business and picture
 */
import { node } from '../../protocol/binary/node.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import { encodeProto, VerifiedNameCertificate } from '../../protocol/proto/index.ts'
import type { Account } from '../world/account.ts'
import type { Resolved, World } from '../world/world.ts'
import { deviceHash } from './device-hash.ts'

/** Somebody who is asked about. */
export interface AskedPerson {
  /** As the answer names them. */
  readonly jid: string
  /** The number or username as it was asked. */
  readonly question: string | undefined
  readonly found: Resolved | undefined
  readonly world: World
  /** Device lists are empty on purpose. */
  readonly isEmpty: boolean
}

type Answer = (found: Resolved, asked: AskedPerson) => BinaryNode | undefined

const ANSWERS: Readonly<Record<string, Answer>> = {
  devices: ({ account }, { isEmpty }) => devicesChild(account, isEmpty),
  // the way from a LID to the phone number is not given: it is what a LID hides
  lid({ account, addressing }, { world }) {
    const lid = addressing === 'pn' ? world.shownLid(account) : undefined
    return lid === undefined ? undefined : node('lid', { val: lid })
  },
  status: ({ account }) => {
    const { about } = account.profile
    return node('status', { t: account.facts.createdAtSeconds }, about)
  },
  picture({ account }) {
    const { pictureId } = account.profile
    return pictureId === undefined ? undefined : node('picture', { id: pictureId })
  },
  business({ account }) {
    const { verifiedName } = account.profile
    return verifiedName === undefined ? undefined : businessChild(verifiedName)
  },
  disappearing_mode({ account }) {
    const duration = account.profile.disappearingSeconds ?? 0
    return node('disappearing_mode', { duration, t: account.facts.createdAtSeconds })
  },
  username: ({ account }) => node('username', {}, account.profile.username),
}

/** The element of one protocol, when there is something to say. */
export function answerProtocol(protocol: string, asked: AskedPerson): BinaryNode | undefined {
  const { found, question, jid } = asked
  if (protocol === 'contact') return node('contact', { type: found === undefined ? 'out' : 'in' }, question)
  if (protocol === 'devices' && found === undefined) return node('devices', {}, [node('device-list')])
  if (protocol === 'bot') return jid.endsWith('@bot') ? botChild() : undefined
  return found === undefined ? undefined : ANSWERS[protocol]?.(found, asked)
}

/** Whether the client has shown that its list of this person's devices is right. */
export function isUnchanged(known: BinaryNode | undefined, found: Resolved | undefined): boolean {
  return known !== undefined && found !== undefined && known.attrs['device_hash'] === hashOf(found)
}

function hashOf({ account, addressing }: Resolved): string {
  return deviceHash(account, addressing)
}

function devicesChild(account: Account, isEmpty: boolean): BinaryNode {
  if (isEmpty) return node('devices', {}, [node('device-list')])
  const devices = [...account.devices.values()].map(({ id, facts }) =>
    node('device', { id, 'key-index': id === 0 ? undefined : facts.keyIndex }),
  )
  const children = [node('device-list', {}, devices)]
  const { keyIndexList } = account
  if (keyIndexList !== undefined) {
    children.push(node('key-index-list', { ts: keyIndexList.atSeconds }, keyIndexList.signed))
  }
  return node('devices', {}, children)
}

function businessChild(verifiedName: string): BinaryNode {
  const details = encodeProto(
    VerifiedNameCertificate.Details,
    { verifiedName, serial: 1, issuer: 'smb:wa' },
    'VerifiedNameCertificate.Details',
  )
  const certificate = encodeProto(VerifiedNameCertificate, { details }, 'VerifiedNameCertificate')
  return node('business', {}, [node('verified_name', { v: '1', verified_level: 'unknown' }, certificate)])
}

function botChild(): BinaryNode {
  const text = (tag: string, content: string): BinaryNode => node(tag, {}, content)
  return node('bot', {}, [
    node('profile', { persona_id: 'simulated' }, [
      ...[node('default'), text('name', 'Assistant'), text('attributes', ''), text('category', 'general')],
      text('description', 'An assistant that is simulated'),
      node('commands', {}, [
        text('description', 'What it can do'),
        node('command', {}, [text('name', 'help'), text('description', 'Says what it can do')]),
      ]),
      node('prompts', {}, [node('prompt', {}, [text('emoji', '!'), text('text', 'Say hello')])]),
    ]),
  ])
}
