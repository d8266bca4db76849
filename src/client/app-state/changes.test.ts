/** What a whole collection says beyond what is known, and what moves to another key without saying anything. */
import { describe, expect, it } from 'vitest'
import { toHex, utf8Bytes } from '../../base/bytes.ts'
import type { AppStateMutation } from '../../protocol/app-state/index.ts'
import { SyncActionData } from '../../protocol/proto/app-state.ts'
import { encodeProto } from '../../protocol/proto/codec.ts'
import type { AppStateEntry } from '../state/records.ts'
import { changesOf, differenceTo } from './changes.ts'

const mac = (byte: number): Uint8Array => new Uint8Array(32).fill(byte)

/** An archived chat, under a key and with a MAC of its own. */
function archived(chat: string, { index, value }: { index: number; value: number }): AppStateMutation {
  const parts = ['archive', chat]
  const action = { archiveChatAction: { archived: true } }
  const data = encodeProto(
    SyncActionData,
    { index: utf8Bytes(JSON.stringify(parts)), value: action, version: 3 },
    'SyncActionData',
  )
  return {
    operation: 'set',
    index: parts,
    value: action,
    actionVersion: 3,
    indexMac: mac(index),
    valueMac: mac(value),
    keyId: Uint8Array.of(1),
    data,
    isReadable: true,
  }
}

function known(...mutations: readonly AppStateMutation[]): Map<string, AppStateEntry> {
  return new Map(mutations.map(({ indexMac, valueMac, data }) => [toHex(indexMac), { valueMac, data }]))
}

function whole(...mutations: readonly AppStateMutation[]): Map<string, AppStateMutation> {
  return new Map(mutations.map((mutation) => [toHex(mutation.indexMac), mutation]))
}

describe('the difference to a whole collection', () => {
  it('is nothing where an entry is the same', () => {
    const entry = archived('1@s.whatsapp.net', { index: 1, value: 1 })
    expect(differenceTo(whole(entry), known(entry))).toEqual([])
  })

  it('is a removal where an entry is gone, with what it was about', () => {
    const gone = archived('1@s.whatsapp.net', { index: 1, value: 1 })
    const [removal, ...others] = differenceTo(whole(), known(gone))
    expect(others).toEqual([])
    expect(removal).toMatchObject({ operation: 'remove', index: ['archive', '1@s.whatsapp.net'] })
    expect(changesOf([removal ?? gone], known(gone))).toMatchObject([{ isNews: true }])
  })

  it('keeps an entry whose bytes nobody can read apart from all others, and tells nothing of it', () => {
    const entries = new Map([[toHex(mac(9)), { valueMac: mac(9), data: Uint8Array.of(0xff) }]])
    expect(differenceTo(whole(), entries)).toMatchObject([{ operation: 'remove', isReadable: false }])
  })
})

describe('what a change says', () => {
  it('is nothing when the same is only encrypted again', () => {
    const before = archived('1@s.whatsapp.net', { index: 1, value: 1 })
    const again = archived('1@s.whatsapp.net', { index: 1, value: 2 })
    expect(differenceTo(whole(again), known(before))).toEqual([again])
    expect(changesOf([again], known(before))).toMatchObject([{ isNews: false }])
  })

  it('is no removal when the entry goes over to another key, in whichever order', () => {
    const before = archived('1@s.whatsapp.net', { index: 1, value: 1 })
    const after = archived('1@s.whatsapp.net', { index: 2, value: 2 })
    const removal: AppStateMutation = { ...before, operation: 'remove' }
    for (const mutations of [
      [removal, after],
      [after, removal],
    ]) {
      const changes = changesOf(mutations, known(before))
      expect(changes.map(({ isNews }) => isNews)).toEqual([false, false])
      expect(changes.find(({ mutation }) => mutation === after)?.previous?.data).toEqual(before.data)
    }
  })

  it('is nothing when something is removed that was not known', () => {
    const unknown = archived('1@s.whatsapp.net', { index: 1, value: 1 })
    expect(changesOf([{ ...unknown, operation: 'remove' }], known())).toMatchObject([{ isNews: false }])
  })
})
