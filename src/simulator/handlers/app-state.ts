/**
 * The one question about app state: a device asks for what is new in some collections, and hands in a patch of its own. Long
 * lists of mutations and snapshots are files on the media servers; every other device hears of a patch that was taken.
 *
 * @source Baileys 7.0.0-rc14 `lib/Utils/chat-utils.js` extractSyncdPatches, `lib/Socket/chats.js` resyncAppState, appPatch;
 *   whatsmeow `appstate.go` (no version with the question for a snapshot; a conflict is an error of the collection in an
 *   answer that is good otherwise, with the patches that the device lacks)
 */
import { ProtocolError } from '../../base/errors.ts'
import { childOf, childrenOf, node, requireAttribute, requireBytes } from '../../protocol/binary/node.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import { ExternalBlobReference, SyncdMutations, SyncdPatch } from '../../protocol/proto/app-state.ts'
import { decodeProto, encodeProto } from '../../protocol/proto/codec.ts'
import { sealFile } from '../peer/media-file.ts'
import { errorChild, REFUSAL } from '../stanza/iq.ts'
import { appStateChanged } from '../stanza/notification.ts'
import { COLLECTION_NAMES } from '../world/app-state-log.ts'
import type { CollectionLog, LoggedPatch } from '../world/app-state-log.ts'
import type { World } from '../world/world.ts'
import type { HandlerContext, IqHandler } from './handler.ts'
import { spoilPatch, spoilSnapshot } from './app-state-spoils.ts'
import type { IsSpoilt } from './app-state-spoils.ts'

/** What a device asks of one collection. */
interface Question {
  readonly name: string
  readonly log: CollectionLog
  /** The version that the device has. */
  readonly version: number
  readonly wantsSnapshot: boolean
  readonly patch: Uint8Array | undefined
}

/** The word in the path of a file with app state, and what its keys are made for. */
const FILE_KIND = 'md-app-state'
const FILE_PURPOSE = 'App State'

const sync: IqHandler = {
  xmlns: 'w:sync:app:state',
  type: 'set',
  child: 'sync',
  content: {
    children: {
      sync: {
        min: 1,
        content: {
          children: {
            collection: {
              min: 1,
              max: COLLECTION_NAMES.length,
              required: ['name'],
              optional: ['version', 'return_snapshot'],
              content: { children: { patch: { content: 'bytes' } } },
            },
          },
        },
      },
    },
  },
  handle(query, context) {
    const asked = childrenOf(childOf(query, 'sync') ?? query, 'collection')
    const names = asked.map((collection) => requireAttribute(collection, 'name'))
    if (new Set(names).size < names.length) throw malformed('a collection is there twice')
    return {
      content: [
        node(
          'sync',
          {},
          asked.map((collection) => answer(collection, context)),
        ),
      ],
    }
  },
}

/** All queries of this file. */
export const APP_STATE_HANDLERS: readonly IqHandler[] = [sync]

function answer(asked: BinaryNode, context: HandlerContext): BinaryNode {
  const { world, sender } = context
  const name = requireAttribute(asked, 'name')
  const log = sender.account.appState.collection(name)
  if (log === undefined) return failed(name, REFUSAL.badRequest)
  const question = readQuestion(asked, name, log)
  const code = world.appStatePlans.take(sender.jid, name, 'error')
  if (code !== undefined) {
    sender.note('fault', `the question for ${name} is refused with ${String(code)}`)
    return failed(name, { ...REFUSAL.unavailable, code })
  }
  return question.patch === undefined ? news(question, context) : take(question, question.patch, context)
}

function readQuestion(asked: BinaryNode, name: string, log: CollectionLog): Question {
  const { version = '0', return_snapshot: wants = 'false' } = asked.attrs
  if (!/^\d{1,15}$/.test(version)) throw malformed(`the version of ${name} is not a number`)
  if (wants !== 'true' && wants !== 'false') throw malformed(`return_snapshot of ${name} is "${wants}"`)
  const patch = childOf(asked, 'patch')
  return {
    name,
    log,
    version: Number(version),
    wantsSnapshot: wants === 'true',
    patch: patch === undefined ? undefined : requireBytes(patch),
  }
}

/** Takes the patch of a device, unless another one was faster: then the device gets what it lacks. */
function take(question: Question, patch: Uint8Array, context: HandlerContext): BinaryNode {
  const { name, log, version } = question
  const { world, sender } = context
  const isPlanned = world.appStatePlans.take(sender.jid, name, 'conflict') !== undefined
  if (isPlanned) sender.note('fault', `a patch of ${name} meets a conflict that is none`)
  const outcome = isPlanned ? 'conflict' : log.accept(version, patch)
  if (typeof outcome === 'object') throw malformed(`the patch of ${name}: ${outcome.malformed}`)
  if (outcome === 'accepted') {
    announce(name, log.version, context)
    return node('collection', { name, version: log.version })
  }
  const missing = news({ ...question, wantsSnapshot: false }, context)
  const error = errorChild(REFUSAL.conflict)
  return node('collection', { ...missing.attrs, type: 'error' }, [error, ...childrenOf(missing)])
}

