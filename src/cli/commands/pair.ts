/** `waton pair`: links an account to a store and leaves. */
import { nameOf, openAccount } from '../account.ts'
import type { AccountOptions } from '../account.ts'
import { Console } from '../console.ts'
import type { Surroundings } from '../console.ts'
import { EXIT } from '../failure.ts'
import type { ExitCode } from '../failure.ts'

/** Options of `waton pair`. */
export type PairOptions = AccountOptions

/** Draws QR codes until the phone has scanned one and the account has logged in once. */
export async function runPair(surroundings: Surroundings, options: PairOptions): Promise<ExitCode> {
  const console = new Console(surroundings)
  const account = await openAccount(console, options)
  const stop = (): void => {
    void account.client.close()
  }
  surroundings.interrupted.addEventListener('abort', stop, { once: true })
  try {
    await account.client.connect()
    console.output.line(`Linked: ${nameOf(account.client.me)}. The account is in ${options.store}.`, 'good')
    return EXIT.ok
  } finally {
    surroundings.interrupted.removeEventListener('abort', stop)
    await account.close()
  }
}
