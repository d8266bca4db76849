/**
 * Messages that had a hard way out, read by an unmodified Baileys: what was refused and encrypted anew, repeated, lost on the
 * way or taken back leaves nothing behind that another implementation would stumble over.
 */
import { expect, test } from 'vitest'
import { CiphertextRecord, assertNoKeyReuse } from 'waton/simulator'
import { FastClock } from '../client/support.ts'
import { Baileys } from '../helpers/baileys.ts'
import { until } from '../helpers/until.ts'
import { addPair, linkedClient, startWorld } from '../helpers/world.ts'

const BOB = '15550000002@s.whatsapp.net'
const DEVICE = '15550000001:1@s.whatsapp.net'

test('Baileys reads each of them once and asks for none again', { timeout: 60_000 }, async () => {
  const simulator = await startWorld(41)
  const { alice: alicePhone, bob: bobPhone } = await addPair(simulator)
  const waton = await linkedClient(simulator, alicePhone, { clock: new FastClock(5) })
  const baileys = await Baileys.link(simulator, bobPhone)
  const record = new CiphertextRecord(simulator.trace)
  const send = (id: string) => waton.send(BOB, { text: id }, { id })
  await (
    await send('FIRST')
  ).delivered

  simulator.faults.refuseMessages(DEVICE, 479, { id: 'ANEW' })
  await (
    await send('ANEW')
  ).delivered
  simulator.faults.refuseMessages(DEVICE, 503, { id: 'LATER' })
  await (
    await send('LATER')
  ).delivered

  simulator.faults.loseAcks(DEVICE)
  const lost = await send('LOST')
  // receipts of those who have it may come before anybody looks
  await until('it to leave', () => lost.state !== 'queued' && lost.state !== 'encrypted')
  simulator.faults.disconnect(DEVICE)
  await until('the client to notice', () => waton.state !== 'open')
  const taken = await send('TAKEN')
  await waton.outbox.cancel('TAKEN')
  await lost.acked
  await (
    await send('LAST')
  ).delivered

  await baileys.waitForText('LAST')
  await bobPhone.waitForMessage(({ text }) => text === 'LAST')
  const texts = bobPhone.messages.filter(({ fromMe }) => !fromMe).map(({ text }) => text)
  expect(texts).toEqual(['FIRST', 'ANEW', 'LATER', 'LOST', 'LAST'])
  const read = baileys.messages.filter(({ key }) => !key.fromMe).map(({ key }) => key.id)
  expect([...new Set(read)]).toEqual(['FIRST', 'ANEW', 'LATER', 'LOST', 'LAST'])
  expect(baileys.messages.filter(({ messageStubType }) => messageStubType !== undefined)).toEqual([])
  const retries = simulator.trace
    .stanzas({ tag: 'receipt' })
    .filter(({ node }) => node.attrs['type'] === 'retry')
  expect(retries).toEqual([])
  expect(taken.state).toBe('cancelled')
  assertNoKeyReuse(record)
})
