/**
 * Files between an unmodified Baileys and simulated phones, over the simulator's own media server: uploads, downloads, and
 * a phone that uploads again what the server has forgotten. Where Baileys is content with it, the server is right.
 */
import { describe, expect, it } from 'vitest'
import type { PhoneMessage, SimulatedPhone, Simulator } from 'waton/simulator'
import { seededRandom } from '../../src/base/random.ts'
import { Baileys } from '../helpers/baileys.ts'
import { until } from '../helpers/until.ts'
import { addPair, startWorld } from '../helpers/world.ts'

const FILE = seededRandom('a file of Baileys').bytes(70_001)
/** Baileys makes a small picture of its own otherwise, which is not what is tested. */
const SMALL = { jpegThumbnail: '/9j/', width: 1, height: 1 }

interface Scene {
  readonly simulator: Simulator
  readonly alice: SimulatedPhone
  readonly bob: SimulatedPhone
  /** A linked device of Alice. */
  readonly baileys: Baileys
}

async function linked(seed: number): Promise<Scene> {
  const simulator = await startWorld(seed)
  const { alice, bob } = await addPair(simulator)
  return { simulator, alice, bob, baileys: await Baileys.link(simulator, alice) }
}

async function announced({ baileys }: Scene, id: string): Promise<void> {
  await until('Baileys to announce the message', () => baileys.messages.find(({ key }) => key.id === id))
}

/** The file as a human sees it who has got the message. */
async function seenBy(
  phone: SimulatedPhone,
  id: string,
): Promise<{ message: PhoneMessage; file: Uint8Array }> {
  const message = await phone.waitForMessage((shown) => shown.id === id)
  return { message, file: await phone.download(message) }
}

const faultsOf = ({ simulator }: Scene): string[] => simulator.trace.faults.map(({ text }) => text)

describe('media with Baileys', () => {
  it('brings every kind of file of Baileys to a phone, byte for byte', async () => {
    const { simulator, alice, bob, baileys } = await linked(1601)
    const bytes = Buffer.from(FILE)
    for (const [field, content] of [
      ['imageMessage', { image: bytes, caption: 'a cat', ...SMALL }],
      ['videoMessage', { video: bytes, ...SMALL }],
      ['audioMessage', { audio: bytes, mimetype: 'audio/mp4', seconds: 3 }],
      ['documentMessage', { document: bytes, mimetype: 'application/pdf', fileName: 'a.pdf' }],
      ['stickerMessage', { sticker: bytes }],
    ] as const) {
      const { id } = await baileys.sendContent(bob.pn, content)
      const { message, file } = await seenBy(bob, id)
      expect(file).toEqual(FILE)
      expect(message.content[field]?.url).toContain(`https://${simulator.endpoint.mediaHost}/v/`)
      // the sender's own phone has the copy of a linked device
      expect((await seenBy(alice, id)).file).toEqual(FILE)
    }
    const problems = simulator.trace.notes.filter(({ kind }) => kind === 'refusal' || kind === 'violation')
    expect(problems).toEqual([])
  })

  it('brings every kind of file of a phone to Baileys, byte for byte', async () => {
    const scene = await linked(1602)
    for (const content of [
      { image: FILE, caption: 'a cat' },
      { video: FILE },
      { audio: FILE, voice: true },
      { document: FILE, fileName: 'a.pdf', caption: 'read it' },
      { sticker: FILE },
    ]) {
      const { id } = await scene.bob.send(scene.alice.pn, content)
      await announced(scene, id)
      expect(Uint8Array.from(await scene.baileys.download(id))).toEqual(FILE)
    }
    // the same file, encrypted once more for a device that could not read the message
    await scene.baileys.lose('session')
    const { id } = await scene.bob.send(scene.alice.pn, { image: FILE })
    await announced(scene, id)
    expect(Uint8Array.from(await scene.baileys.download(id))).toEqual(FILE)
    const [again] = scene.simulator.trace.stanzas({ tag: 'receipt', type: 'retry' })
    expect(again?.node.attrs['id']).toBe(id)
    expect(scene.bob.problems).toEqual([])
  })

  it('lets Baileys fetch again what its phone has uploaded anew', async () => {
    const scene = await linked(1603)
    const { simulator, alice, bob, baileys } = scene
    const { id } = await bob.send(alice.pn, { image: FILE })
    await announced(scene, id)
    simulator.faults.media.expire()
    await expect(baileys.download(id)).rejects.toThrow(/Failed to fetch stream/)

    const path = await baileys.updateMedia(id)
    const { message } = await seenBy(alice, id)
    expect(path).not.toBe(message.content.imageMessage?.directPath)
    expect(Uint8Array.from(await baileys.download(id))).toEqual(FILE)
    expect(simulator.unanswered('15550000001:1@s.whatsapp.net')).toEqual([])
  })

  it('waits with the answer until the phone is back', async () => {
    const scene = await linked(1604)
    const { simulator, alice, bob, baileys } = scene
    const { id } = await baileys.sendContent(bob.pn, { image: Buffer.from(FILE), ...SMALL })
    await seenBy(alice, id)
    await announced(scene, id)
    simulator.faults.media.expire()
    alice.goOffline()
    const updated = baileys.updateMedia(id)
    await until('the request to wait for the phone', () =>
      simulator.unanswered(alice.pn).find(({ attrs }) => attrs['type'] === 'server-error'),
    )
    alice.goOnline()
    await updated
    expect(Uint8Array.from(await baileys.download(id))).toEqual(FILE)
  })

  it('tells Baileys why the phone cannot upload a file again', async () => {
    const scene = await linked(1605)
    const { simulator, alice, bob, baileys } = scene
    const { id } = await bob.send(alice.pn, { document: FILE })
    await announced(scene, id)
    for (const [as, isSealed, refusal] of [
      ['not-found', false, /Failed to re-upload media \(2\)/],
      ['decryption-error', false, /Failed to re-upload media \(3\)/],
      ['general-error', false, /Failed to re-upload media \(0\)/],
      ['not-found', true, /re-upload failed by device \(NOT_FOUND\)/],
    ] as const) {
      simulator.faults.media.spoilRetries(as, { isSealed })
      await expect(baileys.updateMedia(id)).rejects.toThrow(refusal)
      expect(faultsOf(scene).at(-1)).toBe(`the phone answers the request for ${id} with ${as}`)
    }
    alice.deleteFiles()
    await expect(baileys.updateMedia(id)).rejects.toThrow(/Failed to re-upload media \(2\)/)
  })

  it('breaks an upload of Baileys, which goes to the other host', async () => {
    const scene = await linked(1607)
    scene.simulator.faults.media.next({ on: 'upload', fault: 'reset' })
    const { id } = await scene.baileys.sendContent(scene.bob.pn, { image: Buffer.from(FILE), ...SMALL })
    expect((await seenBy(scene.bob, id)).file).toEqual(FILE)
    expect(faultsOf(scene)).toHaveLength(1)
  })

  it('refuses the question for media servers, and Baileys can upload nothing', async () => {
    const scene = await linked(1608)
    scene.simulator.faults.media.refuseConnections(503)
    const sent = scene.baileys.sendContent(scene.bob.pn, { image: Buffer.from(FILE), ...SMALL })
    await expect(sent).rejects.toThrow(/service-unavailable/)
    expect(faultsOf(scene)).toEqual(['the question for the media servers is refused with 503'])
  })
})
