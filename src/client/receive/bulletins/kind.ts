/** What a kind of information bulletin is: how it is read, and what it changes. One file declares one; `registry.ts` lists them. */
import type { BinaryNode } from '../../../protocol/binary/node.ts'
import type { Unit } from '../../state/unit.ts'
import type { ReceiveContext } from '../context.ts'

/** Stages what follows from a bulletin. Returns the stanza that the server gets for it, if any. */
export type ApplyBulletin = (unit: Unit, context: ReceiveContext) => Promise<BinaryNode | undefined>

/** One kind, whatever it reads. */
export interface BulletinKind {
  /** The child's name inside of `<ib>`. */
  readonly tag: string
  /**
   * Reads it and changes nothing yet; `undefined` when it says nothing that this version knows.
   *
   * @throws {ProtocolError} when it breaks the rules of its kind
   */
  readonly read: (bulletin: BinaryNode) => ApplyBulletin | undefined
}

/** Declares a kind: `parse` is pure and gives an object or nothing, `apply` stages what follows from it. */
export function bulletinKind<Said extends object>(kind: {
  readonly tag: string
  readonly parse: (bulletin: BinaryNode) => Said | undefined
  readonly apply: (
    unit: Unit,
    said: Said,
    context: ReceiveContext,
  ) => BinaryNode | undefined | Promise<BinaryNode | undefined>
}): BulletinKind {
  return {
    tag: kind.tag,
    read: (bulletin) => {
      const said = kind.parse(bulletin)
      return said && (async (unit, context) => kind.apply(unit, said, context))
    },
  }
}
