/** Writes transcripts, with what waton makes of them now as their expectation. */
import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import type { BinaryNode } from 'waton/protocol'
import type { Simulator } from 'waton/simulator'
import { replayFile } from '../../src/cli/commands/replay.ts'
import { formatTranscript } from '../../src/cli/replay/transcript.ts'
import type { InboundLine, TranscriptHeader } from '../../src/cli/replay/transcript.ts'
import { until } from '../helpers/until.ts'

/** Where transcripts are. */
export const FOLDER: string = fileURLToPath(new URL('.', import.meta.url))
/** The device that gets everything. */
export const DEVICE = '15550000001:1@s.whatsapp.net'
/** Who has written what a Baileys has written. */
export const BY_BAILEYS = 'baileys 7.0.0-rc14 as sender'

/** What a transcript says of itself. */
export type Facts = Pick<TranscriptHeader, 'about' | 'origin'> & {
  readonly sent?: readonly string[]
  readonly settleMs?: number
}

/** Writes transcripts that begin with one store. */
export class Recorder {
  readonly #startMs: number
  readonly #lid: string
  readonly #snapshot: string

  /** @param snapshot - the store that they begin with: a file in the folder of accounts */
  constructor(startMs: number, lid: string, snapshot: string) {
    this.#startMs = startMs
    this.#lid = lid
    this.#snapshot = `accounts/${snapshot}`
  }

  async write(name: string, facts: Facts, inbound: readonly BinaryNode[]): Promise<void> {
    const header: TranscriptHeader = {
      transcript: 1,
      about: facts.about,
      origin: facts.origin,
      seed: `transcript ${name}`,
      lid: this.#lid,
      startMs: this.#startMs,
      snapshot: this.#snapshot,
      keys: 'invented: accounts of a simulator, used nowhere else',
      settleMs: facts.settleMs ?? 5_000,
      sent: facts.sent ?? [],
    }
    const lines: InboundLine[] = inbound.map((stanza, index) => ({ atMs: index * 10, in: stanza }))
    const file = `${FOLDER}${name}.transcript.jsonl`
    await writeFile(file, formatTranscript({ header, inbound: lines, expected: [] }))
    await replayFile(file, true)
    const { difference } = await replayFile(file)
    expect(difference, name).toEqual([])
  }
}

/** The stanzas that wait for the device under an id, once there are any. */
export function waiting(simulator: Simulator, id: string): Promise<readonly BinaryNode[]> {
  return until(`${id} to wait`, () => {
    const found = simulator
      .unanswered(DEVICE)
      .filter(({ tag, attrs }) => tag === 'message' && attrs['id'] === id)
    return found.length > 0 && found
  })
}
