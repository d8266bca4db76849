import { describe, expect, it } from 'vitest'
import type { KeyUpload, PublicPreKey } from '../stanza/keys.ts'
import { KeyDirectory, LOW_STOCK, MAX_STOCK } from './key-directory.ts'

const bytes = (fill: number, length: number = 32): Uint8Array => new Uint8Array(length).fill(fill)
const preKey = (id: number, fill: number = id): PublicPreKey => ({ id, publicKey: bytes(fill) })
const upload = (preKeys: readonly PublicPreKey[], changes: Partial<KeyUpload> = {}): KeyUpload => ({
  registrationId: 7,
  identityKey: bytes(1),
  signedPreKey: { id: 1, publicKey: bytes(2), signature: bytes(3, 64) },
  preKeys,
  ...changes,
})

describe('key directory', () => {
  it('refuses another identity from a linked device, and takes nothing of that upload', () => {
    const directory = new KeyDirectory()
    directory.upload(upload([preKey(1)]), false)
    const changed = upload([preKey(2)], { identityKey: bytes(9) })
    expect(() => directory.upload(changed, false)).toThrow(
      expect.objectContaining({ code: 'WATON_SIMULATOR_KEYS_CONFLICT' }),
    )
    expect(directory.count).toBe(1)
  })

  it('refuses another registration id', () => {
    const directory = new KeyDirectory()
    directory.upload(upload([preKey(1)]), false)
    expect(() => directory.upload(upload([], { registrationId: 8 }), false)).toThrow(/registration id/)
  })

  it('refuses an id that names another key, whether that was handed out or not', () => {
    const directory = new KeyDirectory()
    directory.upload(upload([preKey(1), preKey(2)]), false)
    expect(directory.take()).toEqual(preKey(1))
    expect(() => directory.upload(upload([preKey(1, 50)]), false)).toThrow(/handed out/)
    expect(() => directory.upload(upload([preKey(2, 50)]), false)).toThrow(/names another key/)
  })

  it('refuses more keys than it keeps', () => {
    const directory = new KeyDirectory()
    const many = Array.from({ length: MAX_STOCK + 1 }, (_, index) => preKey(index + 1, index % 250))
    expect(() => directory.upload(upload(many), false)).toThrow(/more than/)
  })

  it('hands out each one-time key once, even when it is offered again', () => {
    const directory = new KeyDirectory()
    const keys = upload([preKey(1), preKey(2)])
    directory.upload(keys, false)
    expect([directory.take(), directory.take(), directory.take()]).toEqual([preKey(1), preKey(2), undefined])
    expect(directory.upload(keys, false)).toEqual({ added: 0, ignoredSpent: 2, identityChanged: false })
    expect(directory.take()).toBeUndefined()
  })

  it('takes an upload that is repeated because its answer was lost', () => {
    const directory = new KeyDirectory()
    directory.upload(upload([preKey(1)]), false)
    expect(directory.upload(upload([preKey(1)]), false)).toMatchObject({ added: 0, ignoredSpent: 0 })
    expect(directory.count).toBe(1)
  })

  it('announces a low stock once until it was filled up', () => {
    const directory = new KeyDirectory()
    directory.upload(upload(Array.from({ length: LOW_STOCK + 1 }, (_, index) => preKey(index + 1))), false)
    directory.take()
    expect(directory.claimLowNotice()).toBe(false)
    directory.take()
    expect([directory.claimLowNotice(), directory.claimLowNotice()]).toEqual([true, false])
    directory.upload(upload([preKey(100), preKey(101)]), false)
    directory.take()
    directory.take()
    expect(directory.claimLowNotice()).toBe(true)
  })

  it('starts over when the phone comes with a new identity', () => {
    const directory = new KeyDirectory()
    directory.upload(upload([preKey(1)]), true)
    const renewed = upload([preKey(1, 60)], { identityKey: bytes(9), registrationId: 99 })
    expect(directory.upload(renewed, true)).toMatchObject({ identityChanged: true, added: 1 })
    expect(directory.keys?.registrationId).toBe(99)
    expect(directory.take()).toEqual(preKey(1, 60))
  })

  it('is usable only after one-time keys were uploaded', () => {
    const directory = new KeyDirectory()
    directory.register(upload([]))
    expect(directory.isUsable).toBe(false)
    directory.upload(upload([preKey(1)]), false)
    directory.take()
    expect(directory.isUsable).toBe(true)
  })

  it('loses and corrupts its keys when it is told to, and takes them again', () => {
    const directory = new KeyDirectory()
    expect(directory.corrupt('signed-pre-key')).toBe(false)
    directory.upload(upload([preKey(1)]), false)
    expect(directory.corrupt('signed-pre-key')).toBe(true)
    expect(directory.keys?.signedPreKey.publicKey[0]).toBe(3)
    expect(directory.corrupt('pre-key')).toBe(true)
    expect(directory.take()?.publicKey[0]).toBe(0)
    expect(directory.corrupt('pre-key')).toBe(false)
    directory.lose()
    expect([directory.keys, directory.isUsable]).toEqual([undefined, false])
    expect(directory.upload(upload([preKey(1)]), false)).toMatchObject({ added: 1 })
  })

  it('refuses as often as it was planned', () => {
    const directory = new KeyDirectory()
    directory.planRefusal('rotate', 503, 2)
    expect(directory.takeRefusal('upload')).toBeUndefined()
    expect([1, 2, 3].map(() => directory.takeRefusal('rotate'))).toEqual([503, 503, undefined])
  })
})
