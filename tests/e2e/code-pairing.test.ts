/** A client is linked by the code that the owner of a phone types in, and by no other code. */
import { describe, expect, onTestFinished, test } from 'vitest'
import { Client, MemoryStore, errorCode } from 'waton'
import type { ClientEvents, ClientOptions } from 'waton'
import type { SimulatedPhone, Simulator } from 'waton/simulator'
import { toHex } from '../../src/base/bytes.ts'
import { CREDENTIALS, SELF } from '../../src/client/state/records.ts'
import { until } from '../helpers/until.ts'
import { overWebSocket, startWorld } from '../helpers/world.ts'

const NUMBER = '15550000001'

interface Scene {
  readonly simulator: Simulator
  readonly phone: SimulatedPhone
  readonly client: Client
  readonly opened: Promise<void>
  readonly qrs: string[]
  readonly codes: ClientEvents['pairing.code'][]
  readonly failures: ClientEvents['pairing.failed'][]
}

/** A client that is connecting and not linked. */
function startClient(simulator: Simulator, options: Partial<ClientOptions> = {}): Omit<Scene, 'phone'> {
  const client = new Client({ store: new MemoryStore(), endpoint: overWebSocket(simulator), ...options })
  onTestFinished(() => client.close())
  const qrs: string[] = []
  const codes: ClientEvents['pairing.code'][] = []
  client.on('pairing.code', (event) => {
    codes.push(event)
  })
  const failures: ClientEvents['pairing.failed'][] = []
  client.on('pairing.qr', ({ qr }) => {
    qrs.push(qr)
  })
  client.on('pairing.failed', (event) => {
    failures.push(event)
  })
  const opened = client.connect()
  opened.catch(() => undefined)
  return { simulator, client, opened, qrs, codes, failures }
}

async function startScene(seed: number, options: Partial<ClientOptions> = {}): Promise<Scene> {
  const simulator = await startWorld(seed)
  onTestFinished(() => {
    expect(simulator.trace.notes.filter(({ kind }) => kind === 'violation')).toEqual([])
  })
  const phone = await simulator.addPhone({ phoneNumber: NUMBER, name: 'Alice' })
  return { phone, ...startClient(simulator, options) }
}

/** A store so slow that whoever does not wait for it is faster. */
class SlowStore extends MemoryStore {
  hold: (() => boolean) | undefined

  override async commit(...args: Parameters<MemoryStore['commit']>): ReturnType<MemoryStore['commit']> {
    const { hold } = this
    for (let turn = 0; hold !== undefined && turn < 200 && !hold(); turn += 1) {
      await new Promise((resolve) => {
        setImmediate(resolve)
      })
    }
    return super.commit(...args)
  }
}

/** What the disk holds of the secret, in this moment. */
async function storedSecret(store: MemoryStore): Promise<string> {
  const record = await store.readRecord('default', 'credentials', SELF)
  return toHex(CREDENTIALS.decode(record ?? new Uint8Array()).advSecret)
}

async function codeOfFailure(work: Promise<unknown>): Promise<string | undefined> {
  return work.then(
    () => 'no failure',
    (error: unknown) => errorCode(error),
  )
}

describe('a code is refused', () => {
  test('for something that is no phone number, and when it cannot be typed', async () => {
    const { client } = await startScene(71)
    for (const number of ['', '+15550000001', '1555-000', '0155500001', '1'.repeat(16)])
      expect(await codeOfFailure(client.requestPairingCode(number))).toBe('WATON_PAIRING_PHONE_NUMBER')
    expect(await codeOfFailure(client.requestPairingCode(NUMBER, { code: 'BAILEYS' }))).toBe(
      'WATON_PAIRING_CODE',
    )
  })

  test('before the client connects', async () => {
    const simulator = await startWorld(72)
    const client = new Client({ store: new MemoryStore(), endpoint: overWebSocket(simulator) })
    onTestFinished(() => client.close())
    expect(await codeOfFailure(client.requestPairingCode(NUMBER))).toBe('WATON_NOT_CONNECTED')
  })

  test('by the server, for a number without account and by a planned fault; then another one works', async () => {
    const { simulator, phone, client, opened } = await startScene(73)
    const refusal = await client.requestPairingCode('15559999999').catch((error: unknown) => error)
    expect(refusal).toMatchObject({
      code: 'WATON_PAIRING_CODE_REFUSED',
      details: { serverCode: 400 },
      retryable: false,
    })
    simulator.faults.refuseLinkCode(NUMBER, 429, { backoffSeconds: 3_600 })
    const limited = await client.requestPairingCode(NUMBER).catch((error: unknown) => error)
    expect(limited).toMatchObject({
      code: 'WATON_PAIRING_CODE_REFUSED',
      details: { serverCode: 429, backoffSeconds: 3_600 },
      retryable: true,
    })
    expect(client.me).toBeUndefined()
    expect(client.state).toBe('pairing')
    await phone.linkDeviceByCode(await client.requestPairingCode(NUMBER))
    await opened
  })

  test('when the client is linked already', async () => {
    const { phone, client, opened } = await startScene(74)
    await phone.linkDeviceByCode(await client.requestPairingCode(NUMBER))
    await opened
    expect(await codeOfFailure(client.requestPairingCode(NUMBER))).toBe('WATON_PAIRING_LINKED')
  })
})

