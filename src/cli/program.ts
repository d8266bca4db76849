/**
 * The command table: names, options and help. What a command does is loaded when it runs, so `waton --help` needs
 * neither the simulator nor a database.
 */
import { readFileSync } from 'node:fs'
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import type { AccountOptions } from './account.ts'
import type { BackupCommandOptions } from './commands/backup.ts'
import type { ChatOptions } from './commands/chat.ts'
import type { DemoOptions } from './commands/demo.ts'
import type { PairOptions } from './commands/pair.ts'
import type { ReplayOptions } from './commands/replay.ts'
import type { SimulateOptions } from './commands/simulate.ts'
import type { Surroundings } from './console.ts'
import { EXIT, tell } from './failure.ts'
import type { ExitCode } from './failure.ts'
import { Output } from './output.ts'

/** A command once its options are read. */
export type Run<Options> = (surroundings: Surroundings, options: Options) => Promise<ExitCode>

const DEFAULT_STORE = 'waton.db'
const MAX_PHONES = 20
const LAST_PORT = 65_535

/**
 * Runs a command line.
 *
 * @param argv - the arguments after the program's name
 * @returns the exit code; nothing is thrown
 */
export async function runProgram(argv: readonly string[], surroundings: Surroundings): Promise<ExitCode> {
  const errors = new Output(surroundings.stderr, surroundings.environment)
  let code: ExitCode = EXIT.ok
  const program = createProgram(surroundings, (result) => {
    code = result
  })
  try {
    await program.parseAsync([...argv], { from: 'user' })
    return surroundings.interrupted.aborted ? EXIT.interrupted : code
  } catch (error) {
    // Commander has printed its own complaint; help and version end with code 0.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage
    if (surroundings.interrupted.aborted) return EXIT.interrupted
    tell(errors, error)
    return EXIT.failed
  }
}

function createProgram(surroundings: Surroundings, onDone: (code: ExitCode) => void): Command {
  const program = new Command('waton')
    .description('WhatsApp Web multi-device: demo, pairing, chat, and a local server')
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .showHelpAfterError('(try waton --help)')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => surroundings.stdout.write(text),
      writeErr: (text) => surroundings.stderr.write(text),
      getOutHelpWidth: () => 80,
      getErrHelpWidth: () => 80,
    })
  const perform: Perform = async (load, options) => {
    const run = await load()
    onDone(await run(surroundings, options))
  }
  addDemo(program, perform)
  addPair(program, perform)
  addChat(program, perform)
  addBackup(program, perform)
  addLogout(program, perform)
  addSimulate(program, perform)
  addReplay(program, perform)
  return program
}

type Perform = <Options>(load: () => Promise<Run<Options>>, options: Options) => Promise<void>

function addDemo(program: Command, perform: Perform): void {
  program
    .command('demo')
    .description('show a conversation between two phones and a bot, on a server inside this process')
    .option('--live', 'link the bot to your own account on WhatsApp instead', false)
    .addOption(storeOption('with --live: '))
    .addOption(verboseOption())
    .option('--seed <number>', 'the same seed shows the same conversation', wholeNumber, 1)
    .action((options: DemoOptions) =>
      perform(async () => (await import('./commands/demo.ts')).runDemo, options),
    )
}

function addPair(program: Command, perform: Perform): void {
  program
    .command('pair')
    .description('link a WhatsApp account: draws the QR code to scan with the phone')
    .option(
      '--phone <number>',
      'print a code to type in on the phone of this number, instead of a QR code',
      phoneNumber,
    )
    .addOption(storeOption())
    .addOption(endpointOption())
    .addOption(verboseOption())
    .action((options: PairOptions) =>
      perform(async () => (await import('./commands/pair.ts')).runPair, options),
    )
}

function addChat(program: Command, perform: Perform): void {
  program
    .command('chat')
    .description('read and write text messages')
    .argument(
      '[jid]',
      'whom to write to: a jid, or a phone number with country code; only read without it',
      address,
    )
    .addOption(storeOption())
    .addOption(endpointOption())
    .addOption(verboseOption())
    .action((jid: string | undefined, options: Omit<ChatOptions, 'jid'>) =>
      perform(async () => (await import('./commands/chat.ts')).runChat, { ...options, jid }),
    )
}

