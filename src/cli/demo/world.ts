/**
 * The world of the demo: the local server, two phones, and a bot that is linked to the second one. It draws nothing;
 * the command does.
 */
import { Bot, MemoryStore } from 'waton'
import type { QrCode } from 'waton'
import { startSimulator } from 'waton/simulator'
import type { SimulatedPhone } from 'waton/simulator'
import { seededRandom } from 'waton/testing'
import { addDemoCommands, addSmallTalk } from './bot.ts'

/** A running demo. */
export interface DemoWorld {
  readonly alice: SimulatedPhone
  readonly bob: SimulatedPhone
  /** Links the bot to Bob's account, or brings it back with the store that it left. */
  startBot(): Promise<void>
  stopBot(): Promise<void>
  close(): Promise<void>
}

/**
 * Starts the server and the phones. The bot is started by `startBot`.
 *
 * @param showQr - shows the QR code; Bob's phone scans it when this resolves
 */
export async function createDemoWorld(
  seed: number,
  showQr: (code: QrCode) => Promise<void>,
): Promise<DemoWorld> {
  const simulator = await startSimulator({ seed })
  const alice = await simulator.addPhone({ phoneNumber: '15550000001', name: 'Alice' })
  const bob = await simulator.addPhone({ phoneNumber: '15550000002', name: 'Bob' })
  const store = new MemoryStore()
  const random = seededRandom(seed)
  let bot: Bot | undefined
  const scan = async (code: QrCode): Promise<void> => {
    await showQr(code)
    await bob.linkDevice(code.qr)
  }
  return {
    alice,
    bob,
    async startBot() {
      bot = new Bot({ store, random, endpoint: simulator.endpoint, onQr: scan, stopOnSignals: false })
      addDemoCommands(bot)
      addSmallTalk(bot)
      await bot.start()
    },
    async stopBot() {
      await bot?.stop()
    },
    async close() {
      await bot?.stop()
      await store.close()
      await simulator.close()
    },
  }
}
