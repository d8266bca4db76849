/** The answers of bots against vectors of others, and against Node's own cryptography after WhatsApp Web's derivation. */
import { createCipheriv, hkdfSync } from 'node:crypto'
import { proto } from '@whiskeysockets/baileys'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fromHex, utf8Bytes } from '../../base/bytes.ts'
import { CryptoError, ProtocolError } from '../../base/errors.ts'
import { aesGcmOpen } from '../crypto/index.ts'
import { decodeMessage } from '../proto/message.ts'
import { type BotAnswerCandidates, botAnswerKey, openBotAnswer } from './bot-answer.ts'

const BOT = '867051314767696@bot'
const PN = '5511999998888@s.whatsapp.net'
const LID = '100000000001@lid'
const ID = '3EB0FAB0BAE1234567'
const SECRET = Uint8Array.from({ length: 32 }, (_, index) => index + 1)

/**
 * The inputs are those of whatsapp-rust `wacore/src/bot_message.rs`; sealed with Node, and opened by the Baileys fork whose
 * `decryptMsmsgBotMessage` reads Meta AI.
 */
const SEALED = fromHex(
  '0d01000000120c000102030405060708090a0b1a3d29aab998dcfb52d129b747745645efbca80387698dac00581599702b25b41c1a121615bf' +
    '5b0bb8e97cbd60feb09c9a17225287196c90e8667e8d246f82',
)

interface Parts {
  readonly id?: string
  readonly asker?: string
  readonly iv?: Uint8Array
  readonly plaintext?: Uint8Array
}

/** Seals as WhatsApp Web opens. */
function seal({
  id = ID,
  asker = PN,
  iv = new Uint8Array(12),
  plaintext = utf8Bytes('text'),
}: Parts): Uint8Array {
  const all = new Uint8Array(hkdfSync('sha256', SECRET, '', 'Bot Message', 32))
  const key = new Uint8Array(hkdfSync('sha256', all, '', id + asker + BOT, 32))
  const cipher = createCipheriv('aes-256-gcm', key, iv)
  cipher.setAAD(Buffer.from(`${id}\u0000${BOT}`))
  const encPayload = Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
  return new Uint8Array(proto.MessageSecretMessage.encode({ version: 1, encIv: iv, encPayload }).finish())
}

const candidates: BotAnswerCandidates = { secret: SECRET, bot: BOT, answerIds: [ID], askers: [PN] }

describe('an answer that does not fit', () => {
  test.each([
    ['another secret', { secret: new Uint8Array(32) }],
    ['a secret that is too short', { secret: SECRET.subarray(0, 31) }],
    ['another bot', { bot: '1@bot' }],
    ['another id', { answerIds: ['A1'] }],
    ['another person', { askers: [LID] }],
    ['no id', { answerIds: [] }],
    ['nobody', { askers: [] }],
  ])('is refused: %s', (_what, other) => {
    expect(() => openBotAnswer(SEALED, { ...candidates, ...other })).toThrow(
      expect.objectContaining({ code: 'WATON_BOT_ANSWER' }),
    )
  })

  test('is refused with a bit turned, a short payload, an empty IV, or nothing in it', () => {
    const turned = Uint8Array.from(SEALED)
    turned[turned.length - 1] = (turned.at(-1) ?? 0) ^ 1
    const short = proto.MessageSecretMessage.encode({
      encIv: new Uint8Array(12),
      encPayload: new Uint8Array(8),
    })
    const noIv = proto.MessageSecretMessage.encode({
      encIv: new Uint8Array(0),
      encPayload: new Uint8Array(32),
    })
    for (const sealed of [
      turned,
      new Uint8Array(short.finish()),
      new Uint8Array(noIv.finish()),
      new Uint8Array(0),
    ])
      expect(() => openBotAnswer(sealed, candidates)).toThrow(
        expect.objectContaining({ code: 'WATON_BOT_ANSWER' }),
      )
  })

  test('fails in its own way, whatever came', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        try {
          openBotAnswer(bytes, candidates)
        } catch (error) {
          expect(error instanceof CryptoError || error instanceof ProtocolError).toBe(true)
        }
      }),
      { seed: 7, numRuns: 500 },
    )
  })

  test('costs four attempts and not more', () => {
    const third = seal({ id: 'A3' })
    expect(() => openBotAnswer(third, { ...candidates, answerIds: ['A1', 'A2', 'A3'] })).toThrow(CryptoError)
  })
})

describe('an answer', () => {
  test('that another implementation opens is opened', () => {
    const opened = openBotAnswer(SEALED, candidates)
    expect(decodeMessage(opened).conversation).toBe('the quick brown fox jumps over the lazy dog')
  })

  test('has the key of the vector of whatsapp-rust', () => {
    // its `outbound_matches_independent_node_crypto_vector`: the same key, with the asker in the additional data
    const key = botAnswerKey({
      secret: new Uint8Array(32).fill(0x42),
      answerId: 'TEST-STANZA',
      asker: '100000000000001@lid',
      bot: '1807055946647697@bot',
    })
    const sealed = fromHex('129d34dbda4c242921800c626e42418724ad1db6d0dd')
    const bound = utf8Bytes('TEST-STANZA\u0000100000000000001@lid')
    const opened = aesGcmOpen(key, new Uint8Array(12).fill(0x24), sealed, bound)
    expect(decodeMessage(opened).conversation).toBe('ping')
  })

  test('is opened under either address of who asked, and under either id', () => {
    const both = { ...candidates, answerIds: ['A2', ID], askers: [PN, '100000000001:7@lid'] }
    for (const asker of [PN, LID]) expect(openBotAnswer(seal({ asker }), both)).toEqual(utf8Bytes('text'))
  })
})