function addBackup(program: Command, perform: Perform): void {
  program
    .command('backup')
    .description('copy the store to a file, also while another process uses it')
    .argument('<file>', 'where the copy shall be')
    .option('--overwrite', 'replace the file when it exists', false)
    .addOption(storeOption())
    .addOption(verboseOption())
    .action((file: string, options: Omit<BackupCommandOptions, 'file'>) =>
      perform(async () => (await import('./commands/backup.ts')).runBackup, { ...options, file }),
    )
}

function addLogout(program: Command, perform: Perform): void {
  program
    .command('logout')
    .description('remove the device from its account; messages stay in the store')
    .addOption(storeOption())
    .addOption(endpointOption())
    .addOption(verboseOption())
    .action((options: AccountOptions) =>
      perform(async () => (await import('./commands/logout.ts')).runLogout, options),
    )
}

function addSimulate(program: Command, perform: Perform): void {
  program
    .command('simulate')
    .description('run the local server, with phones that you can type as')
    .option('--port <number>', 'where to listen; 0 takes a free port', portNumber, 0)
    .option('--phones <number>', 'how many accounts to create', phoneCount, 2)
    .option('--seed <number>', 'the same seed gives the same keys', wholeNumber, 1)
    .option('--endpoint <file>', 'write what clients need to know to this file', 'waton-endpoint.json')
    .action((options: SimulateOptions) =>
      perform(async () => (await import('./commands/simulate.ts')).runSimulate, options),
    )
}

function addReplay(program: Command, perform: Perform): void {
  program
    .command('replay')
    .description('play transcripts of received stanzas and show what waton now makes of them differently')
    .argument('<paths...>', 'transcripts, or folders of them')
    .option('--update', 'write what happens now into the files', false)
    .action((paths: string[], options: Omit<ReplayOptions, 'paths'>) =>
      perform(async () => (await import('./commands/replay.ts')).runReplay, { ...options, paths }),
    )
}

function storeOption(when = ''): Option {
  return new Option('--store <file>', `${when}the SQLite file of the account, created when missing`).default(
    DEFAULT_STORE,
  )
}

function verboseOption(): Option {
  return new Option('--verbose', 'log what happens to standard error, as JSON lines').default(false)
}

function endpointOption(): Option {
  return new Option('--endpoint <file>', 'use the server that `waton simulate` described in this file')
}

/** A jid as it is; a phone number as the jid of its owner. */
function address(text: string): string {
  if (/^[^@\s]+@[a-z.]+$/.test(text)) return text
  const digits = digitsOf(text)
  if (digits === undefined) {
    throw new InvalidArgumentError(
      'It must be a jid, or a phone number with country code such as 15550000002.',
    )
  }
  return `${digits}@s.whatsapp.net`
}

/** A phone number as digits. */
function phoneNumber(text: string): string {
  const digits = digitsOf(text)
  if (digits !== undefined) return digits
  throw new InvalidArgumentError('It must be a phone number with country code such as 15550000001.')
}

/** The digits of a phone number as people write it; `undefined` when it is none. */
function digitsOf(text: string): string | undefined {
  const digits = text.replace(/[\s().-]/g, '').replace(/^\+/, '')
  return /^[1-9]\d{5,14}$/.test(digits) ? digits : undefined
}

function wholeNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('It must be a whole number from 0.')
  return Number(text)
}

function portNumber(text: string): number {
  const port = wholeNumber(text)
  if (port > LAST_PORT) throw new InvalidArgumentError(`It must be at most ${String(LAST_PORT)}.`)
  return port
}

function phoneCount(text: string): number {
  const count = wholeNumber(text)
  if (count < 1 || count > MAX_PHONES)
    throw new InvalidArgumentError(`It must be from 1 to ${String(MAX_PHONES)}.`)
  return count
}

function packageVersion(): string {
  const manifest = JSON.parse(readFileSync(new URL(import.meta.resolve('waton/package.json')), 'utf8')) as {
    version: string
  }
  return manifest.version
}