/** What the device does not have yet. */
function news(question: Question, context: HandlerContext): BinaryNode {
  const { name, log, version } = question
  const { world } = context
  const spoil = spoiler(name, context)
  const snapshot = snapshotFor(question, world)
  const missing = log.patchesAfter(snapshot?.version ?? version) ?? []
  const page = missing.slice(0, world.appStatePlans.habits.patchesPerAnswer)
  const children: BinaryNode[] = []
  if (snapshot !== undefined)
    children.push(node('snapshot', {}, file(world, spoilSnapshot(snapshot.bytes, spoil))))
  if (page.length > 0) children.push(node('patches', {}, patchNodes(page, world, spoil)))
  const hasMore = missing.length > page.length ? { has_more_patches: 'true' } : {}
  const reached = page.at(-1)?.version ?? snapshot?.version ?? log.version
  return node('collection', { name, version: reached, ...hasMore }, children)
}

/** For a device that wants it, and for one that patches do not help: it is too far behind, or has what never was. */
function snapshotFor(
  { log, version, wantsSnapshot }: Question,
  world: World,
): ReturnType<CollectionLog['snapshot']> {
  const isLost = version > log.version || log.patchesAfter(version) === undefined
  return wantsSnapshot || isLost ? log.snapshot(world.appStatePlans.habits.patchesBehindSnapshot) : undefined
}

function patchNodes(page: readonly LoggedPatch[], world: World, spoil: IsSpoilt): readonly BinaryNode[] {
  const sent = page.length > 1 && spoil('gap') ? page.slice(1) : page
  return sent.map(({ bytes }, index) =>
    node('patch', {}, outward(index === 0 ? spoilPatch(bytes, spoil) : bytes, world)),
  )
}

/** Whether something that could be spoilt here is to be, used up by asking. */
function spoiler(name: string, { world, sender }: HandlerContext): IsSpoilt {
  return (as) => {
    const isPlanned = world.appStatePlans.take(sender.jid, name, as) !== undefined
    if (isPlanned) sender.note('fault', `an answer about ${name} is spoilt: ${as}`)
    return isPlanned
  }
}

/** A patch as it is handed out: a long list of mutations is in a file. */
function outward(bytes: Uint8Array, world: World): Uint8Array {
  const { mutations, ...rest } = decodeProto(SyncdPatch, bytes, 'SyncdPatch')
  if (mutations.length < world.appStatePlans.habits.externalFrom) return bytes
  const externalMutations = file(world, encodeProto(SyncdMutations, { mutations }, 'SyncdMutations'))
  const reference = decodeProto(ExternalBlobReference, externalMutations, 'ExternalBlobReference')
  return encodeProto(SyncdPatch, { ...rest, externalMutations: reference }, 'SyncdPatch')
}

/** Puts bytes into a file on the media servers. @returns a serialised `ExternalBlobReference` */
function file(world: World, bytes: Uint8Array): Uint8Array {
  const { sealed, secrets } = sealFile(FILE_PURPOSE, bytes, world.random)
  const { directPath, handle } = world.media.put(FILE_KIND, sealed)
  const { mediaKey, fileSha256, fileEncSha256, fileLength: fileSizeBytes } = secrets
  const reference = { mediaKey, directPath, handle, fileSizeBytes, fileSha256, fileEncSha256 }
  return encodeProto(ExternalBlobReference, reference, 'ExternalBlobReference')
}

/** Tells every other device of the account. */
function announce(name: string, version: number, { world, sender }: HandlerContext): void {
  const { account } = sender
  for (const device of account.devicesExcept(sender.device.id)) {
    const jid = account.jid('pn', device.id)
    if (world.appStatePlans.take(jid, name, 'silence') !== undefined) {
      world.trace.note('fault', `the device does not hear that ${name} has changed`, { device: jid })
      continue
    }
    const facts = { id: world.nextStanzaId(), from: account.jid('pn'), name, version }
    world.post(device, appStateChanged({ ...facts, nowSeconds: world.nowSeconds() }), 'ack')
  }
}

function failed(name: string, refusal: Parameters<typeof errorChild>[0]): BinaryNode {
  return node('collection', { name, type: 'error' }, [errorChild(refusal)])
}

function malformed(what: string): ProtocolError {
  return new ProtocolError(
    'WATON_SIMULATOR_APP_STATE',
    `the simulated server does not take what a device says of app state: ${what}`,
  )
}
