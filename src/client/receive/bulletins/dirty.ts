/**
 * Something changed while this device was away; the server repeats it until it is told that it is known. That all of app
 * state may have changed is remembered until it is fetched.
 *
 * @source WhatsApp Web `WAWebHandleDirtyBits` (`syncd_app_state`: all collections), whatsapp-rust `handlers/ib.rs`
 */
import { parseDirty } from '../../../protocol/stanza/bulletins/dirty.ts'
import { COLLECTIONS, markDirty } from '../../app-state/collections.ts'
import { bulletinKind } from './kind.ts'
import type { BulletinKind } from './kind.ts'

const APP_STATE = 'syncd_app_state'

/** See the file comment. */
export const DIRTY: BulletinKind = bulletinKind({
  tag: 'dirty',
  parse: parseDirty,
  async apply(unit, { what, timestampSeconds }, { effects }) {
    const isAppState = what === APP_STATE
    if (isAppState) for (const name of COLLECTIONS) await markDirty(unit, name, { atMs: unit.nowMs })
    unit.onCommit(() => {
      if (isAppState) effects.appState()
      effects.dirty(what, timestampSeconds)
    })
    return undefined
  },
})
