/**
 * What is written for media: waton and an unmodified Baileys, devices of the same account, ask for the media servers and
 * have the same expired file uploaded again. What they write is the same, but for ids and random bytes.
 */
import { expect, test } from 'vitest'
import type { BinaryNode } from 'waton/protocol'
import { log } from '../client/support.ts'
import { Baileys } from '../helpers/baileys.ts'
import { until } from '../helpers/until.ts'
import { addPair, linkedClient, startWorld } from '../helpers/world.ts'
import { randomFile } from '../media/media-server.ts'

const WATON = '15550000001:1@s.whatsapp.net'
const BAILEYS = '15550000001:2@s.whatsapp.net'

/** Without its id, and with bytes as how many there are. */
function shape({ tag, attrs: all, content }: BinaryNode): unknown {
  const attrs = Object.fromEntries(Object.entries(all).filter(([name]) => name !== 'id'))
  if (!Array.isArray(content)) return { tag, attrs, bytes: content?.length ?? 0 }
  return { tag, attrs, children: (content as readonly BinaryNode[]).map(shape) }
}

test('the question for the media servers, and the request to upload again, are those of Baileys', async () => {
  const simulator = await startWorld(1901)
  const { alice, bob } = await addPair(simulator)
  const client = await linkedClient(simulator, alice, { endpoint: simulator.endpoint })
  const baileys = await Baileys.link(simulator, alice)
  const { id } = await bob.send(alice.pn, { image: randomFile('wire', 1000) })
  await until('Baileys to have the message', () => baileys.messages.some(({ key }) => key.id === id))
  simulator.faults.media.expire()
  await baileys.updateMedia(id)
  simulator.faults.media.expire()
  const message = await until('waton to have the message', async () => {
    for (const event of await log(client))
      if (event.type === 'message' && event.payload.id === id) return event.payload
    return undefined
  })
  await client.download(message)

  const written = (device: string): readonly BinaryNode[] =>
    simulator.trace
      .stanzas({ device, direction: 'client-to-server' })
      .map(({ node }) => node)
      .filter(({ attrs }) => attrs['xmlns'] === 'w:m' || attrs['type'] === 'server-error')
  const ours = written(WATON)
  const theirs = written(BAILEYS)
  expect(ours.map(({ tag }) => tag)).toContain('receipt')
  expect(ours.at(-1)?.attrs['id']).toBe(id)
  expect(theirs.map(shape)).toEqual(expect.arrayContaining(ours.map(shape)))
  expect(ours.map(shape)).toEqual(expect.arrayContaining(theirs.map(shape)))
})
