/** Devices of other people. They are no party to the comparison, only things that happen to the people in the scenario. */
import { Client, MemoryStore } from 'waton'
import type { SimulatedPhone, Simulator } from 'waton/simulator'
import type { Clock } from '../../../src/base/clock.ts'
import { seededRandom } from '../../../src/base/random.ts'

/** See the file comment. */
export class Bystanders {
  readonly #simulator: Simulator
  readonly #clock: Clock
  readonly #clients: Client[] = []

  constructor(simulator: Simulator, clock: Clock) {
    this.#simulator = simulator
    this.#clock = clock
  }

  /** The device that was linked first. */
  get first(): Client {
    const [first] = this.#clients
    if (first === undefined) throw new Error('no bystander was linked')
    return first
  }

  /** Links a device to the phone and resolves when it is open. */
  async link(phone: SimulatedPhone): Promise<Client> {
    const random = seededRandom(`bystander ${String(this.#clients.length)}`)
    const { endpoint } = this.#simulator
    const client = new Client({ store: new MemoryStore(), endpoint, clock: this.#clock, random })
    this.#clients.push(client)
    client.once('pairing.qr', async ({ qr }) => {
      await phone.linkDevice(qr)
    })
    await client.connect()
    return client
  }

  async close(): Promise<void> {
    for (const client of this.#clients) await client.close()
  }
}
