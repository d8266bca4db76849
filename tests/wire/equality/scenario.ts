/**
 * The scenario: what happens to the device under test, step by step, and which stanzas end each step. Waiting for them is
 * not judging them: a stanza that is missing, or there too often, is a difference all the same.
 */
import { stanzas } from 'waton/simulator'
import type { SimulatedPhone, Simulator } from 'waton/simulator'
import { node } from '../../../src/protocol/binary/node.ts'
import type { VirtualClock } from 'waton/testing'
import { until } from '../../helpers/until.ts'
import type { Bystanders } from './bystanders.ts'
import type { Addition, Party } from './party.ts'

/** Everything a step can touch. */
export interface Scene {
  readonly simulator: Simulator
  readonly clock: VirtualClock
  readonly party: Party
  /** The person whose device is under test. */
  readonly alice: SimulatedPhone
  readonly bob: SimulatedPhone
  /** Somebody whom the device has never met, known by LID only. */
  readonly dave: SimulatedPhone
  /** The device under test. */
  readonly device: string
  readonly bystanders: Bystanders
}

/** One step. */
export interface Step {
  readonly name: string
  /** Which connection's stanzas count. @default 'device' */
  readonly connection?: 'pairing' | 'device'
  /** @param arrived - waits until the client has written stanzas of these names in this step */
  readonly run: (scene: Scene, arrived: (names: readonly string[]) => Promise<void>) => Promise<void>
  /** Whether the client logs in during the step. */
  readonly logins?: boolean
  /** Whether nothing can be asked of the server afterwards. */
  readonly endsConnection?: boolean
  /** A stanza that is written again and again as time passes: how often says nothing, so only the first counts. */
  readonly timed?: string
  /** Names of the stanzas that must have arrived before the next step, as often as they are listed. */
  readonly ends: Readonly<Record<'both' | 'baileys' | 'waton', readonly string[]>>
}

/** Steps in order. Each begins where the one before has ended. */
export interface Scenario {
  readonly name: string
  readonly steps: readonly Step[]
}

/** The ids that the scenario gives to messages: the same in both runs. */
const chosenIds = new Set<string>()

/** Ids of messages that the scenario chose. */
export const CHOSEN_IDS: ReadonlySet<string> = chosenIds

function chosenId(name: string): string {
  chosenIds.add(name)
  return name
}

const times = (count: number, name: string): string[] => new Array<string>(count).fill(name)

const LOGIN = [
  'iq get encrypt count',
  'iq set passive active',
  'iq get encrypt digest',
  'ib unified_session',
  'iq get abt props',
  'iq get blocklist',
  'iq get privacy privacy',
]

/** What a login says besides, once the account's name is known. */
const NAMED = 'presence unavailable'
const UPLOAD = 'iq set encrypt registration'
const CLEAN = 'iq set urn:xmpp:whatsapp:dirty clean'
/** waton knows its own devices before the first message. */
const OWN_DEVICES = 'iq get usync usync'
const TOKEN = 'iq set privacy tokens'

const FIRST_TEXT = chosenId('EQUALITY-PN')
const LID_TEXT = chosenId('EQUALITY-LID')
const CARD = 'BEGIN:VCARD\nVERSION:3.0\nFN:Carol\nTEL;waid=15550000003:+1 555 000 0003\nEND:VCARD'
const ADDITIONS = ['REACTION', 'EDIT', 'PIN', 'SETTING', 'DELETION'].map((name) =>
  chosenId(`EQUALITY-${name}`),
)
/** Baileys tells by the machine's clock whether a token is too old, and waton by the scenario's. */
const IN_THE_FUTURE = 4_000_000_000
const TEXT_WITH_TOKEN = chosenId('EQUALITY-WITH-TOKEN')

/** Content with a stanza of its own kind, in the words of each client. */
const KINDS: readonly Addition[] = [
  {
    baileys: { contacts: { contacts: [{ displayName: 'Carol', vcard: CARD }] } },
    waton: { contact: { displayName: 'Carol', vcard: CARD } },
  },
  {
    baileys: { listReply: { title: 'one', listType: 1, singleSelectReply: { selectedRowId: '1' } } },
    waton: { listReply: { id: '1', text: 'one' } },
  },
  {
    baileys: { location: { degreesLatitude: 1.5, degreesLongitude: 2.5, name: 'here' } },
    waton: { location: { latitude: 1.5, longitude: 2.5, name: 'here' } },
  },
  {
    baileys: { poll: { name: 'Which?', values: ['a', 'b'], selectableCount: 1 } },
    waton: { poll: { name: 'Which?', options: ['a', 'b'], selectableCount: 1 } },
  },
  {
    baileys: { event: { name: 'Party', startDate: new Date(1_800_000_000_000) } },
    waton: { event: { name: 'Party', startsAtMs: 1_800_000_000_000 } },
  },
]
const CONTENT = ['CARD', 'LINE', 'PLACE', 'POLL', 'EVENT'].map((name) => chosenId(`EQUALITY-${name}`))
/** The answer of a linked device that has it already is a receipt. */
const ASKED_FOR = ['ack receipt retry', 'message text', 'ack receipt inactive']
const TEXT_AFTER_LINKING = chosenId('EQUALITY-LINKED')
const LIVE = [1, 2, 3].map((number) => chosenId(`EQUALITY-LIVE-${String(number)}`))
const OWN = [1, 2].map((number) => chosenId(`EQUALITY-OWN-${String(number)}`))
const OFFLINE = [1, 2, 3, 4, 5, 6, 7].map((number) => chosenId(`EQUALITY-OFFLINE-${String(number)}`))
const OFFLINE_OWN = chosenId('EQUALITY-OFFLINE-OWN')

