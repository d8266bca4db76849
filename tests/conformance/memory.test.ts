/** The in-memory store against the conformance suite. */
import { describe, test } from 'vitest'
import { MemoryStore } from '../../src/persistence/memory/index.ts'
import { storeConformance } from '../../src/testing/index.ts'

describe('MemoryStore', () => {
  storeConformance(() => Promise.resolve(new MemoryStore()), { describe, test })
})
