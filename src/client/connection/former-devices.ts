/**
 * Takes devices off the account that were given up before they ever logged in, so that the phone lists one device and no
 * other of ours. Asked is the server's list; only a device that stands on it, with the very key index that it was linked
 * with, is logged out: on a connection of its own, by logging in as it. What is left for later stays on record.
 */
import { sleep } from '../../base/clock.ts'
import { deferred } from '../../base/deferred.ts'
import { ClosedError, describeError } from '../../base/errors.ts'
import { formatJid, parseJid } from '../../protocol/jid.ts'
import { DEFAULT_DEVICE, buildLoginPayload } from '../../protocol/noise/client-payload.ts'
import type { DeviceDescription } from '../../protocol/noise/client-payload.ts'
import { removeCompanionDevice } from '../../protocol/stanza/iq/devices.ts'
import { DEVICES, usync } from '../../protocol/stanza/iq/usync/index.ts'
import { parseStreamFailure } from '../../protocol/stanza/stream.ts'
import type { StreamFailure } from '../../protocol/stanza/stream.ts'
import { givenUpDevices, isSameDevice, settleGivenUp } from '../identity/given-up.ts'
import type { GivenUpDevice } from '../state/records.ts'
import { Connection } from './connection.ts'
import { NodeStream } from './node-stream.ts'
import { openSecureSocket } from './secure-socket.ts'
import type { VerdictOptions, Verdicts } from './verdicts.ts'

/** How long a server may take an answer that it was not seen to take. @source the simulated one waits a minute for it */
const LATE_MS = 120_000

/** Logins that are refused before a listed device is left to the human: the first may be a mistake. */
const MAX_REFUSALS = 2

const QUERY = usync([DEVICES], { context: 'message' })

/** What it takes to log in as somebody. */
export interface FormerDevicesContext extends VerdictOptions {
  readonly verdicts: Verdicts
  readonly device: DeviceDescription | undefined
}

/** Looks after them once, and once more when a late answer would have come. Never rejects; ends with the connection. */
export async function takeOffFormerDevices(
  context: FormerDevicesContext,
  connection: Connection,
): Promise<void> {
  const { state, clock, logger } = context
  const end = new AbortController()
  void connection.ended.then(() => {
    end.abort()
  })
  try {
    let left = await givenUpDevices(state)
    while (left.length > 0 && connection.isOpen) {
      for (const device of left) await settle(context, connection, { device, signal: end.signal })
      left = await givenUpDevices(state)
      const lateAtMs = Math.max(...left.map(({ givenUpAtMs }) => givenUpAtMs + LATE_MS))
      if (lateAtMs <= clock.nowMs()) return
      await sleep(clock, lateAtMs - clock.nowMs(), end.signal)
    }
  } catch (error) {
    logger.warn({ reason: describeError(error) }, 'a device that was given up stays for the next login')
  }
}

async function settle(
  context: FormerDevicesContext,
  connection: Connection,
  { device, signal }: { readonly device: GivenUpDevice; readonly signal: AbortSignal },
): Promise<void> {
  const { state, self, clock, logger } = context
  const about = { deviceId: device.deviceId }
  const isOwn = self.me !== undefined && isSameDevice(self.me, device)
  const isListed = isOwn ? false : await isOnAccount(connection, device)
  if (isListed === undefined) return
  if (!isListed) {
    if (isOwn || clock.nowMs() - device.givenUpAtMs >= LATE_MS) await settleGivenUp(state, device, undefined)
    return
  }
  if (await hasLoggedOut(context, device, signal)) {
    logger.info(about, 'a device of ours that was linked in vain was taken off the account')
    await settleGivenUp(state, device, undefined)
    return
  }
  const refusals = device.refusals + 1
  logger.warn({ ...about, refusals }, 'a device that was linked in vain could not log in to be taken off')
  await settleGivenUp(state, device, refusals < MAX_REFUSALS ? { ...device, refusals } : undefined)
}

/** Whether the server lists this very device; `undefined` when it does not say. */
async function isOnAccount(connection: Connection, device: GivenUpDevice): Promise<boolean | undefined> {
  const answer = await connection.query(QUERY, { users: [{ jid: device.pn }], sid: connection.nextId() })
  const list = answer.users[0]?.values.devices?.list
  // the phone is on every list: an empty one says that something is wrong
  if (list === undefined || list.length === 0) return undefined
  return list.some(({ id, keyIndex }) => id === device.deviceId && keyIndex === device.keyIndex)
}

/** Logs in as the device and removes it, as `client.logout` does. @returns false when the server refuses the login */
async function hasLoggedOut(
  context: FormerDevicesContext,
  device: GivenUpDevice,
  signal: AbortSignal,
): Promise<boolean> {
  const { verdicts, clock, random, logger, timing, endpoint, self } = context
  const jid = formatJid({ ...parseJid(device.pn), device: device.deviceId })
  const { history } = self.credentials
  const version = await verdicts.webVersion()
  const secure = await openSecureSocket({
    ...{ endpoint, clock, random, signal, noiseKey: device.noiseKey, routingInfo: undefined },
    payload: buildLoginPayload(jid, { device: context.device ?? DEFAULT_DEVICE, history, version }),
    timeoutMs: timing.connectTimeoutMs,
    onSocketOpen: () => undefined,
  })
  const connection = new Connection({ stream: new NodeStream(secure), clock, random, logger, timing })
  const close = (): void => {
    connection.close(interrupted())
  }
  signal.addEventListener('abort', close, { once: true })
  const timer = clock.schedule(timing.queryTimeoutMs, close)
  try {
    if (signal.aborted) close()
    return await logOut(connection, jid)
  } finally {
    timer.cancel()
    signal.removeEventListener('abort', close)
    connection.closeInOrder()
  }
}

async function logOut(connection: Connection, jid: string): Promise<boolean> {
  const admitted = deferred<boolean>()
  let failure: StreamFailure | undefined
  void connection.ended.then(({ error = interrupted() }) => {
    admitted.reject(error)
  })
  connection.start((stanza) => {
    if (stanza.tag === 'success') admitted.resolve(true)
    failure ??= parseStreamFailure(stanza)
    if (failure?.reason === 'logged-out') admitted.resolve(false)
  })
  if (!(await admitted.promise)) return false
  try {
    await connection.query(removeCompanionDevice, { jid })
  } catch (error) {
    // the server may end the stream before its answer is read
    if (failure?.reason !== 'logged-out') throw error
  }
  return true
}

function interrupted(): ClosedError {
  return new ClosedError(
    'WATON_NOT_CONNECTED',
    'the connection ended before the device was taken off; the next login tries again',
    { retryable: true },
  )
}
