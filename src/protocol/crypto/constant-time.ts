/** Comparison of secrets without a timing signal about where they differ. */
import { timingSafeEqual } from 'node:crypto'

/** Whether both hold the same bytes, in time that depends on their length only. */
export function constantTimeEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}
