/**
 * Replays every transcript: what was sent by others once must be understood as before. A difference is a mistake or a change
 * that somebody must read: `npx waton replay --update tests/transcripts` writes it down.
 */
import { mkdtemp, readdir, readFile, rm, writeFile, cp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished, test } from 'vitest'
import { childrenOf } from 'waton/protocol'
import { replayFile, runReplay } from '../../src/cli/commands/replay.ts'
import { differences } from '../../src/cli/replay/compare.ts'
import { formatTranscript, parseTranscript } from '../../src/cli/replay/transcript.ts'
import type { Surroundings } from '../../src/cli/console.ts'

const FOLDER = fileURLToPath(new URL('.', import.meta.url))
const files = (await readdir(FOLDER)).filter((name) => name.endsWith('.transcript.jsonl')).sort()
const MAX_BYTES = 1_500_000

/** A copy of one transcript, with its store, that may be spoiled. */
async function copyOf(name: string): Promise<{ file: string; text: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'waton-transcript-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  await cp(join(FOLDER, 'accounts'), join(folder, 'accounts'), { recursive: true })
  const file = join(folder, 'copy.transcript.jsonl')
  await cp(join(FOLDER, name), file)
  return { file, text: await readFile(file, 'utf8') }
}

async function spoiled(name: string, spoil: (text: string) => string): Promise<readonly string[]> {
  const { file, text } = await copyOf(name)
  const changed = spoil(text)
  expect(changed).not.toBe(text)
  await writeFile(file, changed)
  return (await replayFile(file)).difference
}

async function run(paths: readonly string[], update = false): Promise<{ code: number; output: string }> {
  const written: string[] = []
  const sink = { write: (text: string) => written.push(text) }
  const surroundings = {
    stdout: sink,
    stderr: sink,
    stdin: process.stdin,
    environment: {},
    interrupted: new AbortController().signal,
  } as unknown as Surroundings
  const code = await runReplay(surroundings, { paths, update })
  return { code, output: written.join('') }
}

describe('a transcript', () => {
  test.each(['', 'nonsense', '{"transcript":2}', '[1]'])('is refused when it begins with "%s"', (text) => {
    expect(() => parseTranscript(text)).toThrow(expect.objectContaining({ code: 'WATON_TRANSCRIPT_FORMAT' }))
  })

  test('is refused when a line is none of its own', async () => {
    const { text } = await copyOf('message-text.transcript.jsonl')
    expect(() => parseTranscript(`${text}{"surprise":1}\n`)).toThrow(/neither a stanza/)
  })

  test('shows a message that came out differently', async () => {
    const difference = await spoiled('message-text.transcript.jsonl', (text) =>
      text.replace('"content":{"text":"Hello from Baileys"}', '"content":{"text":"Hello from nobody"}'),
    )
    expect(difference.filter((line) => /^[-+] /.test(line))).toEqual([
      expect.stringMatching(/^- .*Hello from nobody/),
      expect.stringMatching(/^\+ .*Hello from Baileys/),
    ])
  })

  test('shows that a changed byte of the ciphertext cannot be read', async () => {
    const difference = await spoiled('message-text.transcript.jsonl', (text) => {
      const transcript = parseTranscript(text)
      const [line] = transcript.inbound
      const [enc] = (line?.in.content ?? []) as readonly { content: Uint8Array }[]
      const last = enc?.content.length ?? 0
      if (enc !== undefined) enc.content[last - 1] = (enc.content[last - 1] ?? 0) ^ 1
      return formatTranscript(transcript)
    })
    expect(difference.join('\n')).toContain('message.undecryptable')
    expect(difference.join('\n')).toContain('no event has it')
  })

  test('shows an answer that is missing and one that is new', async () => {
    const difference = await spoiled('receipt-read.transcript.jsonl', (text) =>
      text.replace(/"answer":"<ack [^"\\]*/, '"answer":"<nack '),
    )
    expect(difference.some((line) => line.startsWith('-   <nack'))).toBe(true)
    expect(difference.some((line) => line.startsWith('+   <ack'))).toBe(true)
  })

  test('shows another store', async () => {
    const difference = await spoiled('message-text.transcript.jsonl', (text) =>
      text.replace(/"digest":"../, '"digest":"zz'),
    )
    expect(difference.some((line) => /^- .*"digest": "zz/.test(line))).toBe(true)
  })

  test('ends the command with 1 when it differs, and is renewed by --update', async () => {
    const { file, text } = await copyOf('message-text.transcript.jsonl')
    await writeFile(file, text.replace(/"digest":"../, '"digest":"zz'))
    const first = await run([file])
    expect(first.code).toBe(1)
    expect(first.output).toContain('1 transcripts, 1 differ')
    expect((await run([file], true)).code).toBe(0)
    expect(await run([file])).toEqual({ code: 0, output: '1 transcripts, 0 differ\n' })
    expect(await readFile(file, 'utf8')).toBe(text)
  })
})

describe('a difference', () => {
  test('of nothing is empty', () => {
    expect(differences(['a', 'b'], ['a', 'b'])).toEqual([])
    expect(differences([], [])).toEqual([])
  })

  test('shows what is missing and new, with a line around it', () => {
    expect(differences(['a', 'b', 'c', 'd', 'e'], ['a', 'b', 'x', 'd', 'e'])).toEqual([
      '  b',
      '- c',
      '+ x',
      '  d',
    ])
    expect(differences([], ['a'])).toEqual(['+ a'])
    expect(differences(['a'], [])).toEqual(['- a'])
  })
})

describe('the transcripts', () => {
  test('are many and small, of invented keys, and say where they come from', async () => {
    expect(files.length).toBeGreaterThanOrEqual(60)
    let bytes = 0
    for (const name of await readdir(join(FOLDER, 'accounts')))
      bytes += (await readFile(join(FOLDER, 'accounts', name))).length
    for (const name of files) {
      const text = await readFile(join(FOLDER, name), 'utf8')
      bytes += text.length
      const { origin, keys } = parseTranscript(text).header
      expect(origin, name).toMatch(/^(baileys 7\.0\.0-rc14 as sender|shape: .+)$/)
      expect(keys, name).toContain('invented')
    }
    expect(bytes).toBeLessThan(MAX_BYTES)
  })

  test('have messages of a session that both sides have used, and what was in them', async () => {
    const within = files.filter((name) => name.startsWith('session-'))
    expect(within.length).toBeGreaterThanOrEqual(8)
    for (const name of within) {
      const { header, inbound, expected } = parseTranscript(await readFile(join(FOLDER, name), 'utf8'))
      expect(header.snapshot, name).toBe('accounts/alice-with-bob.jsonl')
      for (const line of inbound)
        expect(childrenOf(line.in, 'enc')[0]?.attrs, name).toMatchObject({ type: 'msg' })
      expect(JSON.stringify(expected), name).toContain('{"type":"message","version":')
    }
  })

  test.each(files)('%s is understood as before', async (name) => {
    const { difference } = await replayFile(join(FOLDER, name))
    expect(difference.join('\n')).toBe('')
  })
})
