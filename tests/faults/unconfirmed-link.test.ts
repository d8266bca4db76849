/**
 * A link that was cut between our answer to pair-success and the server's word that it has it (decision 0011), told step by
 * step: the answer lost or the word lost, by QR code and by typed code, with the process going on and with another one
 * taking over. `cuts.test.ts` finds the same among all cuts.
 */
import { describe, expect, test } from 'vitest'
import { faultyStore, writeFault } from 'waton/testing'
import type { ConnectSocket } from '../../src/transport/byte-socket.ts'
import { until } from '../helpers/until.ts'
import { Cutter } from './cut-socket.ts'
import {
  CUTS,
  PHONE_NUMBER,
  beforeFrame,
  expectLinked,
  notesOf,
  reasonsOf,
  startClient,
  startScene,
} from './link-scene.ts'

describe.each(['qr', 'code'] as const)(
  'a cut between our answer and the word that it was taken (%s)',
  (way) => {
    test('that swallows the answer: codes are shown at once, the next one links, and no login is refused', async () => {
      const scene = await startScene(1, CUTS[way].answer)
      const client = startClient(scene, { way })
      await client.connect()
      expect(scene.cutter.proof?.connection).toBe(1)
      expect(reasonsOf(scene)).toEqual(['link-unconfirmed', 'restart-required'])
      expect(notesOf(scene, 'refusal')).toEqual([])
      expectLinked(scene, client, 1)
      const shown = way === 'qr' ? scene.codes : scene.typed
      expect(shown.map(({ mayBeLinked }) => mayBeLinked)).toEqual([undefined, true])
    })

    test('that swallows the word: nobody uses the codes that are shown, and a login tells', async () => {
      const scene = await startScene(2, CUTS[way]['word of it'])
      const client = startClient(scene, { way })
      await client.connect()
      expect(scene.cutter.proof?.connection).toBe(1)
      expect(reasonsOf(scene)).toEqual(['link-unconfirmed', 'link-unconfirmed'])
      expect(scene.closed.map(({ advice }) => advice)).toEqual([
        expect.stringContaining('if it lists this device, just wait'),
        expect.stringContaining('a login tells'),
      ])
      expect(notesOf(scene, 'refusal')).toEqual([])
      expectLinked(scene, client, 1)
    })
  },
)

test('says nothing of an account, and accepts no message for it, before a login has confirmed it', async () => {
  const scene = await startScene(3, CUTS.qr.answer)
  const client = startClient(scene)
  const linked: unknown[] = []
  client.on('pairing.success', ({ me }) => {
    linked.push(me)
  })
  const refused: unknown[] = []
  client.on('connection.state', async ({ state }) => {
    if (state !== 'authenticating' || refused.length > 0) return
    expect(client.me).toBeUndefined()
    refused.push(await client.send('15550000002@s.whatsapp.net', { text: 'hi' }).catch((e: unknown) => e))
  })
  await client.connect()
  expect(scene.cutter.proof?.connection).toBe(1)
  expect(refused).toMatchObject([{ code: 'WATON_NOT_LINKED' }])
  expect(linked).toEqual([client.me])
})

test('shows codes again with the same keys and another secret', async () => {
  const scene = await startScene(4, CUTS.qr.answer)
  const client = startClient(scene)
  await client.connect()
  const [first, second, ...more] = scene.codes.map(({ qr }) => qr.split(','))
  expect(more).toEqual([])
  const [firstRef, firstNoise, firstIdentity, firstSecret] = first ?? []
  const [secondRef, secondNoise, secondIdentity, secondSecret] = second ?? []
  expect([secondNoise, secondIdentity]).toEqual([firstNoise, firstIdentity])
  expect(secondRef).not.toBe(firstRef)
  expect(secondSecret).not.toBe(firstSecret)
})

test('gives the human a minute; a login that is refused twice after it says that the link does not stand', async () => {
  const scene = await startScene(5, CUTS.qr.answer)
  const isDropped = (): boolean => reasonsOf(scene).includes('link-incomplete')
  const client = startClient(scene, { uses: (shown, linked) => linked === 0 && (shown === 1 || isDropped()) })
  await client.connect()
  expect(reasonsOf(scene)).toEqual([
    'link-unconfirmed',
    'link-unconfirmed',
    'logout-unconfirmed',
    'link-incomplete',
    'restart-required',
  ])
  const [first, second] = scene.codes
  expect((second?.expiresAtMs ?? 0) - (first?.expiresAtMs ?? 0)).toBeLessThan(60_000)
  expect(scene.codes.map(({ mayBeLinked }) => mayBeLinked)).toEqual([undefined, true, undefined])
  expectLinked(scene, client, 1)
})

