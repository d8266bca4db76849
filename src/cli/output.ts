/**
 * Writing to a terminal or a pipe: colours only where they are wanted, lines that fit, and nothing in a message that
 * the terminal would obey. It knows nothing of WhatsApp.
 */
import { styleText } from 'node:util'

/** The part of a stream that is written to. `process.stdout` fits. */
export interface TextSink {
  write(text: string): unknown
  readonly isTTY?: boolean
  readonly columns?: number
}

/** What the command line uses colours for. */
export type Tone = 'plain' | 'quiet' | 'strong' | 'good' | 'bad' | 'me' | 'them'

type TextStyle = Parameters<typeof styleText>[0]

const STYLES: Readonly<Record<Exclude<Tone, 'plain'>, TextStyle>> = {
  quiet: 'dim',
  strong: 'bold',
  good: 'green',
  bad: 'red',
  me: 'cyan',
  them: 'magenta',
}

/** The width that output is made for when the terminal is wider or does not say. */
const MAX_COLUMNS = 80
/** Narrower than this, wrapping makes text harder to read than letting the terminal break it. */
const MIN_COLUMNS = 40

/** Control characters and those that reorder text: a message must not be able to move the cursor or forge a line. */
const UNPRINTABLE = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu

/** The text without what a terminal would obey; line breaks stay. */
export function printable(text: string): string {
  return text.replace(/\r\n?/g, '\n').replace(UNPRINTABLE, '\u{fffd}')
}

/** Breaks text at spaces so that no line is longer than `width`, except for words that are. Indents stay. */
export function wrap(text: string, width: number): readonly string[] {
  return text.split('\n').flatMap((line) => wrapLine(line, width))
}

function wrapLine(line: string, width: number): readonly string[] {
  const [indent = ''] = /^ */.exec(line) ?? []
  const lines: string[] = []
  let current = indent
  for (const word of line.slice(indent.length).split(' ')) {
    if (current.trim() !== '' && current.length + 1 + word.length > width) {
      lines.push(current)
      current = indent + word
    } else {
      current = current === indent ? indent + word : `${current} ${word}`
    }
  }
  return [...lines, current]
}

/** See the file comment. */
export class Output {
  readonly #sink: TextSink
  readonly #isColoured: boolean

  /** @param environment - `NO_COLOR`, `FORCE_COLOR` and `TERM` are read */
  constructor(sink: TextSink, environment: Readonly<Record<string, string | undefined>>) {
    this.#sink = sink
    this.#isColoured = wantsColour(sink, environment)
  }

  /** Columns to fill at most. */
  get columns(): number {
    const { columns = 0 } = this.#sink
    return columns === 0 ? MAX_COLUMNS : Math.max(MIN_COLUMNS, Math.min(columns, MAX_COLUMNS))
  }

  /** The text in a tone, when colours are wanted. */
  paint(tone: Tone, text: string): string {
    if (tone === 'plain' || !this.#isColoured) return text
    // The stream was judged above; styleText would judge process.stdout instead.
    return styleText(STYLES[tone], text, { validateStream: false })
  }

  /** Writes one paragraph, wrapped. */
  line(text = '', tone: Tone = 'plain'): void {
    for (const line of wrap(text, this.columns)) this.raw(this.paint(tone, line))
  }

  /** Writes text as it is, e.g. a QR code. */
  raw(text: string): void {
    this.#sink.write(`${text}\n`)
  }

  /** One chat message as lines: the name once, the text beside it. */
  chat(name: string, text: string, tone: Tone): string {
    const label = `${printable(name)}: `
    const [first = '', ...rest] = wrap(printable(text), this.columns - label.length)
    return [this.paint(tone, label) + first, ...rest.map((line) => ' '.repeat(label.length) + line)].join(
      '\n',
    )
  }
}

/** https://no-color.org and https://force-color.org, then whether somebody looks at it. */
function wantsColour(sink: TextSink, environment: Readonly<Record<string, string | undefined>>): boolean {
  if ((environment['NO_COLOR'] ?? '') !== '') return false
  const forced = environment['FORCE_COLOR']
  if (forced !== undefined) return forced !== '0' && forced !== 'false'
  return sink.isTTY === true && environment['TERM'] !== 'dumb'
}
