/**
 * When the server's hash of devices has the lists asked for anew, and for whom a copy is ordered then: the lists are given,
 * and the hash is the one that Baileys makes.
 */
import { generateParticipantHashV2 } from '@whiskeysockets/baileys'
import { describe, expect, test } from 'vitest'
import { seededRandom } from 'waton/testing'
import { silentLogger } from '../../src/base/logger.ts'
import { loadSelf } from '../../src/client/identity/credentials.ts'
import type { Connection } from '../../src/client/connection/connection.ts'
import { FanOuts } from '../../src/client/retry/fan-outs.ts'
import { RESEND_HISTORY, orderName } from '../../src/client/retry/records.ts'
import type { DeviceDirectory } from '../../src/client/send/devices.ts'
import { outboxRow } from '../../src/client/send/outbox-item.ts'
import { encodeNode } from '../../src/protocol/binary/encode.ts'
import { node } from '../../src/protocol/binary/node.ts'
import { fullName } from '../../src/protocol/stanza/participant-hash.ts'
import { OWN, openLog } from '../client/event-log.ts'

const BOB = '100000000002@lid'
/** The one that sends. */
const DEVICE = '15550000001:1@s.whatsapp.net'
const SECOND = '100000000002:2@lid'
const THIRD = '100000000002:3@lid'

/** Messages of Alice that went to Bob's phone alone, and the devices that Bob is said to have. */
async function scene() {
  const { state, outbox, clock } = await openLog()
  const random = seededRandom('fan-outs')
  const self = await loadSelf(state, random, 'none')
  const linked = { pn: OWN, deviceId: 1, deviceIdentity: new Uint8Array(1), isUnconfirmed: false }
  self.update({ ...self.credentials, linked })
  const lists = new Map([
    [OWN, [DEVICE]],
    [BOB, [BOB]],
  ])
  const devices = { devicesOf: () => Promise.resolve(lists) } as unknown as DeviceDirectory
  const fanOuts = new FanOuts({ state, self, clock, logger: silentLogger, devices })
  const copy = node('to', { jid: BOB }, [node('enc', { v: '2', type: 'msg' }, Uint8Array.of(1))])
  const sent = (id: string): Promise<void> =>
    state.commit(async (unit) => {
      const item = await outbox.stage(unit, outbox.prepare(BOB, { text: id }, { id }))
      const content = [node('participants', {}, [copy])]
      const stanza = encodeNode(node('message', { id, to: BOB, type: 'text' }, content))
      unit.putOutbox(outboxRow({ ...item, state: 'encrypted', body: { ...item.body, stanza } }))
    })
  return {
    state,
    lists,
    sent,
    /** @returns whether the devices are looked at again */
    ack: (id: string, ...theirs: readonly string[]): Promise<boolean> =>
      state.commit((unit) =>
        fanOuts.noteAck(unit, {
          id,
          from: BOB,
          participantHash: generateParticipantHashV2(theirs.map(fullName)),
        } as Parameters<FanOuts['noteAck']>[1]),
      ),
    check: (id: string): Promise<readonly string[]> => fanOuts.check({} as unknown as Connection, id),
  }
}

describe('a hash of the server', () => {
  test('over the devices that got a copy, with or without the sender, has nothing asked', async () => {
    const { sent, ack } = await scene()
    await sent('A')
    expect(await ack('A', BOB)).toBe(false)
    expect(await ack('A', BOB, DEVICE)).toBe(false)
    expect(await ack('UNKNOWN', BOB, SECOND)).toBe(false)
  })

  test('that stays another although nobody was missed is asked about once, until it is another', async () => {
    const { sent, ack, check } = await scene()
    for (const id of ['A', 'B', 'C']) await sent(id)
    expect(await ack('A', BOB, SECOND)).toBe(true)
    expect(await check('A')).toEqual([])
    expect(await ack('B', BOB, SECOND)).toBe(false)
    expect(await ack('C', BOB, THIRD)).toBe(true)
  })

  test('has a copy made for each device without one, but for those who have asked for theirs', async () => {
    const { state, lists, sent, ack, check } = await scene()
    await sent('A')
    expect(await ack('A', BOB, SECOND, THIRD)).toBe(true)
    lists.set(OWN, [OWN, DEVICE])
    lists.set(BOB, [BOB, SECOND, THIRD])
    await state.commit((unit) => {
      unit.put(RESEND_HISTORY, orderName('A', SECOND), { answers: 1 })
      return Promise.resolve()
    })
    expect(await check('A')).toEqual([orderName('A', OWN), orderName('A', THIRD)])
    // the note is done with
    expect(await check('A')).toEqual([])
  })
})
