/**
 * App state does not drift (promise G5): whatever is changed, cut, spoilt and lost on the way, in the end the client has what
 * the server has, entry by entry and hash by hash, and has told each change once.
 */
import { describe, expect, test } from 'vitest'
import { MemoryStore } from 'waton'
import type { Client, DurableEvent } from 'waton'
import type { Change } from 'waton/persistence'
import { chance, failSomeCommits, faultyStore, forSeeds, pick } from 'waton/testing'
import { randomInteger } from '../../src/base/random.ts'
import type { RandomSource } from '../../src/base/random.ts'
import type { AppStateSpoil } from '../../src/simulator/world/app-state-plans.ts'
import { node } from '../../src/protocol/binary/node.ts'
import { until } from '../helpers/until.ts'
import { AppStateWorld, COLLECTIONS, changes, clientAccount } from './app-state.ts'
import { MortalStore } from './crash.ts'
import { BOB, DEVICE, log, settle } from './support.ts'

const CHATS = [2, 3, 4, 5, 6].map((user) => `1555000000${String(user)}@s.whatsapp.net`)
const SPOILS: readonly AppStateSpoil[] = [
  ...([
    'patch-mac',
    'value',
    'value-mac',
    'index',
    'record',
    'snapshot-mac',
    'missing-record',
    'gap',
  ] as const),
]

/** One thing that the human does on the phone. */
async function changeSomething({ alice }: AppStateWorld, random: RandomSource): Promise<void> {
  const chat = pick(random, CHATS)
  const isOn = chance(random, 0.5)
  switch (randomInteger(random, 6)) {
    case 0:
      return alice.changeChat(chat, { archived: isOn })
    case 1:
      return alice.changeChat(chat, { pinned: isOn, mutedUntilMs: isOn ? 'forever' : 0 })
    case 2:
      return alice.changeChat(chat, { unread: isOn })
    case 3:
      return isOn
        ? alice.saveContact(chat, `Somebody ${String(randomInteger(random, 9))}`)
        : alice.removeContact(chat)
    case 4:
      return alice.editLabel({
        id: String(randomInteger(random, 3)),
        name: 'a label',
        color: 1,
        deleted: isOn,
      })
    default:
      return alice.rotateAppStateKey({ share: isOn })
  }
}

/** Something goes wrong on the way. */
function spoilSomething(world: AppStateWorld, random: RandomSource): void {
  const name = pick(random, COLLECTIONS)
  switch (randomInteger(random, 5)) {
    case 0:
      world.faults.silence(DEVICE, name)
      return
    case 1:
      world.faults.refuse(DEVICE, name, pick(random, [400, 409, 503]))
      return
    case 2:
      if (world.device().outlet !== undefined) world.server.faults.disconnect(DEVICE)
      return
    default:
      world.faults.spoil(DEVICE, name, pick(random, SPOILS))
  }
}

/** News that a device was not told of are told at a login; it is asked to look at everything. */
async function sayThatAllIsDirty(world: AppStateWorld): Promise<void> {
  const { outlet } = await until('the client to be there', () =>
    world.device().outlet ? world.device() : undefined,
  )
  outlet?.sendTransient(
    node('ib', { from: 's.whatsapp.net' }, [
      node('dirty', { type: 'syncd_app_state', timestamp: '1700000000' }),
    ]),
  )
}

/** The last state of each chat that the events tell. */
function lastStates(events: readonly DurableEvent[]): ReadonlyMap<string, object> {
  const states = new Map<string, object>()
  for (const { type, payload } of events)
    if (type === 'chat.changed') states.set(payload.chat, { ...states.get(payload.chat), ...payload.changes })
  return states
}

/** What the human sees of a chat, in the words of events. */
function seenBy({ alice }: AppStateWorld): Map<string, object> {
  const seen = new Map<string, object>()
  for (const [chat, { archived, pinned, mutedUntilMs, unread }] of alice.appState.chats)
    seen.set(chat, {
      ...(archived === undefined ? {} : { isArchived: archived }),
      ...(pinned === undefined ? {} : { isPinned: pinned }),
      ...(mutedUntilMs === undefined ? {} : { isMuted: mutedUntilMs !== 0 }),
      ...(unread === undefined ? {} : { isUnread: unread }),
    })
  return seen
}