/** The call that is declined; its id is no stanza's. */
const CALL = 'E9DA11C411'

/** One-time pre-keys that a new device has on the server. */
const PRE_KEYS = 812
/** Between the pings of the server, by its clock. */
const SERVER_PING_MS = 60_000
const PING = 'iq get w:p ping'

const FIRST_LOGIN: Step = {
  name: 'first login',
  logins: true,
  async run({ party, alice, clock }, arrived) {
    await until('the client to be open', () => party.opened === 1)
    await arrived(LOGIN)
    await until('the phone to have served the new device', () => {
      // the phone looks again every quarter of a second, by this clock
      if (alice.devices[0]?.isWelcomed !== true) clock.advance(250)
      return alice.devices[0]?.isWelcomed
    })
  },
  ends: {
    both: [
      ...LOGIN,
      UPLOAD,
      'iq set w:sync:app:state sync',
      ...times(2, 'receipt peer_msg'),
      'receipt hist_sync',
    ],
    baileys: [],
    waton: [CLEAN, OWN_DEVICES],
  },
}

/** Linking with a QR code, and everything that follows. */
const BY_QR: readonly Step[] = [
  {
    name: 'pairing',
    connection: 'pairing',
    async run({ party, alice }) {
      await party.connect()
      const qr = await until('a QR code', () => party.qrs[0])
      await alice.linkDevice(qr)
    },
    ends: {
      both: ['iq result', 'iq result pair-device-sign', 'ib unified_session'],
      baileys: [],
      waton: [],
    },
  },
  FIRST_LOGIN,
  {
    name: 'reconnect',
    logins: true,
    async run({ party }) {
      await reconnect(party)
    },
    ends: { both: LOGIN, baileys: [CLEAN], waton: [] },
  },
  {
    name: 'first text to a phone number',
    async run({ party, bob }) {
      await party.send(bob.pn, 'first', FIRST_TEXT)
      await bob.waitForMessage(({ id }) => id === FIRST_TEXT)
    },
    ends: { both: ['message text', 'ack receipt sender', 'ack receipt', TOKEN], baileys: [], waton: [] },
  },
  {
    name: 'second text, with an id of the client',
    async run({ party, bob }) {
      const id = await party.send(bob.pn, 'second')
      await bob.waitForMessage((message) => message.id === id)
      bob.markRead([id])
    },
    ends: {
      both: ['message text', 'ack receipt sender', 'ack receipt', 'ack receipt read'],
      baileys: [TOKEN],
      waton: [],
    },
  },
  {
    name: 'what is added to a text',
    async run({ party, bob }) {
      const key = { remoteJid: bob.pn, fromMe: true, id: FIRST_TEXT }
      const target = { id: FIRST_TEXT, chat: bob.pn, fromMe: true }
      const additions: readonly Addition[] = [
        { baileys: { react: { text: '👍', key } }, waton: { reaction: { target, text: '👍' } } },
        { baileys: { text: 'edited', edit: key }, waton: { edit: { target, content: { text: 'edited' } } } },
        {
          baileys: { pin: key, type: 1, time: 86_400 },
          waton: { pin: { target, durationSeconds: 86_400 } },
        },
        {
          // off: waton has what it sends later follow the setting of a chat, and Baileys leaves that to its user
          baileys: { disappearingMessagesInChat: false },
          waton: { disappearing: { expiresInSeconds: 0 } },
        },
        { baileys: { delete: key }, waton: { delete: { target } } },
      ]
      for (const [index, addition] of additions.entries()) {
        const id = ADDITIONS[index] ?? ''
        await party.add(bob.pn, addition, id)
        await bob.waitForMessage((message) => message.id === id)
      }
    },
    ends: {
      both: [
        'message reaction',
        ...times(4, 'message text'),
        ...times(5, 'ack receipt sender'),
        ...times(5, 'ack receipt'),
      ],
      baileys: times(2, TOKEN),
      waton: [],
    },
  },
  {
    name: 'content of other kinds',
    async run({ party, bob }) {
      for (const [index, content] of KINDS.entries()) {
        const id = CONTENT[index] ?? ''
        await party.add(bob.pn, content, id)
        await bob.waitForMessage((message) => message.id === id)
      }
    },
    ends: {
      both: [
        ...times(2, 'message media'),
        'message text',
        'message poll',
        'message event',
        ...times(5, 'ack receipt sender'),
        ...times(5, 'ack receipt'),
      ],
      baileys: [],
      waton: [],
    },
  },
  {
    name: 'first text to a LID',
    async run({ party, dave }) {
      await party.send(dave.lid, 'to a lid', LID_TEXT)
      await dave.waitForMessage(({ id }) => id === LID_TEXT)
    },
    ends: { both: ['message text', 'ack receipt sender', 'ack receipt', TOKEN], baileys: [TOKEN], waton: [] },
  },
  {
    name: 'incoming texts',
    async run({ party, alice, bob, dave }) {
      await bob.send(alice.pn, { text: 'live 1' }, { id: LIVE[0] ?? '' })
      await bob.send(alice.pn, { text: 'live 2' }, { id: LIVE[1] ?? '' })
      await dave.send(alice.lid, { text: 'live 3' }, { id: LIVE[2] ?? '' })
      await announced(party, ['live 1', 'live 2', 'live 3'])
    },
    ends: { both: times(3, 'receipt inactive'), baileys: [], waton: [] },
  },
  {
    name: 'texts that the phone sends',
    async run({ party, alice, bob, dave }) {
      await alice.send(bob.pn, { text: 'own 1' }, { id: OWN[0] ?? '' })
      await alice.send(dave.lid, { text: 'own 2' }, { id: OWN[1] ?? '' })
      await announced(party, ['own 1', 'own 2'])
    },
    ends: {
      both: [...times(2, 'receipt sender'), 'presence with a name', ...times(2, 'ack receipt')],
      baileys: [],
      waton: [],
    },
  },
  {
    name: 'a token of somebody, and a text with it',
    async run({ party, alice, bob }) {
      await bob.giveToken(alice.pn, { atSeconds: IN_THE_FUTURE })
      await party.mark('EQUALITY-TOKEN')
      await party.send(bob.pn, 'with a token', TEXT_WITH_TOKEN)
      await bob.waitForMessage(({ id }) => id === TEXT_WITH_TOKEN)
    },
    ends: {
      both: ['ack notification privacy_token', 'message text', 'ack receipt sender', 'ack receipt'],
      baileys: [TOKEN],
      waton: [],
    },
  },
  {
    name: 'presence and typing',
    async run({ party, bob, dave }) {
      await party.subscribe(bob.pn)
      await party.subscribe(dave.lid)
      await party.presence('available')
      for (const chat of [bob.pn, dave.lid])
        for (const state of ['composing', 'recording', 'paused'] as const) await party.presence(state, chat)
      await party.presence('unavailable')
    },
    ends: {
      both: [
        ...times(2, 'presence subscribe'),
        'ib unified_session',
        'presence available',
        ...times(6, 'chatstate'),
        'presence unavailable',
      ],
      baileys: [],
      waton: [],
    },
  },
  {
    name: 'reading',
    async run({ party }) {
      await party.read(['live 1', 'live 2', 'live 3'])
    },
    ends: { both: times(3, 'receipt read'), baileys: [], waton: [] },
  },
  {
    name: 'a call that is declined',
    async run({ party, simulator, bob, clock, device }, arrived) {
      const creator = bob.lid.replace('@', ':1@')
      const atSeconds = Math.floor(clock.nowMs() / 1000)
      const head = { id: 'EQUALITY-OFFER', from: bob.lid, atSeconds, callId: CALL, creator }
      simulator.deliver(device, stanzas.callOffer(head))
      await arrived(['ack call'])
      await party.rejectCall(CALL, creator)
    },
    ends: { both: ['ack call', 'call reject'], baileys: [], waton: [] },
  },
  {
    name: 'a contact links a device',
    async run({ party, bob, bystanders }) {
      const bystander = await bystanders.link(bob)
      await party.send(bob.pn, 'to two devices', TEXT_AFTER_LINKING)
      await until('the new device to have the text', async () => {
        for await (const { type, payload } of bystander.events.read({ after: 0 }))
          if (type === 'message' && payload.id === TEXT_AFTER_LINKING) return true
        return false
      })
    },
    ends: {
      both: [
        'ack notification devices',
        'iq get encrypt key',
        'message text',
        'ack receipt sender',
        'ack receipt',
        'ack receipt inactive',
      ],
      baileys: [TOKEN],
      waton: [],
    },
  },
  {
    name: 'a linked device asks for a text again',
    async run({ simulator, device, bob }, arrived) {
      const from = [bob.pn.replace('@', ':1@')]
      // the first request comes without keys, the second with them
      simulator.faults.retryStorm({ to: device, from, id: TEXT_AFTER_LINKING })
      await arrived(ASKED_FOR)
      simulator.faults.retryStorm({ to: device, from, id: TEXT_AFTER_LINKING, first: 2 })
    },
    ends: {
      both: [...ASKED_FOR, ...ASKED_FOR],
      baileys: ['iq get encrypt key'],
      waton: [],
    },
  },
  {
    name: 'a phone asks for a text again',
    async run({ simulator, device, bob }) {
      simulator.faults.retryStorm({ to: device, from: [bob.pn], id: TEXT_AFTER_LINKING })
      await Promise.resolve()
    },
    ends: {
      both: ['ack receipt retry', 'message text', 'ack receipt'],
      baileys: ['iq get encrypt key', TOKEN, 'ack receipt sender', 'ack receipt inactive'],
      waton: [],
    },
  },
  {
    name: 'pre-keys run low',
    async run({ device, bystanders }) {
      const bystander = bystanders.first
      const users = times(PRE_KEYS, device).map((jid) => node('user', { jid }))
      await bystander.query(
        node('iq', { to: '@s.whatsapp.net', type: 'get', xmlns: 'encrypt' }, [node('key', {}, users)]),
      )
    },
    ends: { both: ['ack notification encrypt', UPLOAD], baileys: [], waton: ['iq get encrypt count'] },
  },
  {
    name: 'reconnect with a backlog',
    logins: true,
    async run({ party, alice, bob, clock, device, simulator }) {
      await party.disconnect()
      for (const [index, id] of OFFLINE.entries())
        await bob.send(alice.pn, { text: `offline ${String(index)}` }, { id })
      await alice.send(bob.pn, { text: 'offline own' }, { id: OFFLINE_OWN })
      clock.advance(1_000)
      simulator.faults.markDirty(device, 'account_sync')
      await reconnect(party)
    },
    ends: {
      both: [
        ...LOGIN,
        NAMED,
        'ib offline_batch',
        ...times(OFFLINE.length, 'receipt inactive'),
        'receipt sender',
        CLEAN,
      ],
      baileys: [UPLOAD],
      waton: [],
    },
  },
  {
    name: 'a minute of silence',
    logins: true,
    timed: PING,
    async run({ party, clock }, arrived) {
      await reconnect(party, { isChatty: true })
      await arrived([...LOGIN, NAMED])
      await clock.advanceAndSettle(SERVER_PING_MS)
    },
    ends: { both: [...LOGIN, NAMED, PING], baileys: [], waton: ['iq result'] },
  },
  {
    name: 'a new signed pre-key',
    logins: true,
    async run({ party }) {
      await party.reconnectAndRotate()
    },
    ends: { both: [...LOGIN, NAMED, 'iq set encrypt rotate'], baileys: [], waton: [] },
  },
  {
    name: 'logging out',
    endsConnection: true,
    async run({ party, alice }) {
      await party.logout()
      await until('the device to be gone', () => alice.devices.length === 0)
    },
    ends: { both: ['iq set md remove-companion-device'], baileys: [], waton: [] },
  },
]

