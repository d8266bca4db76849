/**
 * Files of the media servers: what was altered, cut or meant for another key is refused by name; what Baileys encrypted
 * is decrypted, and Baileys decrypts what was encrypted here; sidecars are those of a third implementation.
 */
import {
  MEDIA_HKDF_KEY_MAPPING,
  decryptMediaRetryData,
  aesDecryptGCM,
  aesEncryptGCM,
  encryptMediaRetryRequest,
  getBinaryNodeChild,
  getBinaryNodeChildBuffer,
  getMediaKeys,
  hkdf,
  proto,
} from '@whiskeysockets/baileys'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import sidecars from '../../../tests/vectors/media/sidecars.json' with { type: 'json' }
import {
  type BaileysKind,
  type BaileysUpload,
  baileysDownload,
  baileysUpload,
} from '../../../tests/vectors/media/baileys-files.ts'
import { concatBytes, toHex } from '../../base/bytes.ts'
import { seededRandom } from '../../base/random.ts'
import { hmacSha256, sha256 } from '../crypto/index.ts'
import {
  type EncryptedMedia,
  type MediaDecryption,
  type MediaEncryption,
  type MediaKind,
  MEDIA_KINDS,
  createMediaDecryptor,
  createMediaEncryptor,
  encryptedMediaBytes,
  mediaKeys,
  mediaRetryFailure,
  mediaType,
  openMediaRetryResult,
  sealMediaRetryRequest,
} from './index.ts'

const random = seededRandom('media')

/** The kinds that Baileys knows too, under its names. */
const SHARED: readonly (readonly [MediaKind, BaileysKind])[] = [
  ['image', 'image'],
  ['video', 'video'],
  ['gif', 'gif'],
  ['videoNote', 'ptv'],
  ['audio', 'audio'],
  ['voice', 'ptt'],
  ['document', 'document'],
  ['sticker', 'sticker'],
  ['history', 'md-msg-hist'],
  ['appState', 'md-app-state'],
  ['imageThumbnail', 'thumbnail-image'],
  ['videoThumbnail', 'thumbnail-video'],
  ['documentThumbnail', 'thumbnail-document'],
  ['linkThumbnail', 'thumbnail-link'],
  ['productImage', 'product'],
  ['businessCover', 'biz-cover-photo'],
  ['paymentBackground', 'payment-bg-image'],
]

/** Encrypts in pieces of the given size. */
function encrypt(
  file: Uint8Array,
  options: MediaEncryption,
  pieceBytes = 1000,
): { readonly uploaded: Uint8Array; readonly made: EncryptedMedia } {
  const encryptor = createMediaEncryptor(options)
  const pieces: Uint8Array[] = []
  for (let at = 0; at < file.length; at += pieceBytes) {
    pieces.push(encryptor.push(file.subarray(at, at + pieceBytes)))
  }
  const made = encryptor.finish()
  return { uploaded: concatBytes(...pieces, made.chunk), made }
}

/** Decrypts in pieces of the given size. */
function decrypt(uploaded: Uint8Array, options: MediaDecryption, pieceBytes = 1000): Uint8Array {
  const decryptor = createMediaDecryptor(options)
  const pieces: Uint8Array[] = []
  for (let at = 0; at < uploaded.length; at += pieceBytes) {
    pieces.push(decryptor.push(uploaded.subarray(at, at + pieceBytes)))
  }
  const last = decryptor.finish()
  return concatBytes(...pieces, last)
}

function altered(bytes: Uint8Array, at: number): Uint8Array {
  const copy = Uint8Array.from(bytes)
  copy[at] = (copy[at] ?? 0) ^ 1
  return copy
}

/** What the message of a file says. */
function told({ mediaKey, encSha256, sha256, lengthBytes }: BaileysUpload): MediaDecryption {
  return { mediaKey, kind: 'image', encSha256, sha256, lengthBytes }
}

function refuses(code: string, action: () => unknown, more: object = {}): void {
  expect(action).toThrow(expect.objectContaining({ code, ...more }))
}

