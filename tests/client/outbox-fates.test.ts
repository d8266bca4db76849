/**
 * What becomes of messages that wait, are refused or are cancelled: `client.outbox` tells it, and nothing goes out twice or
 * after it was cancelled (promises G3 and G4).
 */
import { describe, expect, onTestFinished, test } from 'vitest'
import { MemoryStore } from 'waton'
import type { Client, OutboxEntry, OutboxQuery } from 'waton'
import { StoreWrapper, faultyStore, writeFault } from 'waton/testing'
import { deferred } from '../../src/base/deferred.ts'
import type { Change, Claim, CommitResult } from '../../src/persistence/contract/index.ts'
import { childrenOf, contentBytes } from '../../src/protocol/binary/node.ts'
import type { BinaryNode } from '../../src/protocol/binary/node.ts'
import { until } from '../helpers/until.ts'
import { BOB, DEVICE, FastClock, World, linkedClient, log, newClient, settle, uncaught } from './support.ts'

const CAROL = '15550000003@s.whatsapp.net'

/** What the server was sent under this id, each time. */
function sentAs(world: World, id: string): readonly BinaryNode[] {
  return world.sent({ tag: 'message' }).filter(({ attrs }) => attrs.id === id)
}

function ciphertexts(stanza: BinaryNode | undefined): string[] {
  if (stanza === undefined) return []
  const copies = childrenOf(stanza, 'participants').flatMap((list) => childrenOf(list, 'to'))
  return copies.flatMap((to) =>
    childrenOf(to, 'enc').map((enc) => Buffer.from(contentBytes(enc) ?? []).toString('hex')),
  )
}

async function entries(client: Client, query?: OutboxQuery): Promise<OutboxEntry[]> {
  const all: OutboxEntry[] = []
  for await (const entry of client.outbox.list(query)) all.push(entry)
  return all
}

async function failures(client: Client): Promise<unknown[]> {
  return (await log(client)).filter(({ type }) => type === 'send.failed').map(({ payload }) => payload)
}

/** Refuses the next messages of the client with these codes, instead of delivering them. */
function refuseNext(world: World, ...codes: number[]): void {
  const { outlet } = world.device()
  if (outlet === undefined) throw new Error('the client is not connected')
  const people = world.server.world
  const resolve = people.resolve.bind(people)
  void resolve
  const stop = world.server.trace.subscribe((entry) => {
    if (!('node' in entry) || entry.node.tag !== 'ack' || entry.direction !== 'server-to-client') return
    if (entry.node.attrs.class !== 'message') return
    const code = codes.shift()
    if (code === undefined) stop()
    else (entry.node.attrs as Record<string, string>).error = String(code)
  })
  onTestFinished(stop)
}
