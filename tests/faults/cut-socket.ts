/**
 * Cuts a client's connection at one planned point: before or after the n-th frame of a direction, or behind its n-th
 * byte. Frames and bytes are counted over all connections of a scenario. It sits around any `ConnectSocket` and looks at
 * nothing but the lengths of frames; what a cut breaks is the scenario's business. Unlike the simulator's fault plan
 * (`simulator.faults.plan`) it sits at the client's end, so a server can be left that does not notice.
 */
import { ClosedError } from '../../src/base/errors.ts'
import { FrameMeter } from '../../src/simulator/fault-plan/frame-meter.ts'
import type { FrameEdge } from '../../src/simulator/fault-plan/frame-meter.ts'
import type { ByteSocket, CloseReason, ConnectSocket } from '../../src/transport/byte-socket.ts'

/** Seen from the client. */
export type Direction = 'sent' | 'received'

/** Where to cut, once. Positions count from 1. */
export interface Cut {
  readonly direction: Direction
  /** `byte`: everything up to and with this byte is delivered, which may be a part of a frame. */
  readonly at: 'before frame' | 'after frame' | 'byte'
  readonly position: number
  /** Whether the server does not notice: its end stays open, and what it writes is lost. */
  readonly isHalfOpen: boolean
}

/** Proof that a cut happened. */
export interface CutProof {
  /** Which connection of the scenario was cut, from 1. */
  readonly connection: number
  readonly cut: Cut
}

/** What has passed in one direction. */
export interface Passed {
  bytes: number
  /** Behind how many bytes each frame ended. */
  readonly frameEnds: number[]
  /** How many of the frames belong to the first connection, which links. */
  linkingFrames: number
}

/** A cut in words, for names and failures. */
export function describeCut({ direction, at, position, isHalfOpen }: Cut): string {
  return `${at} ${String(position)} ${direction}${isHalfOpen ? ', unnoticed by the server' : ''}`
}

/** See the file comment. One per scenario. */
export class Cutter {
  readonly passed: Readonly<Record<Direction, Passed>> = {
    sent: { bytes: 0, frameEnds: [], linkingFrames: 0 },
    received: { bytes: 0, frameEnds: [], linkingFrames: 0 },
  }
  readonly #inner: ConnectSocket
  readonly #cut: Cut | undefined
  readonly #onCut: (proof: CutProof) => void
  #connections = 0
  #proof: CutProof | undefined
  #halfOpen: ByteSocket | undefined

  /**
   * @param cut - nothing is cut without it: a dry run that counts
   * @param onCut - called in the moment of the cut
   */
  constructor(inner: ConnectSocket, cut?: Cut, onCut: (proof: CutProof) => void = () => undefined) {
    this.#inner = inner
    this.#cut = cut
    this.#onCut = onCut
  }

  /** What this cutter waits for. */
  get plan(): Cut | undefined {
    return this.#cut
  }

  /** Set once the cut has happened. */
  get proof(): CutProof | undefined {
    return this.#proof
  }

  /** Connections opened so far. */
  get connections(): number {
    return this.#connections
  }

