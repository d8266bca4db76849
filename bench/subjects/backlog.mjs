// Ten thousand texts that waited while an account was away: how fast they are taken, durably, and whether memory grows
// with their number.
import { sized, within } from '../harness.mjs'
import { createWatonInMemory, createWatonOnDisk } from '../parties/clients.mjs'

export { startSimulatorProcess as start } from '../parties/simulator-process.mjs'

export const title = 'A backlog of 10,000'
export const about =
  'Texts that came while the account was away. The heap is read after a full collection when the 1,000th and when the 10,000th text has been told. Baileys takes 100 of them: it asks for one batch and never for the next.'
export const rows = {
  'take 10,000': { unit: '/s', isRate: true },
  'take 10,000, CPU': { unit: 'ms CPU' },
  'heap growth, text 1,000 to 10,000': { unit: 'MB' },
  'RSS at the end': { unit: 'MB' },
}
export const rounds = (count) => Math.min(count, 3)

const BACKLOG = sized(10_000, 150)
const FIRST_LOOK = sized(1_000, 50)
/** The writer is asked for so many at once. */
const PORTION = sized(2_000, 75)
const DEADLINE_MS = 180_000

function heapMb() {
  globalThis.gc()
  return process.memoryUsage().heapUsed / 2 ** 20
}

async function prepare({ create, index }, { shared: endpoint, ask }) {
  const [own, other] = [`1555000500${index}`, `1555000600${index}`]
  await ask('addPhone', { phoneNumber: own, name: 'Owner' })
  await ask('addPhone', { phoneNumber: other, name: 'Other' })
  const client = await create({ endpoint, link: (qr) => ask('link', { phoneNumber: own, qr }) })
  await client.open()
  await client.send(`${other}@s.whatsapp.net`, 'hello')

  async function take() {
    await client.close()
    for (let left = BACKLOG; left > 0; left -= PORTION) {
      await ask('write', { from: other, to: own, count: PORTION })
    }
    let [count, early] = [0, 0]
    const all = new Promise((resolve) => {
      client.onText = () => {
        count += 1
        if (count === FIRST_LOOK) early = heapMb()
        if (count === BACKLOG) resolve()
      }
    })
    const [cpu, begin] = [process.cpuUsage(), performance.now()]
    await within(DEADLINE_MS, `${BACKLOG} texts`, Promise.all([client.open(), all]))
    const [elapsedMs, { user, system }] = [performance.now() - begin, process.cpuUsage(cpu)]
    return {
      'take 10,000': (1000 * BACKLOG) / elapsedMs,
      'take 10,000, CPU': (user + system) / 1000 / BACKLOG,
      'heap growth, text 1,000 to 10,000': heapMb() - early,
      'RSS at the end': process.memoryUsage().rss / 2 ** 20,
    }
  }

  return {
    cases: { backlog: { run: take } },
    async close() {
      await client.close()
      await client.forget()
    },
  }
}

export const contestants = {
  'waton, memory': (world) => prepare({ create: createWatonInMemory, index: 1 }, world),
  'waton, SQLite': (world) => prepare({ create: createWatonOnDisk, index: 2 }, world),
}
