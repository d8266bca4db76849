/** The directory beside what Baileys asks of it and reads from it; Baileys has neither `picture` nor `business`. */
import { describe, expect, it } from 'vitest'
import {
  USyncQuery,
  USyncUser,
  extractDeviceJids,
  type BinaryNode as BaileysNode,
} from '@whiskeysockets/baileys'
import { ProtocolError } from '../../../../base/errors.ts'
import { node, type BinaryNode } from '../../../binary/node.ts'
import { encodeProto } from '../../../proto/codec.ts'
import { VerifiedNameCertificate } from '../../../proto/connection.ts'
import {
  BOT,
  BUSINESS,
  CONTACT,
  DEVICES,
  DISAPPEARING_MODE,
  HOSTED_DEVICE_ID,
  LID,
  MALFORMED_ANSWER,
  PICTURE,
  STATUS,
  USERNAME,
  usync,
} from './index.ts'

const BOB = '15550000002@s.whatsapp.net'
const BOB_LID = '100000000002@lid'
const request = { users: [], sid: 'S1' }
const devicesAndLid = usync([DEVICES, LID], { context: 'message' })
const PROTOCOLS = [
  DEVICES,
  LID,
  CONTACT,
  STATUS,
  DISAPPEARING_MODE,
  PICTURE,
  BUSINESS,
  BOT,
  USERNAME,
] as const
const everything = usync(PROTOCOLS)

/** A copy that Baileys' types accept. */
function copy({ tag, attrs, content }: BinaryNode): BaileysNode {
  if (content === undefined) return { tag, attrs: { ...attrs } }
  if (typeof content === 'string') return { tag, attrs: { ...attrs }, content }
  return { tag, attrs: { ...attrs }, content: content instanceof Uint8Array ? content : content.map(copy) }
}

/** The `<iq>` that Baileys makes of a query, as its `executeUSyncQuery` does. */
function theirIq(query: USyncQuery): object {
  const list = query.users.map((user) => ({
    tag: 'user',
    attrs: user.phone ? {} : { jid: user.id },
    content: query.protocols.map((one) => one.getUserElement(user)).filter((element) => element !== null),
  }))
  const attrs = { context: query.context, mode: query.mode, sid: 'S1', last: 'true', index: '0' }
  const asked = query.protocols.map((one) => one.getQueryElement())
  const content = [
    { tag: 'query', attrs: {}, content: asked },
    { tag: 'list', attrs: {}, content: list },
  ]
  const usyncNode = { tag: 'usync', attrs, content }
  return { tag: 'iq', attrs: { to: '@s.whatsapp.net', type: 'get', xmlns: 'usync' }, content: [usyncNode] }
}

function device(id: number, keyIndex?: number, isHosted?: boolean): BinaryNode {
  return node('device', { id, 'key-index': keyIndex, is_hosted: isHosted === true ? 'true' : undefined })
}

function devices(...list: BinaryNode[]): BinaryNode {
  const signed = node('key-index-list', { ts: '1700000000', expected_ts: '1700000001' }, Uint8Array.of(1, 2))
  return node('devices', {}, [node('device-list', {}, list), signed])
}

function answer(users: readonly BinaryNode[], ...others: readonly BinaryNode[]): BinaryNode {
  return node('iq', { type: 'result' }, [node('usync', {}, [...others, node('list', {}, users)])])
}

const user = (...children: readonly BinaryNode[]): BinaryNode => node('user', { jid: BOB }, children)
const readOne = (...children: readonly BinaryNode[]): object | undefined =>
  everything.parse(answer([user(...children)]), request).users[0]

