/** Sockets, frames and reconnect delays: bytes in, bytes out. */
export { MAX_RECONNECT_DELAY_MS, reconnectDelayMs } from './backoff.ts'
export type { ByteSocket, CloseReason, ConnectOptions, ConnectSocket } from './byte-socket.ts'
export { connectionIntro, encodeFrame, FRAME_LENGTH_BYTES, FrameParser, MAX_FRAME_BYTES } from './framing.ts'
export { SocketInbox } from './socket-inbox.ts'
export { connectWebSocket, webSocketConnector, type WebSocketSettings } from './websocket.ts'
