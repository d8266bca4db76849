/** The queries are written out as Baileys 7.0.0-rc14 sends them; an unmodified Baileys sends its own in `tests/e2e`. */
import { beforeEach, describe, expect, it } from 'vitest'
import type { Clock } from '../../base/clock.ts'
import { errorCode, ProtocolError } from '../../base/errors.ts'
import { seededRandom } from '../../base/random.ts'
import { childrenOf, node } from '../../protocol/binary/node.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import { Trace } from '../trace.ts'
import type { Account } from '../world/account.ts'
import { World } from '../world/world.ts'
import { CodeLinking } from './code-linking.ts'

const JID = '15550000001@s.whatsapp.net'
const random = seededRandom('code linking')
const noiseKey = random.bytes(32)
const identityKey = random.bytes(32)

let nowMs: number
let account: Account
let written: BinaryNode[]
let codes: CodeLinking

beforeEach(() => {
  nowMs = 1_700_000_000_000
  const clock: Clock = { nowMs: () => nowMs, schedule: () => ({ cancel: () => undefined }) }
  const world = new World(clock, random, new Trace(clock))
  account = world.createAccount('15550000001', 'Alice')
  written = []
  const channel = {
    connectionId: 1,
    identify: () => undefined,
    write: (stanza: BinaryNode) => written.push(stanza),
    end: () => undefined,
    cut: () => undefined,
  }
  const [refuse, announce] = [(): undefined => undefined, (): undefined => undefined]
  const notify = channel.write
  codes = new CodeLinking(world, channel, { noiseKey, identityKey, refuse, announce, notify })
})

function query(stage: string, attrs: Record<string, string>, content: Record<string, Uint8Array | string>) {
  const children = Object.entries(content).map(([tag, value]) => node(tag, {}, value))
  return node('iq', { id: '1', to: '@s.whatsapp.net', type: 'set', xmlns: 'md' }, [
    node('link_code_companion_reg', { jid: JID, stage, ...attrs }, children),
  ])
}

function hello(changes: Record<string, Uint8Array | string> = {}): BinaryNode {
  const content = {
    link_code_pairing_wrapped_companion_ephemeral_pub: new Uint8Array(80),
    companion_server_auth_key_pub: noiseKey,
    companion_platform_id: '1',
    companion_platform_display: 'Chrome (Ubuntu)',
    link_code_pairing_nonce: '0',
    ...changes,
  }
  return query('companion_hello', { should_show_push_notification: 'true' }, content)
}

const answer = (): Promise<unknown> => {
  const { ref } = codes.announcedTo(account)
  const keys = { primaryIdentity: new Uint8Array(32), wrappedPrimaryEphemeral: new Uint8Array(80) }
  return codes.answer(account, { ref, ...keys })
}

describe('the server', () => {
  const broken: readonly (readonly [string, Record<string, Uint8Array | string>])[] = [
    ['another Noise key', { companion_server_auth_key_pub: new Uint8Array(32) }],
    ['a short wrapped key', { link_code_pairing_wrapped_companion_ephemeral_pub: new Uint8Array(79) }],
    ['an unknown child', { something: new Uint8Array(1) }],
    ['another nonce', { link_code_pairing_nonce: '1' }],
    ['a platform that is no number', { companion_platform_id: 'chrome' }],
  ]

  it.each(broken)('takes a companion_hello with %s for a violation', (_, changes) => {
    expect(() => {
      codes.receive(hello(changes))
    }).toThrow(ProtocolError)
  })

  it('takes an unknown stage for a violation', () => {
    expect(() => {
      codes.receive(query('companion_goodbye', {}, {}))
    }).toThrow(ProtocolError)
  })

  it('takes a finish with another identity key for a violation', () => {
    codes.receive(hello())
    answer().catch(() => undefined)
    const finish = query(
      'companion_finish',
      {},
      {
        link_code_pairing_wrapped_key_bundle: new Uint8Array(156),
        companion_identity_public: new Uint8Array(32),
        link_code_pairing_ref: codes.announcedTo(account).ref,
      },
    )
    expect(() => {
      codes.receive(finish)
    }).toThrow(ProtocolError)
  })

  it('refuses a finish that no phone asked for', () => {
    codes.receive(hello())
    const finish = query(
      'companion_finish',
      {},
      {
        link_code_pairing_wrapped_key_bundle: new Uint8Array(156),
        companion_identity_public: identityKey,
        link_code_pairing_ref: codes.announcedTo(account).ref,
      },
    )
    codes.receive(finish)
    const [refusal] = childrenOf(written.at(-1) ?? node('none'))
    expect(refusal?.attrs).toMatchObject({ code: '400' })
  })

  it('forgets a code after three minutes, and not before', () => {
    expect(codes.leftMs).toBe(0)
    codes.receive(hello())
    nowMs += 180_000
    expect(codes.announcedTo(account).platformId).toBe('1')
    nowMs += 1
    expect(() => codes.announcedTo(account)).toThrow(/expired/)
    expect(codes.leftMs).toBe(0)
  })

  it('tells the phone when the companion leaves', async () => {
    codes.receive(hello())
    const outcome = answer().catch((error: unknown) => errorCode(error))
    codes.close()
    expect(await outcome).toBe('WATON_SIMULATOR_PAIRING_CLOSED')
  })
})
