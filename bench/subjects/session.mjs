// Signal sessions. The other end is libsignal, never timed; both contestants hand every new state to a store in memory.
import { sized, timed } from '../harness.mjs'
import { bundleOf, createPerson } from '../inputs.mjs'
import { createLibsignalParty } from '../parties/libsignal.mjs'

export const title = 'Signal sessions'
export const about =
  '200 bytes, a live session unless said otherwise. waton verifies the signature of every bundle; Baileys does not, and its state is not encoded.'
export const rows = {
  'session from a bundle and first message': { unit: 'µs CPU' },
  'first message of a stranger': { unit: 'µs CPU' },
  'encrypt, same chain': { unit: 'µs CPU' },
  'decrypt, same chain': { unit: 'µs CPU' },
  'encrypt and decrypt with a ratchet step': { unit: 'µs CPU' },
  'encrypt among 50 live sessions': { unit: 'µs CPU' },
}

const STRANGERS = sized(1100, 20)
const BATCH = 20
const CHAIN = sized(250, 5)
const LIVE = sized(50, 2)
const plaintext = Buffer.alloc(200, 7)

function check(opened) {
  if (Buffer.compare(Buffer.from(opened), plaintext) !== 0) throw new Error('a message reads differently')
}

/** A session in which both sides have spoken. */
async function converse(ours, theirs, { me, them }) {
  await ours.establish(them.name, bundleOf(them))
  check(await theirs.decrypt(me.name, await ours.encrypt(them.name, plaintext)))
  await answer(ours, theirs, { me, them })
}

async function answer(ours, theirs, { me, them }) {
  check(await ours.decrypt(them.name, await theirs.encrypt(me.name, plaintext)))
}

/** Strangers take turns, so that no cache of imported keys knows them: a batch meets the next few of many. */
function firstContacts(createParty, me) {
  const all = Array.from({ length: STRANGERS }, (_, index) => createPerson(`2${index}`))
  const ours = createParty(me)
  let met = 0
  const nextStrangers = () => {
    const strangers = all.slice(met, met + BATCH).map((person, index) => ({ person, preKey: met + index }))
    met = (met + BATCH) % STRANGERS
    ours.reset()
    return strangers
  }
  return {
    'session from a bundle and first message': async (lap) => {
      const bundles = nextStrangers().map(({ person }) => [person.name, bundleOf(person)])
      await lap(BATCH, async (index) => {
        const [name, bundle] = bundles[index]
        await ours.establish(name, bundle)
        await ours.encrypt(name, plaintext)
      })
    },
    'first message of a stranger': async (lap) => {
      const messages = []
      for (const { person, preKey } of nextStrangers()) {
        const writer = createLibsignalParty(person)
        await writer.establish(me.name, bundleOf(me, preKey))
        messages.push([person.name, await writer.encrypt(me.name, plaintext)])
      }
      await lap(BATCH, (index) => ours.decrypt(...messages[index]))
    },
  }
}

async function conversation(createParty, me) {
  const them = createPerson('20000')
  const [ours, theirs] = [createParty(me), createLibsignalParty(them)]
  await converse(ours, theirs, { me, them })
  const encrypt = () => ours.encrypt(them.name, plaintext)
  return {
    'encrypt, same chain': async (lap) => {
      const sent = []
      await lap(CHAIN, async (index) => void (sent[index] = await encrypt()))
      check(await theirs.decrypt(me.name, sent.at(-1)))
      await answer(ours, theirs, { me, them })
    },
    'decrypt, same chain': async (lap) => {
      const received = []
      for (let index = 0; index < CHAIN; index++) received.push(await theirs.encrypt(me.name, plaintext))
      await lap(CHAIN, async (index) => void (await ours.decrypt(them.name, received[index])))
      check(await theirs.decrypt(me.name, await encrypt()))
    },
    'encrypt and decrypt with a ratchet step': async (lap) => {
      for (let turn = 0; turn < 10; turn++) {
        let sent
        await lap(1, async () => void (sent = await encrypt()))
        check(await theirs.decrypt(me.name, sent))
        const received = await theirs.encrypt(me.name, plaintext)
        // the second half of one operation
        await lap(1, () => ours.decrypt(them.name, received), 0)
      }
    },
  }
}

async function crowd(createParty, me) {
  const ours = createParty(me)
  const people = Array.from({ length: LIVE }, (_, index) => createPerson(`3000${index}`))
  for (const them of people) await converse(ours, createLibsignalParty(them), { me, them })
  return {
    'encrypt among 50 live sessions': (lap) =>
      lap(2 * LIVE, (index) => ours.encrypt(people[index % LIVE].name, plaintext)),
  }
}

async function prepare(createParty) {
  const me = createPerson('10000', STRANGERS)
  const batches = {
    ...firstContacts(createParty, me),
    ...(await conversation(createParty, me)),
    ...(await crowd(createParty, me)),
  }
  return {
    cases: Object.fromEntries(Object.entries(batches).map(([name, batch]) => [name, timed(name, batch)])),
  }
}

export const contestants = {
  async waton() {
    const { createWatonParty } = await import('../parties/waton.mjs')
    return prepare(createWatonParty)
  },
  async Baileys() {
    const { createBaileysParty } = await import('../parties/baileys.mjs')
    return prepare(createBaileysParty)
  },
}
