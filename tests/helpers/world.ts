/** A simulated world with waton clients in it, torn down after the test. */
import { onTestFinished } from 'vitest'
import { Client, MemoryStore } from 'waton'
import type { ClientOptions, Endpoint } from 'waton'
import { startSimulator } from 'waton/simulator'
import type { SimulatedPhone, Simulator } from 'waton/simulator'

/** Starts a simulator that is closed when the test is over. */
export async function startWorld(seed: number): Promise<Simulator> {
  const simulator = await startSimulator({ seed })
  onTestFinished(() => simulator.close())
  return simulator
}

/** Alice, whose account clients join, and Bob, who writes with her. */
export async function addPair(simulator: Simulator): Promise<{ alice: SimulatedPhone; bob: SimulatedPhone }> {
  const alice = await simulator.addPhone({ phoneNumber: '15550000001', name: 'Alice' })
  const bob = await simulator.addPhone({ phoneNumber: '15550000002', name: 'Bob' })
  return { alice, bob }
}

/** The simulator's endpoint by its address: a real socket instead of the one in memory. */
export function overWebSocket({ endpoint }: Simulator): Endpoint {
  return { url: endpoint.url, rootKey: endpoint.rootKey, rootSerial: endpoint.rootSerial }
}

/** A client that a phone has linked by QR code; closed when the test is over. */
export async function linkedClient(
  simulator: Simulator,
  phone: SimulatedPhone,
  options: Partial<ClientOptions> = {},
  onQr: (qr: string) => void = () => undefined,
): Promise<Client> {
  const client = new Client({ store: new MemoryStore(), endpoint: overWebSocket(simulator), ...options })
  onTestFinished(() => client.close())
  client.once('pairing.qr', async ({ qr }) => {
    onQr(qr)
    await phone.linkDevice(qr)
  })
  await client.connect()
  return client
}
