// The server and the people at the other end, in a process of their own so that their work is not the contestants'.
import { startSimulator } from 'waton/simulator'
import { reply } from '../harness.mjs'

/** Texts that a phone has on their way at once. */
const WINDOW = 64

// the trace is for reading; a long benchmark only needs its memory bounded
const simulator = await startSimulator({ seed: 'bench', traceCapacity: 200 })
const phones = new Map()

const duties = {
  async addPhone({ phoneNumber, name }) {
    phones.set(phoneNumber, await simulator.addPhone({ phoneNumber, name }))
  },
  async link({ phoneNumber, qr }) {
    await phones.get(phoneNumber).linkDevice(qr)
  },
  /** The human writes `count` texts, as fast as the phone can. */
  async write({ from, to, count }) {
    const phone = phones.get(from)
    let left = count
    const writeOn = async () => {
      while (left-- > 0)
        await phone.send(`${to}@s.whatsapp.net`, { text: `text number ${left}, as people write them` })
    }
    await Promise.all(Array.from({ length: WINDOW }, writeOn))
  },
  problems() {
    return [...phones.values()].flatMap(({ problems, undecryptable, duplicates }) => [
      ...problems,
      ...undecryptable,
      ...duplicates,
    ]).length
  },
  cpuMs() {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1000
  },
}

process.on('message', async ({ call, question, input }) => {
  process.send({ call, ...(await reply(() => duties[question](input))) })
})
process.on('disconnect', () => process.exit(0))
const { url, rootKey, rootSerial } = simulator.endpoint
process.send({ endpoint: { url, rootKey, rootSerial } })