  /** The `connect` of the endpoint under test. */
  readonly connect: ConnectSocket = async (options) => {
    const socket = await this.#inner(options)
    // a server that waits for a companion waits for a minute; a device that logs in takes the place of its old connection
    if (this.#proof?.connection === 1) this.#halfOpen?.close()
    this.#connections += 1
    return new CutSocket(this, socket, this.#connections)
  }

  /** Ends the server's end of the connection that was cut, unless the server must not notice. */
  endServer(socket: ByteSocket): void {
    if (this.#cut?.isHalfOpen === true) this.#halfOpen = socket
    else socket.close()
  }

  /** Counts what is about to pass. @returns how many bytes of it still pass when the cut is in it */
  count(
    direction: Direction,
    chunk: Uint8Array,
    from: { meter: FrameMeter; connection: number },
  ): number | undefined {
    const { meter, connection } = from
    const passed = this.passed[direction]
    const bytesBefore = passed.bytes
    const framesBefore = passed.frameEnds.length
    const edges = meter.push(chunk)
    passed.bytes += chunk.length
    for (const { edge, offset } of edges) if (edge === 'end') passed.frameEnds.push(bytesBefore + offset)
    if (connection === 1) passed.linkingFrames = passed.frameEnds.length
    const cut = this.#cut
    if (cut === undefined || this.#proof !== undefined || cut.direction !== direction) return undefined
    const offset =
      cut.at === 'byte'
        ? offsetOfByte(cut.position - bytesBefore, chunk)
        : offsetOfFrame(cut, framesBefore, edges)
    if (offset === undefined) return undefined
    this.#proof = { connection, cut }
    this.#onCut(this.#proof)
    return offset
  }
}

function offsetOfByte(left: number, chunk: Uint8Array): number | undefined {
  return left <= chunk.length ? left : undefined
}

function offsetOfFrame(cut: Cut, framesBefore: number, edges: readonly FrameEdge[]): number | undefined {
  let frames = framesBefore
  for (const { edge, offset } of edges) {
    if (edge === 'end') frames += 1
    const isThere = edge === 'begin' ? cut.at === 'before frame' : cut.at === 'after frame'
    if (isThere && cut.position === (edge === 'begin' ? frames + 1 : frames)) return offset
  }
  return undefined
}

/**
 * The client's end of a connection that can be cut. Behind a cut nothing passes in either direction. Who wrote into it
 * learns of the end only after what it was doing then, as with a real network; who was being written to learns at once.
 */
class CutSocket implements ByteSocket {
  readonly #cutter: Cutter
  readonly #inner: ByteSocket
  readonly #connection: number
  readonly #meters = {
    sent: new FrameMeter('client-to-server'),
    received: new FrameMeter('server-to-client'),
  }
  #onData: ((bytes: Uint8Array) => void) | undefined
  #onClose: ((reason: CloseReason) => void) | undefined
  #isCut = false
  #reason: CloseReason | undefined

  constructor(cutter: Cutter, inner: ByteSocket, connection: number) {
    this.#cutter = cutter
    this.#inner = inner
    this.#connection = connection
  }

  get bufferedBytes(): number {
    return this.#inner.bufferedBytes
  }

  send(bytes: Uint8Array): void {
    if (this.#reason !== undefined) throw new ClosedError('WATON_TRANSPORT_CLOSED', 'the connection was cut')
    if (this.#isCut) return
    const offset = this.#count('sent', bytes)
    if (offset !== 0) this.#inner.send(offset === undefined ? bytes : bytes.slice(0, offset))
    if (offset === undefined) return
    this.#isCut = true
    // behind the delivery of what was sent before
    queueMicrotask(() => {
      this.#cutter.endServer(this.#inner)
    })
    setImmediate(() => {
      this.#finish({ code: 1006 })
    })
  }

  close(): void {
    if (this.#isCut) this.#finish({})
    else this.#inner.close()
  }

  get onData(): ((bytes: Uint8Array) => void) | undefined {
    return this.#onData
  }

  set onData(listener: ((bytes: Uint8Array) => void) | undefined) {
    this.#onData = listener
    this.#inner.onData =
      listener === undefined
        ? undefined
        : (bytes) => {
            this.#receive(bytes)
          }
  }

  get onClose(): ((reason: CloseReason) => void) | undefined {
    return this.#onClose
  }

  set onClose(listener: ((reason: CloseReason) => void) | undefined) {
    this.#onClose = listener
    if (this.#reason !== undefined) listener?.(this.#reason)
    else
      this.#inner.onClose = (reason) => {
        if (!this.#isCut) this.#finish(reason)
      }
  }

  #receive(bytes: Uint8Array): void {
    if (this.#isCut) return
    const offset = this.#count('received', bytes)
    if (offset === undefined) {
      this.#onData?.(bytes)
      return
    }
    this.#isCut = true
    if (offset > 0) this.#onData?.(bytes.slice(0, offset))
    this.#cutter.endServer(this.#inner)
    queueMicrotask(() => {
      this.#finish({ code: 1006 })
    })
  }

  #count(direction: Direction, bytes: Uint8Array): number | undefined {
    return this.#cutter.count(direction, bytes, {
      meter: this.#meters[direction],
      connection: this.#connection,
    })
  }

  #finish(reason: CloseReason): void {
    if (this.#reason !== undefined) return
    this.#reason = reason
    this.#onClose?.(reason)
  }
}