describe('a file that is decrypted', async () => {
  const file = random.bytes(3000)
  const upload = await baileysUpload(file, 'image')
  const { uploaded, mediaKey, encSha256 } = upload
  const only = { mediaKey, kind: 'image' } as const

  it('is refused with any byte altered, whether or not its digest is known', () => {
    for (let at = 0; at < uploaded.length; at += 7) {
      refuses('WATON_MEDIA_MAC', () => decrypt(altered(uploaded, at), only), { retryable: false })
      const wrong = { retryable: true, details: { of: 'upload' } }
      refuses('WATON_MEDIA_HASH', () => decrypt(altered(uploaded, at), { ...only, encSha256 }), wrong)
    }
  })

  it('is refused as cut wherever it was cut', () => {
    for (let length = 0; length < uploaded.length; length += 5) {
      const cut = uploaded.subarray(0, length)
      refuses('WATON_MEDIA_TRUNCATED', () => decrypt(cut, told(upload)), { retryable: true })
      if ((length - 10) % 16 !== 0) refuses('WATON_MEDIA_TRUNCATED', () => decrypt(cut, only))
    }
    refuses('WATON_MEDIA_MAC', () => decrypt(uploaded.subarray(0, 26 + 16 * 5), only))
  })

  it('is refused with another key, and as another kind, even if its digest is right', () => {
    for (const other of [
      { ...only, mediaKey: random.bytes(32) },
      { ...only, kind: 'video' as const },
    ]) {
      refuses('WATON_MEDIA_MAC', () => decrypt(uploaded, { ...other, encSha256 }))
    }
  })

  it('is refused as soon as more comes than it can have, and then for good', () => {
    const decryptor = createMediaDecryptor({ ...only, lengthBytes: 100 })
    decryptor.push(uploaded.subarray(0, encryptedMediaBytes(100)))
    refuses('WATON_MEDIA_LENGTH', () => decryptor.push(uploaded.subarray(0, 1)))
    refuses('WATON_MEDIA_FINISHED', () => decryptor.push(uploaded))
    refuses('WATON_MEDIA_FINISHED', () => decryptor.finish())
  })

  it('is refused when its message lies about its length or its digest', () => {
    refuses('WATON_MEDIA_LENGTH', () => decrypt(uploaded, { ...told(upload), lengthBytes: 2999 }))
    refuses('WATON_MEDIA_LENGTH', () => decrypt(uploaded, { ...told(upload), lengthBytes: 9000 }))
    const wrong = { details: { of: 'file' }, retryable: false }
    refuses(
      'WATON_MEDIA_HASH',
      () => decrypt(uploaded, { ...told(upload), sha256: sha256(encSha256) }),
      wrong,
    )
  })

  it('is refused when a sender with the key did not pad it', () => {
    const keys = mediaKeys(mediaKey, 'image')
    const blocks = new Uint8Array(32)
    const mac = hmacSha256(keys.macKey, keys.iv, blocks).subarray(0, 10)
    refuses('WATON_CRYPTO_PADDING', () => decrypt(concatBytes(blocks, mac), only))
  })

  it('needs a media key of 32 bytes and a known kind', () => {
    for (const length of [0, 31, 33]) {
      refuses('WATON_MEDIA_KEY', () => createMediaDecryptor({ ...only, mediaKey: random.bytes(length) }))
    }
    for (const kind of ['picture', 'toString'])
      refuses('WATON_MEDIA_KIND', () => mediaKeys(mediaKey, kind as MediaKind))
  })

  it('is what Baileys encrypted, in pieces of any size', () => {
    for (const pieceBytes of [1, 5, 9, 10, 11, 16, 26, 1000, 5000]) {
      expect(decrypt(uploaded, told(upload), pieceBytes), String(pieceBytes)).toEqual(file)
    }
  })

  it('is what Baileys encrypted, at any length', async () => {
    for (const length of [0, 1, 15, 16, 17, 31, 32, 33, 65_536]) {
      const bytes = random.bytes(length)
      const made = await baileysUpload(bytes, 'image')
      expect(made.uploaded).toHaveLength(encryptedMediaBytes(length))
      expect(decrypt(made.uploaded, told(made)), String(length)).toEqual(bytes)
    }
  })
})

