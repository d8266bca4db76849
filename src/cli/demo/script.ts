/** The scripted conversation of the demo. It waits for messages and never for time, so it is as fast as the machine. */
import type { DemoWorld } from './world.ts'

const OPENING = [
  'Hello Bob!',
  '/help',
  '/ping',
  '/echo Nothing is lost, and nothing is said twice.',
  '/whoami',
] as const
const WHILE_AWAY = '/echo Did you get this?'

/**
 * Plays the script: a conversation, a message while the bot is away, and a look at the other phone.
 *
 * @param note - gets what happens between the messages, to be shown
 */
export async function playScript(world: DemoWorld, note: (text: string) => void): Promise<void> {
  const { alice, bob } = world
  for (const line of OPENING) await ask(world, line)
  note('\nThe program of the bot stops. Alice does not know.\n')
  await world.stopBot()
  const answered = nextAnswer(world)
  await alice.send(bob.pn, { text: WHILE_AWAY })
  note('\nIt starts again with the same store: no new QR code, and no lost message.\n')
  await world.startBot()
  const last = await answered
  await bob.waitForMessage((message) => message.id === last)
  note(`\nBob's own phone shows the same conversation: ${String(bob.messages.length)} messages.`)
}

async function ask(world: DemoWorld, text: string): Promise<void> {
  const answered = nextAnswer(world)
  await world.alice.send(world.bob.pn, { text })
  await answered
}

/** The id of the next message that Alice gets. */
async function nextAnswer({ alice }: DemoWorld): Promise<string> {
  const seen = new Set(alice.messages.map((message) => message.id))
  const { id } = await alice.waitForMessage((message) => !message.fromMe && !seen.has(message.id))
  return id
}
