/** `waton logout`: removes the device of a store from its account. */
import { ClosedError, UsageError } from 'waton'
import type { Client } from 'waton'
import { nameOf, openAccount } from '../account.ts'
import type { AccountOptions } from '../account.ts'
import { Console } from '../console.ts'
import type { Surroundings } from '../console.ts'
import { EXIT } from '../failure.ts'
import type { ExitCode } from '../failure.ts'

/** Connects once, removes the device, and leaves. What is in the store stays there. */
export async function runLogout(surroundings: Surroundings, options: AccountOptions): Promise<ExitCode> {
  const console = new Console(surroundings)
  const account = await openAccount(console, options, false)
  const { client } = account
  const stop = (): void => {
    void client.close()
  }
  surroundings.interrupted.addEventListener('abort', stop, { once: true })
  try {
    await Promise.race([client.connect(), refuseCodes(console, client)])
    const name = nameOf(client.me)
    await client.logout()
    console.output.line(`Logged out: ${name}. Messages stay in ${options.store}.`, 'good')
    return EXIT.ok
  } catch (error) {
    if (!(error instanceof ClosedError) || error.action !== 'link') throw error
    console.output.line('The phone has removed this device already.', 'good')
    return EXIT.ok
  } finally {
    surroundings.interrupted.removeEventListener('abort', stop)
    await account.close()
  }
}

/** Nobody wants to link an account in order to log it out. */
function refuseCodes({ output }: Console, client: Client): Promise<never> {
  return new Promise((_resolve, reject) => {
    client.on('pairing.qr', ({ mayBeLinked }) => {
      if (mayBeLinked === true) {
        output.line(
          'Linking broke off at its end: in a minute a login tells whether there is a device to log out.',
          'quiet',
        )
        return
      }
      reject(
        new UsageError(
          'WATON_CLI_NOT_LINKED',
          'no account is linked in this store; name the right one with --store, or link one with `waton pair`',
        ),
      )
    })
  })
}
