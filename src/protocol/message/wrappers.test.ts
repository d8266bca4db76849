/** Wrappers as the unmodified Baileys takes them off, in every pair; and those that it leaves on. */
import { getContentType, normalizeMessageContent, proto } from '@whiskeysockets/baileys'
import { describe, expect, test } from 'vitest'
import { Message, decodeMessage, encodeMessage } from '../proto/message.ts'
import type { MessageProperties } from '../proto/message.ts'
import { contentOf } from './content.ts'
import { WRAPPER_NAMES, type WrapperName, unwrapMessage } from './wrappers.ts'

/** The wrappers that Baileys knows. */
const SHARED = [
  'ephemeralMessage',
  'viewOnceMessage',
  'documentWithCaptionMessage',
  'viewOnceMessageV2',
  'viewOnceMessageV2Extension',
  'editedMessage',
  'associatedChildMessage',
  'groupStatusMessage',
  'groupStatusMessageV2',
] as const

const EDIT = Message.ProtocolMessage.Type.MESSAGE_EDIT

const CONTENTS: readonly MessageProperties[] = [
  { conversation: 'hi' },
  { extendedTextMessage: { text: 'hi' }, messageContextInfo: { messageSecret: new Uint8Array(32) } },
  { imageMessage: { caption: 'hi' }, senderKeyDistributionMessage: { groupId: '1@g.us' } },
  { protocolMessage: { type: EDIT, key: { id: 'A1' }, editedMessage: { conversation: 'new' } } },
  { pollCreationMessageV3: { name: 'hi' } },
]

const wrapped = (wrapper: WrapperName, message: MessageProperties): MessageProperties => ({
  [wrapper]: { message },
})

/** What Baileys finds in a message, as bytes, and under which name. */
function byBaileys(message: MessageProperties): {
  readonly bytes: Uint8Array
  readonly type: string | undefined
} {
  const inner = normalizeMessageContent(proto.Message.decode(encodeMessage(message))) ?? {}
  return { bytes: new Uint8Array(proto.Message.encode(inner).finish()), type: getContentType(inner) }
}

/** The field that the content of a message is in, as its kind tells. */
function fieldOf(message: MessageProperties): string | undefined {
  const inner = unwrapMessage(message).message
  const beside = ['messageContextInfo', 'senderKeyDistributionMessage']
  return Object.keys(inner).find((field) => !beside.includes(field) && !field.startsWith('$'))
}

describe('a wrapper', () => {
  test('is known to Baileys, or it leaves it on', () => {
    const known = WRAPPER_NAMES.filter((wrapper) => {
      // Baileys does not know the newest of them by name
      const message = proto.Message.fromObject({ [wrapper]: { message: { conversation: 'hi' } } })
      return getContentType(normalizeMessageContent(message)) === 'conversation'
    })
    expect([...known].sort()).toEqual([...SHARED].sort())
  })

  test.each(SHARED)(
    '%s around any content, and around any other wrapper, is taken off as by Baileys',
    (outer) => {
      for (const content of CONTENTS) {
        for (const message of [content, ...SHARED.map((inner) => wrapped(inner, content))]) {
          const read = decodeMessage(encodeMessage(wrapped(outer, message)))
          const expected = byBaileys(read)
          expect(encodeMessage(unwrapMessage(read).message)).toEqual(expected.bytes)
          expect(fieldOf(read)).toBe(expected.type)
          expect(contentOf(read).kind).not.toBe('unknown')
        }
      }
    },
  )

  test('that is empty is unknown content of its own name, where Baileys finds nothing', () => {
    for (const wrapper of SHARED) {
      const read = decodeMessage(encodeMessage({ [wrapper]: {} }))
      expect(contentOf(read)).toMatchObject({ kind: 'unknown', name: wrapper })
      expect(byBaileys(read).type).toBeUndefined()
    }
  })
})