describe('asking the directory', () => {
  it('writes what Baileys writes before it sends a message', () => {
    const query = new USyncQuery().withContext('message').withDeviceProtocol().withLIDProtocol()
    for (const jid of [BOB, BOB_LID]) query.withUser(new USyncUser().withId(jid))
    const ours = devicesAndLid.build({ users: [{ jid: BOB }, { jid: BOB_LID }], sid: 'S1' })
    expect(ours).toEqual(theirIq(query))
  })

  it('writes what Baileys writes for numbers, usernames and known LIDs', () => {
    const query = new USyncQuery().withContactProtocol().withLIDProtocol()
    query.withUser(new USyncUser().withPhone('+15550000002'))
    query.withUser(new USyncUser().withPhone('+15550000003').withLid(BOB_LID))
    query.withUser(new USyncUser().withId(BOB))
    query.withUser(new USyncUser().withUsername('bob').withUsernameKey('1234').withLid(BOB_LID))
    const users = [
      { phone: '+15550000002' },
      { phone: '+15550000003', lid: BOB_LID },
      { jid: BOB },
      { username: 'bob', usernameKey: '1234', lid: BOB_LID },
    ]
    expect(usync([CONTACT, LID]).build({ users, sid: 'S1' })).toEqual(theirIq(query))
  })

  it('writes what Baileys writes for every other protocol that both know', () => {
    const query = new USyncQuery().withContext('background').withMode('full')
    query.withStatusProtocol().withDisappearingModeProtocol().withUsernameProtocol().withBotProfileProtocol()
    query.withUser(new USyncUser().withId('13135550002@bot').withPersonaId('persona'))
    const ours = usync([STATUS, DISAPPEARING_MODE, USERNAME, BOT], { context: 'background', mode: 'full' })
    const users = [{ jid: '13135550002@bot', personaId: 'persona' }]
    expect(ours.build({ users, sid: 'S1' })).toEqual(theirIq(query))
  })

  it('asks for pictures and verified names as whatsmeow does, and hands over the hash of a known list', () => {
    const ours = usync([BUSINESS, PICTURE, DEVICES])
    const users = [{ jid: BOB, devices: { hash: '2:abcdefgh', timestampSeconds: 1_700_000_000 } }]
    const [element] = ours.build({ users, sid: 'S1' }).content as readonly BinaryNode[]
    expect(element?.content).toEqual([
      node('query', {}, [
        node('business', {}, [node('verified_name')]),
        node('picture'),
        node('devices', { version: '2' }),
      ]),
      node('list', {}, [
        node('user', { jid: BOB }, [node('devices', { device_hash: '2:abcdefgh', ts: '1700000000' })]),
      ]),
    ])
  })
})

