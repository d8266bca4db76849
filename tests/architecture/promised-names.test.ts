/**
 * Names that programs outside this repository use already. Each exists as promised, or is listed as not there yet; a name
 * that has come has to leave the list, so that it only shrinks.
 */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Bot, Client, MemoryStore } from 'waton'
import { startSimulator } from 'waton/simulator'
import type { SimulatedPhone, Simulator } from 'waton/simulator'
import { openSqlite } from 'waton/sqlite'

/** Promised, and not there yet. */
const NOT_YET: ReadonlySet<string> = new Set(['phone.groups'])

const PROMISED = {
  bot: ['command', 'on', 'use', 'start'],
  client: [
    ...[
      'on',
      'connect',
      'state',
      'send',
      'consume',
      'events',
      'query',
      'close',
      'requestPairingCode',
      'outbox',
    ],
    ...['readMessages', 'download', 'rejectCall', 'backup', 'logout'],
  ],
  events: ['read'],
  outbox: ['get'],
  simulator: ['endpoint', 'addPhone', 'trace', 'faults', 'clock', 'close'],
  endpoint: ['url', 'rootKey', 'rootSerial', 'connect', 'mediaHost', 'mediaCertificate'],
  phone: [
    'linkDevice',
    'linkDeviceByCode',
    'send',
    'messages',
    'chats',
    'groups',
    'devices',
    'waitForMessage',
  ],
} as const

const names = Object.entries(PROMISED).flatMap(([owner, members]) =>
  members.map((member) => [`${owner}.${member}`, owner as keyof typeof PROMISED, member] as const),
)

let simulator: Simulator
let phone: SimulatedPhone
let client: Client
let bot: Bot

beforeAll(async () => {
  simulator = await startSimulator({ seed: 1 })
  phone = await simulator.addPhone({ phoneNumber: '15550000001', name: 'Alice' })
  client = new Client({ store: new MemoryStore(), endpoint: simulator.endpoint, account: 'default' })
  bot = new Bot({ store: 'me.db' })
})

afterAll(async () => {
  await client.close()
  await simulator.close()
})

function objectOf(owner: keyof typeof PROMISED): object {
  const { endpoint } = simulator
  return { bot, client, events: client.events, outbox: client.outbox, simulator, endpoint, phone }[owner]
}

it.each(names)('%s is there, or is listed as not there yet', (name, owner, member) => {
  const exists = Reflect.get(objectOf(owner), member) !== undefined
  expect({ name, exists }).toEqual({ name, exists: !NOT_YET.has(name) })
})

it('lists nothing that was not promised', () => {
  expect([...NOT_YET].filter((name) => !names.some(([promised]) => promised === name))).toEqual([])
})

it('the endpoint has the promised shape', () => {
  const { url, rootKey, rootSerial } = simulator.endpoint
  expect(url).toMatch(/^ws:\/\/127\.0\.0\.1:\d+\/ws\/chat$/)
  expect(rootKey).toHaveLength(32)
  expect(rootSerial).toBe(0)
})

it('the stores are where they were promised', () => {
  expect(openSqlite).toBeInstanceOf(Function)
  expect(new MemoryStore()).toHaveProperty('claim')
})
