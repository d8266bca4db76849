/**
 * A bot that reacts, edits and deletes: each once for an event, also when the handler fails on the way and runs again.
 */
import { Bot, MemoryStore } from 'waton'
import type { MessageContent } from 'waton'
import { expect, onTestFinished, test } from 'vitest'
import type { SimulatedPhone } from 'waton/simulator'
import { ALICE, BOB, World, linkedClient, log } from '../client/support.ts'
import { until } from '../helpers/until.ts'

/** A bot on a phone's account, which does nothing yet. */
function botOf(world: World, phone: SimulatedPhone): Bot {
  const bot = new Bot({
    store: new MemoryStore(),
    endpoint: world.endpoint,
    onQr: ({ qr }) => phone.linkDevice(qr),
    stopOnSignals: false,
  })
  bot.catch(() => undefined)
  onTestFinished(() => bot.stop())
  return bot
}

test('what a handler edits leaves before the edit, and nothing comes twice when it fails and runs again', async () => {
  const world = new World('bot additions')
  const { alice, bob } = await world.addPair()
  let attempts = 0
  const bot = botOf(world, alice)
  bot.on('message:text', async (ctx) => {
    attempts += 1
    const progress = await ctx.reply('working')
    await ctx.react('⏳')
    await ctx.edit(progress, 'done')
    if (attempts === 1) throw new Error('the first attempt fails')
    const wrong = await ctx.reply('wrong')
    await ctx.delete(wrong)
  })
  await bot.start()
  const person = await linkedClient(world, bob)
  const told = async (): Promise<readonly MessageContent[]> =>
    (await log(person)).flatMap((event) =>
      event.type === 'message' && !event.payload.fromMe ? [event.payload.content] : [],
    )
  const question = await person.send(ALICE, { text: 'how far is it?' })
  await until('the deletion', async () => (await told()).some((content) => 'delete' in content))
  expect(attempts).toBe(2)
  const contents = await told()
  expect(contents).toHaveLength(5)
  expect(contents).toMatchObject([
    { text: 'working' },
    { reaction: { text: '⏳', target: { id: question.id, fromMe: true } } },
    { edit: { content: { text: 'done' }, target: { fromMe: false } } },
    { text: 'wrong' },
    { delete: { target: { fromMe: false } } },
  ])
})

test('a handler of something that is no message has nothing to react to', async () => {
  const world = new World('bot without a message')
  const { alice } = await world.addPair()
  const refusals: unknown[] = []
  const bot = botOf(world, alice)
  bot.on('message.receipt', async (ctx) => {
    refusals.push(await ctx.react('👍').catch((error: unknown) => error))
  })
  await bot.start()
  await bot.client.send(BOB, { text: 'hello' })
  await until('the refusal', () => refusals.length > 0)
  expect(refusals[0]).toMatchObject({ code: 'WATON_BOT_NO_MESSAGE' })
})