describe('the answer of the directory', () => {
  it('is refused when it is none', () => {
    expect(() => everything.parse(node('iq', { type: 'result' }), request)).toThrow(ProtocolError)
  })

  it('counts what nobody knows, and reads the rest', () => {
    const stanza = answer(
      [node('user'), node('user', { jid: BOB }, [node('hat'), node('status', {}, 'hi')]), node('person')],
      node('result', {}, [node('hat'), node('status')]),
      node('weather'),
    )
    expect(everything.parse(stanza, request)).toEqual({
      users: [{ jid: BOB, values: { status: { text: 'hi', isHidden: false } } }],
      side: [],
      errors: {},
      unknown: ['weather', 'result/hat', 'list/user without an address', 'user/hat', 'list/person'],
    })
  })

  it('tells for each protocol whether the server refuses it for everybody', () => {
    const error = node('error', { code: '429', text: 'rate-overlimit', backoff: '3600' })
    const result = node('result', {}, [node('devices', {}, [error]), node('lid')])
    expect(everything.parse(answer([], result), request).errors).toEqual({
      devices: { code: 429, text: 'rate-overlimit', backoffSeconds: 3600 },
    })
  })

  it('keeps an error to the person and the protocol that it is about', () => {
    const users = [
      node('user', { jid: 'a@s.whatsapp.net' }, [
        node('devices', {}, [node('error', { code: '401', text: 'not-authorized' })]),
        node('lid', { val: '1@lid' }),
      ]),
      node('user', { jid: 'b@s.whatsapp.net' }, [node('error', { code: '404', backoff: 'soon' })]),
      node('user', { jid: 'c@s.whatsapp.net' }, [devices(device(0)), node('lid', { val: BOB })]),
      node('user', { jid: 'd@s.whatsapp.net' }, [devices(node('device'))]),
    ]
    expect(everything.parse(answer(users), request).users).toMatchObject([
      { values: { lid: '1@lid' }, errors: { devices: { code: 401, text: 'not-authorized' } } },
      { values: {}, errors: { user: { code: 404 } } },
      {
        values: { devices: { list: [{ id: 0 }] } },
        errors: { lid: { code: MALFORMED_ANSWER, text: 'WATON_USYNC_LID' } },
      },
      { values: {}, errors: { devices: { code: MALFORMED_ANSWER, text: 'WATON_STANZA_ATTRIBUTE' } } },
    ])
  })

  it('reads those whom the server mentions besides', () => {
    const side = node('side_list', {}, [node('user', { jid: BOB }, [node('lid', { val: BOB_LID })])])
    const read = everything.parse(answer([], side), request)
    expect([read.users, read.side]).toEqual([[], [{ jid: BOB, values: { lid: BOB_LID } }]])
  })

  it('reads a person who is answered with a LID although asked for by number', () => {
    const stanza = answer([node('user', { jid: BOB_LID, pn_jid: BOB }, [node('contact', { type: 'in' })])])
    expect(everything.parse(stanza, request).users).toEqual([
      { jid: BOB_LID, pn: BOB, values: { contact: { isOnWhatsApp: true } } },
    ])
  })

  it('has the same devices as Baileys, and says of each whether it is hosted', () => {
    const list = [device(0), device(3, 2), device(4), device(HOSTED_DEVICE_ID, 5, true), device(7, 1)]
    const stanza = answer([user(devices(...list), node('lid', { val: BOB_LID }))])
    const [ours] = devicesAndLid.parse(stanza, request).users
    const query = new USyncQuery().withDeviceProtocol().withLIDProtocol()
    const theirs = query.parseUSyncQueryResult(copy(stanza))?.list ?? []
    expect(theirs).toMatchObject([{ id: ours?.jid, lid: ours?.values.lid }])
    const sendable = extractDeviceJids(theirs, '15550000001:3@s.whatsapp.net', '100000000001:3@lid', false)
    expect(sendable.map((one) => one.device)).toEqual([0, 3, HOSTED_DEVICE_ID, 7])
    expect(ours?.values.devices).toEqual({
      list: [
        { id: 0, isHosted: false },
        { id: 3, keyIndex: 2, isHosted: false },
        { id: 4, isHosted: false },
        { id: HOSTED_DEVICE_ID, keyIndex: 5, isHosted: true },
        { id: 7, keyIndex: 1, isHosted: false },
      ],
      keyIndex: {
        timestampSeconds: 1_700_000_000,
        signedList: Uint8Array.of(1, 2),
        expectedTimestampSeconds: 1_700_000_001,
      },
    })
    // W27: in Baileys every device behind a hosted one is hosted as well
    expect(sendable.map(({ server }) => server)).toEqual([
      ...['s.whatsapp.net', 's.whatsapp.net', 'hosted', 'hosted'],
    ])
  })

  it('tells a user without devices from one whose list is missing', () => {
    expect(readOne(node('devices', {}, [node('device-list', { hash: '2:x' })]))).toMatchObject({
      values: { devices: { list: [], hash: '2:x' } },
    })
    expect(readOne(node('devices'))).toEqual({ jid: BOB, values: { devices: {} } })
  })

  it('reads what Baileys reads of numbers, texts, modes and names', () => {
    const children = [
      node('contact', { type: 'in' }, '+15550000002'),
      node('status', { t: '1700000000' }, 'On a boat'),
      node('disappearing_mode', { duration: '86400', t: '1700000001' }),
      node('username', {}, 'bob'),
    ]
    const query = new USyncQuery().withContactProtocol().withStatusProtocol()
    query.withDisappearingModeProtocol().withUsernameProtocol()
    const [theirs] = query.parseUSyncQueryResult(copy(answer([user(...children)])))?.list ?? []
    expect(theirs).toEqual({
      id: BOB,
      contact: true,
      status: { status: 'On a boat', setAt: new Date(1_700_000_000_000) },
      disappearing_mode: { duration: 86_400, setAt: new Date(1_700_000_001_000) },
      username: 'bob',
    })
    expect(readOne(...children)).toEqual({
      jid: BOB,
      values: {
        contact: { isOnWhatsApp: true, query: '+15550000002' },
        status: { text: 'On a boat', isHidden: false, setAtSeconds: 1_700_000_000 },
        disappearingMode: { seconds: 86_400, setAtSeconds: 1_700_000_001 },
        username: 'bob',
      },
    })
  })

  it('tells a hidden text and an unknown number from empty ones, as Baileys does', () => {
    const children = [node('contact', { type: 'out' }), node('status', { code: '401' }), node('username')]
    const query = new USyncQuery().withContactProtocol().withStatusProtocol().withUsernameProtocol()
    const [theirs] = query.parseUSyncQueryResult(copy(answer([user(...children)])))?.list ?? []
    expect(theirs).toMatchObject({ contact: false, status: { status: '' } })
    expect(readOne(...children)).toEqual({
      jid: BOB,
      values: { contact: { isOnWhatsApp: false }, status: { isHidden: true } },
    })
    expect(readOne(node('status', {}, ''))).toEqual({ jid: BOB, values: { status: { isHidden: false } } })
  })

  it('reads the profile of an assistant as Baileys does when it is handed the person', () => {
    const text = (tag: string): BinaryNode => node(tag, {}, `the ${tag}`)
    const profile = node('profile', { persona_id: 'p1' }, [
      ...[node('default'), text('name'), text('attributes'), text('description'), text('category')],
      node('commands', {}, [
        text('description'),
        node('command', {}, [node('name', {}, 'help'), node('description', {}, 'helps')]),
      ]),
      node('prompts', {}, [node('prompt', {}, [node('emoji', {}, '!'), node('text', {}, 'Hi')])]),
    ])
    const person = user(node('bot', {}, [profile]))
    const query = new USyncQuery().withBotProfileProtocol()
    const theirs = query.protocols[0]?.parser(copy(person))
    expect(theirs).toMatchObject({ name: 'the name', prompts: ['! Hi'], personaId: 'p1', isDefault: true })
    expect(everything.parse(answer([person]), request).users[0]?.values.bot).toEqual({
      isDefault: true,
      personaId: 'p1',
      name: 'the name',
      attributes: 'the attributes',
      description: 'the description',
      category: 'the category',
      commandsDescription: 'the description',
      commands: [{ name: 'help', description: 'helps' }],
      prompts: [{ emoji: '!', text: 'Hi' }],
    })
  })

  it('reads verified names and pictures', () => {
    const details = encodeProto(
      VerifiedNameCertificate.Details,
      { verifiedName: 'Bob`s Bikes', serial: 1, issuer: 'smb:wa' },
      'VerifiedNameCertificate.Details',
    )
    const certificate = encodeProto(VerifiedNameCertificate, { details }, 'VerifiedNameCertificate')
    const verified = node('verified_name', { v: '1', verified_level: 'high' }, certificate)
    expect(readOne(node('business', {}, [verified]), node('picture', { id: '17' }))).toEqual({
      jid: BOB,
      values: {
        business: { verifiedName: 'Bob`s Bikes', verifiedLevel: 'high', certificate },
        picture: '17',
      },
    })
    expect(readOne(node('business'), node('picture'))).toEqual({ jid: BOB, values: { business: {} } })
    expect(readOne(node('business', {}, [node('verified_name', {}, Uint8Array.of(255))]))).toMatchObject({
      errors: { business: { code: MALFORMED_ANSWER } },
    })
  })
})
