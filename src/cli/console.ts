/**
 * What a command talks to: lines in, paragraphs out. On a terminal, lines that arrive while somebody types do not tear
 * the line being typed. Everything comes in through arguments, so that a test can be the terminal.
 */
import { createInterface } from 'node:readline'
import type { Interface } from 'node:readline'
import { Output } from './output.ts'
import type { TextSink } from './output.ts'

/** Where lines come from. `process.stdin` fits. */
export type TextSource = NodeJS.ReadableStream & { readonly isTTY?: boolean }

/** The outside world of a command. */
export interface Surroundings {
  readonly stdin: TextSource
  readonly stdout: TextSink
  readonly stderr: TextSink
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Aborted when the user asks to stop, e.g. by Ctrl+C. */
  readonly interrupted: AbortSignal
}

/** See the file comment. */
export class Console {
  readonly output: Output
  /** Whether a person can type. */
  readonly isInteractive: boolean
  readonly #surroundings: Surroundings
  #prompt: Interface | undefined

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings
    this.output = new Output(surroundings.stdout, surroundings.environment)
    this.isInteractive = surroundings.stdin.isTTY === true && surroundings.stdout.isTTY === true
  }

  /** Writes text above the line that is being typed. */
  print(text: string): void {
    if (this.#prompt !== undefined && this.isInteractive) this.#surroundings.stdout.write('\r\u001b[2K')
    this.output.raw(text)
    if (this.isInteractive) this.#prompt?.prompt(true)
  }

  /**
   * The lines that are typed or piped in, without line breaks, until the input ends or the user interrupts.
   *
   * @param prompt - shown before the line that is being typed, on a terminal
   */
  async *lines(prompt: string): AsyncGenerator<string, void, undefined> {
    const { stdin, stdout, interrupted } = this.#surroundings
    if (interrupted.aborted) return
    const shown = this.isInteractive ? { output: stdout as NodeJS.WritableStream, prompt } : {}
    const reader = createInterface({ input: stdin, ...shown })
    const close = (): void => {
      reader.close()
    }
    interrupted.addEventListener('abort', close, { once: true })
    // Ctrl+C reaches readline instead of the process while a line is being typed.
    reader.on('SIGINT', close)
    this.#prompt = reader
    try {
      if (this.isInteractive) reader.prompt()
      for await (const line of reader) {
        yield line
        if (this.isInteractive) reader.prompt()
      }
    } finally {
      this.#prompt = undefined
      interrupted.removeEventListener('abort', close)
      reader.close()
    }
  }
}
