import { describe, expect, test } from 'vitest'
import { StorageError } from '../../base/errors.ts'
import { silentLogger } from '../../base/logger.ts'
import { letOthersRun } from '../../base/turn.ts'
import { node } from '../../protocol/binary/node.ts'
import type { Connection } from '../connection/connection.ts'
import type { AccountState } from '../state/account-state.ts'
import type { ReceiveContext } from './context.ts'
import { ReceivePipeline } from './pipeline.ts'

const FAILURE = new StorageError('WATON_STORE_READ', 'the test wants it', { retryable: true })

/** So many units in one turn are a loop: from there on the state gives no answer, so that the test can end. */
const TOO_MANY = 100

function connection(): { readonly it: Connection; readonly closedWith: unknown[]; end(): void } {
  const closedWith: unknown[] = []
  const it = {
    isOpen: true,
    close: (error: unknown) => {
      it.isOpen = false
      closedWith.push(error)
    },
  }
  const end = (): void => {
    it.isOpen = false
  }
  return { it: it as unknown as Connection, closedWith, end }
}

/** A pipeline on an account whose store fails while it is told to. */
function pipeline(onReadFailure: (it: ReceivePipeline) => void) {
  const store = { isFailing: true, units: 0, onUnit: (): void => undefined }
  const state = {
    transact: () => {
      store.units += 1
      store.onUnit()
      if (store.units > TOO_MANY) return new Promise(() => undefined)
      if (store.isFailing) return Promise.reject(FAILURE)
      return Promise.resolve({ value: undefined, committed: Promise.resolve() })
    },
  }
  const it = new ReceivePipeline({
    state: state as unknown as AccountState,
    context: {} as ReceiveContext,
    logger: silentLogger,
    onReadFailure: () => {
      onReadFailure(it)
    },
    onProgress: () => undefined,
  })
  return { it, store }
}

describe('a stanza for which the store fails', () => {
  test('is left to its next delivery when its connection has ended meanwhile', async () => {
    const { it, store } = pipeline(() => undefined)
    const gone = connection()
    store.onUnit = () => {
      gone.end()
      it.forget(gone.it)
    }
    it.accept(gone.it, node('message', { id: '1' }))
    await letOthersRun()
    expect(store.units).toBe(1)
  })

  test('ends its connection when nobody waits for the store, with all that waits behind it', async () => {
    const { it, store } = pipeline(() => undefined)
    const { it: open, closedWith } = connection()
    for (const id of ['1', '2', '3']) it.accept(open, node('message', { id }))
    await letOthersRun()
    expect(store.units).toBe(1)
    expect(closedWith).toEqual([FAILURE])
  })

  test('does not keep what the next connection delivers from being taken', async () => {
    const { it, store } = pipeline(() => undefined)
    it.accept(connection().it, node('message', { id: '1' }))
    await letOthersRun()
    store.isFailing = false
    it.accept(connection().it, node('message', { id: '1' }))
    await letOthersRun()
    expect(store.units).toBe(2)
  })

  test('is taken again when whoever waits for the store says so, and not before', async () => {
    const { it, store } = pipeline((held) => {
      held.hold(false)
    })
    const { it: open, closedWith } = connection()
    it.accept(open, node('message', { id: '1' }))
    await letOthersRun()
    expect(store.units).toBe(1)
    it.release()
    await letOthersRun()
    expect(store.units).toBe(2)
    store.isFailing = false
    it.release()
    await letOthersRun()
    expect(store.units).toBe(3)
    expect(closedWith).toEqual([])
  })
})
