/**
 * Remembers the server's static key between connections, so that the next handshake can resume. A key is remembered
 * only after its certificate chain was checked, together with what it was checked against; it is used only by a linked
 * device, within the validity of both certificates, and under the same root. Whatever fails, it is forgotten.
 */
import { equalBytes } from '../../base/bytes.ts'
import type { Clock } from '../../base/clock.ts'
import { WHATSAPP_ROOT_KEY, WHATSAPP_ROOT_SERIAL } from '../../protocol/noise/index.ts'
import type { CertificateChain } from '../../protocol/noise/index.ts'
import type { Self } from '../identity/self.ts'
import type { Endpoint } from '../options.ts'
import type { AccountState } from '../state/account-state.ts'
import { KNOWN_SERVER, SELF } from '../state/records.ts'
import type { KnownServer } from '../state/records.ts'

/** What it takes to remember a server. */
export interface KnownServerContext {
  readonly state: AccountState
  readonly self: Self
  readonly clock: Clock
  readonly endpoint: Endpoint
}

/** The static key to resume with, 32 bytes, or `undefined` where the full handshake is due. */
export async function recallServer(context: KnownServerContext): Promise<Uint8Array | undefined> {
  const { state, self, clock, endpoint } = context
  if (endpoint.resume === false || !self.isLinked) return undefined
  const known = await state.read(KNOWN_SERVER, SELF)
  if (known === undefined) return undefined
  const { rootKey, rootSerial } = trustOf(endpoint)
  const nowSeconds = Math.floor(clock.nowMs() / 1000)
  const isValid = nowSeconds >= known.notBeforeSeconds && nowSeconds <= known.notAfterSeconds
  const isOfThisRoot = equalBytes(known.rootKey, rootKey) && known.rootSerial === rootSerial
  return isValid && isOfThisRoot ? known.key : undefined
}

/** Remembers the server of a chain that was just checked. Resolves when that is durable; nothing is written twice. */
export async function rememberServer(
  context: KnownServerContext,
  { leaf, intermediate }: CertificateChain,
): Promise<void> {
  const { state, self, endpoint } = context
  if (endpoint.resume === false || !self.isLinked) return
  const server: KnownServer = {
    key: leaf.key,
    notBeforeSeconds: Math.max(leaf.notBeforeSeconds, intermediate.notBeforeSeconds),
    notAfterSeconds: Math.min(leaf.notAfterSeconds, intermediate.notAfterSeconds),
    ...trustOf(endpoint),
  }
  const known = await state.read(KNOWN_SERVER, SELF)
  if (known !== undefined && isSame(known, server)) return
  await state.commit((unit) => {
    unit.put(KNOWN_SERVER, SELF, server)
    return Promise.resolve()
  })
}

/** Forgets the server: the next handshake is a full one. */
export async function forgetServer({ state }: KnownServerContext): Promise<void> {
  await state.commit((unit) => {
    unit.delete(KNOWN_SERVER, SELF)
    return Promise.resolve()
  })
}

function trustOf({ rootKey = WHATSAPP_ROOT_KEY, rootSerial = WHATSAPP_ROOT_SERIAL }: Endpoint): {
  readonly rootKey: Uint8Array
  readonly rootSerial: number
} {
  return { rootKey, rootSerial }
}

function isSame(one: KnownServer, other: KnownServer): boolean {
  return (
    equalBytes(one.key, other.key) &&
    equalBytes(one.rootKey, other.rootKey) &&
    one.rootSerial === other.rootSerial &&
    one.notBeforeSeconds === other.notBeforeSeconds &&
    one.notAfterSeconds === other.notAfterSeconds
  )
}
