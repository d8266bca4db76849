/** The thread that makes one copy of a store file (`copy.ts`), says how it ended, and ends. */
import { parentPort, workerData } from 'node:worker_threads'
import type { MessagePort } from 'node:worker_threads'
import { StorageError } from '../../base/errors.ts'
import { copyStore } from './copy.ts'
import type { CopyRequest } from './copy.ts'
import { loadDriver } from './driver.ts'
import { copyFailure, plainFailure } from './failures.ts'
import type { PlainFailure } from './failures.ts'

/** How it ended. */
export interface CopyOutcome {
  readonly failure?: PlainFailure
}

async function main(port: MessagePort, request: CopyRequest): Promise<void> {
  const outcome: { failure?: PlainFailure } = {}
  try {
    copyStore(await loadDriver(), request)
  } catch (error) {
    outcome.failure = plainFailure(error instanceof StorageError ? error : copyFailure(request.target, error))
  }
  port.postMessage(outcome satisfies CopyOutcome)
}

if (parentPort !== null) void main(parentPort, workerData as CopyRequest)