describe('a phone does not link', () => {
  test('by a wrong code; the QR code that is shown then carries the secret that holds now', async () => {
    const { phone, client, qrs } = await startScene(75)
    await client.requestPairingCode(NUMBER, { code: '1234ABCD' })
    const [before] = qrs
    expect(await codeOfFailure(phone.linkDeviceByCode('1234ABCE'))).toBe('WATON_PHONE_LINK_CODE_WRONG')
    expect(phone.devices).toHaveLength(0)
    expect(client.me).toBeUndefined()
    const shown = await until('the QR code with the new secret', () => qrs.find((qr) => qr !== before))
    await phone.linkDevice(shown)
    await until('the client to be linked', () => client.me !== undefined)
  })

  test('by a code that was replaced', async () => {
    const { phone, client, opened } = await startScene(76)
    const first = await client.requestPairingCode(NUMBER)
    const second = await client.requestPairingCode(NUMBER)
    expect(second).not.toBe(first)
    expect(await codeOfFailure(phone.linkDeviceByCode(first))).toBe('WATON_PHONE_LINK_CODE_WRONG')
    await phone.linkDeviceByCode(second)
    await opened
  })

  test('when codes are asked for at once, by any but the last', async () => {
    const { phone, client, opened } = await startScene(77)
    await until('the client to show codes', () => client.state === 'pairing')
    const first = codeOfFailure(client.requestPairingCode(NUMBER, { code: '11111111' }))
    const second = client.requestPairingCode(NUMBER, { code: '22222222' })
    expect(await first).toBe('WATON_PAIRING_CODE_REPLACED')
    await phone.linkDeviceByCode(await second)
    await opened
  })

  test('by guessing: the third wrong code was the last', async () => {
    const { phone, client } = await startScene(78)
    await client.requestPairingCode(NUMBER, { code: '1234ABCD' })
    for (const wrong of ['1234ABCE', '1234ABCF', '1234ABCG'])
      expect(await codeOfFailure(phone.linkDeviceByCode(wrong))).toBe('WATON_PHONE_LINK_CODE_WRONG')
    expect(await codeOfFailure(phone.linkDeviceByCode('1234ABCD'))).toBe('WATON_SIMULATOR_CODE_UNKNOWN')
  })

  test('when a passkey protects its account: the client says so and keeps its connection', async () => {
    const { phone, client, failures, opened } = await startScene(79)
    const demands: ClientEvents['pairing.passkey'][] = []
    client.on('pairing.passkey', (event) => {
      demands.push(event)
    })
    const code = await client.requestPairingCode(NUMBER)
    expect(await codeOfFailure(phone.linkDeviceByCode(code, { passkey: true }))).toBe(
      'WATON_SIMULATOR_PASSKEY',
    )
    const demand = await until('the event', () => demands[0])
    expect(demand.step).toBe('code')
    expect(failures).toEqual([])
    expect(client.state).toBe('pairing')
    await phone.linkDeviceByCode(code)
    await opened
  })

  test('a client that another phone vouched for', async () => {
    const { phone, client, failures } = await startScene(80)
    const code = await client.requestPairingCode(NUMBER)
    expect(await codeOfFailure(phone.linkDeviceByCode(code, { forge: 'hmac' }))).toBe(
      'WATON_SIMULATOR_PAIRING_REFUSED',
    )
    expect(client.me).toBeUndefined()
    expect(failures).toMatchObject([{ code: 'WATON_PAIRING_HMAC' }])
  })
})

