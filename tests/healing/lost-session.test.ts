/** A session that is lost between the look at it and the unit that is to encrypt in it: the copy is not lost with it. */
import { expect, test } from 'vitest'
import { VirtualClock, seededRandom } from 'waton/testing'
import { deferred } from '../../src/base/deferred.ts'
import { silentLogger } from '../../src/base/logger.ts'
import type { Connection } from '../../src/client/connection/connection.ts'
import { loadSelf } from '../../src/client/identity/credentials.ts'
import { makePeople } from '../../src/client/people.ts'
import { RESEND_ORDER, orderName } from '../../src/client/retry/records.ts'
import { Resends } from '../../src/client/retry/resends.ts'
import { SESSION } from '../../src/client/state/records.ts'
import { childOf } from '../../src/protocol/binary/node.ts'
import type { BinaryNode } from '../../src/protocol/binary/node.ts'
import { generateKeyPair } from '../../src/protocol/crypto/index.ts'
import { signalAddress } from '../../src/protocol/jid.ts'
import { generatePreKeys, generateSignedPreKey, startSession } from '../../src/protocol/signal/index.ts'
import type { PreKeyBundle } from '../../src/protocol/signal/index.ts'
import { MemoryStore } from 'waton'
import { OWN, openLog } from '../client/event-log.ts'
import { settle } from '../client/support.ts'
import { until } from '../helpers/until.ts'

const BOB = '15550000002@s.whatsapp.net'
const PHONE = BOB
const random = seededRandom('lost session')

function bundle(): PreKeyBundle {
  const identity = generateKeyPair(random)
  const { id, publicKey, signature } = generateSignedPreKey(identity, 1, random)
  const [preKey] = generatePreKeys(1, 1, random)
  return {
    registrationId: 7,
    identityKey: identity.publicKey,
    signedPreKey: { id, publicKey, signature },
    ...(preKey === undefined ? {} : { preKey: { id: preKey.id, publicKey: preKey.publicKey } }),
  }
}

test('is begun anew with fetched keys, and the device that was missed gets its copy', async () => {
  const clock = new VirtualClock()
  const { state, outbox } = await openLog(new MemoryStore(), clock)
  const self = await loadSelf(state, random, 'none')
  const linked = { pn: OWN, deviceId: 1, deviceIdentity: new Uint8Array(1), isUnconfirmed: false }
  self.update({ ...self.credentials, linked })
  const logger = silentLogger
  const { devices } = makePeople({ state, self, clock, random, logger })
  const resends = new Resends({ state, self, clock, random, logger, devices })
  const address = signalAddress(PHONE)
  const name = orderName('M1', PHONE)
  const keys = bundle()
  await state.commit(async (unit) => {
    await outbox.stage(unit, outbox.prepare(BOB, { text: 'for all of you' }, { id: 'M1' }))
    await outbox.applyAck(unit, { id: 'M1' })
    const session = startSession({ bundle: keys, local: self.local, random, nowMs: unit.nowMs })
    unit.put(SESSION, address, session)
    unit.put(RESEND_ORDER, name, { id: 'M1', device: PHONE, reason: 'missed', count: 0, orderedAtMs: 1 })
  })
  const sent: BinaryNode[] = []
  let questions = 0
  const connection = {
    isOpen: true,
    send: (stanza: BinaryNode) => void sent.push(stanza),
    query: () => {
      questions += 1
      return Promise.resolve([{ jid: PHONE, bundle: keys }])
    },
  } as unknown as Connection
  // the unit that takes the session has begun before the order is looked at, and ends after
  const looked = deferred<undefined>()
  const losing = state.commit(async (unit) => {
    await looked.promise
    unit.delete(SESSION, address)
  })
  resends.resume(connection)
  await settle()
  expect(questions).toBe(0)
  looked.resolve(undefined)
  await losing
  const copy = await until('the copy', () => sent[0])
  expect(copy.attrs).toMatchObject({ id: 'M1', to: PHONE })
  expect(childOf(copy, 'enc')?.attrs.type).toBe('pkmsg')
  expect(questions).toBe(1)
  expect(resends.drops.total('no-keys')).toBe(0)
  resends.suspend()
})
