/**
 * `waton replay`: plays transcripts against this version of waton and shows where it now does something else. With
 * `--update` it writes what happens now into the files, for a reviewer to read as a diff.
 */
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname, join, relative, resolve } from 'node:path'
import { Console } from '../console.ts'
import type { Surroundings } from '../console.ts'
import { EXIT } from '../failure.ts'
import type { ExitCode } from '../failure.ts'
import { differences } from '../replay/compare.ts'
import { play } from '../replay/player.ts'
import { formatTranscript, parseTranscript } from '../replay/transcript.ts'
import type { ExpectedLine } from '../replay/transcript.ts'

/** Options of `waton replay`. */
export interface ReplayOptions {
  /** Files, or folders of `.transcript.jsonl` files. */
  readonly paths: readonly string[]
  readonly update: boolean
}

/** What became of one transcript. */
export interface ReplayResult {
  readonly about: string
  /** Lines of difference; none when it is the same. */
  readonly difference: readonly string[]
}

const SUFFIX = '.transcript.jsonl'

/** Runs the command. */
export async function runReplay(
  surroundings: Surroundings,
  { paths, update }: ReplayOptions,
): Promise<ExitCode> {
  const { output } = new Console(surroundings)
  let differing = 0
  const files = await filesOf(paths)
  for (const file of files) {
    const { about, difference } = await replayFile(file, update)
    if (difference.length === 0) continue
    differing += 1
    output.line(`${relative('.', file)}: ${about}`, 'strong')
    for (const line of difference)
      output.line(line, line.startsWith('+') ? 'good' : line.startsWith('-') ? 'bad' : 'plain')
  }
  const outcome = update ? 'rewritten' : 'differ'
  output.line(`${String(files.length)} transcripts, ${String(differing)} ${outcome}`)
  return differing === 0 || update ? EXIT.ok : EXIT.failed
}

/** Plays one file; with `update` it then expects what happened. */
export async function replayFile(file: string, update = false): Promise<ReplayResult> {
  const transcript = parseTranscript(await readFile(file, 'utf8'))
  const { header } = transcript
  const snapshot = await readFile(join(dirname(file), header.snapshot), 'utf8')
  const actual = await play(transcript, snapshot)
  const unsaid = header.sent.filter(
    (text) => !textOf(actual.filter((line) => 'event' in line)).includes(text),
  )
  const difference = [
    ...differences(transcript.expected.flatMap(readable), actual.flatMap(readable)),
    ...unsaid.map((text) => `- the sender wrote ${JSON.stringify(text)}, and no event has it`),
  ]
  if (update && difference.length > 0)
    await writeFile(file, formatTranscript({ ...transcript, expected: actual }))
  return { about: header.about, difference }
}

async function filesOf(paths: readonly string[]): Promise<readonly string[]> {
  const files: string[] = []
  for (const path of paths.map((one) => resolve(one))) {
    if (!(await stat(path)).isDirectory()) files.push(path)
    else
      for (const name of (await readdir(path)).sort()) if (name.endsWith(SUFFIX)) files.push(join(path, name))
  }
  return files
}

function textOf(lines: readonly ExpectedLine[]): string {
  return JSON.stringify(lines)
}

/** A line as several, so that a difference shows where in it. */
function readable(line: ExpectedLine): readonly string[] {
  const { answer } = line
  if (typeof answer === 'string') return ['answer', ...answer.split('\n').map((part) => `  ${part}`)]
  return JSON.stringify(line, undefined, 2).split('\n')
}
