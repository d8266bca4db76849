/** What is told of linking a device: events for the user, and for the code desk what it has to know. */
import type { TypedEmitter } from '../../base/typed-emitter.ts'
import type { ClientEvents } from '../events.ts'
import type { CodeDesk } from './code-desk.ts'
import type { LinkingListener } from './linking.ts'
import type { LoginListener } from './login.ts'

/** The part of what a connection tells that is about linking. */
export type PairingNews = Pick<LoginListener, keyof LinkingListener | 'onQrExpired' | 'onLinked'>

/** See the file comment. */
export function pairingNews(emitter: TypedEmitter<ClientEvents>, codes: CodeDesk): PairingNews {
  return {
    onQr: (event) => {
      emitter.emit('pairing.qr', event)
    },
    onQrExpired: () => codes.spend(),
    onCode: (event) => {
      emitter.emit('pairing.code', event)
    },
    onPasskey: (event) => {
      emitter.emit('pairing.passkey', event)
    },
    onLinked: (event) => {
      emitter.emit('pairing.success', event)
    },
    onPairingFailed: (event) => {
      emitter.emit('pairing.failed', event)
    },
    onCodes: (pairing) => {
      codes.open(pairing)
    },
  }
}