describe('a file that is encrypted', () => {
  it('takes nothing more after its end', () => {
    const encryptor = createMediaEncryptor({ mediaKey: random.bytes(32), kind: 'image' })
    encryptor.finish()
    refuses('WATON_MEDIA_FINISHED', () => encryptor.push(random.bytes(1)))
    refuses('WATON_MEDIA_FINISHED', () => encryptor.finish())
  })

  it.each(SHARED)('as %s is decrypted by Baileys as %s', async (kind, baileysKind) => {
    const file = random.bytes(777)
    const mediaKey = random.bytes(32)
    const { uploaded, made } = encrypt(file, { mediaKey, kind })
    expect(await baileysDownload(uploaded, mediaKey, baileysKind)).toEqual(file)
    expect(made).toMatchObject({ lengthBytes: 777, encryptedBytes: uploaded.length })
    expect(made.sha256).toEqual(sha256(file))
    expect(made.encSha256).toEqual(sha256(uploaded))
    const { iv, cipherKey, macKey } = await getMediaKeys(mediaKey, baileysKind)
    const ours = mediaKeys(mediaKey, kind)
    expect([ours.iv, ours.cipherKey, ours.macKey].map(toHex)).toEqual(
      [iv, cipherKey, macKey].map((key) => toHex(key ?? new Uint8Array(0))),
    )
  })

  it('is the same in pieces of any size, at any length', () => {
    const mediaKey = random.bytes(32)
    fc.assert(
      fc.property(fc.nat({ max: 300 }), fc.integer({ min: 1, max: 60 }), (length, pieceBytes) => {
        const file = random.bytes(length)
        const { uploaded, made } = encrypt(file, { mediaKey, kind: 'document' }, pieceBytes)
        const { sha256, encSha256, lengthBytes } = made
        const options = { mediaKey, kind: 'document', sha256, encSha256, lengthBytes } as const
        expect(decrypt(uploaded, options, 61 - pieceBytes)).toEqual(file)
      }),
      { seed: 20_260_101, numRuns: 200 },
    )
  })

  it.each(sidecars.files)('of $lengthBytes bytes has the sidecar that others give it', (vector) => {
    const mediaKey = Uint8Array.from({ length: 32 }, (_, index) => index * 7 + 1)
    const file = Uint8Array.from({ length: vector.lengthBytes }, (_, index) => index * 31 + (index >> 8))
    for (const pieceBytes of [70_001, 16_384]) {
      const { made } = encrypt(file, { mediaKey, kind: 'video', sidecar: true }, pieceBytes)
      expect(toHex(made.encSha256)).toBe(vector.encSha256)
      expect(toHex(made.sidecar ?? new Uint8Array(0))).toBe(vector.sidecar)
    }
  })
})

describe('the kinds of files', () => {
  it('are all those that Baileys encrypts', () => {
    const theirs = Object.entries(MEDIA_HKDF_KEY_MAPPING).flatMap(([kind, info]) =>
      info === '' ? [] : [kind],
    )
    expect(SHARED.map(([, kind]) => kind as string).sort()).toEqual(theirs.sort())
    const known = SHARED.map(([kind]) => kind)
    expect(MEDIA_KINDS.filter((kind) => !known.includes(kind))).toEqual(['stickerPack'])
    expect(mediaType('sticker')).toBe('image')
  })
})

