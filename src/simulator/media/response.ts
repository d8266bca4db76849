/** How the media server says no, breaks off, and notes what it did. */
import type { MediaFault } from './media-plans.ts'
import type { MediaRequest } from './request.ts'

/** Refuses a request and says why in the trace. The connection ends: what the client still sends is not read. */
export function refuse(asked: MediaRequest, status: number, why: string): void {
  note(asked, 'refusal', `gets ${String(status)}: ${why}`)
  sendRefusal(asked, status, why)
}

/** Answers with a planned status. */
export function failAsPlanned(asked: MediaRequest, fault: MediaFault & { readonly fault: 'status' }): void {
  const { status, retryAfterSeconds } = fault
  note(asked, 'fault', `gets ${String(status)}`)
  if (retryAfterSeconds !== undefined) asked.response.setHeader('Retry-After', String(retryAfterSeconds))
  sendRefusal(asked, status, 'planned fault')
}

/** Breaks the connection, or leaves it as it is for ever. */
export function breakOff(asked: MediaRequest, fault: 'reset' | 'stall', bytes: number): void {
  note(asked, 'fault', `${fault === 'reset' ? 'breaks' : 'stalls'} behind ${String(bytes)} bytes`)
  if (fault === 'reset') asked.request.socket.destroy()
}

/** A line about a transfer in the trace. The query is left out: it holds the token. */
export function note(
  { trace, request, path }: MediaRequest,
  kind: 'fault' | 'refusal' | 'media',
  text: string,
): void {
  trace.note(kind, `${request.method ?? ''} ${path} ${text}`)
}

/** Answers with JSON. */
export function sendJson({ response }: MediaRequest, status: number, answer: object): void {
  const body = JSON.stringify(answer)
  response.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': String(body.length) })
  response.end(body)
}

function sendRefusal(asked: MediaRequest, status: number, why: string): void {
  asked.response.setHeader('Connection', 'close')
  asked.request.resume()
  sendJson(asked, status, { error: { code: status, message: why } })
}
