/** Files between phones, and the request of a linked device to upload one again, seen from the device's bare link. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { seededRandom } from '../../base/random.ts'
import { startSimulator } from '../simulator.ts'
import type { Simulator } from '../simulator.ts'
import type { SimulatedPhone } from './phone.ts'

const FILE = seededRandom('a picture').bytes(4_321)

describe('media on simulated phones', () => {
  let simulator: Simulator
  let alice: SimulatedPhone
  let bob: SimulatedPhone

  beforeEach(async () => {
    simulator = await startSimulator({ seed: 'media' })
    alice = await simulator.addPhone({ phoneNumber: '15550000001', name: 'Alice' })
    bob = await simulator.addPhone({ phoneNumber: '15550000002', name: 'Bob' })
  })

  afterEach(() => simulator.close())

  it.each([
    [{ image: new Uint8Array() }, /image in phone.send.*at least one/],
    [{ image: 'cat.jpg' }, /image in phone.send/],
    [{ sticker: FILE, caption: 'no' }, /has no option "caption"/],
    [{}, /text in phone.send/],
  ])('refuses to send %o', async (content, message) => {
    await expect(alice.send(bob.pn, content as never)).rejects.toThrow(message)
  })

  it.each([
    ['imageMessage', { image: FILE, caption: 'a cat' }, 'image', 'a cat'],
    ['videoMessage', { video: FILE, caption: 'a film' }, 'video', 'a film'],
    ['audioMessage', { audio: FILE }, 'audio', undefined],
    ['audioMessage', { audio: FILE, voice: true }, 'ptt', undefined],
    [
      'documentMessage',
      { document: FILE, fileName: 'a.pdf', mimetype: 'application/pdf' },
      'document',
      undefined,
    ],
    ['documentWithCaptionMessage', { document: FILE, caption: 'read' }, 'document', 'read'],
    ['stickerMessage', { sticker: FILE }, 'sticker', undefined],
  ] as const)('brings a file in %s to the other human: %o', async (field, content, mediaType, text) => {
    const { id } = await alice.send(bob.pn, content)
    const message = await bob.waitForMessage((shown) => shown.id === id)
    expect(message.content[field]).toBeTruthy()
    expect(message.text).toBe(text)
    expect(await bob.download(message)).toEqual(FILE)
    const [sent] = simulator.trace.stanzas({ direction: 'client-to-server', tag: 'message' })
    expect(sent?.node.attrs['type']).toBe('media')
    expect(JSON.stringify(sent?.node)).toContain(`"mediatype":"${mediaType}"`)
  })

  it('says where the file is and how it is opened', async () => {
    await alice.send(bob.pn, { image: FILE })
    const { content } = await bob.waitForMessage(() => true)
    const { url, directPath, mimetype, fileLength } = content.imageMessage ?? {}
    expect(url).toBe(`https://${simulator.endpoint.mediaHost}${directPath ?? ''}&mms3=true`)
    expect([mimetype, fileLength]).toEqual(['image/jpeg', FILE.length])
  })

  it('keeps what it was shown, and cannot fetch what it deleted and the server forgot', async () => {
    await alice.send(bob.pn, { document: FILE })
    const message = await bob.waitForMessage(() => true)
    simulator.faults.media.expire()
    expect(await bob.download(message)).toEqual(FILE)
    bob.deleteFiles()
    await expect(bob.download(message)).rejects.toMatchObject({ code: 'WATON_PHONE_MEDIA_GONE' })
    await bob.send(alice.pn, { text: 'gone' })
    const words = bob.messages.at(-1)
    if (words === undefined) throw new Error('the own message is not shown')
    await expect(bob.download(words)).rejects.toMatchObject({ code: 'WATON_PHONE_NO_MEDIA' })
  })

  it('finds out that a message speaks of another file', async () => {
    await alice.send(bob.pn, { image: FILE })
    const message = await bob.waitForMessage(() => true)
    const { imageMessage } = message.content
    const other = seededRandom('another').bytes(32)
    for (const changed of [{ mediaKey: other }, { fileSha256: other }, { fileLength: 1 }]) {
      const forged = { ...message, content: { imageMessage: { ...imageMessage, ...changed } } }
      await expect(bob.download(forged)).rejects.toMatchObject({ code: 'WATON_PHONE_MEDIA_WRONG' })
    }
  })
})