describe('a media retry', () => {
  const target = { mediaKey: random.bytes(32), messageId: '3EB0A1' }
  const key = { id: target.messageId, remoteJid: '15550000002@s.whatsapp.net', fromMe: false }
  const retryKey = hkdf(Buffer.from(target.mediaKey), 32, { info: 'WhatsApp Media Retry Notification' })
  const answer = (
    notification: proto.IMediaRetryNotification,
  ): { iv: Uint8Array; ciphertext: Uint8Array } => {
    const iv = random.bytes(12)
    const bytes = proto.MediaRetryNotification.encode(notification).finish()
    return { iv, ciphertext: aesEncryptGCM(bytes, retryKey, iv, Buffer.from(target.messageId)) }
  }

  it('refuses an answer for another message, with another key, or altered', () => {
    const sealed = answer({
      stanzaId: target.messageId,
      directPath: '/v/1',
      result: proto.MediaRetryNotification.ResultType.SUCCESS,
    })
    const others = [
      () => openMediaRetryResult({ ...target, messageId: 'OTHER' }, sealed),
      () => openMediaRetryResult({ ...target, mediaKey: random.bytes(32) }, sealed),
      () => openMediaRetryResult(target, { ...sealed, ciphertext: altered(sealed.ciphertext, 3) }),
      () => openMediaRetryResult(target, { ...sealed, ciphertext: new Uint8Array(0) }),
    ]
    for (const open of others) refuses('WATON_CRYPTO_TAG', open)
    refuses('WATON_CRYPTO_TAG', () => openMediaRetryResult(target, { ...sealed, iv: random.bytes(11) }))
    refuses('WATON_CRYPTO_LENGTH', () => openMediaRetryResult(target, { ...sealed, iv: random.bytes(0) }))
    refuses('WATON_MEDIA_KEY', () => openMediaRetryResult({ ...target, mediaKey: random.bytes(9) }, sealed))
  })

  it('refuses an answer that is none', () => {
    const iv = random.bytes(12)
    const aad = Buffer.from(target.messageId)
    const ciphertext = aesEncryptGCM(Uint8Array.of(0x0a, 0xff), retryKey, iv, aad)
    refuses('WATON_PROTO_MALFORMED', () => openMediaRetryResult(target, { iv, ciphertext }))
  })

  it('tells what the phone answers', () => {
    const { ResultType } = proto.MediaRetryNotification
    const open = (notification: proto.IMediaRetryNotification): unknown =>
      openMediaRetryResult(target, answer(notification))
    expect(open({ result: ResultType.SUCCESS, directPath: '/v/t62/1' })).toEqual({
      ok: true,
      directPath: '/v/t62/1',
    })
    expect(open({ result: ResultType.SUCCESS })).toEqual({ ok: false, reason: 'unknown' })
    expect(open({ result: ResultType.NOT_FOUND })).toEqual({ ok: false, reason: 'not-found' })
    expect(open({ result: ResultType.DECRYPTION_ERROR })).toEqual({ ok: false, reason: 'decryption-error' })
    expect(open({ result: ResultType.GENERAL_ERROR })).toEqual({ ok: false, reason: 'general-error' })
    expect(open({})).toEqual({ ok: false, reason: 'unknown' })
    expect([undefined, 2, 99].map(mediaRetryFailure)).toEqual(['unknown', 'not-found', 'unknown'])
  })

  it('is sealed so that Baileys and a phone can open it, as that of Baileys is', () => {
    const request = encryptMediaRetryRequest(key, Buffer.from(target.mediaKey), '15550000001@s.whatsapp.net')
    const theirs = getBinaryNodeChild(request, 'encrypt')
    const open = (iv: Uint8Array, ciphertext: Uint8Array): unknown => {
      const bytes = aesDecryptGCM(ciphertext, retryKey, iv, Buffer.from(target.messageId))
      return proto.ServerErrorReceipt.decode(bytes).toJSON()
    }
    const { iv, ciphertext } = sealMediaRetryRequest(target, random)
    const [theirIv, theirText] = [
      getBinaryNodeChildBuffer(theirs, 'enc_iv'),
      getBinaryNodeChildBuffer(theirs, 'enc_p'),
    ]
    expect(open(iv, ciphertext)).toEqual({ stanzaId: target.messageId })
    expect(open(iv, ciphertext)).toEqual(
      open(new Uint8Array(theirIv as Uint8Array), new Uint8Array(theirText as Uint8Array)),
    )
    const sealed = answer({ directPath: '/v/2', result: proto.MediaRetryNotification.ResultType.SUCCESS })
    expect(decryptMediaRetryData(sealed, target.mediaKey, target.messageId)).toMatchObject({
      directPath: '/v/2',
    })
  })
})
