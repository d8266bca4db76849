/** Something changed while this device was away; the server repeats it until it is told that it is known. */
import { parseDirty } from '../../../protocol/stanza/bulletins/dirty.ts'
import { bulletinKind } from './kind.ts'
import type { BulletinKind } from './kind.ts'

/** See the file comment. */
export const DIRTY: BulletinKind = bulletinKind({
  tag: 'dirty',
  parse: parseDirty,
  apply: (unit, { what, timestampSeconds }, { effects }) => {
    unit.onCommit(() => {
      effects.dirty(what, timestampSeconds)
    })
    return undefined
  },
})
