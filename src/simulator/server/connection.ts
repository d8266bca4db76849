/**
 * One connection: bytes to frames, the Noise handshake, then sealed frames to stanzas and back. Who connects is decided
 * by the host (`server.ts`); what stanzas mean is decided further on.
 */
import type { Clock, Timer } from '../../base/clock.ts'
import { describeError, WatonError } from '../../base/errors.ts'
import type { RandomSource } from '../../base/random.ts'
import { decodeNode } from '../../protocol/binary/decode.ts'
import { encodeNode } from '../../protocol/binary/encode.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import type { FaultInjector } from '../fault-plan/injector.ts'
import type { StanzaLane } from '../fault-plan/stanza-lane.ts'
import type { Trace, TraceNoteKind, TraceParty } from '../trace.ts'
import type { CertificateAuthority } from './certificate-authority.ts'
import type { Channel, StanzaListener } from './channel.ts'
import { encodeFrame, FrameReader, WA_HEADER } from './frame-reader.ts'
import { isResuming, NoiseResponder } from './noise-responder.ts'
import type { HandshakeResult, TransportKey } from './noise-responder.ts'
import type { Wire } from './wire.ts'

const HANDSHAKE_DEADLINE_MS = 20_000
/** Bytes that may wait in the socket before a client that does not read is cut off. */
const MAX_BUFFERED_BYTES = 64 * 1024 * 1024

/** What a connection needs of the server. */
export interface ConnectionHost {
  readonly clock: Clock
  readonly random: RandomSource
  readonly trace: Trace
  readonly authority: CertificateAuthority
  /** Whether, and how, the next hello that resumes is answered; asked when one has come. @default it resumes */
  takeResumption?(): Resumption
  /** What breaks connections on purpose. */
  readonly injector?: FaultInjector
  /** The connection is gone. */
  left(connection: Connection): void
  /** Decides who this is; the listener gets every stanza from then on. */
  admit(channel: Channel, handshake: HandshakeResult, routingInfo: Uint8Array | undefined): StanzaListener
}

/** What a hello that resumes gets: what it asks for, a fallback, or an answer that proves nothing. */
export type Resumption = 'resume' | 'fall-back' | 'forge'

/** See the file comment. */
export class Connection implements Channel {
  readonly connectionId: number
  readonly #host: ConnectionHost
  readonly #wire: Wire
  readonly #frames: FrameReader = new FrameReader()
  readonly #noise: NoiseResponder
  readonly #deadline: Timer
  readonly #outgoing: StanzaLane | undefined
  readonly #incoming: StanzaLane | undefined
  #state: 'hello' | 'finish' | 'open' | 'closed' = 'hello'
  #listener: StanzaListener | undefined
  #device: string | undefined
  #toClient: TransportKey | undefined
  #fromClient: TransportKey | undefined

  constructor(host: ConnectionHost, wire: Wire, connectionId: number) {
    const { injector } = host
    const party = (): TraceParty => this.#party()
    this.#host = host
    this.#wire = injector?.wire(wire, party) ?? wire
    this.connectionId = connectionId
    this.#outgoing = injector?.lane('server-to-client', party, {
      pass: (stanza) => {
        this.#send(stanza)
      },
    })
    this.#incoming = injector?.lane('client-to-server', party, {
      pass: (stanza) => this.#listener?.receive(stanza),
      answer: (stanza) => {
        this.write(stanza)
      },
    })
    this.#noise = new NoiseResponder(host.authority.serverKey, WA_HEADER, host.random)
    this.#deadline = host.clock.schedule(HANDSHAKE_DEADLINE_MS, () => {
      this.#note('refusal', 'the handshake took too long')
      this.cut()
    })
    this.#wire.onData = (bytes) => {
      this.#receive(bytes)
    }
    this.#wire.onClose = () => {
      this.#closed()
    }
    this.#note('connect', 'a client connects')
  }

  write(stanza: BinaryNode): void {
    if (this.#outgoing === undefined) this.#send(stanza)
    else this.#outgoing.push(stanza)
  }

  identify(device: string): void {
    this.#device = device
  }

  end(): void {
    this.#wire.end()
  }

  cut(): void {
    this.#wire.cut()
  }

  #send(stanza: BinaryNode): void {
    if (this.#toClient === undefined || this.#state === 'closed') return
    this.#host.trace.stanza(this.#party(), 'server-to-client', stanza)
    this.#wire.send(encodeFrame(this.#toClient.seal(encodeNode(stanza))))
    if (this.#wire.bufferedBytes > MAX_BUFFERED_BYTES) {
      this.#note('refusal', 'the client does not read what it is sent')
      this.cut()
    }
  }

  #receive(bytes: Uint8Array): void {
    try {
      for (const frame of this.#frames.push(bytes)) this.#handleFrame(frame)
    } catch (error) {
      if (!(error instanceof WatonError)) throw error
      this.#refuse(describeError(error))
    }
  }

  #handleFrame(frame: Uint8Array): void {
    switch (this.#state) {
      case 'hello': {
        this.#answerHello(frame)
        return
      }
      case 'finish':
        this.#finish(this.#noise.readFinish(frame))
        return
      case 'open':
        this.#handleStanza(frame)
        return
      case 'closed':
        return
    }
  }

  #answerHello(frame: Uint8Array): void {
    this.#state = 'finish'
    const planned = isResuming(frame) ? (this.#host.takeResumption?.() ?? 'resume') : 'resume'
    const chain = this.#host.authority.issueChain()
    const answer = this.#noise.answerHello(frame, chain, planned !== 'fall-back')
    this.#note('handshake', answer.pattern)
    this.#wire.send(encodeFrame(planned === 'forge' ? forged(answer.frame) : answer.frame))
    if (answer.result !== undefined) this.#finish(answer.result)
  }

  #finish(handshake: HandshakeResult): void {
    this.#deadline.cancel()
    this.#toClient = handshake.toClient
    this.#fromClient = handshake.fromClient
    this.#state = 'open'
    this.#listener = this.#host.admit(this, handshake, this.#frames.routingInfo)
  }

  #handleStanza(frame: Uint8Array): void {
    if (this.#fromClient === undefined) return
    const stanza = decodeNode(this.#fromClient.open(frame))
    this.#host.trace.stanza(this.#party(), 'client-to-server', stanza)
    if (this.#incoming === undefined) this.#listener?.receive(stanza)
    else this.#incoming.push(stanza)
  }

  #refuse(text: string): void {
    if (this.#listener === undefined) {
      this.#note('refusal', text)
      this.cut()
    } else {
      this.#listener.violation(text)
    }
  }

  #closed(): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#deadline.cancel()
    this.#outgoing?.close()
    this.#incoming?.close()
    this.#note('disconnect', 'the connection is closed')
    this.#listener?.closed()
    this.#host.left(this)
  }

  #note(kind: TraceNoteKind, text: string): void {
    this.#host.trace.note(kind, text, this.#party())
  }

  #party(): TraceParty {
    return { connectionId: this.connectionId, device: this.#device }
  }
}

/** The answer with its last byte, which belongs to a tag, changed: nothing in it can be believed. */
function forged(frame: Uint8Array): Uint8Array {
  return Uint8Array.from(frame, (byte, index) => (index === frame.length - 1 ? byte ^ 1 : byte))
}
