import { describe, expect, it } from 'vitest'
import fc from 'fast-check'
import { ProtocolError } from '../../base/errors.ts'
import { node, type BinaryNode } from '../binary/node.ts'
import { parseAck } from './ack.ts'
import * as bulletins from './bulletins/index.ts'
import { fetchBlocklist } from './iq/blocklist.ts'
import { isPairing, parsePairDevice, parsePairSuccess } from './iq/pairing.ts'
import { isServerPing } from './iq/ping.ts'
import { countPreKeys, fetchPreKeyDigest, fetchPreKeys } from './iq/pre-keys.ts'
import { fetchPrivacy } from './iq/privacy.ts'
import { fetchMediaConnection } from './iq/media-conn.ts'
import { fetchProps } from './iq/props.ts'
import * as directory from './iq/usync/index.ts'
import { parseMessage } from './message.ts'
import { parseCall } from './call.ts'
import { parseChatState } from './chat-state.ts'
import { parseNotification } from './notification.ts'
import * as notifications from './notifications/index.ts'
import { parsePresence } from './presence.ts'
import { parseReceipt } from './receipt.ts'
import { parseRetryReceipt } from './retry-receipt.ts'
import { parseStreamFailure, parseSuccess } from './stream.ts'

const own = { pn: '15550000001@s.whatsapp.net', lid: '100000000001@lid' }

const { BOT, BUSINESS, CONTACT, DEVICES, DISAPPEARING_MODE, LID, PICTURE, STATUS, USERNAME } = directory
const PROTOCOLS = [
  BOT,
  BUSINESS,
  CONTACT,
  DEVICES,
  DISAPPEARING_MODE,
  LID,
  PICTURE,
  STATUS,
  USERNAME,
] as const
const EVERYTHING = directory.usync(PROTOCOLS)

/** Every function of this folder that reads what the server sent. */
const parsers: Readonly<Record<string, (stanza: BinaryNode) => unknown>> = {
  parseMessage: (stanza) => parseMessage(stanza, own),
  parseReceipt,
  parseAck,
  parseSuccess,
  parseStreamFailure,
  parseNotification,
  parseCall,
  parseChatState,
  parsePresence,
  parseRetryReceipt,
  ...parsersOf(notifications),
  ...parsersOf(bulletins),
  isPairing,
  parsePairDevice,
  parsePairSuccess,
  isServerPing,
  countPreKeys: (stanza) => countPreKeys.parse(stanza, undefined),
  fetchPreKeyDigest: (stanza) => fetchPreKeyDigest.parse(stanza, undefined),
  fetchPreKeys: (stanza) => fetchPreKeys.parse(stanza, { devices: [] }),
  usync: (stanza) => EVERYTHING.parse(stanza, { users: [], sid: '' }),
  fetchMediaConnection: (stanza) => fetchMediaConnection.parse(stanza),
  fetchProps: (stanza) => fetchProps.parse(stanza, {}),
  fetchBlocklist: (stanza) => fetchBlocklist.parse(stanza, undefined),
  fetchPrivacy: (stanza) => fetchPrivacy.parse(stanza, undefined),
}

/** Each parser of a folder, also one that is added later. */
function parsersOf(
  folder: Readonly<Record<string, unknown>>,
): Readonly<Record<string, (stanza: BinaryNode) => unknown>> {
  const named = Object.entries(folder).filter(
    (entry): entry is [string, (stanza: BinaryNode) => unknown] =>
      entry[0].startsWith('parse') && typeof entry[1] === 'function',
  )
  return Object.fromEntries(named)
}

// Words of the real stanzas, so that the generated ones get past the first check of a parser.
const TAGS =
  'iq message receipt ack failure stream:error conflict ib offline dirty edge_routing routing_info notification count identity collection add device devices device-list key-index-list lid list item user error registration skey key id value signature digest hash usync result side_list contact status picture business verified_name username bot profile commands command prompts query props prop privacy category pair-device ref pair-success device-identity platform enc plaintext unavailable ping create group participant participants requested_user description body link tokens token mex update live_updates messages message views_count reactions reaction settings remove modify set rmr encrypt enc_p enc_iv disappearing_mode blocklist privacy offer terminate relaylatency retry keys product_catalog product collection __proto__ constructor'.split(
    ' ',
  )
const NAMES =
  'id from to type t participant recipient offline class error code reason value count name jid val key-index is_hosted ts version mediatype v sender_pn participant_lid addressing_mode jid key old new call-id call-creator op_name duration expiration count last media subject config_code __proto__ constructor toString'.split(
    ' ',
  )
const VALUES =
  '1 0 -1 1.5 x 99999999999999999999 15550000001@s.whatsapp.net 100000000002:3@lid 1@g.us status@broadcast 2@newsletter @s.whatsapp.net a:b@lid encrypt devices server_sync account_sync true deny {}'.split(
    ' ',
  )

const value = fc.oneof(fc.constantFrom(...VALUES), fc.string({ maxLength: 12 }))
const attributes = fc
  .array(fc.tuple(fc.constantFrom(...NAMES), value), { maxLength: 6 })
  .map((entries) => Object.fromEntries(entries))
const { stanza } = fc.letrec<{ stanza: BinaryNode }>((tie) => ({
  stanza: fc
    .tuple(
      fc.constantFrom(...TAGS),
      attributes,
      fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        fc.oneof(fc.constant(undefined), fc.uint8Array({ maxLength: 70 }), fc.string({ maxLength: 8 })),
        fc.array(tie('stanza'), { maxLength: 4 }),
      ),
    )
    .map(([tag, attrs, content]) => (content === undefined ? { tag, attrs } : { tag, attrs, content })),
}))

describe('hostile stanzas', () => {
  it.each(Object.keys(parsers))('make %s throw nothing but protocol errors', (name) => {
    const parse = parsers[name] ?? (() => undefined)
    const outer = fc.tuple(attributes, fc.array(stanza, { maxLength: 4 }), fc.constantFrom(...TAGS))
    fc.assert(
      fc.property(outer, ([attrs, children, tag]) => {
        try {
          parse({
            ...node(tag, {}, children),
            attrs: { id: 'A', from: '1@s.whatsapp.net', type: 'encrypt', ...attrs },
          })
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError)
        }
      }),
      { seed: 11, numRuns: 300 },
    )
  })
})
