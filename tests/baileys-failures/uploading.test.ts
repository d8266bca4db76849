/**
 * Where one refused question for the media servers ends every later upload of Baileys, and of waton only the one that
 * asked. Row L5 of the list in README.md.
 */
import { expect, test } from 'vitest'
import { childOf } from '../../src/protocol/binary/node.ts'
import { BOB, DEVICE, linkedClient } from '../client/support.ts'
import { until } from '../helpers/until.ts'
import { BAILEYS, START_MS, Victim, startStage, temporaryFolder } from './stage.ts'
import type { Stage } from './stage.ts'

/** How often a device has asked for the media servers. */
function questions({ world }: Stage, device: string): number {
  return world.server.trace
    .stanzas({ direction: 'client-to-server', device, tag: 'iq' })
    .filter(({ node }) => childOf(node, 'media_conn') !== undefined).length
}

function refuseOnce({ world }: Stage): void {
  world.server.world.mediaPlans.connections = { code: 503, times: 1 }
}

/** On a busy machine Baileys may give its first connection up, and does not come back by itself. */
async function comeBack(url: string, folder: string): Promise<Victim> {
  for (;;) {
    const victim = Victim.start(url, folder)
    await until('Baileys to be back', () => victim.opened > 0 || victim.closeCodes.length > 0, START_MS)
    if (victim.opened > 0) return victim
  }
}

test('L5: Baileys keeps the refusal and uploads nothing until it connects anew; waton asks again', async () => {
  const stage = await startStage('L5')
  const { world, alice, url } = stage
  const { certificate } = world.server.media

  const folder = temporaryFolder()
  const victim = await Victim.link(stage, folder)
  refuseOnce(stage)
  expect(await victim.sendPicture(BOB, certificate)).toBe('rejected')
  // the server would answer now
  expect(await victim.sendPicture(BOB, certificate)).toBe('rejected')
  expect(questions(stage, BAILEYS)).toBe(1)
  await victim.kill()
  const next = await comeBack(url, folder)
  expect(await next.sendPicture(BOB, certificate)).toBe('resolved')
  expect(questions(stage, BAILEYS)).toBe(2)

  const endpoint = { ...world.endpoint, mediaCertificate: certificate }
  const waton = await linkedClient(world, alice, { endpoint })
  const picture = { image: { file: new Uint8Array(5000).fill(7) } }
  refuseOnce(stage)
  await expect(waton.send(BOB, picture)).rejects.toMatchObject({ name: 'QueryError' })
  await (
    await waton.send(BOB, picture)
  ).acked
  await (
    await waton.send(BOB, picture)
  ).acked
  expect(questions(stage, DEVICE)).toBe(2)
}, 120_000)
