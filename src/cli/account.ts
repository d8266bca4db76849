/** What `pair`, `chat` and `demo --live` share: an account that shows its QR code, and a wait for its end. */
import { Client, ClosedError, openStore, renderQr } from 'waton'
import type { CloseReason, Logger, Me, QrCode } from 'waton'
import type { Console } from './console.ts'
import { readEndpoint } from './endpoint-file.ts'
import { printable, wrap } from './output.ts'

/** Options of every command that opens an account. */
export interface AccountOptions {
  readonly store: string
  /** A file of `waton simulate`. */
  readonly endpoint?: string | undefined
  /** Whether to log to standard error. @default false */
  readonly verbose?: boolean
}

/** An account that is not connected yet. `close` also closes the store. */
export interface OpenAccount {
  readonly client: Client
  close(): Promise<void>
}

/**
 * Opens the store and makes a client that draws its QR code.
 *
 * @param showQr - false when the account is linked in another way
 */
export async function openAccount(
  console: Console,
  options: AccountOptions,
  showQr: boolean = true,
): Promise<OpenAccount> {
  const endpoint = options.endpoint === undefined ? {} : { endpoint: await readEndpoint(options.endpoint) }
  const store = await openStore(options.store)
  const logger = await createLogger(options.verbose ?? false)
  const client = new Client({ store, ...endpoint, ...logger })
  if (showQr) client.on('pairing.qr', (code) => drawQr(console, code, options.endpoint !== undefined))
  client.on('connection.closed', (reason) => {
    tellDelay(console, reason)
  })
  return {
    client,
    async close() {
      await client.close()
      await store.close()
    },
  }
}

/** Somebody without a network would look at nothing. Linking has ends that belong to it. */
function tellDelay(console: Console, { reason, retrying, advice }: CloseReason): void {
  if (!retrying || reason === 'restart-required' || reason === 'qr-expired') return
  const lines = wrap(`Not connected: ${reason}. ${advice}`, console.output.columns)
  console.print(lines.map((line) => console.output.paint('quiet', line)).join('\n'))
}

/** What `--verbose` asks for: JSON lines on standard error, whose fields waton has cleaned of secrets. */
export async function createLogger(isVerbose: boolean): Promise<{ readonly logger?: Logger }> {
  if (!isVerbose) return {}
  const { pino } = await import('pino')
  return { logger: pino({ level: 'debug' }, pino.destination({ dest: 2, sync: true })) }
}

/** What to do with a code that is shown because linking broke off at its end. */
export const LOOK_FIRST =
  'Linking broke off at its end. If the phone lists this device already, wait: nothing is left to do. If not, use this code.'

/** Draws a QR code with what to do with it; for a simulated phone also as text, because it has no camera. */
export async function drawQr(console: Console, { qr, mayBeLinked }: QrCode, asText = false): Promise<void> {
  const { output } = console
  console.print(await renderQr(qr))
  if (mayBeLinked === true) output.line(LOOK_FIRST)
  output.line('On your phone, open WhatsApp > Linked devices > Link a device, and scan this.')
  if (asText) output.raw(`For a simulated phone, type there: /link ${qr}`)
}

/** Resolves when the user interrupts (`undefined`), or when the connection has ended for good, with the reason. */
export function untilEnded(client: Client, interrupted: AbortSignal): Promise<CloseReason | undefined> {
  return new Promise((resolve) => {
    if (interrupted.aborted) resolve(undefined)
    interrupted.addEventListener(
      'abort',
      () => {
        resolve(undefined)
      },
      { once: true },
    )
    client.on('connection.closed', (reason) => {
      if (!reason.retrying) resolve(reason)
    })
  })
}

/** What to tell about a connection that ended for good. */
export function explainEnd(reason: CloseReason): string {
  return `The connection ended: ${reason.reason}. ${reason.advice}`
}

/**
 * Connects. An account whose device was removed on the phone is linked anew: whoever runs a command to link asks for that.
 *
 * @throws {WatonError} what `client.connect` throws
 */
export async function connectAnew(console: Console, client: Client): Promise<void> {
  try {
    await client.connect()
  } catch (error) {
    if (!(error instanceof ClosedError) || error.action !== 'link') throw error
    console.output.line('The phone has removed the device that was linked here: linking a new one.', 'quiet')
    await client.relink()
    await client.connect()
  }
}

/** The account in words: its name and phone number. */
export function nameOf(me: Me | undefined): string {
  if (me === undefined) return 'nobody yet'
  const number = `+${me.pn.replace(/@.*$/, '')}`
  return me.name === undefined ? number : `${printable(me.name)} (${number})`
}
