/**
 * `waton simulate`: the local server with phones that one can type as, for clients in other processes. What is typed is a
 * message of the phone that has the keyboard, or one of the few commands below.
 */
import { describeError } from 'waton'
import { startSimulator } from 'waton/simulator'
import type { SimulatedPhone, Simulator } from 'waton/simulator'
import { Console } from '../console.ts'
import type { Surroundings } from '../console.ts'
import { writeEndpoint } from '../endpoint-file.ts'
import { EXIT } from '../failure.ts'
import type { ExitCode } from '../failure.ts'

/** Options of `waton simulate`. */
export interface SimulateOptions {
  readonly port: number
  readonly phones: number
  readonly seed: number
  /** Where to write what clients need to know. */
  readonly endpoint: string
}

const NAMES = ['Alice', 'Bob', 'Carol', 'Dave', 'Erin', 'Frank', 'Grace', 'Heidi', 'Ivan', 'Judy'] as const
const FIRST_NUMBER = 15_550_000_001

/** What `waton pair --phone` prints, with or without its dash. */
const PAIRING_CODE = /^[0-9a-z]{4}-?[0-9a-z]{4}$/iu

const HELP = [
  '/phones           who is there',
  '/as <name>        type as this phone',
  '/to <number>      write to this number',
  '/link <qr text>   the phone scans a QR code',
  '/link <code>      the phone is given a pairing code',
  '/help             this list',
].join('\n')

/** Runs until the input ends or the user interrupts. */
export async function runSimulate(surroundings: Surroundings, options: SimulateOptions): Promise<ExitCode> {
  const console = new Console(surroundings)
  const simulator = await startSimulator({ seed: options.seed, port: options.port })
  try {
    const desk = new Desk(console, await addPhones(simulator, options.phones))
    await writeEndpoint(options.endpoint, simulator.endpoint)
    console.output.line(`The server listens on ${simulator.endpoint.url}.`, 'good')
    console.output.line(
      `Clients: --endpoint ${options.endpoint}, or the fields of that file as \`endpoint\`.\n`,
    )
    desk.showPhones()
    console.output.line('\nType a message, or /help. Ctrl+D ends.', 'quiet')
    for await (const line of console.lines('> ')) await desk.type(line.trim())
    return EXIT.ok
  } finally {
    await simulator.close()
  }
}

async function addPhones(simulator: Simulator, count: number): Promise<readonly SimulatedPhone[]> {
  const phones: SimulatedPhone[] = []
  for (let index = 0; index < count; index += 1) {
    const round = Math.floor(index / NAMES.length)
    const name = `${NAMES[index % NAMES.length] ?? 'Phone'}${round === 0 ? '' : String(round + 1)}`
    phones.push(await simulator.addPhone({ phoneNumber: String(FIRST_NUMBER + index), name }))
  }
  return phones
}

/** Somebody with several phones on a desk and one keyboard. */
class Desk {
  readonly #console: Console
  readonly #phones: readonly SimulatedPhone[]
  #typing: SimulatedPhone | undefined
  #chat: string | undefined

  constructor(console: Console, phones: readonly SimulatedPhone[]) {
    this.#console = console
    this.#phones = phones
    this.#typing = phones[0]
    this.#chat = phones[1]?.pn
    for (const phone of phones) this.#watch(phone)
  }

  showPhones(): void {
    for (const phone of this.#phones) {
      const mark = phone === this.#typing ? ' (has the keyboard)' : ''
      this.#console.output.line(`${phone.name.padEnd(8)} ${numberOf(phone)}${mark}`)
    }
    if (this.#chat !== undefined)
      this.#console.output.line(`Messages go to ${this.#chat.replace(/@.*/, '')}.`)
  }

  /** One line of the keyboard. A mistake is told and changes nothing. */
  async type(line: string): Promise<void> {
    if (line === '') return
    try {
      await this.#obey(line)
    } catch (error) {
      this.#say(describeError(error))
    }
  }

  async #obey(line: string): Promise<void> {
    const [word = '', ...rest] = line.split(/\s+/u)
    const argument = rest.join(' ')
    switch (word) {
      case '/help':
        this.#console.print(HELP)
        return
      case '/phones':
        this.showPhones()
        return
      case '/as':
        this.#giveKeyboard(argument)
        return
      case '/to':
        this.#chat = `${argument.replace(/\D/gu, '')}@s.whatsapp.net`
        return
      case '/link':
        await this.#link(argument)
        return
      default:
        await this.#send(line)
    }
  }

  #giveKeyboard(name: string): void {
    const phone = this.#phones.find((one) => one.name.toLowerCase() === name.toLowerCase())
    if (phone === undefined) this.#say(`nobody here is called ${JSON.stringify(name)}; see /phones`)
    else this.#typing = phone
  }

  async #link(text: string): Promise<void> {
    const phone = this.#typing
    const linked = await (PAIRING_CODE.test(text) ? phone?.linkDeviceByCode(text) : phone?.linkDevice(text))
    if (linked !== undefined)
      this.#console.print(`${this.#typing?.name ?? ''} linked device ${String(linked.deviceId)}`)
  }

  async #send(text: string): Promise<void> {
    if (this.#chat === undefined) this.#say('say to whom first: /to <number>')
    else await this.#typing?.send(this.#chat, { text })
  }

  #watch(phone: SimulatedPhone): void {
    phone.onMessage(({ fromMe, sender, text }) => {
      if (fromMe && phone === this.#typing) return
      const who = fromMe ? 'a linked device' : sender.replace(/@.*/, '')
      this.#console.print(this.#console.output.chat(`${phone.name} sees ${who}`, text ?? '(no text)', 'them'))
    })
  }

  #say(problem: string): void {
    this.#console.print(this.#console.output.paint('bad', problem))
  }
}

function numberOf(phone: SimulatedPhone): string {
  return phone.pn.replace(/@.*/, '')
}