describe('the server wants a new code', () => {
  test('and the next one is announced by itself, under another code; the old one is worth nothing', async () => {
    const { simulator, phone, client, codes, opened } = await startScene(84)
    const first = await client.requestPairingCode(NUMBER)
    expect(simulator.faults.refreshLinkCode(NUMBER)).toBe(true)
    const second = await until('the next code', () => codes.find(({ code }) => code !== first))
    expect(codes.map(({ code }) => code)).toEqual([first, second.code])
    expect(second.phoneNumber).toBe(NUMBER)
    expect(await codeOfFailure(phone.linkDeviceByCode(first))).toBe('WATON_PHONE_LINK_CODE_WRONG')
    await phone.linkDeviceByCode(second.code)
    await opened
  })

  test('and one that the user chose stays what it is', async () => {
    const { simulator, phone, client, codes, opened } = await startScene(85)
    await client.requestPairingCode(NUMBER, { code: '1234-abcd' })
    simulator.faults.refreshLinkCode(NUMBER)
    await until('the next announcement', () => codes[1])
    expect(codes.map(({ code }) => code)).toEqual(['1234ABCD', '1234ABCD'])
    await phone.linkDeviceByCode('1234ABCD')
    await opened
  })

  test('and somebody to ask for it: the user is told, and the QR code still links', async () => {
    const { simulator, phone, client, failures, qrs, opened } = await startScene(86)
    const code = await client.requestPairingCode(NUMBER)
    simulator.faults.refreshLinkCode(NUMBER, { isManual: true })
    const failure = await until('the event', () => failures[0])
    expect(failure.code).toBe('WATON_PAIRING_CODE_OVER')
    expect(await codeOfFailure(phone.linkDeviceByCode(code))).toBe('WATON_SIMULATOR_CODE_UNKNOWN')
    await phone.linkDevice(qrs.at(-1) ?? '')
    await opened
  })

  test('over and over: after five, a person has to ask', async () => {
    const { simulator, client, codes, failures } = await startScene(87)
    await client.requestPairingCode(NUMBER)
    for (let round = 1; round <= 5; round += 1) {
      simulator.faults.refreshLinkCode(NUMBER)
      await until('the next code', () => codes[round])
    }
    simulator.faults.refreshLinkCode(NUMBER)
    expect((await until('the event', () => failures[0])).code).toBe('WATON_PAIRING_CODE_OVER')
    expect(codes).toHaveLength(6)
  })
})

test('the secret that both agreed on is durable before the phone learns how to use it', async () => {
  const store = new SlowStore()
  const { simulator, phone, client, opened } = await startScene(83, { store })
  const code = await client.requestPairingCode(NUMBER)
  const before = await storedSecret(store)
  let atFinish: Promise<string> | undefined
  simulator.trace.subscribe((entry) => {
    if ('node' in entry && JSON.stringify(entry.node).includes('companion_finish'))
      atFinish ??= storedSecret(store)
  })
  store.hold = () => atFinish !== undefined
  await phone.linkDeviceByCode(code)
  await opened
  const after = await storedSecret(store)
  expect(after).not.toBe(before)
  expect(await atFinish).toBe(after)
})

test('a client that restarts between the code and the phone registers anew and is nobody', async () => {
  const store = new MemoryStore()
  const { simulator, phone, client } = await startScene(81, { store })
  const code = await client.requestPairingCode(NUMBER)
  expect(client.me).toBeUndefined()
  await client.close()
  expect(await codeOfFailure(phone.linkDeviceByCode(code))).toBe('WATON_SIMULATOR_CODE_UNKNOWN')

  const next = startClient(simulator, { store })
  const again = await next.client.requestPairingCode(NUMBER)
  expect(next.client.state).toBe('pairing')
  expect(simulator.trace.payloads().map(({ device }) => device)).toEqual([undefined, undefined])
  await phone.linkDeviceByCode(again)
  await next.opened
  expect(next.client.me?.deviceId).toBe(1)
})

test('a client linked by code knows who it is, and texts go both ways', async () => {
  const { simulator, phone, client, opened } = await startScene(82)
  const bob = await simulator.addPhone({ phoneNumber: '15550000002', name: 'Bob' })
  const received: ClientEvents['message'][] = []
  client.on('message', (event) => {
    received.push(event)
  })
  const code = await client.requestPairingCode(NUMBER)
  expect(code).toMatch(/^[1-9A-HJ-NP-TV-Z]{8}$/)
  expect(await phone.linkDeviceByCode(`${code.slice(0, 4)}-${code.slice(4)}`)).toEqual({ deviceId: 1 })
  await opened
  expect(client.me).toMatchObject({ pn: `${NUMBER}@s.whatsapp.net`, deviceId: 1 })
  expect(phone.devices).toMatchObject([{ deviceId: 1, platform: 'chrome' }])

  const sent = await client.send(bob.pn, { text: 'hello Bob' })
  await sent.delivered
  await bob.waitForMessage((message) => message.text === 'hello Bob')
  const reply = await bob.send(phone.pn, { text: 'hello Alice' })
  const event = await until('the reply', () => received.find(({ payload }) => payload.id === reply.id))
  expect(event.payload.content).toEqual(expect.objectContaining({ text: 'hello Alice' }))
})
