/** What the media server works with. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Trace } from '../trace.ts'
import type { MediaPlans } from './media-plans.ts'
import type { MediaStore } from './media-store.ts'

/** What the requests are answered with. */
export interface MediaServices {
  readonly store: MediaStore
  readonly plans: MediaPlans
  readonly trace: Trace
}

/** One request with what is needed to answer it. */
export interface MediaRequest extends MediaServices {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly path: string
  readonly query: URLSearchParams
}
