/** What announced changes make of a list of devices: never empty, never without the phone, no device twice. */
import { generateParticipantHashV2 } from '@whiskeysockets/baileys'
import { describe, expect, it } from 'vitest'
import { fullName } from '../../protocol/stanza/participant-hash.ts'
import type { DevicesChange, NotifiedDevice } from '../../protocol/stanza/notifications/devices.ts'
import { DEVICE_LIST } from '../state/records.ts'
import type { RecordKind } from '../state/record-kind.ts'
import type { DeviceList } from '../state/records.ts'
import type { Unit } from '../state/unit.ts'
import { learnMapping } from './addresses.ts'
import { answeredList, changedList, deviceJids, wholeList } from './device-list.ts'
import type { NextList } from './device-list.ts'

const BOB = '15550000002@s.whatsapp.net'
const BEFORE: DeviceList = {
  devices: [{ id: 0 }, { id: 3, keyIndex: 2 }, { id: 4, keyIndex: 5 }],
  fetchedAtMs: 1,
}
const about = { user: BOB, accountKey: undefined }

/** Nothing is known of anybody but the list that is handed over. */
const unit = { read: () => Promise.resolve(undefined) } as unknown as Unit

function named(id: number, keyIndex?: number): NotifiedDevice {
  const jid = id === 0 ? BOB : `15550000002:${String(id)}@s.whatsapp.net`
  return keyIndex === undefined ? { jid } : { jid, keyIndex }
}

/** What Baileys makes of the devices that there are then. */
function hashOf(...ids: readonly number[]): string {
  return generateParticipantHashV2(ids.map((id) => fullName(named(id).jid)))
}

function change(
  action: DevicesChange['action'],
  devices: readonly NotifiedDevice[],
  hash?: string,
): Promise<NextList> {
  const said = { action, devices, ...(hash === undefined ? {} : { hash }) }
  return changedList(unit, BEFORE, said, about)
}

const ids = ({ list }: NextList): readonly number[] => list.devices.map(({ id }) => id)

describe('a change of somebody`s devices', () => {
  it('follows the server when both mean the same devices then', async () => {
    const removed = await change('remove', [named(3)], hashOf(0, 4))
    expect(removed.list).toEqual({ devices: [{ id: 0 }, { id: 4, keyIndex: 5 }], fetchedAtMs: 1 })
    const added = await change('add', [named(7, 6)], hashOf(0, 3, 4, 7))
    expect(ids(added)).toEqual([0, 3, 4, 7])
    expect(added.list.isStale).toBeUndefined()
  })

  it('never takes the phone away, and is doubtful when it tries to', async () => {
    for (const devices of [[named(0)], [named(0), named(3)]]) {
      const next = await change('remove', devices, hashOf(4))
      expect(ids(next)[0]).toBe(0)
      expect(next.list.isStale).toBe(true)
    }
  })

  it('that takes every linked device away leaves the phone', async () => {
    const next = await change('remove', [named(3), named(4)], hashOf(0))
    expect(next.list).toEqual({ devices: [{ id: 0 }], fetchedAtMs: 1 })
  })

  it('that names a device twice, or one that is there, has it once', async () => {
    const next = await change('add', [named(7, 6), named(7, 6), named(4, 5)], hashOf(0, 3, 7, 4))
    expect([...ids(next)].sort()).toEqual([0, 3, 4, 7])
    expect(next.list.isStale).toBeUndefined()
  })

  it('is doubtful without a hash, and after a doubtful list whatever it says', async () => {
    expect((await change('add', [named(7, 6)])).list.isStale).toBe(true)
    const doubtful: DeviceList = { ...BEFORE, isStale: true }
    const said = { action: 'remove', devices: [named(3)], hash: hashOf(0, 4) } as const
    expect((await changedList(unit, doubtful, said, about)).list.isStale).toBe(true)
  })

  it('gives a device of an old list its key index, and no second place', async () => {
    const old: DeviceList = { devices: [{ id: 0 }, { id: 3 }], fetchedAtMs: 1 }
    const said = { action: 'add', devices: [named(3, 2)], hash: hashOf(0, 3) } as const
    const next = await changedList(unit, old, said, about)
    expect(next.list).toEqual({ devices: [{ id: 0 }, { id: 3, keyIndex: 2 }], fetchedAtMs: 1 })
    const others = { action: 'add', devices: [named(4, 5)], hash: hashOf(0, 3, 4) } as const
    expect(ids(await changedList(unit, old, others, about))).toEqual([0, 4, 3])
  })
})

