/** The handshake over a socket that splits and glues bytes as networks do, with an independent server. */
import { describe, expect, test } from 'vitest'
import { concatBytes } from '../../src/base/bytes.ts'
import { systemClock } from '../../src/base/clock.ts'
import { seededRandom } from '../../src/base/random.ts'
import { NodeStream } from '../../src/client/connection/node-stream.ts'
import { openSecureSocket } from '../../src/client/connection/secure-socket.ts'
import type { SecureSocket } from '../../src/client/connection/secure-socket.ts'
import { encodeNode } from '../../src/protocol/binary/encode.ts'
import { node } from '../../src/protocol/binary/node.ts'
import type { BinaryNode } from '../../src/protocol/binary/node.ts'
import { generateKeyPair } from '../../src/protocol/crypto/index.ts'
import { TransportCipher } from '../../src/protocol/noise/index.ts'
import type { ByteSocket } from '../../src/transport/byte-socket.ts'
import { encodeFrame } from '../../src/transport/framing.ts'
import { SocketInbox } from '../../src/transport/socket-inbox.ts'
import {
  CHAIN_NOW_SECONDS,
  issueChain,
  newServerKeys,
  ScriptedServer,
} from '../vectors/noise/scripted-server.ts'

const keys = newServerKeys()
const chain = issueChain(keys)
const noiseKey = generateKeyPair(seededRandom('secure socket'))
/** Length of the intro in front of the first frame, and of a frame's length. */
const [INTRO_BYTES, LENGTH_BYTES] = [4, 3]

/** A socket whose other end answers the hello with `answer`, cut into pieces of `pieceBytes`. */
class Script implements ByteSocket {
  readonly #inbox = new SocketInbox(() => undefined)
  readonly #answer: (hello: Uint8Array) => Uint8Array
  readonly #pieceBytes: number
  readonly #isEnding: boolean
  readonly sent: Uint8Array[] = []
  readonly bufferedBytes = 0
  isClosed = false

  constructor(answer: (hello: Uint8Array) => Uint8Array, pieceBytes: number, isEnding = true) {
    this.#isEnding = isEnding
    this.#answer = answer
    this.#pieceBytes = pieceBytes
  }

  get onData(): ByteSocket['onData'] {
    return this.#inbox.onData
  }

  set onData(listener: ByteSocket['onData']) {
    this.#inbox.onData = listener
  }

  get onClose(): ByteSocket['onClose'] {
    return this.#inbox.onClose
  }

  set onClose(listener: ByteSocket['onClose']) {
    this.#inbox.onClose = listener
  }

