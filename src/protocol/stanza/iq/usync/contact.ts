/** USync protocol: whether a phone number or a username belongs to somebody on WhatsApp. */
import { contentText, node } from '../../../binary/node.ts'
import type { UsyncProtocol } from './protocol.ts'

/** What the directory says about a number or a name. */
export interface UsyncContact {
  /** Whether it belongs to somebody. */
  readonly isOnWhatsApp: boolean
  /** What was asked, as it was asked: `+15550000002`. */
  readonly query?: string
}

/**
 * ```xml
 * <contact/>
 * <user><contact>+15550000002</contact></user>
 * <user><contact username="bob" pin="1234"/></user>
 * <contact type="in">+15550000002</contact>
 * ```
 *
 * `in`: somebody has it; `out`: nobody does; `invalid`: it is no number. Anything else says neither, and is no value.
 *
 * @source Baileys 7.0.0-rc14 `USyncContactProtocol.js`; whatsmeow `user.go` IsOnWhatsApp for the echo of the question
 */
export const CONTACT: UsyncProtocol<'contact', UsyncContact | undefined> = {
  name: 'contact',
  tag: 'contact',
  query: () => node('contact'),
  target({ phone, username, usernameKey, lid }) {
    if (phone !== undefined) return node('contact', {}, phone)
    return username === undefined ? node('contact') : node('contact', { username, pin: usernameKey, lid })
  },
  parse(element) {
    const { type } = element.attrs
    if (type !== 'in' && type !== 'out' && type !== 'invalid') return undefined
    const query = contentText(element)
    return {
      isOnWhatsApp: type === 'in',
      ...(query === undefined || query === '' ? {} : { query }),
    }
  },
}
