/** Taking a file: the token, the name, which is the hash of what comes, the bytes, and where they end up. */
import { concatBytes, equalBytes } from '../../base/bytes.ts'
import { sha256 } from '../../protocol/crypto/index.ts'
import type { MediaFault } from './media-plans.ts'
import type { MediaRequest } from './request.ts'
import { hashBytes } from './media-store.ts'
import type { StoredMedia } from './media-store.ts'
import { breakOff, failAsPlanned, note, refuse, sendJson } from './response.ts'

/** An upload whose head is right. */
interface Upload {
  readonly kind: string
  /** The name of the file, without padding. */
  readonly hash: string
  readonly digest: Uint8Array
  /** What came of it before. */
  readonly before: Uint8Array
}

type Problem = readonly [status: number, why: string]

const UPLOAD_PATH = /^\/(?:mms|product|newsletter)\/([\w-]+)\/([^/]+)$/
const UNAUTHORISED = 401
const FORBIDDEN = 403

/** Answers a POST. */
export function answerUpload(asked: MediaRequest): void {
  const fault = asked.plans.takeTransfer('upload')
  if (fault?.fault === 'status') {
    failAsPlanned(asked, fault)
    return
  }
  const upload = readUpload(asked)
  if (isProblem(upload)) refuse(asked, ...upload)
  else if (asked.query.get('resume') === '1') answerProgress(asked, upload)
  else receive(asked, upload, fault)
}

function isProblem(upload: Upload | Problem): upload is Problem {
  return Array.isArray(upload)
}

function readUpload({ path, query, store }: MediaRequest): Upload | Problem {
  const [, kind = '', name = ''] = UPLOAD_PATH.exec(path) ?? []
  if (!store.takes(kind)) return [404, 'files of this kind are not taken here']
  const verdict = store.checkAuth(query.get('auth') ?? '')
  if (verdict === 'unknown') return [UNAUTHORISED, 'the token is not one of this server']
  if (verdict === 'expired') return [FORBIDDEN, 'the token has expired']
  const decoded = name.replace('%3D', '=')
  const digest = hashBytes(decoded)
  if (digest === undefined) return [400, 'the name is not a SHA-256 hash in base64url']
  if (query.get('token') !== decoded) return [400, 'the token is not the name of the file']
  const hash = decoded.replace('=', '')
  const before = partAt(store, hash, query.get('file_offset'))
  if (before === undefined) return [400, 'the offset is not where the upload broke off']
  return { kind, hash, digest, before }
}

/** What came before the offset that an upload goes on from; `undefined` when the offset is wrong. */
function partAt(store: MediaRequest['store'], hash: string, offset: string | null): Uint8Array | undefined {
  if (offset === null) return new Uint8Array()
  const partial = store.partial(hash)
  return String(partial?.length) === offset ? partial : undefined
}

/** How far an upload came before: `complete`, or the bytes that are there. */
function answerProgress(asked: MediaRequest, { hash }: Upload): void {
  const stored = asked.store.findByHash(hash)
  if (stored !== undefined) sendJson(asked, 200, { ...answerOf(stored), resume: 'complete' })
  else sendJson(asked, 200, { resume: String(asked.store.partial(hash)?.length ?? 0) })
}

function receive(asked: MediaRequest, upload: Upload, fault: MediaFault | undefined): void {
  const { request, store } = asked
  const { maxFileBytes } = store.habits
  const breaking = fault?.fault === 'reset' || fault?.fault === 'stall' ? fault : undefined
  const declared = Number(request.headers['content-length'] ?? '0')
  const limit = breaking === undefined ? Infinity : (breaking.afterBytes ?? Math.floor(declared / 2))
  const parts: Uint8Array[] = [upload.before]
  let bytes = 0
  const stop = (): void => {
    request.off('data', take)
    request.off('end', finish)
  }
  const take = (chunk: Uint8Array): void => {
    parts.push(chunk.subarray(0, limit - bytes))
    bytes += chunk.length
    if (bytes < limit && bytes + upload.before.length <= maxFileBytes) return
    stop()
    if (breaking === undefined) {
      refuse(asked, 413, `more than ${String(maxFileBytes)} bytes`)
      return
    }
    request.pause()
    breakOff(asked, breaking.fault, limit)
  }
  const finish = (): void => {
    keep(asked, upload, concatBytes(...parts))
  }
  request.on('data', take)
  request.on('end', finish)
  request.on('close', () => {
    if (!request.complete) store.keepPartial(upload.hash, concatBytes(...parts))
  })
}

function keep(asked: MediaRequest, { kind, digest }: Upload, body: Uint8Array): void {
  if (!equalBytes(sha256(body), digest)) {
    refuse(asked, 400, 'what came is not what its name says')
    return
  }
  const stored = asked.store.put(kind, body)
  note(asked, 'media', `brings ${String(body.length)} bytes`)
  sendJson(asked, 200, answerOf(stored))
}

function answerOf({ url, directPath, handle }: StoredMedia): object {
  return { url, direct_path: directPath, handle }
}
