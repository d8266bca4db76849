/** USync protocol: which picture people have; the picture itself is asked for with its own query. */
import { node } from '../../../binary/node.ts'
import type { UsyncProtocol } from './protocol.ts'

/**
 * ```xml
 * <picture/>
 * <picture id="1700000000"/>
 * ```
 *
 * The value is the picture's id; `undefined` when there is none, or none that this account may see.
 *
 * @source whatsmeow `user.go` GetUserInfo; whatsapp-rust `iq/usync.rs` UserInfoSpec
 */
export const PICTURE: UsyncProtocol<'picture', string | undefined> = {
  name: 'picture',
  tag: 'picture',
  query: () => node('picture'),
  parse: ({ attrs: { id } }) => (id === '' ? undefined : id),
}