describe('a whole list', () => {
  it('without the phone has it all the same', async () => {
    const next = await wholeList(unit, BEFORE, { devices: [named(3, 2)], hash: hashOf(3) }, about)
    expect(ids(next)).toEqual([0, 3])
    expect(next.list.isStale).toBe(true)
  })

  it('that is answered without the phone, or with a device twice, has each once', () => {
    const list = [3, 3, 4].map((id) => ({ id, keyIndex: id, isHosted: false }))
    const next = answeredList({ list }, undefined, { accountKey: undefined, nowMs: 5 })
    expect(next?.list.devices.map(({ id }) => id)).toEqual([0, 3, 4])
  })

  it('that is answered empty leaves the one before, in doubt, and makes none out of nothing', () => {
    const facts = { accountKey: undefined, nowMs: 5 }
    expect(answeredList({ list: [] }, undefined, facts)).toBeUndefined()
    expect(answeredList({ list: [] }, BEFORE, facts)?.list).toEqual({
      ...BEFORE,
      fetchedAtMs: 5,
      isStale: true,
    })
  })

  it('has hosted devices under the address of their provider', () => {
    const list: DeviceList = { devices: [{ id: 0 }, { id: 99, keyIndex: 1, isHosted: true }], fetchedAtMs: 1 }
    expect(deviceJids(BOB, list)).toEqual([BOB, '15550000002:99@hosted'])
    expect(deviceJids('1@lid', list)).toEqual(['1@lid', '1:99@hosted.lid'])
  })
})

describe('two lists, when their addresses turn out to be one person', () => {
  const LID = '100000000002@lid'
  const newer: DeviceList = { devices: [{ id: 0 }, { id: 7, keyIndex: 6 }], fetchedAtMs: 2 }

  async function merged(
    byNumber: DeviceList | undefined,
    byLid: DeviceList | undefined,
  ): Promise<ReadonlyMap<string, unknown>> {
    const slot = ({ kind }: RecordKind<unknown>, key: string): string => `${kind} ${key}`
    const records = new Map<string, unknown>()
    if (byNumber !== undefined) records.set(`device-list ${BOB}`, byNumber)
    if (byLid !== undefined) records.set(`device-list ${LID}`, byLid)
    const store = {
      read: (kind: RecordKind<unknown>, key: string) => Promise.resolve(records.get(slot(kind, key))),
      put: (kind: RecordKind<unknown>, key: string, value: unknown) => records.set(slot(kind, key), value),
      delete: (kind: RecordKind<unknown>, key: string) => records.delete(slot(kind, key)),
      listKeys: () => Promise.resolve([]),
    }
    await learnMapping(store as unknown as Unit, BOB, LID)
    return new Map([...records].filter(([key]) => key.startsWith(DEVICE_LIST.kind)))
  }

  it.each([
    ['by number', newer, BEFORE],
    ['by LID', BEFORE, newer],
  ])('become the one that was told last, %s, and the server is asked', async (_which, byNumber, byLid) => {
    expect([...(await merged(byNumber, byLid))]).toEqual([
      [`device-list ${LID}`, { ...newer, isStale: true }],
    ])
  })

  it('are one without a doubt where there is only one', async () => {
    expect([...(await merged(newer, undefined))]).toEqual([[`device-list ${LID}`, newer]])
    expect([...(await merged(undefined, newer))]).toEqual([[`device-list ${LID}`, newer]])
  })
})
