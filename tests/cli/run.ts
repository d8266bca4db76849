/** The built command line as a test uses it: started like a shell does, read line by line. */
import { spawn } from 'node:child_process'
import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

/** How a command ended. */
export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A command that runs. */
export class Command {
  readonly ended: Promise<Ended>
  readonly #child: ChildProcessWithoutNullStreams
  readonly #waiting = new Set<() => void>()
  #stdout = ''
  #stderr = ''

  constructor(args: readonly string[], folder: string) {
    // No colours or terminal settings of whoever runs the tests.
    this.#child = spawn(process.execPath, [MAIN, ...args], {
      cwd: folder,
      env: { PATH: process.env['PATH'] },
    })
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text
      for (const check of this.#waiting) check()
    })
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text
    })
    this.ended = new Promise((resolve, reject) => {
      this.#child.on('error', reject)
      this.#child.on('close', (code) => {
        resolve({ code, stdout: this.#stdout, stderr: this.#stderr })
      })
    })
  }

  /** Types a line. */
  type(line: string): void {
    this.#child.stdin.write(`${line}\n`)
  }

  /** Ends the input, as Ctrl+D does. */
  endInput(): void {
    this.#child.stdin.end()
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** The first match in what was printed, now or later; rejects when the command ends without it. */
  printed(pattern: RegExp): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const check = (): void => {
        const match = pattern.exec(this.#stdout)
        if (match === null) return
        this.#waiting.delete(check)
        resolve(match)
      }
      this.#waiting.add(check)
      check()
      void this.ended.then(({ code, stdout, stderr }) => {
        reject(
          new Error(`ended with ${String(code)} and never printed ${String(pattern)}:\n${stdout}\n${stderr}`),
        )
      })
    })
  }
}

/** Runs a command to its end with `input` on its standard input. */
export function run(args: readonly string[], folder: string, input = ''): Promise<Ended> {
  const command = new Command(args, folder)
  if (input !== '') command.type(input)
  command.endInput()
  return command.ended
}
