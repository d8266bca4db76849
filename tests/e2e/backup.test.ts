/**
 * A backup of an account in use, and what becomes of the copy: nothing that it sends is ever protected by a key that the
 * original has used (promise G3), as the server's record of every ciphertext shows, and everybody reads it. The other
 * side is a phone with an unmodified Baileys linked to it.
 */
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Client, MemoryStore } from 'waton'
import type { ClientEvents, CloseReason } from 'waton'
import type { BinaryNode } from 'waton/protocol'
import type { SimulatedPhone, Simulator } from 'waton/simulator'
import { openSqlite } from 'waton/sqlite'
import { toHex } from '../../src/base/bytes.ts'
import { sha256 } from '../../src/protocol/crypto/index.ts'
import { childrenOf, contentBytes } from '../../src/protocol/binary/node.ts'
import { parseSignalMessage, readPreKeySignal } from '../../src/protocol/signal/message.ts'
import { Baileys } from '../helpers/baileys.ts'
import { until } from '../helpers/until.ts'
import { addPair, overWebSocket, startWorld } from '../helpers/world.ts'

const ALICE = '15550000001@s.whatsapp.net'
const BOB = '15550000002@s.whatsapp.net'
const DEVICE = '15550000001:1@s.whatsapp.net'

interface Stage {
  readonly simulator: Simulator
  readonly alice: SimulatedPhone
  readonly bob: SimulatedPhone
  readonly baileys: Baileys
  readonly folder: string
}

async function startStage(seed: number): Promise<Stage> {
  const simulator = await startWorld(seed)
  const { alice, bob } = await addPair(simulator)
  const baileys = await Baileys.link(simulator, bob)
  const folder = mkdtempSync(join(tmpdir(), 'waton-backup-'))
  onTestFinished(() => {
    rmSync(folder, { recursive: true, force: true })
  })
  return { simulator, alice, bob, baileys, folder }
}

interface Opened {
  readonly client: Client
  readonly texts: string[]
  readonly unreadable: ClientEvents['message.undecryptable'][]
  readonly qrs: string[]
  readonly ended: CloseReason[]
  close(): Promise<void>
}

/** A client on a store file. */
async function open({ simulator, folder }: Stage, name: string): Promise<Opened> {
  const store = await openSqlite(join(folder, name), { durability: 'process' })
  const client = new Client({ store, endpoint: overWebSocket(simulator) })
  const opened: Opened = {
    client,
    texts: [],
    unreadable: [],
    qrs: [],
    ended: [],
    close: async () => {
      await client.close()
      await store.close()
    },
  }
  onTestFinished(() => opened.close())
  client.on('message', ({ payload }) => {
    if (!payload.fromMe && 'text' in payload.content) opened.texts.push(payload.content.text)
  })
  client.on('message.undecryptable', (event) => {
    opened.unreadable.push(event)
  })
  client.on('pairing.qr', ({ qr }) => {
    opened.qrs.push(qr)
  })
  client.on('connection.closed', (reason) => {
    opened.ended.push(reason)
  })
  return opened
}

async function linked(stage: Stage): Promise<Opened> {
  const opened = await open(stage, 'me.db')
  opened.client.once('pairing.qr', async ({ qr }) => {
    await stage.alice.linkDevice(qr)
  })
  await opened.client.connect()
  return opened
}

/** Sends, and waits until both of Bob's devices and Alice's phone have it. */
async function sendAndSee({ client }: Opened, { baileys, bob, alice }: Stage, text: string): Promise<void> {
  const sent = await client.send(BOB, { text })
  await sent.acked
  await baileys.waitForText(text)
  await bob.waitForMessage((message) => message.text === text)
  await alice.waitForMessage((message) => message.text === text && message.fromMe)
}

async function hear({ texts }: Opened, { baileys, bob }: Stage, text: string): Promise<void> {
  await bob.send(ALICE, { text: `${text} from the phone` })
  await baileys.send(ALICE, `${text} from Baileys`)
  for (const one of [`${text} from the phone`, `${text} from Baileys`])
    await until(`"${one}"`, () => texts.includes(one))
}

/** Every ciphertext that the device has sent, by recipient, ratchet key and counter; more than one is a broken promise. */
function keysUsed({ simulator }: Stage): { readonly count: number; readonly twice: readonly string[] } {
  const used = new Map<string, Set<string>>()
  const take = (to: string, enc: BinaryNode): void => {
    const body = contentBytes(enc) ?? new Uint8Array()
    const { ratchetKey, counter } = parseSignalMessage(
      enc.attrs.type === 'pkmsg' ? readPreKeySignal(body).message : body,
    )
    const key = `${to} ${toHex(ratchetKey)} ${String(counter)}`
    const ciphertexts = used.get(key) ?? new Set()
    used.set(key, ciphertexts.add(toHex(sha256(ciphertextOf(enc, body)))))
  }
  for (const { node } of simulator.trace.stanzas({
    device: DEVICE,
    direction: 'client-to-server',
    tag: 'message',
  })) {
    for (const enc of childrenOf(node, 'enc')) take(node.attrs.to ?? '', enc)
    for (const list of childrenOf(node, 'participants'))
      for (const to of childrenOf(list, 'to'))
        for (const enc of childrenOf(to, 'enc')) take(to.attrs.jid ?? '', enc)
  }
  return {
    count: used.size,
    twice: [...used].filter(([, ciphertexts]) => ciphertexts.size > 1).map(([key]) => key),
  }
}

