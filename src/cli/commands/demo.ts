/**
 * `waton demo`: a conversation that needs no phone and no network. On a terminal the reader types as Alice; without one
 * a script does, and the command ends by itself. `--live` runs the same bot on WhatsApp.
 */
import { Bot, renderQr } from 'waton'
import type { QrCode } from 'waton'
import { createLogger, drawQr, explainEnd, nameOf } from '../account.ts'
import { Console } from '../console.ts'
import type { Surroundings } from '../console.ts'
import { addDemoCommands } from '../demo/bot.ts'
import { playScript } from '../demo/script.ts'
import { createDemoWorld } from '../demo/world.ts'
import type { DemoWorld } from '../demo/world.ts'
import { EXIT } from '../failure.ts'
import type { ExitCode } from '../failure.ts'

/** Options of `waton demo`. */
export interface DemoOptions {
  readonly live: boolean
  readonly store: string
  readonly verbose: boolean
  readonly seed: number
}

/** See the file comment. */
export async function runDemo(surroundings: Surroundings, options: DemoOptions): Promise<ExitCode> {
  const console = new Console(surroundings)
  return options.live
    ? runLive(console, options, surroundings.interrupted)
    : runOffline(console, options.seed)
}

async function runOffline(console: Console, seed: number): Promise<ExitCode> {
  const { output } = console
  output.line('A server in this process, two phones, and a bot. Nothing leaves this machine.', 'strong')
  const world = await createDemoWorld(seed, (code) => scan(console, code))
  try {
    await world.startBot()
    output.line(`Linked: the bot is now a device of ${world.bob.name}.\n`, 'good')
    const stopShowing = showConversation(console, world)
    if (console.isInteractive) await typeAsAlice(console, world)
    else
      await playScript(world, (note) => {
        output.line(note, 'quiet')
      })
    stopShowing()
    output.line('\nThis bot is src/cli/demo/bot.ts. To run it on your own account:')
    output.line('  npm start -- --live', 'strong')
    return EXIT.ok
  } finally {
    await world.close()
  }
}

async function scan({ output }: Console, { qr }: QrCode): Promise<void> {
  output.line('\nBob links a bot to his account. His phone scans this code:\n')
  output.raw(await renderQr(qr))
}

/** Shows what Alice's phone shows; what is typed stands there already. */
function showConversation(console: Console, { alice, bob }: DemoWorld): () => void {
  const { output } = console
  return alice.onMessage(({ fromMe, text = '' }) => {
    if (!fromMe) console.print(output.chat(`${bob.name}'s bot`, text, 'them'))
    else if (!console.isInteractive) console.print(output.chat(alice.name, text, 'me'))
  })
}

async function typeAsAlice(console: Console, { alice, bob }: DemoWorld): Promise<void> {
  console.output.line('You are Alice. Write something to Bob, for example /help. Ctrl+D ends.\n', 'quiet')
  for await (const line of console.lines(`${alice.name}: `)) {
    if (line.trim() !== '') await alice.send(bob.pn, { text: line })
  }
}

async function runLive(
  console: Console,
  { store, verbose }: DemoOptions,
  interrupted: AbortSignal,
): Promise<ExitCode> {
  const { output } = console
  const logger = await createLogger(verbose)
  const bot = new Bot({ store, ...logger, stopOnSignals: false, onQr: (code) => drawQr(console, code) })
  addDemoCommands(bot)
  const stop = (): void => {
    void bot.stop()
  }
  interrupted.addEventListener('abort', stop, { once: true })
  try {
    await bot.start()
    output.line(`Connected as ${nameOf(bot.me)}; the account is in ${store}.`, 'good')
    output.line('Write /help to it from another phone. It answers commands only. Ctrl+C stops it.')
    const reason = await bot.finished()
    if (reason === undefined) return EXIT.ok
    output.line(explainEnd(reason), 'bad')
    return EXIT.failed
  } finally {
    interrupted.removeEventListener('abort', stop)
  }
}
