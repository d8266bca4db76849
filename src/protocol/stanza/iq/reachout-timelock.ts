/** Whether the account may write to people it has not written with: asked when the server refuses such a message. */
import { utf8Bytes } from '../../../base/bytes.ts'
import { ProtocolError } from '../../../base/errors.ts'
import { contentText, node, requireChild } from '../../binary/node.ts'
import { defineIq, type IqQuery } from '../iq.ts'
import { serverIq } from './server-iq.ts'

/** The answer. */
export interface ReachoutTimelock {
  /** Whether it may not. */
  readonly isActive: boolean
  /** When it ends, when the server says. */
  readonly endsAtSeconds?: number
}

/** @source Baileys 7.0.0-rc14 `Types/Mex.js` QueryIds.REACHOUT_TIMELOCK */
const QUERY_ID = '23983697327930364'
const FIELD = 'xwa2_fetch_account_reachout_timelock'

/**
 * ```xml
 * <iq to="@s.whatsapp.net" type="get" xmlns="w:mex"><query query_id="23983697327930364">{"variables":{}}</query></iq>
 * <iq type="result"><result>{"data":{"xwa2_fetch_account_reachout_timelock":
 *   {"is_active":true,"time_enforcement_ends":"1700000000","enforcement_type":"..."}}}</result></iq>
 * ```
 * @source Baileys 7.0.0-rc14 `Socket/mex.js`, `Socket/socket.js` fetchAccountReachoutTimelock
 */
export const fetchReachoutTimelock: IqQuery<void, ReachoutTimelock> = defineIq({
  name: 'mex.reachout-timelock',
  build: () =>
    serverIq('get', 'w:mex', [
      node('query', { query_id: QUERY_ID }, utf8Bytes(JSON.stringify({ variables: {} }))),
    ]),
  parse: (answer) => {
    const lock = fieldOf(contentText(requireChild(answer, 'result')) ?? '')
    const ends = Number(lock['time_enforcement_ends'])
    return {
      isActive: lock['is_active'] === true,
      ...(Number.isSafeInteger(ends) && ends > 0 ? { endsAtSeconds: ends } : {}),
    }
  },
})

function fieldOf(text: string): Readonly<Record<string, unknown>> {
  try {
    const { data } = JSON.parse(text) as { data: Record<string, unknown> }
    const value = data[FIELD]
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
  } catch {
    // told below
  }
  throw new ProtocolError(
    'WATON_MEX_JSON',
    'the server answered the question about restrictions with something that is not the JSON for it',
  )
}
