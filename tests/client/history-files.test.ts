/**
 * History in files of the media servers: fetched and verified in the background, tried again when it cannot be had, and never
 * confirmed before (row W12 of what Baileys gets wrong).
 */
import { encryptedStream } from '@whiskeysockets/baileys'
import { readFile, rm } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { MemoryStore } from 'waton'
import type { HistoryProgress } from 'waton'
import { Message } from '../../src/protocol/proto/message.ts'
import type { MessageProperties } from '../../src/protocol/proto/message.ts'
import { MediaServer, bytes, flipped, status } from '../media/media-server.ts'
import { until } from '../helpers/until.ts'
import { chat, content, taken, texts, toldIds, untilTaken } from './history-support.ts'
import { Stranger } from './stranger.ts'
import {
  ALICE,
  BOB,
  DEVICE,
  FastClock,
  World,
  linkedClient,
  newClient,
  settle,
  untilSettledIn,
} from './support.ts'

const HOST = 'media.test'

/** A piece as Baileys encrypts files of this kind, and what announces it. */
async function file(count: number): Promise<{ encrypted: Uint8Array; announcement: MessageProperties }> {
  const payload = content({ conversations: [chat(BOB, texts(count))] })
  const made = await encryptedStream(Buffer.from(payload), 'md-msg-hist')
  const encrypted = new Uint8Array(await readFile(made.encFilePath))
  await rm(made.encFilePath, { force: true })
  const announcement: MessageProperties = {
    protocolMessage: {
      type: Message.ProtocolMessage.Type.HISTORY_SYNC_NOTIFICATION,
      historySyncNotification: {
        syncType: Message.HistorySyncType.RECENT,
        chunkOrder: 1,
        mediaKey: new Uint8Array(made.mediaKey),
        fileSha256: new Uint8Array(made.fileSha256),
        fileEncSha256: new Uint8Array(made.fileEncSha256),
        fileLength: made.fileLength,
        directPath: '/v/t62.7118-24/history',
      },
    },
  }
  return { encrypted, announcement }
}

async function setUp(seed: string) {
  const server = await MediaServer.start()
  const clock = new FastClock(50)
  const world = new World(seed)
  const endpoint = { ...world.endpoint, mediaHost: HOST, mediaDispatcher: server.dispatcher }
  const { alice } = await world.addPair()
  const store = new MemoryStore()
  const options = { store, endpoint, clock }
  const client = await linkedClient(world, alice, options)
  await until(
    'the keys of the phone',
    async () => (await store.listRecords('default', 'app-state-key', undefined, 10)).length > 0,
  )
  await untilSettledIn(world)
  const progress: HistoryProgress[] = []
  client.on('sync.history', (event) => progress.push(event))
  const phone = new Stranger(world, `files ${seed}`)
  const hand = (id: string, message: MessageProperties): void => {
    world.inject(phone.message({ from: ALICE, id, category: 'peer' }, message))
  }
  return { server, world, client, store, options, progress, hand }
}

describe('a piece in a file', () => {
  test('that is gone is tried again until it is there, and is confirmed then', async () => {
    const { server, world, client, progress, hand } = await setUp('gone')
    const { encrypted, announcement } = await file(30)
    server.usually(status(404))
    hand('P1', announcement)
    await until('two failures', () => progress.filter(({ failure }) => failure !== undefined).length >= 2)
    expect(progress[0]).toMatchObject({
      piece: 'P1',
      isComplete: false,
      failure: { code: 'WATON_MEDIA_MISSING', isRetried: true },
    })
    expect(taken(world, 'P1')).toBe(0)
    server.usually(bytes(encrypted))
    await untilTaken(world, 'P1')
    expect(await toldIds(client)).toHaveLength(30)
  })

  test('that is not what was announced is not believed, and others go on', async () => {
    const { server, world, client, progress, hand } = await setUp('forged')
    const [forged, whole] = [await file(3), await file(40)]
    server.usually(bytes(flipped(forged.encrypted, 40)))
    hand('P1', forged.announcement)
    await until('the failure', () => progress.length > 0)
    expect(progress[0]).toMatchObject({ failure: { code: 'WATON_MEDIA_CORRUPT', isRetried: true } })
    server.usually(bytes(whole.encrypted))
    hand('P2', whole.announcement)
    await untilTaken(world, 'P2')
    expect(await toldIds(client)).toHaveLength(40)
    expect(taken(world, 'P1')).toBe(0)
  })

  test('that could not be fetched is fetched by the next process', async () => {
    const { server, world, client, options, progress, hand } = await setUp('restart')
    const { encrypted, announcement } = await file(5)
    server.usually(status(500))
    hand('P1', announcement)
    await until('the failure', () => progress.length > 0)
    await client.close()
    server.usually(bytes(encrypted))
    const again = newClient(world, options)
    await again.connect()
    await untilTaken(world, 'P1')
    expect(await toldIds(again)).toHaveLength(5)
    // acknowledged: it is not said again
    await settle(50)
    world.server.faults.disconnect(DEVICE)
    await until('the next connection', () => world.sockets >= 4)
    await settle(50)
    expect(taken(world, 'P1')).toBe(1)
  })
})
