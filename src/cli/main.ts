#!/usr/bin/env node
/** The `waton` command: connects the process to the command table and leaves with its exit code. */
import { EXIT } from './failure.ts'
import { runProgram } from './program.ts'
import { hideSqliteNotice } from './warnings.ts'

hideSqliteNotice(process)

const interruption = new AbortController()

// The first signal asks commands to end in order; without a listener, the second one ends the process at once.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    interruption.abort()
  })
}

// `waton demo | head`: when nobody reads any more, there is nothing left to do and nothing to complain about.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? EXIT.ok : EXIT.failed)
})

void runProgram(process.argv.slice(2), {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  environment: process.env,
  interrupted: interruption.signal,
}).then((code) => {
  process.exitCode = code
})
