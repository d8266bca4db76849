/** What the threads say to each other. Texts are in column form; every request gets one answer with its id. */
import type { PlainFailure } from './failures.ts'
import type { PackedChanges } from './packing.ts'
import type { FileFacts, FileOptions } from './writer-file.ts'

/** A request to the writer without its number. `file` is the number that `open` answered with. */
export type WriterRequest =
  | { readonly kind: 'open'; readonly path: string; readonly options: FileOptions }
  | {
      readonly kind: 'claim'
      readonly file: number
      readonly account: string
      readonly owner: string
      readonly nowMs: number
      readonly expiresAtMs: number
    }
  | {
      readonly kind: 'renew'
      readonly file: number
      readonly account: string
      readonly epoch: number
      readonly expiresAtMs: number
    }
  | { readonly kind: 'release'; readonly file: number; readonly account: string; readonly epoch: number }
  | {
      readonly kind: 'commit'
      readonly file: number
      readonly account: string
      readonly epoch: number
      readonly changes: PackedChanges
    }
  | { readonly kind: 'facts'; readonly file: number }
  | { readonly kind: 'close'; readonly file: number }
  /** Ends the thread behind everything asked before; it is not answered. */
  | { readonly kind: 'end' }

/** A request on its way. */
export interface NumberedRequest {
  readonly id: number
  readonly request: WriterRequest
}

/** What the writer answers: a number (file, epoch), facts, or nothing. */
export type WriterValue = number | FileFacts | undefined

/** An answer on its way. */
export type WriterAnswer =
  | { readonly id: number; readonly value: WriterValue }
  | { readonly id: number; readonly failure: PlainFailure }

/** What the thread is started with. */
export interface WriterSetup {
  /** See `Gate`. */
  readonly gate: SharedArrayBuffer
}
