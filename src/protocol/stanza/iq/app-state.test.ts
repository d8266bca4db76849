import { S_WHATSAPP_NET, extractSyncdPatches, proto } from '@whiskeysockets/baileys'
import { describe, expect, it } from 'vitest'
import { ProtocolError } from '../../../base/errors.ts'
import { node, type BinaryNode } from '../../binary/node.ts'
import { syncAppState } from './app-state.ts'

const answer = (...collections: readonly BinaryNode[]): BinaryNode =>
  node('iq', { type: 'result' }, [node('sync', {}, collections)])

const read = (stanza: BinaryNode): ReturnType<typeof syncAppState.parse> => syncAppState.parse(stanza, [])

/** A patch, as bytes and as what Baileys reads in it. */
function patch(version: number): Uint8Array {
  return new Uint8Array(proto.SyncdPatch.encode({ version: { version }, mutations: [] }).finish())
}

describe('the answer about app state', () => {
  it.each([
    ['no list', node('iq', { type: 'result' })],
    ['a collection without a name', answer(node('collection', { version: '1' }))],
    ['a version that is no number', answer(node('collection', { name: 'regular', version: 'new' }))],
    [
      'a snapshot that is no bytes',
      answer(node('collection', { name: 'regular' }, [node('snapshot', {}, [])])),
    ],
    [
      'a patch without bytes',
      answer(node('collection', { name: 'regular' }, [node('patches', {}, [node('patch')])])),
    ],
    [
      'an error code that is no number',
      answer(node('collection', { name: 'regular', type: 'error' }, [node('error', { code: 'x' })])),
    ],
  ])('is refused with %s', (_what, stanza) => {
    expect(() => read(stanza)).toThrow(ProtocolError)
  })

  it('may refuse one collection and have another, and patches along with a conflict', () => {
    const conflict = node('collection', { name: 'regular', type: 'error', has_more_patches: 'true' }, [
      node('error', { code: '409', text: 'conflict' }),
      node('patches', {}, [node('patch', {}, patch(4))]),
    ])
    const silent = node('collection', { name: 'regular_low', type: 'error' })
    const taken = node('collection', { name: 'regular_high', version: '8' })
    expect(read(answer(conflict, silent, taken))).toEqual([
      { name: 'regular', patches: [patch(4)], hasMore: true, error: { code: 409, text: 'conflict' } },
      {
        name: 'regular_low',
        patches: [],
        hasMore: false,
        error: { code: 0, text: 'the server does not say why' },
      },
      { name: 'regular_high', version: 8, patches: [], hasMore: false },
    ])
  })

  it.each([true, false])('has the patches that Baileys finds in it (wrapped: %s)', async (isWrapped) => {
    const patches = [5, 6].map((version) => node('patch', {}, patch(version)))
    const collection = node(
      'collection',
      { name: 'regular', version: '4', has_more_patches: 'true' },
      isWrapped ? [node('patches', {}, patches)] : patches,
    )
    const stanza = answer(collection)
    const [own] = read(stanza)
    const theirs = await extractSyncdPatches(structuredClone(stanza) as never, {})
    expect(theirs.regular.patches).toEqual(own?.patches.map((bytes) => proto.SyncdPatch.decode(bytes)))
    expect(own).toMatchObject({ name: 'regular', version: 4, hasMore: theirs.regular.hasMorePatches })
  })

  it('says where a snapshot lies', () => {
    const bytes = new Uint8Array(proto.ExternalBlobReference.encode({ directPath: '/v/x' }).finish())
    const [collection] = read(answer(node('collection', { name: 'regular' }, [node('snapshot', {}, bytes)])))
    expect(collection).toEqual({ name: 'regular', snapshot: bytes, patches: [], hasMore: false })
  })
})

describe('the question about app state', () => {
  it('is the one of Baileys, with a patch and without', () => {
    const bytes = Uint8Array.of(1, 2, 3)
    const stanza = syncAppState.build([
      { name: 'critical_block', version: 0, wantsSnapshot: true },
      { name: 'regular_high', version: 7, wantsSnapshot: false, patch: bytes },
    ])
    // resyncAppState and appPatch of Socket/chats.js
    expect(stanza).toEqual({
      tag: 'iq',
      attrs: { to: S_WHATSAPP_NET, type: 'set', xmlns: 'w:sync:app:state' },
      content: [
        {
          tag: 'sync',
          attrs: {},
          content: [
            { tag: 'collection', attrs: { name: 'critical_block', version: '0', return_snapshot: 'true' } },
            {
              tag: 'collection',
              attrs: { name: 'regular_high', version: '7', return_snapshot: 'false' },
              content: [{ tag: 'patch', attrs: {}, content: bytes }],
            },
          ],
        },
      ],
    })
  })
})
