/**
 * Kinds of notification that are known and ask nothing of this device: acknowledged, and no more.
 *
 * @source Baileys 7.0.0-rc14 `Socket/messages-recv.js`, which acknowledges and drops them; whatsapp-rust
 *   `handlers/notification.rs`; `connection/linking.ts` for those of a device that is being linked
 */
import type { NotificationKind } from './kind.ts'

/** Why each is passed over. */
const REASONS: Readonly<Record<string, string>> = {
  link_code_companion_reg: 'answers to a pairing code: this device is linked',
  companion_reg_refresh: 'new secrets for codes: this device is linked',
  passkey_prologue_request: 'a passkey to link with: this device is linked',
  crsc_continuation: 'a passkey to link with: this device is linked',
  registration: 'somebody tries to register the number: a question to the phone',
  psa: 'announcements of WhatsApp: they come as messages too',
  pay: 'payments: only a phone can make them',
  hosted: 'businesses whose messages are kept elsewhere: their devices are told in device lists',
  waffle: 'accounts linked with other services: only a phone can do that',
  'w:growth': 'advertising of WhatsApp itself',
}

/** See the file comment. */
export const PASSED_OVER: readonly NotificationKind[] = Object.keys(REASONS).map((type) => ({
  type,
  receive: () => Promise.resolve(),
}))
