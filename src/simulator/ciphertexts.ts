/**
 * Every ciphertext that devices handed to the server, by what stands readable in front of it: which ratchet key, which
 * place in its chain. A message key that seals two different texts gives both away, and a receiver drops the second; that
 * it never happens can be seen from outside, without any key. Copies of 1:1 messages only: sender keys are not read yet.
 *
 * @source the header of a Signal message: `protocol/signal/message.ts`
 */
import { toHex } from '../base/bytes.ts'
import { ProtocolError, WatonError } from '../base/errors.ts'
import { childrenOf, contentBytes } from '../protocol/binary/node.ts'
import type { BinaryNode } from '../protocol/binary/node.ts'
import { sha256 } from '../protocol/crypto/index.ts'
import { readPreKeySignal } from '../protocol/signal/index.ts'
import { parseSignalMessage } from '../protocol/signal/message.ts'
import { readCopies } from './stanza/message.ts'
import type { Trace, TraceEntry } from './trace.ts'

/** One sealed copy on its way to one device. */
export interface SentCiphertext {
  /** The message that it belongs to. */
  readonly id: string
  /** The device that sealed it, by phone number. */
  readonly sender: string
  /** The device that can open it, as the stanza names it. */
  readonly recipient: string
  /** `pkmsg` opens a session, `msg` goes on in one. */
  readonly type: 'msg' | 'pkmsg'
  /** The sender's ratchet key, as hex: it names the chain. */
  readonly ratchetKey: string
  /** The place in the chain: with the ratchet key it names the message key. */
  readonly counter: number
  /** SHA-256 of the sealed bytes, as hex, without what a `pkmsg` wraps around them. */
  readonly digest: string
  /** Its line in the trace. */
  readonly traceIndex: number
}

/** Bounds of a record. */
export interface CiphertextRecordOptions {
  /** Ciphertexts that are kept; those beyond it are counted. @default 200,000 */
  readonly capacity?: number
}

const DEFAULT_CAPACITY = 200_000

/**
 * Keeps what passes from the moment it is made, also when the trace has forgotten it.
 *
 * ```ts
 * const record = new CiphertextRecord(simulator.trace)
 * // ... messages, crashes, restarts
 * assertNoKeyReuse(record)
 * ```
 */
export class CiphertextRecord implements Iterable<SentCiphertext> {
  readonly #capacity: number
  readonly #sent: SentCiphertext[] = []
  readonly #stop: () => void
  #missed = 0

  constructor(trace: Trace, options: CiphertextRecordOptions = {}) {
    this.#capacity = options.capacity ?? DEFAULT_CAPACITY
    for (const entry of trace.entries) this.#take(entry)
    this.#stop = trace.subscribe((entry) => {
      this.#take(entry)
    })
  }

  /** How many are kept. */
  get size(): number {
    return this.#sent.length
  }

  /** How many found no room, or had no header that could be read. */
  get missed(): number {
    return this.#missed
  }

  [Symbol.iterator](): Iterator<SentCiphertext> {
    return this.#sent[Symbol.iterator]()
  }

  /** Keeps nothing more; what it has stays. */
  close(): void {
    this.#stop()
  }

  #take(entry: TraceEntry): void {
    if (!('node' in entry) || entry.direction !== 'client-to-server' || entry.node.tag !== 'message') return
    for (const { jid, encs } of copiesIn(entry.node)) {
      for (const enc of encs) {
        const header = headerOf(enc)
        if (header === undefined || this.#sent.length >= this.#capacity) {
          this.#missed += 1
          continue
        }
        const id = entry.node.attrs['id'] ?? ''
        const sender = entry.device ?? ''
        this.#sent.push({ id, sender, recipient: jid, traceIndex: entry.index, ...header })
      }
    }
  }
}

/**
 * Proves that no message key sealed two different texts: of all ciphertexts with one ratchet key and one counter there is
 * one, however often it was sent.
 *
 * @throws {ProtocolError} `WATON_SIMULATOR_KEY_REUSE` with the two messages; `WATON_SIMULATOR_RECORD_INCOMPLETE` when the record lacks something
 */
export function assertNoKeyReuse(record: Iterable<SentCiphertext>): void {
  const { missed } = record as Partial<Pick<CiphertextRecord, 'missed'>>
  if (missed !== undefined && missed > 0) {
    throw new ProtocolError(
      'WATON_SIMULATOR_RECORD_INCOMPLETE',
      'the record of ciphertexts lacks some, so it proves nothing: give it more capacity, and send it readable ones only',
      { details: { missed } },
    )
  }
  const seen = new Map<string, SentCiphertext>()
  for (const one of record) {
    const key = `${one.ratchetKey} ${String(one.counter)}`
    const other = seen.get(key)
    if (other === undefined) seen.set(key, one)
    else if (other.digest !== one.digest) throw reuse(other, one)
  }
}

function reuse(first: SentCiphertext, second: SentCiphertext): ProtocolError {
  const { sender, recipient, counter } = second
  return new ProtocolError(
    'WATON_SIMULATOR_KEY_REUSE',
    `${sender} sealed two different texts for ${recipient} with one message key: message ${first.id} and message ${second.id}; its ratchet went back`,
    {
      details: {
        sender,
        recipient,
        counter,
        first: first.id,
        second: second.id,
        traceIndex: second.traceIndex,
      },
    },
  )
}

function copiesIn(message: BinaryNode): readonly { jid: string; encs: readonly BinaryNode[] }[] {
  try {
    return readCopies(message)
  } catch (error) {
    // a message without the attributes of one is a violation, and said so elsewhere
    if (error instanceof WatonError) return [{ jid: '', encs: childrenOf(message, 'enc') }]
    throw error
  }
}

function headerOf(
  enc: BinaryNode,
): Pick<SentCiphertext, 'type' | 'ratchetKey' | 'counter' | 'digest'> | undefined {
  const type = enc.attrs['type']
  const body = contentBytes(enc)
  if (body === undefined || (type !== 'msg' && type !== 'pkmsg')) return undefined
  try {
    const sealed = type === 'pkmsg' ? readPreKeySignal(body).message : body
    const { ratchetKey, counter } = parseSignalMessage(sealed)
    return { type, ratchetKey: toHex(ratchetKey), counter, digest: toHex(sha256(sealed)) }
  } catch (error) {
    if (error instanceof WatonError) return undefined
    throw error
  }
}
