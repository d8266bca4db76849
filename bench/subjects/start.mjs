// From nothing to ready: a fresh process imports the library, opens a linked account on disk and connects.
import { execFile } from 'node:child_process'
import { cp, rm } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createBaileysOnDisk, createWatonOnDisk } from '../parties/clients.mjs'

export { startSimulatorProcess as start } from '../parties/simulator-process.mjs'

const run = promisify(execFile)
const program = fileURLToPath(new URL('../parties/fresh-start.mjs', import.meta.url))

export const title = 'Start'
export const about =
  'A fresh process imports the package, opens a linked account on disk and connects to a simulated server on this machine.'
export const rows = {
  'import and connect': { unit: 'ms' },
  'RSS when open': { unit: 'MB' },
}

function inputOf(library, directory, { rootKey, ...endpoint }) {
  return JSON.stringify({
    library,
    directory,
    endpoint: { ...endpoint, rootKey: Buffer.from(rootKey).toString('hex') },
  })
}

async function prepare({ library, create, phoneNumber }, { shared: endpoint, ask }) {
  await ask('addPhone', { phoneNumber, name: 'Owner' })
  await ask('addPhone', { phoneNumber: `${phoneNumber}0`, name: 'Other' })
  const client = await create({ endpoint, link: (qr) => ask('link', { phoneNumber, qr }) })
  await client.open()
  // what follows the first login is recorded before the account is left alone
  await client.send(`${phoneNumber}0@s.whatsapp.net`, 'hello')
  await client.close()
  await client.release()
  return {
    cases: {
      start: {
        async run() {
          // every start gets its own copy: a process that ends right after connecting leaves Baileys' file of credentials torn
          const directory = `${client.directory}-copy`
          await cp(client.directory, directory, { recursive: true })
          const { stdout } = await run(
            process.execPath,
            ['--no-warnings', program, inputOf(library, directory, endpoint)],
            {
              timeout: 30_000,
            },
          )
          await rm(directory, { recursive: true })
          const { ms, rss } = JSON.parse(stdout)
          return { 'import and connect': ms, 'RSS when open': rss / 2 ** 20 }
        },
      },
    },
    close: () => client.forget(),
  }
}

export const contestants = {
  waton: (world) =>
    prepare({ library: 'waton', create: createWatonOnDisk, phoneNumber: '15550003001' }, world),
  Baileys: (world) =>
    prepare({ library: 'baileys', create: createBaileysOnDisk, phoneNumber: '15550003002' }, world),
}
