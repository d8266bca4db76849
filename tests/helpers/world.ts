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