  send(bytes: Uint8Array): void {
    this.sent.push(bytes)
    if (this.sent.length > 1) return
    const answer = this.#answer(bytes.subarray(INTRO_BYTES + LENGTH_BYTES))
    for (let start = 0; start < answer.length; start += this.#pieceBytes) {
      this.#inbox.deliverData(answer.subarray(start, start + this.#pieceBytes))
    }
    if (this.#isEnding) this.#inbox.deliverClose({ code: 1006 })
  }

  close(): void {
    this.isClosed = true
  }
}

function open(socket: ByteSocket, isKnown: boolean): Promise<SecureSocket> {
  return openSecureSocket({
    endpoint: { url: 'ws://127.0.0.1:1/', rootKey: keys.root.public, connect: () => Promise.resolve(socket) },
    noiseKey,
    payload: Uint8Array.of(1, 2, 3),
    routingInfo: undefined,
    ...(isKnown ? { knownServer: new Uint8Array(keys.static.public) } : {}),
    clock: { ...systemClock, nowMs: () => CHAIN_NOW_SECONDS * 1000 },
    random: seededRandom('hello'),
    timeoutMs: 1000,
    signal: new AbortController().signal,
    onSocketOpen: () => undefined,
  })
}

const PIECES = [1, 2, 7, 1000, Number.MAX_SAFE_INTEGER]

describe('a full handshake', () => {
  test('is refused when the server speaks before it is done', async () => {
    const answer = (hello: Uint8Array): Uint8Array =>
      concatBytes(encodeFrame(new ScriptedServer(keys, chain).answer(hello)), encodeFrame(new Uint8Array(9)))
    const socket = new Script(answer, Number.MAX_SAFE_INTEGER)
    await expect(open(socket, false)).rejects.toMatchObject({ code: 'WATON_NOISE_EARLY_DATA' })
    expect(socket.isClosed).toBe(true)
    expect(socket.sent).toHaveLength(1)
  })

  test('is refused when the answer is longer than a stranger may make it', async () => {
    const socket = new Script(() => encodeFrame(new Uint8Array(64 * 1024 + 1)), 1000)
    await expect(open(socket, false)).rejects.toMatchObject({ code: 'WATON_FRAME_LENGTH' })
  })

  test.each(PIECES)(
    'is read in pieces of %d bytes, and the end behind it is not missed',
    async (pieceBytes) => {
      const socket = new Script(
        (hello) => encodeFrame(new ScriptedServer(keys, chain).answer(hello)),
        pieceBytes,
      )
      const secure = await open(socket, false)
      expect(secure.pattern).toBe('XX')
      const stream = new NodeStream(secure)
      const ended = new Promise((resolve) => {
        stream.onEnd = resolve
      })
      stream.onNode = () => undefined
      expect(await ended).toMatchObject({ code: 'WATON_TRANSPORT_CLOSED' })
    },
  )
})

describe('a resumed handshake', () => {
  test.each(PIECES)(
    'loses nothing of what the server says right behind its answer, in pieces of %d bytes',
    async (pieceBytes) => {
      const stanzas = [node('success', { lid: '1@lid' }), node('ib', {}, new Uint8Array(5000))]
      const socket = new Script((hello) => {
        const { answer, result } = new ScriptedServer(keys, chain).resume(hello, chain)
        const { serverToClientKey: sendKey, clientToServerKey: receiveKey } = result
        const sealed = new TransportCipher({ sendKey, receiveKey }).sealAll(stanzas.map(encodeNode))
        return concatBytes(encodeFrame(answer), sealed)
      }, pieceBytes)
      const secure = await open(socket, true)
      expect(secure.pattern).toBe('IK')
      expect(socket.sent).toHaveLength(1)
      const stream = new NodeStream(secure)
      const seen: BinaryNode[] = []
      const ended = new Promise((resolve) => {
        stream.onEnd = resolve
      })
      stream.onNode = (stanza) => {
        seen.push(stanza)
      }
      await ended
      expect(seen.map(({ tag }) => tag)).toEqual(['success', 'ib'])
    },
  )
})

describe('a stream that ended before anybody listened', () => {
  test.each([
    [256, undefined],
    [257, 'WATON_STANZA_EARLY'],
  ])('keeps what it was sent until then: %i stanzas', async (count, code) => {
    const socket = new Script(
      (hello) => {
        const { answer, result } = new ScriptedServer(keys, chain).resume(hello, chain)
        const { serverToClientKey: sendKey, clientToServerKey: receiveKey } = result
        const cipher = new TransportCipher({ sendKey, receiveKey })
        const stanzas = Array.from({ length: count }, (_, number) =>
          cipher.seal(encodeNode(node('ib', { id: String(number) }))),
        )
        return concatBytes(encodeFrame(answer), ...stanzas)
      },
      100_000,
      false,
    )
    const stream = new NodeStream(await open(socket, true))
    const seen: string[] = []
    const ends: unknown[] = []
    stream.onEnd = (error) => ends.push(error)
    stream.onNode = ({ attrs }) => seen.push(attrs.id ?? '')
    expect(seen).toEqual(Array.from({ length: 256 }, (_, number) => String(number)))
    expect(ends).toMatchObject(code === undefined ? [] : [{ code }])
  })

  test('tells its end also when a stanza that waited cannot be answered any more', async () => {
    const socket = new Script((hello) => {
      const { answer, result } = new ScriptedServer(keys, chain).resume(hello, chain)
      const { serverToClientKey: sendKey, clientToServerKey: receiveKey } = result
      const question = encodeNode(node('iq', { type: 'set', id: '1' }))
      return concatBytes(encodeFrame(answer), new TransportCipher({ sendKey, receiveKey }).seal(question))
    }, 1000)
    const stream = new NodeStream(await open(socket, true))
    const ends: unknown[] = []
    stream.onEnd = (error) => ends.push(error)
    expect(() => {
      stream.onNode = () => {
        stream.send(node('iq', { type: 'result', id: '1' }))
      }
    }).toThrow(expect.objectContaining({ code: 'WATON_TRANSPORT_CLOSED' }))
    expect(ends).toMatchObject([{ code: 'WATON_TRANSPORT_CLOSED' }])
  })
})

describe('stanzas that are sent together', () => {
  test('leave in one write, as the frames that they would be alone', async () => {
    let receiveKey: Uint8Array = new Uint8Array(32)
    const answer = (hello: Uint8Array): Uint8Array => {
      const resumed = new ScriptedServer(keys, chain).resume(hello, chain)
      receiveKey = resumed.result.clientToServerKey
      return encodeFrame(resumed.answer)
    }
    const socket = new Script(answer, 1000, false)
    const stream = new NodeStream(await open(socket, true))
    const stanzas = [node('ack', { id: '1' }), node('receipt', { id: '2' }), node('presence', {})]
    stream.send(...stanzas)
    stream.send()
    expect(socket.sent).toHaveLength(2)
    const alone = new TransportCipher({ sendKey: receiveKey, receiveKey })
    expect(socket.sent[1]).toEqual(concatBytes(...stanzas.map((stanza) => alone.seal(encodeNode(stanza)))))
  })
})
