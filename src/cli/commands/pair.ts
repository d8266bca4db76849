/** `waton pair`: links an account to a store and leaves. */
import { errorCode } from 'waton'
import type { Client, ClientEvents } from 'waton'
import { LOOK_FIRST, connectAnew, nameOf, openAccount } from '../account.ts'
import type { AccountOptions } from '../account.ts'
import { Console } from '../console.ts'
import type { Surroundings } from '../console.ts'
import { EXIT } from '../failure.ts'
import type { ExitCode } from '../failure.ts'

/** Options of `waton pair`. */
export interface PairOptions extends AccountOptions {
  /** Digits with country code: print a code to type in on this phone instead of a QR code. */
  readonly phone?: string
}

/** A code that went with its connection; the next connection asks for another. */
const GONE: ReadonlySet<string | undefined> = new Set([
  'WATON_QUERY_DISCONNECTED',
  'WATON_PAIRING_CODE_REPLACED',
])

/** Shows codes until the phone has taken one and the account has logged in once. */
export async function runPair(surroundings: Surroundings, options: PairOptions): Promise<ExitCode> {
  const console = new Console(surroundings)
  const { phone } = options
  const account = await openAccount(console, options, phone === undefined)
  const stop = (): void => {
    void account.client.close()
  }
  surroundings.interrupted.addEventListener('abort', stop, { once: true })
  try {
    const opened = connectAnew(console, account.client)
    await (phone === undefined ? opened : Promise.race([opened, showCodes(console, account.client, phone)]))
    console.output.line(`Linked: ${nameOf(account.client.me)}. The account is in ${options.store}.`, 'good')
    return EXIT.ok
  } finally {
    surroundings.interrupted.removeEventListener('abort', stop)
    await account.close()
  }
}

/** Prints a code for each connection that needs one. Settles only when no code can be had. */
function showCodes(console: Console, client: Client, phone: string): Promise<never> {
  const showNext = async (): Promise<void> => {
    try {
      await client.requestPairingCode(phone)
    } catch (error) {
      if (!GONE.has(errorCode(error))) throw error
    }
  }
  // also the one that takes the place of another because the server wants a new one
  client.on('pairing.code', (code) => {
    showCode(console, code)
  })
  return new Promise((_resolve, reject) => {
    for (const event of ['pairing.failed', 'pairing.passkey'] as const) {
      client.on(event, ({ message }) => {
        console.output.line(message, 'bad')
      })
    }
    client.on('connection.state', ({ state }) => {
      if (state === 'pairing') showNext().catch(reject)
    })
  })
}

function showCode({ output }: Console, pairing: ClientEvents['pairing.code']): void {
  const { code, phoneNumber, mayBeLinked } = pairing
  if (mayBeLinked === true) output.line(LOOK_FIRST)
  output.line(
    `Pairing code for +${phoneNumber}: ${output.paint('strong', `${code.slice(0, 4)}-${code.slice(4)}`)}`,
  )
  output.line(
    'On that phone, open WhatsApp > Linked devices > Link a device > Link with phone number instead, and type it. It is good for three minutes.',
  )
}