describe('whatever happens', () => {
  test('the client has what the server has, and has told what the human sees', async () => {
    await forSeeds([1, 2, 3], async (random, seed) => {
      const world = await new AppStateWorld(`drift ${String(seed)}`, { speed: 2_000 }).begin({
        patchesPerAnswer: 1 + randomInteger(random, 3),
        externalFrom: 1 + randomInteger(random, 2),
        patchesBehindSnapshot: randomInteger(random, 3),
      })
      for (let change = 0; change < 5; change += 1) await changeSomething(world, random)
      let client = await world.link()
      for (let step = 0; step < 40; step += 1) {
        if (chance(random, 0.3)) spoilSomething(world, random)
        if (chance(random, 0.06)) {
          await client.close()
          client = world.again()
          await changeSomething(world, random)
          await client.connect()
        } else await changeSomething(world, random)
        if (chance(random, 0.4)) await settle()
      }
      await sayThatAllIsDirty(world)
      await world.converged()
      expect(world.happened.length).toBeGreaterThan(0)
      expect(world.violations).toEqual([])
      const states = lastStates(await log(client))
      for (const [chat, state] of seenBy(world))
        expect(await stateOf(world, states, chat), chat).toMatchObject(state)
      await client.close()
    })
  })
})

/** The state by either address of a person. */
function stateOf(
  world: AppStateWorld,
  states: ReadonlyMap<string, object>,
  chat: string,
): Promise<object | undefined> {
  const lid = world.server.world.resolve(chat)?.account.jid('lid')
  return Promise.resolve({ ...states.get(chat), ...(lid === undefined ? {} : states.get(lid)) })
}

describe('a store that fails', () => {
  test('now and then costs no change and tells none twice', async () => {
    await forSeeds([1, 2], async (random, seed) => {
      const disk = new MemoryStore()
      const store = faultyStore(disk, failSomeCommits(random, 8))
      const world = await new AppStateWorld(`failing ${String(seed)}`, { store, speed: 200 }).begin({
        patchesPerAnswer: 2,
      })
      for (const chat of CHATS) await world.alice.changeChat(chat, { archived: true })
      const client = await linkStubbornly(world)
      await world.converged(disk)
      for (const chat of CHATS) await world.alice.changeChat(chat, { archived: false })
      await world.converged(disk)
      const told = (await changes(client)).filter(({ type }) => type === 'chat.changed')
      for (const isArchived of [true, false])
        expect(told.filter(({ payload }) => isOf(payload, isArchived))).toHaveLength(CHATS.length)
    })
  })

  test.each([false, true])(
    'that dies at any commit of app state (written: %s) leaves a version with what belongs to it, and the next process goes on',
    async (isWritten) => {
      for (let commit = 1; ; commit += 1) {
        const world = await new AppStateWorld(`dies ${String(commit)}`, { speed: 200 }).begin({
          patchesPerAnswer: 1,
        })
        const first = await world.link()
        await world.converged()
        await first.close()
        await world.alice.changeChat(BOB, { archived: true, mutedUntilMs: 'forever' })
        await world.alice.changeChat(BOB, { archived: false })
        const mortal = new MortalOfAppState(world.store, { commit, isWritten })
        const doomed = world.again({ store: mortal })
        doomed.connect().catch(() => undefined)
        await until('death or the end', async () => mortal.isDead || (await hasAll(world)))
        const { isDead } = mortal
        await doomed.close().catch(() => undefined)
        await mortal.bury()
        const next = world.again()
        await next.connect()
        await world.converged()
        const told = (await changes(next)).flatMap(({ payload }) =>
          'changes' in payload ? [payload.changes] : [],
        )
        expect(told).toHaveLength(3)
        await next.close()
        if (!isDead) {
          expect(commit).toBeGreaterThan(3)
          return
        }
      }
    },
    120_000,
  )
})

/** Dies at a commit that changes something of app state; all others do not count. */
class MortalOfAppState extends MortalStore {
  protected override counts(changes: readonly Change[]): boolean {
    return changes.some(
      (change) =>
        (change.op === 'put-record' && IS_APP_STATE.test(change.row.kind)) ||
        (change.op === 'delete-record' && IS_APP_STATE.test(change.kind)),
    )
  }
}

const IS_APP_STATE = /^(?:app-state-|dirty-collection)/

async function hasAll(world: AppStateWorld): Promise<boolean> {
  const accounts = await Promise.all(COLLECTIONS.map((name) => clientAccount(world.store, name)))
  return accounts.every(
    (account, index) =>
      JSON.stringify(account) === JSON.stringify(world.serverAccount(COLLECTIONS[index] ?? '')),
  )
}

function isOf(payload: DurableEvent['payload'], isArchived: boolean): boolean {
  return 'changes' in payload && JSON.stringify(payload.changes) === JSON.stringify({ isArchived })
}

/** Linking on a store that fails may take more than one attempt. */
async function linkStubbornly(world: AppStateWorld): Promise<Client> {
  const client = world.again()
  client.on('pairing.qr', async ({ qr }) => {
    await world.alice.linkDevice(qr).catch(() => undefined)
  })
  for (let attempt = 0; attempt < 20; attempt += 1) {
    try {
      await client.connect()
      return client
    } catch {
      await settle()
    }
  }
  throw new Error('the client could not be linked')
}
