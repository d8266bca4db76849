/**
 * Calls, as far as a client without sound takes part in them: it declines, and the server says that it knows.
 *
 * @source Baileys 7.0.0-rc14 `lib/Socket/messages-recv.js` rejectCall
 */
import { node } from '../../protocol/binary/node.ts'
import type { StanzaHandler } from './handler.ts'

/** `<call>` from a client. */
export const CALL_HANDLER: StanzaHandler = {
  tag: 'call',
  shape: {
    required: ['id', 'to'],
    optional: ['from'],
    content: { children: { reject: { required: ['call-id', 'call-creator'], optional: ['count'] } } },
  },
  handle: ({ attrs: { id, to } }, { sender }) => {
    sender.send(node('ack', { class: 'call', id, from: to, type: 'reject' }))
  },
}
