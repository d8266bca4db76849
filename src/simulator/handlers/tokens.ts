/**
 * Tokens of trust: somebody hands one out, the other side's devices are told, and what the other side has handed out
 * comes back with the answer. Also the question whether an account may write to people it does not know.
 *
 * @source Baileys 7.0.0-rc14 `Socket/messages-send.js` issuePrivacyTokens, `Utils/tc-token-utils.js`
 *   storeTcTokensFromIqResult, `Socket/mex.js`; whatsmeow `notification.go` handlePrivacyTokenNotification
 */
import { utf8Bytes } from '../../base/bytes.ts'
import {
  childrenOf,
  node,
  numberAttribute,
  requireAttribute,
  requireChild,
} from '../../protocol/binary/node.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import { REFUSAL } from '../stanza/iq.ts'
import { tokenGiven } from '../stanza/notification.ts'
import type { HandlerContext, IqHandler, IqOutcome } from './handler.ts'

const TRUSTED = 'trusted_contact'
const TIMELOCK_QUERY = '23983697327930364'
const TIMELOCK_FIELD = 'xwa2_fetch_account_reachout_timelock'

const privacyTokens: IqHandler = {
  xmlns: 'privacy',
  type: 'set',
  child: 'tokens',
  content: {
    children: {
      tokens: {
        min: 1,
        content: { children: { token: { min: 1, max: 64, required: ['jid', 't', 'type'] } } },
      },
    },
  },
  handle: handOut,
}

const timelock: IqHandler = {
  xmlns: 'w:mex',
  type: 'get',
  child: 'query',
  content: { children: { query: { min: 1, required: ['query_id'], content: 'bytes' } } },
  handle(query, { world, sender }) {
    if (requireChild(query, 'query').attrs['query_id'] !== TIMELOCK_QUERY)
      return { refusal: REFUSAL.notImplemented }
    const answer = { is_active: world.strangers.isLocked(sender.account), time_enforcement_ends: '0' }
    const text = JSON.stringify({ data: { [TIMELOCK_FIELD]: answer } })
    return { content: [node('result', {}, utf8Bytes(text))] }
  },
}

/** All queries of this file. */
export const TOKEN_HANDLERS: readonly IqHandler[] = [privacyTokens, timelock]

function handOut(query: BinaryNode, { world, sender }: HandlerContext): IqOutcome {
  const { account } = sender
  const given: BinaryNode[] = []
  for (const token of childrenOf(requireChild(query, 'tokens'), 'token')) {
    const jid = requireAttribute(token, 'jid')
    const found = world.resolve(jid)
    if (token.attrs['type'] !== TRUSTED || found === undefined || found.account === account)
      return { refusal: REFUSAL.badRequest }
    const made = world.strangers.issue(account, found.account, numberAttribute(token, 't') ?? 0)
    const facts = {
      ...made,
      from: account.jid(found.addressing),
      lid: account.jid('lid'),
      nowSeconds: world.nowSeconds(),
    }
    for (const device of found.account.devicesExcept(-1)) {
      const to = found.account.jid(found.addressing, device.id)
      world.post(device, tokenGiven({ ...facts, to, id: world.nextStanzaId() }), 'ack')
    }
    const theirs = world.strangers.tokenOf(found.account, account)
    if (theirs !== undefined)
      given.push(node('token', { jid, t: theirs.atSeconds, type: TRUSTED }, theirs.token))
  }
  return given.length === 0 ? {} : { content: [node('tokens', {}, given)] }
}
