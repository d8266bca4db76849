/** App state at the server: what is new in collections, and patches of our own. What it gives is not verified here. */
import { defineIq, type IqQuery } from '../iq.ts'
import {
  type BinaryNode,
  childOf,
  childrenOf,
  node,
  numberAttribute,
  requireAttribute,
  requireBytes,
  requireChild,
} from '../../binary/node.ts'
import { serverIq } from './server-iq.ts'

/** What is asked of one collection. */
export interface AppStateRequest {
  /** E.g. `regular_high`. */
  readonly name: string
  /** The version that is known; 0 for none. */
  readonly version: number
  /** Whether everything is wanted, and not only the patches since that version. */
  readonly wantsSnapshot: boolean
  /** A patch that leads to the version after: a `SyncdPatch`. */
  readonly patch?: Uint8Array
}

/** Why the server did not do what was asked of one collection. */
export interface AppStateRefusal {
  /** 409 when somebody else was faster, 400 and 404 for good, others for now; 0 when it does not say. */
  readonly code: number
  /** The server's own words. */
  readonly text: string
}

/** What the server has of one collection. */
export interface AppStateAnswer {
  /** Which collection it is about. */
  readonly name: string
  /** The version at the server, when it says so. */
  readonly version?: number
  /** Where a snapshot lies: an `ExternalBlobReference`. */
  readonly snapshot?: Uint8Array
  /** Patches, oldest first: each a `SyncdPatch`. After a conflict those that were missing. */
  readonly patches: readonly Uint8Array[]
  /** Whether there are more after these: ask again with the new version. */
  readonly hasMore: boolean
  /** Why it did nothing, when it did nothing. */
  readonly error?: AppStateRefusal
}

/**
 * Asks for what is new in collections, or adds a patch to one.
 *
 * ```xml
 * <iq to="@s.whatsapp.net" type="set" xmlns="w:sync:app:state"><sync>
 *   <collection name="regular_high" version="7" return_snapshot="false"><patch>...</patch></collection>
 * </sync></iq>
 * <iq type="result"><sync>
 *   <collection name="regular_high" version="9" has_more_patches="true"><patches><patch>...</patch></patches></collection>
 *   <collection name="regular"><snapshot>...</snapshot></collection>
 *   <collection name="regular_low" type="error"><error code="409" text="conflict"/></collection>
 * </sync></iq>
 * ```
 *
 * A refusal is about one collection: the answer is a result all the same, and the others in it count.
 *
 * @source Baileys 7.0.0-rc14 `Socket/chats.js` resyncAppState and appPatch, `Utils/chat-utils.js` extractSyncdPatches;
 *   whatsapp-rust `wacore/appstate/src/patch_decode.rs` (errors)
 */
export const syncAppState: IqQuery<readonly AppStateRequest[], readonly AppStateAnswer[]> = defineIq({
  name: 'app-state.sync',
  build: (requests) => serverIq('set', 'w:sync:app:state', [node('sync', {}, requests.map(collectionNode))]),
  parse: (answer) => childrenOf(requireChild(answer, 'sync'), 'collection').map(answerOf),
})

function collectionNode({ name, version, wantsSnapshot, patch }: AppStateRequest): BinaryNode {
  const attributes = { name, version, return_snapshot: String(wantsSnapshot) }
  return node('collection', attributes, patch === undefined ? undefined : [node('patch', {}, patch)])
}

function answerOf(collection: BinaryNode): AppStateAnswer {
  const version = numberAttribute(collection, 'version')
  const snapshot = childOf(collection, 'snapshot')
  const error = refusalOf(collection)
  // the server wraps them; patches without the wrapping are read as Baileys reads them
  const patches = childrenOf(childOf(collection, 'patches') ?? collection, 'patch')
  return {
    name: requireAttribute(collection, 'name'),
    ...(version === undefined ? {} : { version }),
    ...(snapshot?.content === undefined ? {} : { snapshot: requireBytes(snapshot) }),
    patches: patches.map((patch) => requireBytes(patch)),
    hasMore: collection.attrs.has_more_patches === 'true',
    ...(error === undefined ? {} : { error }),
  }
}

function refusalOf(collection: BinaryNode): AppStateRefusal | undefined {
  const error = childOf(collection, 'error')
  if (error === undefined) {
    return collection.attrs.type === 'error' ? { code: 0, text: 'the server does not say why' } : undefined
  }
  return { code: numberAttribute(error, 'code') ?? 0, text: error.attrs.text ?? '' }
}
