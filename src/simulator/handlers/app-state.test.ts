/**
 * App state seen from a linked device, over the in-memory link. The server cannot read what it keeps, so patches here are
 * random bytes in the right places; `tests/e2e/baileys-app-state.test.ts` has real ones.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../base/clock.ts'
import { seededRandom } from '../../base/random.ts'
import { childOf, childrenOf, node, requireBytes, requireChild } from '../../protocol/binary/node.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import { SERVER_JID } from '../../protocol/jid.ts'
import {
  ExternalBlobReference,
  SyncdMutation,
  SyncdMutations,
  SyncdPatch,
  SyncdSnapshot,
} from '../../protocol/proto/app-state.ts'
import { decodeProto, encodeProto } from '../../protocol/proto/codec.ts'
import { openFile } from '../peer/media-file.ts'
import { Session } from '../server/session.ts'
import { SimulatedServer } from '../server/server.ts'
import type { Account } from '../world/account.ts'

const random = seededRandom('app state of the server')
const KEY_ID = Uint8Array.of(0, 0, 0, 0, 0, 1)
const NAME = 'regular_low'
const { SET, REMOVE } = SyncdMutation.SyncdOperation

function record(index: Uint8Array = random.bytes(32)): SyncdPatch['mutations'][number] {
  const fields = { index: { blob: index }, value: { blob: random.bytes(80) }, keyId: { id: KEY_ID } }
  return { operation: SET, record: fields }
}

function patch(...mutations: SyncdPatch['mutations']): SyncdPatch.$Properties {
  return { mutations, snapshotMac: random.bytes(32), patchMac: random.bytes(32), keyId: { id: KEY_ID } }
}

const bytesOf = (fields: SyncdPatch.$Properties): Uint8Array => encodeProto(SyncdPatch, fields, 'SyncdPatch')

describe('the server and app state', () => {
  let server: SimulatedServer
  let alice: Account
  let devices: { readonly session: Session; readonly received: BinaryNode[] }[]
  let nextId = 1

  beforeEach(() => {
    server = new SimulatedServer({
      host: '127.0.0.1',
      port: 0,
      clock: systemClock,
      random: seededRandom('app state'),
      pingIntervalMs: 0,
      traceCapacity: 10_000,
    })
    alice = server.world.createAccount('15550000001', 'Alice')
    devices = [1, 2].map((id) => attach(id))
  })

  afterEach(() => server.close())

  function attach(id: number): (typeof devices)[number] {
    const facts = { platform: 'chrome', deviceIdentity: undefined, noiseKey: undefined, linkedAtSeconds: 0 }
    const device = server.world.addDevice(alice, { ...facts, id, keyIndex: id })
    const received: BinaryNode[] = []
    const ignore = (): void => undefined
    const write = (stanza: BinaryNode): void => {
      received.push(stanza)
    }
    const channel = { connectionId: id, identify: ignore, write, end: ignore, cut: ignore }
    const habits = { isPulled: false, pingIntervalMs: 0 }
    const session = new Session(server.world, channel, { account: alice, device }, habits)
    session.open()
    session.setActive(true)
    received.length = 0
    return { session, received }
  }

  /** Asks as the first device; the collections of the answer. */
  function ask(...collections: BinaryNode[]): readonly BinaryNode[] {
    const [first] = devices
    const id = `q${String(nextId++)}`
    const attributes = { id, to: SERVER_JID, type: 'set', xmlns: 'w:sync:app:state' }
    first?.session.receive(node('iq', attributes, [node('sync', {}, collections)]))
    const answer = first?.received.find(({ attrs }) => attrs.id === id)
    return answer === undefined ? [] : childrenOf(requireChild(answer, 'sync'), 'collection')
  }

  const collection = (version: number, ...content: BinaryNode[]): BinaryNode =>
    node('collection', { name: NAME, version, return_snapshot: 'false' }, content)

  function push(version: number, fields: SyncdPatch.$Properties): BinaryNode | undefined {
    return ask(collection(version, node('patch', {}, bytesOf(fields))))[0]
  }

  function patchesOf(answer: BinaryNode | undefined): SyncdPatch[] {
    const list = answer === undefined ? undefined : childOf(answer, 'patches')
    const nodes = list === undefined ? [] : childrenOf(list, 'patch')
    return nodes.map((child) => decodeProto(SyncdPatch, requireBytes(child), 'SyncdPatch'))
  }

  function open(reference: ExternalBlobReference.$Properties): Uint8Array {
    const found = server.world.media.readDirect(reference.directPath ?? '')
    if (found.kind !== 'found') throw new Error('the file is not there')
    const { mediaKey, fileSha256, fileEncSha256, fileSizeBytes: fileLength } = reference
    if (!mediaKey || !fileSha256 || !fileEncSha256 || !fileLength)
      throw new Error('the reference lacks something')
    return openFile('App State', found.body, { mediaKey, fileSha256, fileEncSha256, fileLength })
  }

  function snapshotOf(answer: BinaryNode | undefined): SyncdSnapshot | undefined {
    const child = answer === undefined ? undefined : childOf(answer, 'snapshot')
    if (child === undefined) return undefined
    const reference = decodeProto(ExternalBlobReference, requireBytes(child), 'ExternalBlobReference')
    return decodeProto(SyncdSnapshot, open(reference), 'SyncdSnapshot')
  }

  const violations = (): string[] =>
    server.trace.notes.filter(({ kind }) => kind === 'violation').map(({ text }) => text)
  const notices = (device: number): unknown[] =>
    (devices[device]?.received ?? [])
      .filter(({ attrs }) => attrs.type === 'server_sync')
      .map((stanza) => childOf(stanza, 'collection')?.attrs)

  it.each([
    ['an unknown attribute', node('collection', { name: NAME, order: '1' })],
    ['an unknown child', node('collection', { name: NAME }, [node('patches')])],
    ['a version that is no number', node('collection', { name: NAME, version: '-1' })],
    ['a word in place of true or false', node('collection', { name: NAME, return_snapshot: 'yes' })],
    ['bytes that are no patch', node('collection', { name: NAME }, [node('patch', {}, Uint8Array.of(255))])],
    ['a patch without MACs', collection(0, node('patch', {}, bytesOf({ mutations: [record()] })))],
    [
      'a patch with a version',
      collection(0, node('patch', {}, bytesOf({ ...patch(record()), version: { version: 1 } }))),
    ],
    ['a patch without mutations', collection(0, node('patch', {}, bytesOf(patch())))],
  ])('ends the stream of a device that sends %s', (_what, question) => {
    expect(ask(question)).toEqual([])
    expect(violations()).toHaveLength(1)
    expect(alice.appState.collection(NAME)?.version).toBe(0)
  })

  it('refuses a collection that there is not, and answers the others', () => {
    const [unknown, known] = ask(node('collection', { name: 'irregular' }), collection(0))

    expect(unknown?.attrs).toEqual({ name: 'irregular', type: 'error' })
    expect(unknown && childOf(unknown, 'error')?.attrs.code).toBe('400')
    expect(known?.attrs).toEqual({ name: NAME, version: '0' })
  })

  it('gives a patch its version and hands it to the other devices, who hear of it', () => {
    const fields = patch(record())
    expect(push(0, fields)?.attrs).toEqual({ name: NAME, version: '1' })

    expect(notices(0)).toEqual([])
    expect(notices(1)).toEqual([{ name: NAME, version: '1' }])
    const [handed] = patchesOf(ask(collection(0))[0])
    expect(handed?.version?.version).toBe(1)
    expect(handed?.patchMac).toEqual(fields.patchMac)
    expect(handed?.mutations[0]?.record?.value?.blob).toEqual(fields.mutations?.[0]?.record?.value?.blob)
    expect(patchesOf(ask(collection(1))[0])).toEqual([])
  })

  it('meets a patch that comes too late with a conflict and what the device lacks', () => {
    push(0, patch(record()))
    push(1, patch(record()))
    const answer = push(1, patch(record()))

    expect(answer?.attrs).toMatchObject({ name: NAME, type: 'error', version: '2' })
    expect(answer && childOf(answer, 'error')?.attrs).toMatchObject({ code: '409' })
    expect(patchesOf(answer).map(({ version }) => version?.version)).toEqual([2])
    expect(alice.appState.collection(NAME)?.version).toBe(2)
  })

  it('hands out many patches page by page', () => {
    for (let version = 0; version < 120; version += 1) push(version, patch(record()))
    const pages = [0, 50, 100].map((version) => ask(collection(version))[0])

    expect(pages.map((page) => page?.attrs.has_more_patches)).toEqual(['true', 'true', undefined])
    expect(pages.map((page) => page?.attrs.version)).toEqual(['50', '100', '120'])
    const versions = pages.flatMap((page) => patchesOf(page).map(({ version }) => version?.version))
    expect(versions).toEqual(Array.from({ length: 120 }, (_, index) => index + 1))
  })

  it('puts the records that are left into a snapshot, with the MAC and the key of the last patch', () => {
    const [kept, changed, removed] = [record(), record(), record()]
    const again = record(changed.record?.index?.blob ?? undefined)
    const last = patch(again, { ...removed, operation: REMOVE })
    push(0, patch(kept, changed, removed))
    push(1, last)
    const answer = ask(node('collection', { name: NAME, version: '0', return_snapshot: 'true' }))[0]

    const snapshot = snapshotOf(answer)
    expect(snapshot?.version?.version).toBe(2)
    expect(snapshot?.mac).toEqual(last.snapshotMac)
    expect(snapshot?.keyId?.id).toEqual(KEY_ID)
    const values = snapshot?.records.map(({ value }) => value?.blob)
    expect(values).toEqual([kept.record?.value?.blob, again.record?.value?.blob])
    expect(patchesOf(answer)).toEqual([])
  })

  it('has no snapshot of a collection without patches', () => {
    const [answer] = ask(node('collection', { name: NAME, return_snapshot: 'true' }))
    expect(answer).toEqual(node('collection', { name: NAME, version: 0 }, []))
  })

  it('hands an older snapshot out with the patches after it', () => {
    server.faults.appState.habits({ patchesBehindSnapshot: 2 })
    for (let version = 0; version < 5; version += 1) push(version, patch(record()))
    const [answer] = ask(node('collection', { name: NAME, return_snapshot: 'true' }))

    expect(snapshotOf(answer)?.version?.version).toBe(3)
    expect(patchesOf(answer).map(({ version }) => version?.version)).toEqual([4, 5])
  })

  it('gives a device a snapshot when it has forgotten patches that the device lacks', () => {
    for (let version = 0; version < 1_002; version += 1) push(version, patch(record()))
    const [answer] = ask(collection(1))

    expect(snapshotOf(answer)?.records).toHaveLength(1_002)
    expect(snapshotOf(ask(collection(2))[0])).toBeUndefined()
  })

  it('puts the mutations of a long patch into a file', () => {
    const mutations = Array.from({ length: 20 }, () => record())
    push(0, patch(...mutations))
    const [handed] = patchesOf(ask(collection(0))[0])

    expect(handed?.mutations).toEqual([])
    const listed = decodeProto(SyncdMutations, open(handed?.externalMutations ?? {}), 'SyncdMutations')
    const blobs = listed.mutations.map(({ record: found }) => found?.value?.blob)
    expect(blobs).toEqual(mutations.map(({ record: found }) => found?.value?.blob))
  })

  it('spoils one answer, and what it keeps stays good', () => {
    const { appState } = server.faults
    const jid = alice.jid('pn', 1)
    const fields = patch(record())
    push(0, fields)
    push(1, patch(record()))
    for (const as of ['patch-mac', 'value', 'value-mac', 'index', 'gap'] as const) {
      const good = patchesOf(ask(collection(0))[0])
      appState.spoil(jid, NAME, as)
      expect(patchesOf(ask(collection(0))[0])).not.toEqual(good)
      expect(patchesOf(ask(collection(0))[0])).toEqual(good)
    }
    const wanted = node('collection', { name: NAME, return_snapshot: 'true' })
    const good = snapshotOf(ask(wanted)[0])
    for (const as of ['record', 'snapshot-mac', 'missing-record'] as const) {
      appState.spoil(jid, NAME, as)
      expect(snapshotOf(ask(wanted)[0])).not.toEqual(good)
      expect(snapshotOf(ask(wanted)[0])).toEqual(good)
    }
    expect(server.trace.faults).toHaveLength(8)
  })

  it('refuses, invents a conflict and keeps silent, each as often as planned', () => {
    const { appState } = server.faults
    appState.refuse(alice.jid('lid', 1), NAME, 503, 2)
    const codes = [1, 2, 3].map(() => {
      const [answer] = ask(collection(0))
      return answer && childOf(answer, 'error')?.attrs.code
    })
    expect(codes).toEqual(['503', '503', undefined])

    appState.conflict(alice.jid('pn', 1), NAME)
    expect(push(0, patch(record()))?.attrs.type).toBe('error')
    appState.silence(alice.jid('pn', 2), NAME)
    expect(push(0, patch(record()))?.attrs).toEqual({ name: NAME, version: '1' })
    expect(notices(1)).toEqual([])
    push(1, patch(record()))
    expect(notices(1)).toEqual([{ name: NAME, version: '2' }])
    expect(server.trace.faults).toHaveLength(4)
  })

  it('keeps the notification for a device that is away', () => {
    const away = devices[1]?.session
    away?.closed()
    push(0, patch(record()))

    expect(notices(1)).toEqual([])
    const waiting = alice.devices
      .get(2)
      ?.mailbox.after(0)
      .map(({ stanza }) => stanza.attrs.type)
    expect(waiting).toEqual(['server_sync'])
  })
})