function ciphertextOf(enc: BinaryNode, body: Uint8Array): Uint8Array {
  return enc.attrs.type === 'pkmsg' ? readPreKeySignal(body).message : body
}

describe('a backup', () => {
  test('is refused by a store that is no file', async () => {
    const client = new Client({ store: new MemoryStore() })
    await expect(client.backup('/tmp/nowhere.db')).rejects.toMatchObject({ code: 'WATON_BACKUP_UNSUPPORTED' })
    await client.close()
  })

  test('restored after the original has gone on uses no key twice, and everybody reads everybody', async () => {
    const stage = await startStage(31)
    const original = await linked(stage)
    await sendAndSee(original, stage, 'before 1')
    await hear(original, stage, 'early')
    await sendAndSee(original, stage, 'before 2')
    await original.client.backup(join(stage.folder, 'copy.db'))
    await sendAndSee(original, stage, 'after 1')
    await sendAndSee(original, stage, 'after 2')
    await original.close()

    const copy = await open(stage, 'copy.db')
    await copy.client.connect()
    await sendAndSee(copy, stage, 'restored 1')
    await hear(copy, stage, 'late')
    await sendAndSee(copy, stage, 'restored 2')

    expect(copy.qrs).toEqual([])
    expect(copy.unreadable).toEqual([])
    expect(stage.baileys.messages.filter(({ messageStubType }) => messageStubType !== undefined)).toEqual([])
    const { count, twice } = keysUsed(stage)
    expect(count).toBeGreaterThanOrEqual(18)
    expect(twice).toEqual([])
  })

  test('restored while the other side has written in the old sessions reads that, and answers in new ones', async () => {
    const stage = await startStage(32)
    const original = await linked(stage)
    await sendAndSee(original, stage, 'before')
    await hear(original, stage, 'early')
    await sendAndSee(original, stage, 'the last chain that both share')
    await original.client.backup(join(stage.folder, 'copy.db'))
    await original.client.send(BOB, { text: 'after' }).then((sent) => sent.acked)
    await stage.baileys.waitForText('after')
    await original.close()
    // waits in the mailbox, written in a session that original and copy share
    await stage.bob.send(ALICE, { text: 'while nobody was there' })

    const copy = await open(stage, 'copy.db')
    await copy.client.connect()
    await until('the waiting text', () => copy.texts.includes('while nobody was there'))
    await sendAndSee(copy, stage, 'restored')
    expect(copy.unreadable).toEqual([])
    expect(keysUsed(stage).twice).toEqual([])
  })

  test('restored after the sessions have moved on asks once for what it cannot read, and gets it', async () => {
    const stage = await startStage(36)
    const original = await linked(stage)
    await sendAndSee(original, stage, 'before')
    await hear(original, stage, 'early')
    await original.client.backup(join(stage.folder, 'copy.db'))
    // a step of the ratchet that the copy does not know of, and an answer to it
    await sendAndSee(original, stage, 'after')
    await original.close()
    await stage.bob.send(ALICE, { text: 'in a session of the original' })

    const copy = await open(stage, 'copy.db')
    await copy.client.connect()
    await until('the healed text', () => copy.texts.includes('in a session of the original'))
    expect(copy.unreadable).toHaveLength(1)
    await sendAndSee(copy, stage, 'restored')
    await hear(copy, stage, 'late')
    expect(copy.unreadable).toHaveLength(1)
    expect(keysUsed(stage).twice).toEqual([])
  })

  test('sends what was queued when it was made, once for everybody even if the original has sent it too', async () => {
    const stage = await startStage(33)
    const original = await linked(stage)
    await sendAndSee(original, stage, 'before')
    await original.close()
    const again = await open(stage, 'me.db')
    const sent = await again.client.send(BOB, { text: 'queued offline' })
    await again.client.backup(join(stage.folder, 'copy.db'))
    await again.client.connect()
    await sent.acked
    await stage.bob.waitForMessage((message) => message.text === 'queued offline')
    await again.close()

    const copy = await open(stage, 'copy.db')
    await copy.client.connect()
    const handle = await copy.client.outbox.get(sent.id)
    await handle?.acked
    await sendAndSee(copy, stage, 'restored')
    const shown = stage.bob.messages.filter(({ text }) => text === 'queued offline')
    expect(shown).toHaveLength(1)
    expect(keysUsed(stage).twice).toEqual([])
  })

  test('is stamped until it is opened: two copies of it are two incarnations', async () => {
    const stage = await startStage(34)
    const original = await linked(stage)
    await sendAndSee(original, stage, 'before')
    await original.client.backup(join(stage.folder, 'copy.db'))
    await original.close()
    copyFileSync(join(stage.folder, 'copy.db'), join(stage.folder, 'second.db'))
    for (const name of ['copy.db', 'second.db']) {
      const copy = await open(stage, name)
      await copy.client.connect()
      await sendAndSee(copy, stage, `from ${name}`)
      await copy.close()
    }
    expect(keysUsed(stage).twice).toEqual([])
  })

  test('and its original are not both connected: the server keeps the one that came last', async () => {
    const stage = await startStage(35)
    const original = await linked(stage)
    await sendAndSee(original, stage, 'before')
    await original.client.backup(join(stage.folder, 'copy.db'))
    const copy = await open(stage, 'copy.db')
    await copy.client.connect()
    const reason = await until('the original to be told', () =>
      original.ended.find(({ reason: why }) => why !== 'restart-required'),
    )
    expect(reason).toMatchObject({ reason: 'replaced' })
    await sendAndSee(copy, stage, 'restored')
    expect(keysUsed(stage).twice).toEqual([])
  })
})
