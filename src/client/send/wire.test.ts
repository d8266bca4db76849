import { describe, expect, test } from 'vitest'
import { VirtualClock } from '../../base/virtual-clock.ts'
import { silentLogger } from '../../base/logger.ts'
import { seededRandom } from '../../base/random.ts'
import { node } from '../../protocol/binary/node.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import type { Connection } from '../connection/connection.ts'
import { Wire } from './wire.ts'

/** A connection that keeps what is written to it, write by write. */
function listening(): { connection: Connection; writes: string[][]; end: () => void } {
  const writes: string[][] = []
  const state = { isOpen: true }
  const send = (...stanzas: readonly BinaryNode[]): void =>
    void writes.push(stanzas.map(({ attrs }) => attrs.id ?? ''))
  const connection = Object.assign(state, { send }) as unknown as Connection
  const end = (): void => {
    state.isOpen = false
  }
  return { connection, writes, end }
}

function wire(): Wire {
  const options = { clock: new VirtualClock(), random: seededRandom('wire'), logger: silentLogger }
  return new Wire(options, { onLate: () => undefined, onTooLarge: () => undefined })
}

const message = (id: string): BinaryNode => node('message', { id })
const turn = (): Promise<void> => Promise.resolve().then(() => undefined)

describe('what is written', () => {
  test('leaves with all that was written in the same turn, once', async () => {
    const { connection, writes } = listening()
    const out = wire()
    out.open(connection)
    for (const id of ['A', 'B', 'A']) out.write(connection, id, message(id))
    expect(writes).toEqual([])
    await turn()
    out.write(connection, 'A', message('A'))
    await turn()
    expect(writes).toEqual([['A', 'B']])
    expect(out.has('A')).toBe(true)
  })

  test('does not leave when it is held back in the same turn, and may when it is let go', async () => {
    const { connection, writes } = listening()
    const out = wire()
    out.open(connection)
    for (const id of ['A', 'B']) out.encrypted(id)
    out.write(connection, 'A', message('A'))
    out.write(connection, 'B', message('B'))
    expect(out.holdBack('A')).toBe(true)
    await turn()
    expect(writes).toEqual([['B']])
    expect([out.has('A'), out.hasLeft('A')]).toEqual([false, false])
    out.write(connection, 'A', message('A'))
    await turn()
    expect(writes).toHaveLength(1)
    out.letGo('A')
    out.write(connection, 'A', message('A'))
    await turn()
    expect(writes).toEqual([['B'], ['A']])
    // too late
    expect([out.hasLeft('A'), out.holdBack('A')]).toEqual([true, false])
  })

  test('does not leave on a connection that has ended or given way to another', async () => {
    const first = listening()
    const second = listening()
    const out = wire()
    out.open(first.connection)
    out.encrypted('A')
    out.write(first.connection, 'A', message('A'))
    first.end()
    await turn()
    out.open(second.connection)
    out.write(first.connection, 'B', message('B'))
    await turn()
    expect([first.writes, second.writes]).toEqual([[], []])
    expect([out.has('A'), out.has('B'), out.hasLeft('A')]).toEqual([false, false, false])
    out.write(second.connection, 'A', message('A'))
    await turn()
    expect(second.writes).toEqual([['A']])
  })
})
