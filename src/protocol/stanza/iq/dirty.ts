/** Dirty bits: the server says that something changed while we were away, and wants to hear that we have caught up. */
import { defineIq, type IqQuery } from '../iq.ts'
import { node } from '../../binary/node.ts'
import { serverIq } from './server-iq.ts'

/** What {@link cleanDirty} confirms. */
export interface DirtyBit {
  /** E.g. `account_sync`, `groups`, `communities`. */
  readonly type: string
  /** The timestamp that came with the dirty bit. */
  readonly timestampSeconds?: number
}

/**
 * Confirms that we have caught up, so that the bit does not come again.
 *
 * ```xml
 * <iq to="@s.whatsapp.net" type="set" xmlns="urn:xmpp:whatsapp:dirty"><clean type="account_sync" timestamp="..."/></iq>
 * ```
 * @source Baileys 7.0.0-rc14 `Socket/chats.js` cleanDirtyBits
 */
export const cleanDirty: IqQuery<DirtyBit, void> = defineIq({
  name: 'dirty.clean',
  build: ({ type, timestampSeconds }) =>
    serverIq('set', 'urn:xmpp:whatsapp:dirty', [node('clean', { type, timestamp: timestampSeconds })]),
  parse: () => undefined,
})
