/**
 * What becomes of a link between our answer and the first login, as it is written down: each step is one commit, and keys
 * stay in all of them (promise G8). When a step is taken is decided in `connection/link-doubt.ts`; why there are these is in
 * `docs/decisions/0011-unconfirmed-link.md`.
 */
import type { RandomSource } from '../../base/random.ts'
import type { AccountState } from '../state/account-state.ts'
import { CREDENTIALS, SELF } from '../state/records.ts'
import type { Credentials, LinkedAccount } from '../state/records.ts'
import type { Unit } from '../state/unit.ts'
import { giveUp, keepDevice } from './given-up.ts'
import type { Self } from './self.ts'

/** Whose link it is. */
export interface LinkOwner {
  readonly state: AccountState
  readonly self: Self
  readonly random: RandomSource
}

/** The server has taken our answer: the next connection logs in. */
export async function noteAnswerTaken(owner: LinkOwner): Promise<void> {
  await change(owner, (stored) => {
    const { linked } = stored
    return linked?.isUnconfirmed === true ? { ...stored, linked: { ...linked, isDue: true } } : undefined
  })
}

/** Nothing says that the server has our answer: the link is put aside, and the next connection shows codes. */
export async function putLinkAside(owner: LinkOwner): Promise<void> {
  await change(owner, (stored) => {
    const { linked } = stored
    if (linked?.isUnconfirmed !== true || linked.isDue === true) return undefined
    return { ...withoutLink(stored, owner.random), doubtful: linked }
  })
}

/** Nobody used another code: the next connection logs in as the device of the link that was put aside. */
export async function takeLinkUp(owner: LinkOwner): Promise<void> {
  await change(owner, (stored) => {
    const { doubtful, linked } = stored
    if (doubtful === undefined || linked !== undefined) return undefined
    return withLink(stored, { ...doubtful, isDue: true })
  })
}

/** The server has refused the login: our answer to pair-success has not reached it, and may still do so. */
export async function dropUnconfirmedLink(owner: LinkOwner): Promise<void> {
  await change(owner, async (stored, unit) => {
    const { linked } = stored
    if (linked?.isUnconfirmed !== true) return undefined
    await giveUp(unit, stored, linked)
    return withoutLink(stored, owner.random)
  })
}

/** Writes another link, which takes the place of one that was put aside. */
export async function putLink(unit: Unit, before: Credentials, linked: LinkedAccount): Promise<Credentials> {
  if (before.doubtful !== undefined) await giveUp(unit, before, before.doubtful)
  await keepDevice(unit, linked)
  const credentials = withLink(before, linked)
  unit.put(CREDENTIALS, SELF, credentials)
  return credentials
}

function withLink(stored: Credentials, linked: LinkedAccount): Credentials {
  return { ...deviceOf(stored), linked }
}

/** The secret of the codes is made anew: an approval with the old one is worth nothing. */
function withoutLink(stored: Credentials, random: RandomSource): Credentials {
  return { ...deviceOf(stored), advSecret: random.bytes(32) }
}

/** What belongs to the device and not to a link. */
function deviceOf(stored: Credentials): Credentials {
  const { noiseKey, identityKey, registrationId, advSecret, signedPreKeyId, history } = stored
  return { noiseKey, identityKey, registrationId, advSecret, signedPreKeyId, history }
}

async function change(
  { state, self }: LinkOwner,
  next: (stored: Credentials, unit: Unit) => Credentials | undefined | Promise<Credentials | undefined>,
): Promise<void> {
  await state.commit(async (unit) => {
    const stored = (await unit.read(CREDENTIALS, SELF)) ?? self.credentials
    const changed = await next(stored, unit)
    if (changed === undefined) return
    unit.put(CREDENTIALS, SELF, changed)
    unit.onCommit(() => {
      self.update(changed)
    })
  })
}
