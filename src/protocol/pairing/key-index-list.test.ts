/** Lists that Baileys' schema and curve have made, read here. */
import { describe, expect, it } from 'vitest'
import { Curve, proto } from '@whiskeysockets/baileys'
import { CryptoError, ProtocolError } from '../../base/errors.ts'
import { isVouchedFor, readKeyIndexList } from './key-index-list.ts'

interface Made {
  readonly signed: Uint8Array
  readonly key: Uint8Array
}

const CONTENT = { rawId: 77, timestamp: 1_700_000_000, currentIndex: 5, validIndexes: [2, 5] }

function made(
  content: object = CONTENT,
  { prefix = [6, 2], carriesKey = false, isSigned = true } = {},
): Made {
  const pair = Curve.generateKeyPair()
  const details = proto.ADVKeyIndexList.encode(content).finish()
  const accountSignature = Curve.sign(pair.private, Buffer.concat([Buffer.from(prefix), details]))
  const list = {
    details,
    ...(isSigned ? { accountSignature } : {}),
    ...(carriesKey ? { accountSignatureKey: pair.public } : {}),
  }
  return {
    signed: new Uint8Array(proto.ADVSignedKeyIndexList.encode(list).finish()),
    key: new Uint8Array(pair.public),
  }
}

describe('the signed list of device keys', () => {
  it('is refused when another key, another prefix or nobody has signed it', () => {
    const other = made().key
    expect(() => readKeyIndexList(made().signed, other)).toThrow(
      expect.objectContaining({ code: 'WATON_KEY_INDEX_SIGNATURE' }),
    )
    const wrongPrefix = made(CONTENT, { prefix: [6, 0] })
    expect(() => readKeyIndexList(wrongPrefix.signed, wrongPrefix.key)).toThrow(CryptoError)
    const unsigned = made(CONTENT, { isSigned: false })
    expect(() => readKeyIndexList(unsigned.signed, unsigned.key)).toThrow(ProtocolError)
  })

  it('is refused when it carries a key that is not the one of the account', () => {
    const { signed } = made(CONTENT, { carriesKey: true })
    expect(() => readKeyIndexList(signed, made().key)).toThrow(CryptoError)
  })

  it.each([[{}], [{ rawId: 1 }], [{ ...CONTENT, validIndexes: new Array<number>(2000).fill(1) }]])(
    'is refused when it is not complete',
    (content) => {
      const { signed, key } = made(content)
      expect(() => readKeyIndexList(signed, key)).toThrow(
        expect.objectContaining({ code: 'WATON_KEY_INDEX_LIST' }),
      )
    },
  )

  it('is refused when it is anything else', () => {
    for (const bytes of [new Uint8Array(0), Uint8Array.of(255, 255), new Uint8Array(100).fill(10)])
      expect(() => readKeyIndexList(bytes)).toThrow(ProtocolError)
  })

  it('is read with the key of the account', () => {
    const { signed, key } = made()
    expect(readKeyIndexList(signed, key)).toEqual({
      rawId: 77,
      timestampSeconds: 1_700_000_000,
      currentIndex: 5,
      validIndexes: [2, 5],
      isHosted: false,
      isVerified: true,
    })
  })

  it('is read with its own key when none is known, and without any it says so', () => {
    const { signed, key } = made({ ...CONTENT, accountType: 1 }, { carriesKey: true })
    expect(readKeyIndexList(signed)).toMatchObject({ accountKey: key, isHosted: true, isVerified: true })
    expect(readKeyIndexList(made().signed)).toMatchObject({ isVerified: false })
  })

  it('vouches for the indexes in it, and for none but newer ones besides', () => {
    const valid = [1, 2, 3, 5, 6].filter((index) => isVouchedFor(index, CONTENT))
    expect(valid).toEqual([2, 5, 6])
  })
})
