/**
 * What piles up in the memory of Baileys, or in its credentials, without an end, and what waton keeps instead. Rows L18, D6 and
 * D7 of the list in README.md.
 */
import { deflateSync } from 'node:zlib'
import { addTransactionCapability, initAuthCreds, makeEventBuffer, proto } from '@whiskeysockets/baileys'
import type { ChatUpdate, WAMessage } from '@whiskeysockets/baileys'
import { makeLibSignalRepository } from '@whiskeysockets/baileys/lib/Signal/libsignal.js'
import processMessage from '@whiskeysockets/baileys/lib/Utils/process-message.js'
import { makeOfflineNodeProcessor } from '@whiskeysockets/baileys/lib/Utils/offline-node-processor.js'
import { pino } from 'pino'
import { expect, test } from 'vitest'
import { MemoryStore } from 'waton'
import { CrashStore, VirtualClock } from 'waton/testing'
import { deferred } from '../../src/base/deferred.ts'
import { silentLogger } from '../../src/base/logger.ts'
import { DEFAULT_RETENTION } from '../../src/client/options.ts'
import { AccountState } from '../../src/client/state/account-state.ts'
import { Pruner } from '../../src/client/state/pruner.ts'
import { HISTORY_NOTIFICATION } from '../../src/client/state/records.ts'
import { ALICE, DEVICE, linkedClient, messageIds, newClient, settle, untilLogged } from '../client/support.ts'
import { until } from '../helpers/until.ts'
import { memoryKeys } from './memory-keys.ts'
import { startStage } from './stage.ts'

const silent = pino({ level: 'silent' })

/** Stanzas that wait: more than a client asks for at once. */
const BACKLOG = 120

test('L18: Baileys takes in any backlog and drops it with the socket; waton takes what it can keep', async () => {
  let isOpen = true
  const first = deferred<undefined>()
  const begun: (string | undefined)[] = []
  const processor = makeOfflineNodeProcessor(
    new Map([
      [
        'message' as const,
        async ({ attrs }) => {
          begun.push(attrs.id)
          await first.promise
        },
      ],
    ]),
    {
      isWsOpen: () => isOpen,
      onUnexpectedError: () => undefined,
      yieldToEventLoop: () => new Promise((resolve) => setImmediate(resolve)),
    },
  )
  // nobody is told to wait while the first of them takes its time
  for (let number = 0; number < BACKLOG; number += 1)
    processor.enqueue('message', { tag: 'message', attrs: { id: String(number) } })
  isOpen = false
  first.resolve(undefined)
  await settle(BACKLOG)
  expect(begun).toEqual(['0'])

  const stage = await startStage('L18')
  const { world, bob, alice } = stage
  const disk = new MemoryStore()
  await (await linkedClient(world, alice, { store: disk })).close()
  const sent: string[] = []
  for (let number = 0; number < BACKLOG; number += 1)
    sent.push((await bob.send(ALICE, { text: String(number) })).id)
  const store = new CrashStore(disk)
  const client = newClient(world, { store })
  await client.connect()
  store.hold()
  const delivered = (): number => world.received({ tag: 'message' }).length
  await until('the first of them', () => delivered() > 0)
  await until('commits', () => store.held > 0)
  await settle()
  const taken = delivered()
  expect(taken).toBeLessThan(BACKLOG)
  world.server.faults.disconnect(DEVICE)
  await store.letThrough()
  await untilLogged(client, sent.at(-1) ?? '')
  expect(await messageIds(client)).toEqual(sent)
})

/** Pieces of history, and days. */
const PIECES = 40
const DAY_MS = 24 * 60 * 60 * 1000

test('D6: Baileys writes every piece of history into its credentials, for ever; waton a row, for sixty days', async () => {
  const creds = { ...initAuthCreds(), me: { id: '15550000001:1@s.whatsapp.net' } }
  const options = { maxCommitRetries: 1, delayBetweenTriesMs: 1 }
  const keyStore = addTransactionCapability(memoryKeys(), silent, options)
  const signalRepository = makeLibSignalRepository({ creds, keys: keyStore }, silent)
  const ev = makeEventBuffer(silent)
  // what a socket does with it
  ev.on('creds.update', (update) => Object.assign(creds, update))
  const empty = proto.HistorySync.encode({ syncType: proto.HistorySync.HistorySyncType.RECENT }).finish()
  for (let number = 0; number < PIECES; number += 1) {
    const message: WAMessage = {
      key: { remoteJid: ALICE, fromMe: true, id: String(number) },
      messageTimestamp: number,
      message: {
        protocolMessage: {
          type: proto.Message.ProtocolMessage.Type.HISTORY_SYNC_NOTIFICATION,
          historySyncNotification: {
            syncType: proto.Message.HistorySyncType.RECENT,
            initialHistBootstrapInlinePayload: deflateSync(empty),
          },
        },
      },
    }
    await processMessage(message, {
      ...{ shouldProcessHistoryMsg: true, creds, keyStore, ev, options: {}, signalRepository },
      getMessage: () => Promise.resolve(undefined),
    })
  }
  expect(creds.processedHistoryMessages).toHaveLength(PIECES)
  signalRepository.close?.()
  ev.destroy()

  const clock = new VirtualClock()
  const store = new MemoryStore()
  const claim = await store.claim('default', { owner: 'D6', nowMs: clock.nowMs(), leaseMs: 1_000 })
  const shared = { clock, logger: silentLogger }
  const ignore = (): void => undefined
  const state = await AccountState.open({ ...shared, store, claim, onEvents: ignore, onFailure: ignore })
  const self = { me: { pn: ALICE, lid: 'me@lid' } }
  const hub = { tellLost: ignore }
  const pruner = new Pruner({ ...shared, state, retention: DEFAULT_RETENTION, self, hub })
  await state.commit((unit) => {
    for (let number = 0; number < PIECES; number += 1)
      unit.put(HISTORY_NOTIFICATION, String(number), Uint8Array.of(1))
    return Promise.resolve()
  })
  const run = async (days: number): Promise<number> => {
    clock.advance(days * DAY_MS)
    const done = pruner.run()
    await clock.runUntil(done)
    return (await state.listKeys(HISTORY_NOTIFICATION, '')).length
  }
  expect(await run(59)).toBe(PIECES)
  expect(await run(2)).toBe(0)
  await pruner.stop()
})

// waton's half: it has no updates that wait in memory for something else to happen. What a chat became is an event in the log,
// which `tests/client/pruning.test.ts` shows to end.
test('D7: Baileys keeps updates of chats whose condition never comes true, and looks at each of them for ever', () => {
  const buffer = makeEventBuffer(silent)
  let looks = 0
  const update = (id: string): ChatUpdate => ({
    id,
    archived: true,
    conditional() {
      looks += 1
      return undefined
    },
  })
  const released: unknown[] = []
  buffer.on('chats.update', (updates) => released.push(...updates))
  const chats = Array.from({ length: PIECES }, (_none, index) => `1555000${String(index)}@s.whatsapp.net`)
  buffer.buffer()
  buffer.emit('chats.update', chats.map(update))
  buffer.flush()
  // much later they are all still there: each chat that comes up finds its own
  for (let round = 0; round < 10; round += 1) {
    buffer.buffer()
    buffer.flush()
  }
  looks = 0
  buffer.buffer()
  buffer.emit(
    'chats.upsert',
    chats.map((id) => ({ id })),
  )
  expect(looks).toBe(PIECES)
  expect(released).toEqual([])
  buffer.destroy()
})
