/**
 * The duties between the server's `<success>` and an open client, and those that follow in the background. `open` means
 * logged in and one query answered; nothing here ever waits for the phone.
 */
import { describeError } from '../../base/errors.ts'
import type { Clock } from '../../base/clock.ts'
import type { Logger } from '../../base/logger.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import { userJid } from '../../protocol/jid.ts'
import { fetchBlocklist } from '../../protocol/stanza/iq/blocklist.ts'
import { becomeActive } from '../../protocol/stanza/iq/passive.ts'
import { fetchProps } from '../../protocol/stanza/iq/props.ts'
import { buildUnifiedSession } from '../../protocol/stanza/info-bulletin.ts'
import { buildPresence } from '../../protocol/stanza/presence.ts'
import type { StreamSuccess } from '../../protocol/stanza/stream.ts'
import { learnMapping } from '../identity/addresses.ts'
import type { Self } from '../identity/self.ts'
import type { DeviceDirectory } from '../send/devices.ts'
import type { KeyUpkeep } from '../keys/key-upkeep.ts'
import type { AccountState } from '../state/account-state.ts'
import type { ReceiptQueue } from '../reading/receipt-queue.ts'
import { CONNECTION_HINTS, CREDENTIALS, SELF } from '../state/records.ts'
import type { TokenSwitches } from '../state/records.ts'
import type { Connection } from './connection.ts'

/** What the duties work with. */
export interface DutyContext {
  readonly state: AccountState
  readonly self: Self
  readonly preKeys: KeyUpkeep
  readonly devices: DeviceDirectory
  readonly clock: Clock
  readonly logger: Logger
  readonly markOnline: boolean
  readonly receipts: ReceiptQueue
}

/** Takes over what the server said about us. The first success is also what completes pairing: the server knows us. */
export async function applySuccess(context: DutyContext, success: StreamSuccess): Promise<void> {
  const { state, self, clock } = context
  await state.commit(async (unit) => {
    // read inside the unit: a message that came with the login may have told the account's name meanwhile
    const credentials = (await unit.read(CREDENTIALS, SELF)) ?? self.credentials
    const { linked } = credentials
    if (linked === undefined) return
    const lid = success.lid === undefined ? linked.lid : userJid(success.lid)
    if (lid !== undefined) await learnMapping(unit, linked.pn, lid)
    if (success.serverTimeSeconds !== undefined) {
      const hints = (await unit.read(CONNECTION_HINTS, SELF)) ?? {}
      const clockSkewMs = success.serverTimeSeconds * 1000 - clock.nowMs()
      unit.put(CONNECTION_HINTS, SELF, { ...hints, clockSkewMs })
    }
    if (lid === linked.lid && !linked.isUnconfirmed) return
    const account = { ...linked, isUnconfirmed: false, ...(lid === undefined ? {} : { lid }) }
    const completed = { ...credentials, linked: account }
    unit.put(CREDENTIALS, SELF, completed)
    // with the commit: what a later unit makes of the credentials must not be taken back
    unit.onCommit(() => {
      self.update(completed)
    })
  })
}

/** What must be done before the client counts as open. Rejects when the server does not answer. */
export async function prepare(context: DutyContext, connection: Connection): Promise<void> {
  await context.preKeys.prepare(connection)
  await connection.query(becomeActive, undefined)
}

/**
 * What follows once the client is open: questions and notices in the order in which WhatsApp Web's companions write them,
 * none waiting for the answer to another. A refused query is logged; none of them is needed to send and receive.
 */
export async function finishLogin(context: DutyContext, connection: Connection): Promise<void> {
  const { state, self, preKeys, devices, clock, markOnline, logger } = context
  const hints = (await state.read(CONNECTION_HINTS, SELF)) ?? {}
  // looked after from the start: whatever is sent next may fail
  const queries = Promise.allSettled([
    preKeys.begin(connection),
    refreshProps(context, connection, hints.propsHash),
    connection.query(fetchBlocklist, undefined),
    context.receipts.resume(connection),
    devices.keepOwn(connection),
  ])
  const name = self.me?.name
  if (name !== undefined) sendIfOpen(connection, buildPresence({ name, available: markOnline }))
  sendIfOpen(connection, buildUnifiedSession(clock.nowMs() + (hints.clockSkewMs ?? 0)))
  for (const attempt of await queries) {
    if (attempt.status === 'rejected')
      logger.warn({ reason: describeError(attempt.reason) }, 'a login query failed')
  }
}

async function refreshProps(
  { state }: DutyContext,
  connection: Connection,
  hash: string | undefined,
): Promise<void> {
  const props = await connection.query(fetchProps, hash === undefined ? {} : { hash })
  if (props.hash === undefined || props.hash === hash) return
  const propsHash = props.hash
  await state.commit(async (unit) => {
    const hints = (await unit.read(CONNECTION_HINTS, SELF)) ?? {}
    const tokens = { ...(props.isDelta ? hints.tokens : {}), ...tokenSwitches(props.values) }
    unit.put(CONNECTION_HINTS, SELF, { ...hints, propsHash, tokens })
  })
}

/**
 * @source Baileys 7.0.0-rc14 `Socket/chats.js` fetchProps: 10518 (tokens on messages), 14303 (tokens to LIDs);
 *   WhatsApp Web's table of properties: 24941 (tokens from the salt)
 */
function tokenSwitches(values: ReadonlyMap<string, string>): TokenSwitches {
  const isOn = (code: string, name: string): boolean | undefined => {
    const value = values.get(code) ?? values.get(name)
    return value === undefined ? undefined : value === 'true' || value === '1'
  }
  const isWanted = isOn('10518', 'privacy_token_sending_on_all_1_on_1_messages')
  const isIssuedToLid = isOn('14303', 'lid_trusted_token_issue_to_lid')
  const isSaltUsed = isOn('24941', 'wa_nct_token_send_enabled')
  return {
    ...(isWanted === undefined ? {} : { isWanted }),
    ...(isIssuedToLid === undefined ? {} : { isIssuedToLid }),
    ...(isSaltUsed === undefined ? {} : { isSaltUsed }),
  }
}

function sendIfOpen(connection: Connection, stanza: BinaryNode): void {
  if (connection.isOpen) connection.send(stanza)
}
