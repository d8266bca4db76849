/** `waton chat`: prints the text messages of an account, and sends the lines that are typed or piped in. */
import { contentKind, describeError } from 'waton'
import type { Client, DurableEvent, MessageContent } from 'waton'
import { nameOf, explainEnd, openAccount, untilEnded } from '../account.ts'
import type { AccountOptions } from '../account.ts'
import { Console } from '../console.ts'
import type { Surroundings } from '../console.ts'
import { EXIT } from '../failure.ts'
import type { ExitCode } from '../failure.ts'

/** Options of `waton chat`. */
export interface ChatOptions extends AccountOptions {
  /** Whom to write to. */
  readonly jid: string | undefined
}

/** Runs until the input ends, the user interrupts, or the connection is gone for good. */
export async function runChat(surroundings: Surroundings, options: ChatOptions): Promise<ExitCode> {
  const console = new Console(surroundings)
  const account = await openAccount(console, options)
  const { client } = account
  const ended = untilEnded(client, surroundings.interrupted)
  const leaving = ended.then(() => client.close())
  try {
    void client.consume('chat', (event) => {
      show(console, event)
    })
    await client.connect()
    console.output.line(`Connected as ${nameOf(client.me)}.`, 'quiet')
    const typing =
      options.jid === undefined ? ended.then(() => undefined) : sendLines(console, client, options.jid)
    const reason = await Promise.race([typing, ended])
    if (reason === undefined) return EXIT.ok
    console.output.line(explainEnd(reason), 'bad')
    return EXIT.failed
  } finally {
    await account.close()
    await leaving.catch(() => undefined)
  }
}

/** Sends each line; when the input has ended, waits until the server has them all. */
async function sendLines(console: Console, client: Client, jid: string): Promise<undefined> {
  const waiting: Promise<void>[] = []
  for await (const line of console.lines('> ')) {
    if (line.trim() === '') continue
    const sent = await client.send(jid, { text: line })
    const acked = sent.acked.catch((error: unknown) => {
      console.print(console.output.paint('bad', `not sent: ${describeError(error)}`))
    })
    if (!console.isInteractive) waiting.push(acked)
  }
  await Promise.all(waiting)
  return undefined
}

function show(console: Console, event: DurableEvent): void {
  if (event.type !== 'message') return
  const { fromMe, sender, pushName, content } = event.payload
  const name = fromMe ? 'You' : (pushName ?? sender.pn ?? sender.jid)
  console.print(console.output.chat(name, textOf(content), fromMe ? 'me' : 'them'))
}

function textOf(content: MessageContent): string {
  if ('text' in content) return content.text
  return `(${contentKind(content)})`
}
