// How long a message to many devices keeps everything else of the process waiting: a timer of one millisecond measures
// the gaps. The bundles are there already and every round has devices that nobody has met, so that only work of the
// library counts. waton's part are the modules that its client sends with, above a store in memory; nothing is public
// about them, so they are imported by file.
import { sized } from '../harness.mjs'
import { bundleOf, createPerson } from '../inputs.mjs'
import { createBaileysParty } from '../parties/baileys.mjs'

const DEVICES = sized(500, 10)
const dist = (path) => import(new URL(`../../dist/${path}`, import.meta.url).href)

export const title = 'Event loop'
export const about = `One message to ${DEVICES} devices, from their bundles to their ciphertexts. waton verifies every bundle.`
export const rows = {
  'longest stall': { unit: 'ms' },
  'until encrypted for all': { unit: 'ms' },
  'until encrypted for all, CPU': { unit: 'ms CPU' },
}
export const rounds = (count) => Math.min(count, 5)

const silent = { debug() {}, warn() {}, error() {}, info() {}, trace() {}, child: () => silent }
let crowds = 0

/** People who exist for one round: `[address, bundle]`. */
function createCrowd() {
  crowds += 1
  return Array.from({ length: DEVICES }, (_, index) => {
    const number = 100_000_000_000_000 + crowds * DEVICES + index
    return [String(number), bundleOf(createPerson(`crowd ${number}`))]
  })
}

async function withGaps(work) {
  let last
  let longest = 0
  const look = () => {
    const now = performance.now()
    longest = Math.max(longest, now - last)
    last = now
  }
  await new Promise((resolve) => setTimeout(resolve, 20))
  globalThis.gc()
  const before = process.cpuUsage()
  const start = (last = performance.now())
  const timer = setInterval(look, 1)
  await work()
  look()
  clearInterval(timer)
  const { user, system } = process.cpuUsage(before)
  return {
    'longest stall': longest,
    'until encrypted for all': last - start,
    'until encrypted for all, CPU': (user + system) / 1000,
  }
}

async function createWatonSender() {
  const [{ AccountState }, { SessionDirectory }, { encryptItem }, { systemClock }, { systemRandom }] =
    await Promise.all([
      dist('client/state/account-state.js'),
      dist('client/send/sessions.js'),
      dist('client/send/encrypt.js'),
      dist('base/clock.js'),
      dist('base/random.js'),
    ])
  const { MemoryStore } = await import('waton')
  const { encodeNode, messageProto } = await import('waton/protocol')
  const { registrationId, identity } = createPerson('waton')
  const local = { registrationId, identityKey: identity }
  const message = messageProto.encodeMessage({ conversation: 'hello, everybody' })
  return async (crowd) => {
    const store = new MemoryStore()
    const claim = await store.claim('me', { owner: 'bench', nowMs: Date.now(), leaseMs: 600_000 })
    const ignore = () => undefined
    const options = { store, claim, clock: systemClock, logger: silent, onEvents: ignore, onFailure: ignore }
    const state = await AccountState.open(options)
    const sessions = new SessionDirectory({
      state,
      self: { local, lid: '1@lid', pn: '1@s.whatsapp.net' },
      clock: systemClock,
      random: systemRandom,
      logger: silent,
    })
    const bundles = new Map(crowd.map(([number, bundle]) => [`${number}@lid`, bundle]))
    const connection = {
      query: async (_question, { devices }) =>
        devices.map((jid) => ({ jid, bundle: { ...bundles.get(jid), identityKeyType: 5 } })),
    }
    const devices = [...bundles.keys()]
    const item = { id: '3EB0', body: { to: devices[0], message, stanzaType: 'text', extras: {} } }
    const sender = { local, deviceIdentity: new Uint8Array(64), self: '1@lid' }
    return async () => {
      await sessions.ensure(connection, devices)
      let size = 0
      await state.commit(async (unit) => {
        const stanza = await encryptItem(
          unit,
          item,
          { own: [], other: devices },
          { state, sender, random: systemRandom, tokens: { attach: () => Promise.resolve([]) } },
        )
        size = encodeNode(stanza).length
      })
      if (size < DEVICES * 150) throw new Error('waton did not encrypt for all devices')
    }
  }
}

function createBaileysSender() {
  const text = Buffer.from('0a1068656c6c6f2c2065766572796f6479', 'hex')
  return async (crowd) => {
    const party = createBaileysParty(createPerson('Baileys'))
    return async () => {
      for (const [number, bundle] of crowd) await party.establish(number, bundle)
      const copies = await Promise.all(crowd.map(([number]) => party.encrypt(number, text)))
      if (copies.some(({ type }) => type !== 'pkmsg'))
        throw new Error('Baileys did not encrypt for all devices')
    }
  }
}

async function prepare(create) {
  const prepareSend = await create()
  return {
    cases: {
      'fan-out': {
        async run() {
          return withGaps(await prepareSend(createCrowd()))
        },
      },
    },
  }
}

export const contestants = {
  waton: () => prepare(createWatonSender),
  Baileys: () => prepare(createBaileysSender),
}
