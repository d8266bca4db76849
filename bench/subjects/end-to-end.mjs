// Texts between a linked device and a person's phone, through one simulated server in another process. Every contestant
// is a linked device of its own account in a process of its own, and writes with a person of its own.
import { sized, within } from '../harness.mjs'
import {
  createBaileysInMemory,
  createBaileysOnDisk,
  createWatonInMemory,
  createWatonOnDisk,
} from '../parties/clients.mjs'

export { startSimulatorProcess as start } from '../parties/simulator-process.mjs'

export const title = 'End to end, texts between two people'
export const about =
  'A send counts when the server has acknowledged it, a receipt of a text when the program is told. waton records every message before it does either (on SQLite: flushed to the drive); Baileys records sessions and no messages. CPU is that of the client process.'
export const rows = {
  send: { unit: '/s', isRate: true },
  'send, CPU': { unit: 'ms CPU' },
  'send one and wait': { unit: 'ms' },
  receive: { unit: '/s', isRate: true },
  'receive, CPU': { unit: 'ms CPU' },
  'receive, load of the simulator': { unit: '%' },
  'connect and read a waiting text': { unit: 'ms' },
  'take a backlog of 2,000': { unit: '/s', isRate: true },
  'take a backlog of 2,000, CPU': { unit: 'ms CPU' },
  'RSS of the process': { unit: 'MB' },
}
export const pairs = [
  ['waton, memory', 'Baileys, memory'],
  ['waton, SQLite', 'Baileys, files'],
]
export const rounds = (count) => Math.min(count, 5)

/** Sends on their way at once. */
const WINDOW = 64
/** How long a round of sending or receiving should take, in multiples of `--ms`. */
const LENGTH = 4
/** Rounds before the first that counts. */
const WARM_UPS = 4
/** Sends in a round of one after the other. */
const SINGLES = sized(40, 2)
const MIN_TEXTS = sized(64, 8)
const MAX_TEXTS = 4000
const BACKLOG = sized(2000, 150)
const DEADLINE_MS = 120_000

function countTexts(client) {
  let [count, wanted, reached] = [0, Infinity, undefined]
  client.onText = () => {
    count += 1
    if (count === wanted) reached()
  }
  /** Resolves when so many more have come. */
  return async (more) => {
    await within(
      DEADLINE_MS,
      `${more} texts`,
      new Promise((resolve) => {
        ;[count, wanted, reached] = [0, more, resolve]
      }),
    )
  }
}

/** Wall and CPU time of `work`, which deals with `count` texts. */
async function clocked(count, work) {
  const [cpu, begin] = [process.cpuUsage(), performance.now()]
  await work()
  const { user, system } = process.cpuUsage(cpu)
  return { rate: (1000 * count) / (performance.now() - begin), cpuMs: (user + system) / 1000 / count }
}

const numberOfTexts = (rate, ms) =>
  Math.max(MIN_TEXTS, Math.min(MAX_TEXTS, Math.round((rate * LENGTH * ms) / 1000)))

async function prepare({ create, index, takesBacklogs }, { shared: endpoint, ask }) {
  const [own, other] = [`1555000100${index}`, `1555000200${index}`]
  await ask('addPhone', { phoneNumber: own, name: 'Owner' })
  await ask('addPhone', { phoneNumber: other, name: 'Other' })
  const client = await create({ endpoint, link: (qr) => ask('link', { phoneNumber: own, qr }) })
  const texts = countTexts(client)
  const write = (count) => ask('write', { from: other, to: own, count })
  const chat = `${other}@s.whatsapp.net`
  const rates = { send: 100, receive: 100 }
  await client.open()
  const [first] = [texts(1), await write(1)]
  await first
  await client.send(chat, 'hello')

  const send = async (count) => {
    let left = count
    const sendOn = async () => {
      while (left-- > 0) await client.send(chat, `text number ${left}, as people write them`)
    }
    await Promise.all(Array.from({ length: WINDOW }, sendOn))
  }
  const receive = (count) => Promise.all([texts(count), write(count)])

  /** A case whose size follows from how fast the last round was; the first one runs until everything is compiled. */
  const paced = (name, work) => async (ms, isWarmUp) => {
    let measured
    for (let left = isWarmUp ? WARM_UPS : 1; left > 0; left--) {
      const count = numberOfTexts(rates[name], ms)
      measured = await clocked(count, () => work(count))
      rates[name] = measured.rate
    }
    return measured
  }
  const runSend = paced('send', send)
  const runReceive = paced('receive', receive)
  const takeBacklog = async (count) => {
    await client.close()
    await write(count)
    const all = texts(count)
    return clocked(count, () => Promise.all([client.open(), all]))
  }

  const backlog = {
    async run() {
      const { rate, cpuMs } = await takeBacklog(BACKLOG)
      return { 'take a backlog of 2,000': rate, 'take a backlog of 2,000, CPU': cpuMs }
    },
  }

  return {
    cases: {
      send: {
        async run({ ms, isWarmUp }) {
          const { rate, cpuMs } = await runSend(ms, isWarmUp)
          return { send: rate, 'send, CPU': cpuMs }
        },
      },
      'send one and wait': {
        async run() {
          const begin = performance.now()
          for (let index = 0; index < SINGLES; index++) await client.send(chat, 'one at a time')
          return { 'send one and wait': (performance.now() - begin) / SINGLES }
        },
      },
      receive: {
        async run({ ms, isWarmUp }) {
          const [busyMs, begin] = [await ask('cpuMs'), performance.now()]
          const { rate, cpuMs } = await runReceive(ms, isWarmUp)
          const load = (100 * ((await ask('cpuMs')) - busyMs)) / (performance.now() - begin)
          return { receive: rate, 'receive, CPU': cpuMs, 'receive, load of the simulator': load }
        },
      },
      reconnect: {
        async run() {
          const { rate } = await takeBacklog(1)
          return { 'connect and read a waiting text': 1000 / rate }
        },
      },
      // Baileys asks for one batch of 100 stanzas and gets no more from a server that waits to be asked
      ...(takesBacklogs ? { backlog } : {}),
      memory: {
        async run() {
          const problems = await ask('problems')
          if (problems > 0) throw new Error(`the phones saw ${problems} problems`)
          return { 'RSS of the process': process.memoryUsage().rss / 2 ** 20 }
        },
      },
    },
    async close() {
      await client.close()
      await client.forget()
    },
  }
}

export const contestants = {
  'waton, memory': (world) => prepare({ create: createWatonInMemory, index: 1, takesBacklogs: true }, world),
  'Baileys, memory': (world) => prepare({ create: createBaileysInMemory, index: 2 }, world),
  'waton, SQLite': (world) => prepare({ create: createWatonOnDisk, index: 3, takesBacklogs: true }, world),
  'Baileys, files': (world) => prepare({ create: createBaileysOnDisk, index: 4 }, world),
}
