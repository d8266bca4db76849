/** `waton backup`: a copy of a store, also while another process uses it. */
import { existsSync } from 'node:fs'
import { UsageError } from 'waton'
import { Console } from '../console.ts'
import type { Surroundings } from '../console.ts'
import { openAccount } from '../account.ts'
import type { AccountOptions } from '../account.ts'
import { EXIT } from '../failure.ts'
import type { ExitCode } from '../failure.ts'

/** Options of `waton backup`. */
export interface BackupCommandOptions extends AccountOptions {
  /** Where the copy shall be. */
  readonly file: string
  /** Whether an existing file is replaced. */
  readonly overwrite: boolean
}

/** Makes the copy and leaves. The account is neither claimed nor connected. */
export async function runBackup(
  surroundings: Surroundings,
  options: BackupCommandOptions,
): Promise<ExitCode> {
  // opening it would make an empty one
  if (!existsSync(options.store)) {
    throw new UsageError(
      'WATON_CLI_NO_STORE',
      `there is no store at ${options.store}: name the right one with --store`,
    )
  }
  if (existsSync(options.file) && !options.overwrite) {
    throw new UsageError(
      'WATON_BACKUP_EXISTS',
      `${options.file} exists and was left as it is: choose another name, or replace it with --overwrite`,
    )
  }
  const console = new Console(surroundings)
  const account = await openAccount(console, options, false)
  try {
    await account.client.backup(options.file, { overwrite: options.overwrite })
    console.output.line(`Copied ${options.store} to ${options.file}.`, 'good')
    return EXIT.ok
  } finally {
    await account.close()
  }
}
