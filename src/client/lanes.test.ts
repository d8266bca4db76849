import { describe, expect, test } from 'vitest'
import { deferred } from '../base/deferred.ts'
import type { Deferred } from '../base/deferred.ts'
import { Lanes } from './lanes.ts'

interface Work {
  readonly lane: string
  readonly name: string
  readonly done: Deferred<void>
}

function setUp(): { lanes: Lanes<Work>; started: string[]; add: (lane: string, name: string) => Work } {
  const started: string[] = []
  const lanes = new Lanes<Work>(async (work) => {
    started.push(work.name)
    await work.done.promise
  })
  const add = (lane: string, name: string): Work => {
    const work = { lane, name, done: deferred<undefined>() as unknown as Deferred<void> }
    lanes.add(lane, work)
    return work
  }
  return { lanes, started, add }
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve()
}

describe('lanes', () => {
  test('start nothing more in a lane while one piece is under way', async () => {
    const { started, add } = setUp()
    const first = add('a', 'a1')
    add('a', 'a2')
    await settle()
    expect(started).toEqual(['a1'])
    first.done.resolve()
    await settle()
    expect(started).toEqual(['a1', 'a2'])
  })

  test('do not let one lane hold up another', async () => {
    const { started, add } = setUp()
    add('slow', 's1')
    add('slow', 's2')
    const quick = add('quick', 'q1')
    add('quick', 'q2')
    quick.done.resolve()
    await settle()
    expect(started).toEqual(['s1', 'q1', 'q2'])
  })

  test('work on 16 lanes at most at the same time', async () => {
    const { started, add } = setUp()
    const works = Array.from({ length: 20 }, (_, index) => add(`lane ${String(index)}`, String(index)))
    await settle()
    expect(started).toHaveLength(16)
    works[3]?.done.resolve()
    await settle()
    expect(started).toHaveLength(17)
  })

  test('drop what waits in a blocked lane, and what is added to it, until they are cleared', async () => {
    const { lanes, started, add } = setUp()
    const first = add('a', 'a1')
    add('a', 'a2')
    lanes.block('a')
    add('a', 'a3')
    first.done.resolve()
    await settle()
    expect(started).toEqual(['a1'])
    lanes.clear()
    add('a', 'a4')
    await settle()
    expect(started).toEqual(['a1', 'a4'])
  })

  test('keep a lane taken until its work under way is done, even when they are cleared', async () => {
    const { lanes, started, add } = setUp()
    const old = add('a', 'old')
    lanes.clear()
    add('a', 'new')
    await settle()
    expect(started).toEqual(['old'])
    old.done.resolve()
    await settle()
    expect(started).toEqual(['old', 'new'])
  })

  test('make a producer wait while too much is waiting', async () => {
    const { lanes, add } = setUp()
    const works = Array.from({ length: 1100 }, (_, index) => add('a', String(index)))
    let hasRoom = false
    void lanes.room().then(() => {
      hasRoom = true
    })
    await settle()
    expect(hasRoom).toBe(false)
    for (const work of works.slice(0, 100)) work.done.resolve()
    for (let turn = 0; turn < 100; turn += 1) await settle()
    expect(hasRoom).toBe(true)
  })
})
