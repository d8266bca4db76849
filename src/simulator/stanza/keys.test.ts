/** The other party is an unmodified Baileys: it writes the uploads and reads the bundles. */
import {
  addTransactionCapability,
  getNextPreKeysNode,
  initAuthCreds,
  parseAndInjectE2ESessions,
} from '@whiskeysockets/baileys'
import type { BinaryNode as BaileysNode, SignalDataTypeMap, SignalRepository } from '@whiskeysockets/baileys'
import { describe, expect, it } from 'vitest'
import { childrenOf, node, requireChild } from '../../protocol/binary/node.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import { bundleChildren, readKeyUpload } from './keys.ts'
import { findViolation } from './shape.ts'
import { UPLOAD_CHILDREN } from './keys.ts'

const quiet = {
  level: 'silent',
  child: () => quiet,
  trace() {},
  debug() {},
  info() {},
  warn() {},
  error() {},
}

/** What Baileys uploads at its first login, with bytes as the codec gives them. */
async function baileysUpload(): Promise<{ upload: BinaryNode; creds: ReturnType<typeof initAuthCreds> }> {
  const creds = initAuthCreds()
  const store = new Map<string, unknown>()
  const keys = addTransactionCapability(
    {
      get: <T extends keyof SignalDataTypeMap>(type: T, ids: string[]) =>
        Object.fromEntries(ids.map((id) => [id, store.get(`${type}/${id}`)])) as Record<
          string,
          SignalDataTypeMap[T]
        >,
      set: (data) => {
        for (const [type, values] of Object.entries(data)) {
          for (const [id, value] of Object.entries(values)) store.set(`${type}/${id}`, value)
        }
      },
    },
    quiet,
    { maxCommitRetries: 1, delayBetweenTriesMs: 1 },
  )
  const built = await getNextPreKeysNode({ creds, keys }, 20)
  return { upload: plain(built.node), creds }
}

function plain({ tag, attrs, content }: BaileysNode): BinaryNode {
  if (Array.isArray(content)) return node(tag, attrs, content.map(plain))
  return content instanceof Uint8Array ? node(tag, attrs, new Uint8Array(content)) : node(tag, attrs)
}

/** The same stanza with the bytes at a path of tags changed. */
function altered(
  stanza: BinaryNode,
  path: readonly string[],
  change: (bytes: Uint8Array) => Uint8Array,
): BinaryNode {
  const [tag, ...rest] = path
  const { content } = stanza
  if (tag === undefined)
    return { ...stanza, content: change(content instanceof Uint8Array ? content : new Uint8Array(0)) }
  const index = childrenOf(stanza).findIndex((child) => child.tag === tag)
  return {
    ...stanza,
    content: childrenOf(stanza).map((child, at) => (at === index ? altered(child, rest, change) : child)),
  }
}

const shorter = (bytes: Uint8Array): Uint8Array => bytes.slice(1)
const flipped = (bytes: Uint8Array): Uint8Array =>
  Uint8Array.from(bytes, (byte, index) => (index === 3 ? byte ^ 1 : byte))

describe('key upload', () => {
  it.each([
    ['a short registration id', ['registration'], shorter],
    ['another key type', ['type'], () => Uint8Array.of(6)],
    ['an identity key with its type byte', ['identity'], (bytes: Uint8Array) => Uint8Array.of(5, ...bytes)],
    ['an id of two bytes', ['list', 'key', 'id'], shorter],
    ['a short one-time key', ['list', 'key', 'value'], shorter],
    ['a repeated id', ['list', 'key', 'id'], () => Uint8Array.of(0, 0, 2)],
    ['a short signature', ['skey', 'signature'], shorter],
    ['a signature that does not verify', ['skey', 'signature'], flipped],
    ['a signed pre-key that was exchanged', ['skey', 'value'], flipped],
  ])('refuses %s', async (_name, path, change) => {
    const { upload } = await baileysUpload()
    expect(() => readKeyUpload(altered(upload, path, change))).toThrow(
      expect.objectContaining({ code: 'WATON_SIMULATOR_KEYS' }),
    )
  })

  it('reads what Baileys uploads', async () => {
    const { upload, creds } = await baileysUpload()
    const shape = { required: ['xmlns', 'type', 'to'], content: { children: UPLOAD_CHILDREN } }
    expect(findViolation(upload, shape)).toBeUndefined()
    const read = readKeyUpload(upload)
    expect(read.registrationId).toBe(creds.registrationId)
    expect(read.identityKey).toEqual(new Uint8Array(creds.signedIdentityKey.public))
    expect(read.preKeys.map((key) => key.id)).toEqual(Array.from({ length: 20 }, (_, index) => index + 1))
  })
})

describe('key bundle', () => {
  it('is read by Baileys', async () => {
    const { upload } = await baileysUpload()
    const { preKeys, ...keys } = readKeyUpload(upload)
    const [preKey] = preKeys
    const user = node(
      'user',
      { jid: '15550000002@s.whatsapp.net' },
      bundleChildren({ ...keys, preKey, deviceIdentity: undefined }),
    )
    const injected: Parameters<SignalRepository['injectE2ESession']>[0][] = []
    const repository = {
      injectE2ESession: (one: (typeof injected)[number]) => Promise.resolve(injected.push(one)),
    }
    const answer = node('iq', { type: 'result' }, [node('list', {}, [user])])
    await parseAndInjectE2ESessions(answer as BaileysNode, repository as never)
    expect(injected).toMatchObject([
      {
        jid: '15550000002@s.whatsapp.net',
        session: {
          registrationId: keys.registrationId,
          preKey: { keyId: 1 },
          signedPreKey: { keyId: keys.signedPreKey.id },
        },
      },
    ])
    expect(requireChild(user, 'identity').content).toEqual(keys.identityKey)
  })
})
