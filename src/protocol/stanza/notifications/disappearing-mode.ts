/**
 * New chats with a contact begin with vanishing messages, or do not any more (`type="disappearing_mode"`).
 *
 * @source whatsapp-rust `handlers/notification.rs` (after WA Web `WAWebHandleDisappearingModeNotification`)
 */
import { numberAttribute, requireChild, type BinaryNode } from '../../binary/node.ts'

/** See the file comment. */
export interface DisappearingMode {
  /** 0: messages stay. */
  readonly seconds: number
  /** When it was set, in seconds since the epoch. */
  readonly setAtSeconds?: number
}

/**
 * ```xml
 * <notification from="15550000002@s.whatsapp.net" id="..." t="..." type="disappearing_mode">
 *   <disappearing_mode duration="86400" t="1700000000"/></notification>
 * ```
 */
export function parseDisappearingMode(stanza: BinaryNode): DisappearingMode {
  const mode = requireChild(stanza, 'disappearing_mode')
  const setAtSeconds = numberAttribute(mode, 't')
  return {
    seconds: numberAttribute(mode, 'duration') ?? 0,
    ...(setAtSeconds === undefined ? {} : { setAtSeconds }),
  }
}
