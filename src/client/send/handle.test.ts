import { describe, expect, test } from 'vitest'
import { deferred } from '../../base/deferred.ts'
import { Handles } from './handle.ts'
import type { OutboxItem } from './outbox-item.ts'
import type { OutboxState } from './states.ts'

function itemOf(id: string, state: OutboxState = 'queued'): OutboxItem {
  const body = { to: '2@lid', message: new Uint8Array(1), stanzaType: 'text' }
  return { id, chat: '2@lid', position: 1, state, at: 1, body }
}

/** Handles over rows that a test writes. */
class Scene {
  readonly rows = new Map<string, OutboxItem>()
  readonly handles: Handles
  reads = 0

  constructor(limits?: { readonly idle: number; readonly waited: number }) {
    this.handles = new Handles(
      {
        hasLeft: () => false,
        waitOf: () => undefined,
        find: (id) => {
          this.reads += 1
          this.handles.watch(id)
          return Promise.resolve(this.rows.get(id))
        },
      },
      limits,
    )
  }

  /** A message as it is accepted. */
  accept(id: string): ReturnType<Handles['of']> {
    this.handles.watch(id)
    const item = itemOf(id)
    this.rows.set(id, item)
    return this.handles.of(item)
  }

  reach(id: string, state: OutboxState): void {
    const item = itemOf(id, state)
    this.rows.set(id, item)
    this.handles.advance(item)
  }

  /** So many further messages, for which nobody waits. */
  others(count: number): void {
    for (let number = 0; number < count; number += 1) this.accept(`OTHER-${String(number)}`)
  }
}

/** What becomes of a promise in the next turns. */
async function fateOf(promise: Promise<void>): Promise<string> {
  const open = deferred<string>()
  setTimeout(() => {
    open.resolve('open')
  }, 50)
  const fate = promise.then(
    () => 'settled',
    (error: unknown) => (error as { code: string }).code,
  )
  return Promise.race([fate, open.promise])
}

describe('behind more messages than are watched', () => {
  test('what somebody waits for settles when its row does', async () => {
    const scene = new Scene()
    const { acked, delivered, read } = scene.accept('FIRST')
    scene.others(70_000)
    scene.reach('FIRST', 'delivered')
    expect(await Promise.all([acked, delivered, read].map(fateOf))).toEqual(['settled', 'settled', 'open'])
    expect(scene.reads).toBe(0)
  })

  test('what nobody has waited for is read from the store when somebody does', async () => {
    const scene = new Scene({ idle: 8, waited: 8 })
    const [first, second, third] = ['FIRST', 'SECOND', 'THIRD'].map((id) => scene.accept(id))
    scene.others(100)
    scene.reach('FIRST', 'acknowledged')
    expect(await fateOf(first?.acked ?? Promise.reject(new TypeError('no handle')))).toBe('settled')
    const acked = second?.acked ?? Promise.reject(new TypeError('no handle'))
    expect(await fateOf(acked)).toBe('open')
    scene.reach('SECOND', 'acknowledged')
    expect(await fateOf(acked)).toBe('settled')
    scene.reach('THIRD', 'failed')
    expect(await fateOf(third?.delivered ?? Promise.resolve())).toBe('WATON_SEND_REFUSED')
  })

  test('what was forgotten before its handle was made is read, too', async () => {
    const scene = new Scene({ idle: 8, waited: 8 })
    scene.handles.watch('FIRST')
    scene.others(100)
    scene.reach('FIRST', 'acknowledged')
    expect(await fateOf(scene.handles.of(itemOf('FIRST')).acked)).toBe('settled')
  })

  test('what the store has no row of any more is refused', async () => {
    const scene = new Scene({ idle: 8, waited: 8 })
    const first = scene.accept('FIRST')
    scene.others(100)
    scene.rows.delete('FIRST')
    expect(await fateOf(first.acked)).toBe('WATON_OUTBOX_UNKNOWN')
  })
})

test('of more messages than can be waited for the oldest is refused, and what is over makes room', async () => {
  const scene = new Scene({ idle: 8, waited: 2 })
  const acked = new Map<string, Promise<void>>()
  for (const id of ['A', 'B']) acked.set(id, scene.accept(id).acked)
  scene.reach('A', 'acknowledged')
  for (const id of ['C', 'D']) acked.set(id, scene.accept(id).acked)
  scene.reach('D', 'acknowledged')
  expect(await Promise.all([...acked.values()].map(fateOf))).toEqual([
    'settled',
    'WATON_SEND_UNWATCHED',
    'open',
    'settled',
  ])
  // the next one who asks begins anew
  const again = scene.handles.of(scene.rows.get('B') ?? itemOf('B')).acked
  scene.reach('B', 'acknowledged')
  expect(await fateOf(again)).toBe('settled')
})
