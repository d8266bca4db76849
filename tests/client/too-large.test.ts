/** A message that no frame can hold, among others that leave with the same write: it fails, and it alone. */
import { expect, test } from 'vitest'
import { MemoryStore } from 'waton'
import { outboxItem, outboxRow } from '../../src/client/send/outbox-item.ts'
import { encodeMessage } from '../../src/protocol/proto/message.ts'
import { sendFailures } from './sent.ts'
import { BOB, World, linkedClient, newClient } from './support.ts'

const CAROL = '15550000003@s.whatsapp.net'

test('fails with a code, and what leaves with the same write is sent once and acknowledged', async () => {
  const world = new World('too large')
  const { alice, bob } = await world.addPair()
  const carol = await world.addPhone('15550000003', 'Carol')
  const store = new MemoryStore()
  const first = await linkedClient(world, alice, { store })
  // with sessions for everybody all three are encrypted, committed and written together
  for (const chat of [BOB, CAROL]) await (await first.send(chat, { text: 'hello' })).acked
  await first.close()
  const writer = newClient(world, { store })
  for (const id of ['ONE', 'TWO', 'THREE']) await writer.send(BOB, { text: id }, { id })
  await writer.send(CAROL, { text: 'FOUR' }, { id: 'FOUR' })
  await writer.close()
  const row = await store.readOutbox('default', 'TWO')
  if (row === undefined) throw new Error('no row')
  // one copy fits; that for the own phone and that for Bob do not
  const message = encodeMessage({ conversation: 'x'.repeat(9_000_000) })
  const item = outboxItem(row)
  const claim = await store.claim('default', { owner: 'tampering', nowMs: 1, leaseMs: 60_000 })
  await store.commit(claim, [
    { op: 'put-outbox', row: outboxRow({ ...item, body: { ...item.body, message } }) },
  ])
  await claim.release()

  const client = newClient(world, { store })
  const handles = await Promise.all(['ONE', 'TWO', 'THREE', 'FOUR'].map((id) => client.outbox.get(id)))
  await client.connect()
  await bob.waitForMessage(({ text }) => text === 'THREE')
  await carol.waitForMessage(({ text }) => text === 'FOUR')
  for (const id of [0, 2, 3]) await handles[id]?.acked
  await expect(handles[1]?.acked).rejects.toMatchObject({ code: 'WATON_SEND_TOO_LARGE', action: 'fix-call' })
  expect(await sendFailures(client)).toMatchObject([{ id: 'TWO', code: 'WATON_SEND_TOO_LARGE' }])
  expect(bob.messages.filter(({ fromMe }) => !fromMe).map(({ text }) => text)).toEqual([
    'hello',
    'ONE',
    'THREE',
  ])
  // nothing of it has left
  expect(world.sent({ tag: 'message' }).filter(({ attrs }) => attrs.id === 'TWO')).toEqual([])
  for (const id of ['ONE', 'THREE', 'FOUR'])
    expect(world.sent({ tag: 'message' }).filter(({ attrs }) => attrs.id === id)).toHaveLength(1)
  expect(world.violations).toEqual([])
})
