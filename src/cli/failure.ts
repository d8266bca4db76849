/** How a command ends: exit codes, and how an error is told to somebody who does not read source code. */
import { ERROR_ACTIONS, isWatonError } from 'waton'
import type { Output } from './output.ts'

/** Exit codes of `waton`; documented in docs/reference/cli.md. */
export const EXIT = {
  /** Done. */
  ok: 0,
  /** It failed; the reason is on standard error. */
  failed: 1,
  /** The command line itself makes no sense. */
  usage: 2,
  /** Interrupted by the user, as shells have it for SIGINT. */
  interrupted: 130,
} as const

/** One of the exit codes. */
export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

/** Says what failed and how to find out more. */
export function tell(output: Output, error: unknown): void {
  if (isWatonError(error)) {
    output.line(`${output.paint('bad', 'error:')} ${error.message} (${error.code})`)
    for (const [name, value] of Object.entries(error.details)) {
      if (value !== undefined) output.line(`  ${name}: ${String(value)}`, 'quiet')
    }
    output.line(`  ${ERROR_ACTIONS[error.action]}`, 'quiet')
    return
  }
  // Anything else is a mistake of ours: the stack is what a report needs.
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  output.raw(`${output.paint('bad', 'unexpected error, please report it:')} ${text}`)
}
