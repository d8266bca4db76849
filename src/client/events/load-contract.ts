/**
 * Loads the contract when it is first needed: zod costs tens of milliseconds and megabytes, which neither `import 'waton'` nor
 * a first connection has to pay.
 */
import type { EventContract } from './contract.ts'
import { EVENTS } from './registry.ts'

let loading: Promise<EventContract> | undefined

/** The contract of all durable events. */
export function loadContract(): Promise<EventContract> {
  loading ??= load()
  return loading
}

async function load(): Promise<EventContract> {
  const { createContract } = await import('./contract.ts')
  return createContract(EVENTS)
}
