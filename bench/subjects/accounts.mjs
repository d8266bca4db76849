// Many connected accounts in one process. Measured once: memory of a process does not come back between rounds.
import { sized } from '../harness.mjs'
import { createBaileysInMemory, createWatonInMemory } from '../parties/clients.mjs'

export { startSimulatorProcess as start } from '../parties/simulator-process.mjs'

const ACCOUNTS = sized(100, 2)

export const title = 'Connected accounts'
export const about = `${ACCOUNTS} linked and connected accounts in one process, everything in memory; per account beyond the first.`
export const rows = {
  'RSS per account': { unit: 'MB' },
  'heap per account': { unit: 'MB' },
}
export const rounds = () => 1

async function settledMemory() {
  for (let turn = 0; turn < 5; turn++) {
    await new Promise((resolve) => setTimeout(resolve, 100))
    globalThis.gc()
  }
  return process.memoryUsage()
}

async function prepare({ create, prefix }, { shared: endpoint, ask }) {
  const clients = []
  const addAccount = async () => {
    const phoneNumber = `${prefix}${String(clients.length).padStart(3, '0')}`
    await ask('addPhone', { phoneNumber, name: 'Owner' })
    const client = await create({ endpoint, link: (qr) => ask('link', { phoneNumber, qr }) })
    clients.push(client)
    await client.open()
  }
  return {
    cases: {
      accounts: {
        async run({ isWarmUp }) {
          if (isWarmUp) return addAccount()
          const before = await settledMemory()
          while (clients.length <= ACCOUNTS) await addAccount()
          const after = await settledMemory()
          const perAccount = (name) => (after[name] - before[name]) / ACCOUNTS / 2 ** 20
          return { 'RSS per account': perAccount('rss'), 'heap per account': perAccount('heapUsed') }
        },
      },
    },
    async close() {
      for (const client of clients) {
        await client.close()
        await client.forget()
      }
    },
  }
}

export const contestants = {
  waton: (world) => prepare({ create: createWatonInMemory, prefix: '15550004' }, world),
  Baileys: (world) => prepare({ create: createBaileysInMemory, prefix: '15550005' }, world),
}
