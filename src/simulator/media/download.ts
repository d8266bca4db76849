/** Giving a file: whole or the range that is asked for, or in the way that a fault wants it. */
import type { MediaFault } from './media-plans.ts'
import type { MediaRequest } from './request.ts'
import { breakOff, failAsPlanned, note, refuse } from './response.ts'

interface Range {
  readonly start: number
  /** Behind the last byte. */
  readonly end: number
}

const RANGE = /^bytes=(\d*)-(\d*)$/

/** Answers a GET. */
export function answerDownload(asked: MediaRequest): void {
  const { path, plans, query, store } = asked
  const fault = plans.takeTransfer('download')
  if (fault?.fault === 'status') {
    failAsPlanned(asked, fault)
    return
  }
  const found = store.read(path, query)
  if (found.kind === 'found') send(asked, found.body, fault)
  else if (found.kind === 'gone') refuse(asked, store.habits.goneStatus, 'the path has expired')
  else refuse(asked, 404, 'there is no such file')
}

function send(asked: MediaRequest, body: Uint8Array, fault: MediaFault | undefined): void {
  const { request, response } = asked
  const wanted = request.headers.range
  const range = wanted === undefined ? { start: 0, end: body.length } : readRange(wanted, body.length)
  if (range === undefined) {
    response.setHeader('Content-Range', `bytes */${String(body.length)}`)
    refuse(asked, 416, 'the range is not in the file')
    return
  }
  if (wanted !== undefined) {
    const last = String(range.end - 1)
    response.setHeader('Content-Range', `bytes ${String(range.start)}-${last}/${String(body.length)}`)
  }
  response.statusCode = wanted === undefined ? 200 : 206
  response.setHeader('Content-Type', 'application/octet-stream')
  response.setHeader('Accept-Ranges', 'bytes')
  write(asked, body.subarray(range.start, range.end), fault)
}

function write(asked: MediaRequest, bytes: Uint8Array, fault: MediaFault | undefined): void {
  const { response } = asked
  const half = Math.floor(bytes.length / 2)
  switch (fault?.fault) {
    case 'reset':
    case 'stall': {
      const before = Math.min(fault.afterBytes ?? half, bytes.length)
      response.setHeader('Content-Length', String(bytes.length))
      response.flushHeaders()
      response.write(bytes.subarray(0, before), () => {
        breakOff(asked, fault.fault, before)
      })
      return
    }
    case 'truncate':
      note(asked, 'fault', `ends behind ${String(half)} of ${String(bytes.length)} bytes`)
      finish(response, bytes.subarray(0, half))
      return
    case 'wrong-bytes':
      note(asked, 'fault', `has byte ${String(half)} changed`)
      finish(
        response,
        bytes.map((byte, index) => (index === half ? byte ^ 1 : byte)),
      )
      return
    case 'status':
    case undefined:
      note(asked, 'media', `fetches ${String(bytes.length)} bytes`)
      finish(response, bytes)
  }
}

function finish(response: MediaRequest['response'], bytes: Uint8Array): void {
  response.setHeader('Content-Length', String(bytes.length))
  response.end(bytes)
}

/** One range of bytes, as RFC 9110 has it; `undefined` when it is none of this file. */
function readRange(header: string, length: number): Range | undefined {
  const [, first = '', last = ''] = RANGE.exec(header) ?? []
  if (first === '' && last === '') return undefined
  const start = first === '' ? Math.max(0, length - Number(last)) : Number(first)
  const end = first === '' || last === '' ? length : Math.min(Number(last) + 1, length)
  return start < end ? { start, end } : undefined
}
