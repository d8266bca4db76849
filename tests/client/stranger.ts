/** A person whose device says whatever a test wants: real encryption, any content, any attributes. */
import { seededRandom } from '../../src/base/random.ts'
import type { RandomSource } from '../../src/base/random.ts'
import { generateKeyPair } from '../../src/protocol/crypto/index.ts'
import { node } from '../../src/protocol/binary/node.ts'
import type { BinaryNode } from '../../src/protocol/binary/node.ts'
import { encodeMessage } from '../../src/protocol/proto/message.ts'
import type { MessageProperties } from '../../src/protocol/proto/message.ts'
import { encryptSignal, generateRegistrationId, startSession } from '../../src/protocol/signal/index.ts'
import type { LocalIdentity, PreKeyBundle, SessionRecord } from '../../src/protocol/signal/index.ts'
import { pad } from '../../src/simulator/peer/padding.ts'
import { DEVICE } from './support.ts'
import type { World } from './support.ts'

const NOW_MS = 1_700_000_000_000

/** See the file comment. */
export class Stranger {
  readonly #world: World
  readonly #random: RandomSource
  readonly #local: LocalIdentity
  #record: SessionRecord | undefined

  constructor(world: World, seed: string) {
    this.#world = world
    this.#random = seededRandom(`stranger ${seed}`)
    this.#local = {
      registrationId: generateRegistrationId(this.#random),
      identityKey: generateKeyPair(this.#random),
    }
  }

  /** Starts a new session with the client, by default with a fresh one-time pre-key of its. */
  start(preKey?: PreKeyBundle['preKey']): PreKeyBundle {
    const { directory } = this.#world.device(DEVICE)
    const oneTime = preKey ?? directory.take()
    if (directory.keys === undefined || oneTime === undefined) throw new Error('the client has no keys')
    const bundle = { ...directory.keys, preKey: oneTime }
    this.#record = startSession({ bundle, local: this.#local, random: this.#random, nowMs: NOW_MS })
    return bundle
  }

  /** A message stanza; `attrs` must name its sender in `from`. */
  message(attrs: Record<string, string>, content: MessageProperties | Uint8Array): BinaryNode {
    if (this.#record === undefined) this.start()
    if (this.#record === undefined) throw new Error('no session')
    const plaintext = pad(content instanceof Uint8Array ? content : encodeMessage(content), this.#random)
    const encrypted = encryptSignal({
      record: this.#record,
      plaintext,
      local: this.#local,
      random: this.#random,
      nowMs: NOW_MS,
    })
    this.#record = encrypted.record
    return node('message', { t: '1700000000', type: 'text', notify: 'Stranger', ...attrs }, [
      node('enc', { v: '2', type: encrypted.type }, encrypted.body),
    ])
  }
}
