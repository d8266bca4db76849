/**
 * The shape of a connection to the server: bytes in, bytes out, and one end. It is not a WebSocket: what implements it
 * (`websocket.ts`, or the simulator's in-memory endpoint) is chosen by whoever connects, and everything above sees
 * only this. Message boundaries mean nothing here: frames may span and share what `onData` gets (see `framing.ts`).
 */
import type { Clock } from '../base/clock.ts'

/** Why a connection ended. Both fields are absent when our own side closed it in good order. */
export interface CloseReason {
  /** The WebSocket close code, when the transport has one (1006 means the peer vanished without a word). */
  readonly code?: number
  /** What broke the connection; absent when it was closed in good order by either side. */
  readonly error?: unknown
}

/** An open connection. */
export interface ByteSocket {
  /**
   * Queues the bytes for sending, in call order. The array must not be changed afterwards.
   *
   * @throws {ClosedError} `WATON_TRANSPORT_CLOSED` once the connection is closing or closed: nothing is dropped silently
   */
  send(bytes: Uint8Array): void
  /** Ends the connection; idempotent. No `onData` call follows, and `onClose` is called within a short, bounded time. */
  close(): void
  /** Stops reading from the network, so that the peer is held back instead of our memory being filled. */
  pause?(): void
  /** Reads again after {@link ByteSocket.pause}. */
  resume?(): void
  /** Bytes accepted by {@link ByteSocket.send} that have not reached the operating system yet. */
  readonly bufferedBytes: number
  /**
   * Gets the received bytes in order. What arrived before it was set is kept (to a bound) and delivered, in order,
   * while it is being set. The bytes are a view of a read buffer: copy what must be kept for long. A listener that
   * throws ends the connection, with what it threw as the close reason.
   */
  onData: ((bytes: Uint8Array) => void) | undefined
  /**
   * Called exactly once, after the last `onData` call; when the end came before it was set, while it is being set. Set
   * `onData` first: the end does not wait for somebody to listen to the data.
   */
  onClose: ((reason: CloseReason) => void) | undefined
}

/** What a connection attempt needs. */
export interface ConnectOptions {
  /** `wss://...` or `ws://...`. */
  readonly url: string
  /** Extra header fields of the upgrade request. */
  readonly headers?: Readonly<Record<string, string>>
  /** How long connecting may take, from the call to the open connection. */
  readonly timeoutMs: number
  readonly clock: Clock
  /** Gives the attempt up at any moment until the promise settles. It has no say over the open connection. */
  readonly signal: AbortSignal
}

/**
 * Opens a connection. It rejects with a `TransportError` (`WATON_TRANSPORT_CONNECT`), a `TimeoutError`
 * (`WATON_TRANSPORT_TIMEOUT`) or, when the signal was aborted, a `ClosedError` (`WATON_TRANSPORT_ABORTED`); nothing of
 * the attempt is left behind then.
 */
export type ConnectSocket = (options: ConnectOptions) => Promise<ByteSocket>