test('logs in when three connections could show no code', async () => {
  const scene = await startScene(6, CUTS.qr['word of it'])
  const { endpoint } = scene.simulator
  const cutters: Cutter[] = []
  /** Linking is cut, then three times the offer of codes. */
  const connect: ConnectSocket = (options) => {
    const position = cutters.length === 0 ? 4 : 2
    const cut = cutters.length <= 3 ? beforeFrame('received', position) : undefined
    const cutter = new Cutter(endpoint.connect, cut)
    cutters.push(cutter)
    return cutter.connect(options)
  }
  const client = startClient(scene, { connect })
  await client.connect()
  expect(cutters.map(({ proof }) => proof !== undefined)).toEqual([true, true, true, true, false])
  expect(scene.codes).toHaveLength(1)
  expect(notesOf(scene, 'refusal')).toEqual([])
  expectLinked(scene, client, 1)
})

test('survives a first login that is refused by mistake: one more tells', async () => {
  const scene = await startScene(7)
  const client = startClient(scene)
  client.on('connection.closed', ({ reason }) => {
    if (reason === 'restart-required')
      scene.simulator.faults.refuseLogin(`${PHONE_NUMBER}:1@s.whatsapp.net`, 401)
  })
  await client.connect()
  expect(notesOf(scene, 'fault')).toHaveLength(1)
  expect(reasonsOf(scene)).toEqual(['restart-required', 'logout-unconfirmed'])
  expect(scene.codes).toHaveLength(1)
  expectLinked(scene, client, 1)
})

describe('a process that ended', () => {
  test.each(['answer', 'word of it'] as const)(
    'with the cut (%s lost) is followed by one that shows codes and then settles it',
    async (lost) => {
      const scene = await startScene(8, CUTS.qr[lost])
      const first = startClient(scene)
      const failed = first.connect().catch((error: unknown) => error)
      first.on('connection.closed', () => first.close())
      expect(await failed).toMatchObject({ code: 'WATON_CLIENT_CLOSED' })
      expect(reasonsOf(scene)).toEqual(['link-unconfirmed', 'closed'])

      const second = startClient(scene)
      await second.connect()
      expect(scene.codes.map(({ mayBeLinked }) => mayBeLinked)).toEqual([undefined, true])
      expect(notesOf(scene, 'refusal')).toEqual([])
      expectLinked(scene, second, 1)
    },
  )

  test('after the word of the server is followed by one that logs in at once', async () => {
    const scene = await startScene(9)
    const first = startClient(scene)
    first.connect().catch(() => undefined)
    first.on('connection.closed', () => first.close())
    await until('the end', () => first.state === 'closed')
    expect(reasonsOf(scene)).toEqual(['restart-required', 'closed'])

    const second = startClient(scene)
    await second.connect()
    expect(scene.codes).toHaveLength(1)
    expectLinked(scene, second, 1)
  })
})

test('believes the word of the server although it could not be written down', async () => {
  const scene = await startScene(10)
  let failed = 0
  const store = faultyStore(scene.store, {
    commit: () => {
      if (scene.phone.devices.length === 0 || failed > 0) return undefined
      failed += 1
      return { error: writeFault() }
    },
  })
  const client = startClient({ ...scene, store })
  await client.connect()
  expect(failed).toBe(1)
  expect(reasonsOf(scene)).toEqual(['store-failed'])
  expect(scene.codes).toHaveLength(1)
  expectLinked(scene, client, 1)
})

test('is not assumed any more once a login succeeded: a refusal is then a logout, and the keys stay', async () => {
  const scene = await startScene(11, CUTS.qr.answer)
  const client = startClient(scene)
  await client.connect()
  const { me } = client
  const device = `15550000001:${String(me?.deviceId)}@s.whatsapp.net`
  scene.simulator.faults.refuseLogin(device, 401, { times: 2 })
  scene.simulator.faults.disconnect(device)
  await until('the end', () => client.state === 'closed')
  expect(reasonsOf(scene).slice(-2)).toEqual(['logout-unconfirmed', 'logged-out'])
  expect(client.me).toEqual(me)
})