/** Linking with a code that is typed in, in place of the QR code. */
const BY_CODE: readonly Step[] = [
  {
    name: 'pairing by code',
    connection: 'pairing',
    async run({ party, alice }) {
      await party.connect()
      await until('pairing to be offered', () => party.qrs[0])
      await alice.linkDeviceByCode(await party.requestCode(alice))
    },
    ends: {
      both: [
        'iq result',
        ...times(2, 'iq set md link_code_companion_reg'),
        'ack notification link_code_companion_reg',
        'iq result pair-device-sign',
        'ib unified_session',
      ],
      baileys: [],
      waton: [],
    },
  },
  FIRST_LOGIN,
]

/** What is driven through both clients; each begins with a device that is not linked. */
export const SCENARIOS: readonly Scenario[] = [
  { name: 'linked by QR code', steps: BY_QR },
  { name: 'linked by code', steps: BY_CODE },
]

async function reconnect(party: Party, options?: { readonly isChatty: boolean }): Promise<void> {
  await party.disconnect()
  const before = party.opened
  await party.connect(options)
  await until('the client to be open again', () => party.opened > before)
}

async function announced(party: Party, texts: readonly string[]): Promise<void> {
  await until(`the texts ${texts.join(', ')}`, () => texts.every((text) => party.texts.includes(text)))
}
