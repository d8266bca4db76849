/**
 * The two queries by which this device links with a code of eight characters. What they carry is made in
 * `protocol/pairing/link-code.ts`; what comes between them is `stanza/link-code-notification.ts`.
 *
 * @source Baileys 7.0.0-rc14 `Socket/socket.js` requestPairingCode, `Socket/messages-recv.js` link_code_companion_reg; the
 *   answer to the first: whatsmeow `pair-code.go`
 */
import { node, requireBytes, requireChild, type BinaryNode } from '../../binary/node.ts'
import { defineIq, type IqQuery } from '../iq.ts'
import { serverIq } from './server-iq.ts'

/** Always sent, and always this. @source Baileys 7.0.0-rc14 requestPairingCode */
const NONCE = '0'

/** The first query's content. */
export interface LinkCodeHello {
  /** The phone that is to enter the code, e.g. `15550000001@s.whatsapp.net`. */
  readonly phoneJid: string
  /** 80 bytes, from `wrapEphemeral`. */
  readonly wrappedEphemeral: Uint8Array
  /** 32 bytes: the key of this connection's handshake. */
  readonly noisePublicKey: Uint8Array
  /** The kind of client, as in QR codes. */
  readonly clientType: number
  /** What the phone shows, e.g. `Chrome (Ubuntu)`. */
  readonly displayName: string
}

/**
 * Announces a code to the phone of a number. Answers with the reference that the phone's answer will carry.
 *
 * ```xml
 * <iq to="@s.whatsapp.net" type="set" xmlns="md" id="...">
 *   <link_code_companion_reg jid="15550000001@s.whatsapp.net" stage="companion_hello" should_show_push_notification="true">
 *     <link_code_pairing_wrapped_companion_ephemeral_pub>80 bytes</link_code_pairing_wrapped_companion_ephemeral_pub>
 *     <companion_server_auth_key_pub>32 bytes</companion_server_auth_key_pub>
 *     <companion_platform_id>1</companion_platform_id>
 *     <companion_platform_display>Chrome (Ubuntu)</companion_platform_display>
 *     <link_code_pairing_nonce>0</link_code_pairing_nonce>
 *   </link_code_companion_reg></iq>
 * <iq from="@s.whatsapp.net" type="result" id="..."><link_code_companion_reg stage="companion_hello">
 *   <link_code_pairing_ref>...</link_code_pairing_ref></link_code_companion_reg></iq>
 * ```
 */
export const linkCodeHello: IqQuery<LinkCodeHello, { readonly ref: Uint8Array }> = defineIq({
  name: 'link-code.hello',
  build: (hello: LinkCodeHello): BinaryNode =>
    serverIq('set', 'md', [
      node(
        'link_code_companion_reg',
        { jid: hello.phoneJid, stage: 'companion_hello', should_show_push_notification: 'true' },
        [
          node('link_code_pairing_wrapped_companion_ephemeral_pub', {}, hello.wrappedEphemeral),
          node('companion_server_auth_key_pub', {}, hello.noisePublicKey),
          node('companion_platform_id', {}, String(hello.clientType)),
          node('companion_platform_display', {}, hello.displayName),
          node('link_code_pairing_nonce', {}, NONCE),
        ],
      ),
    ]),
  parse: (answer: BinaryNode) => {
    const registration = requireChild(answer, 'link_code_companion_reg')
    return { ref: requireBytes(requireChild(registration, 'link_code_pairing_ref')) }
  },
})

/** The second query's content. */
export interface LinkCodeFinish {
  /** The account's phone-number JID. */
  readonly phoneJid: string
  /** From `agreeByLinkCode`. */
  readonly wrappedKeyBundle: Uint8Array
  /** 32 bytes. */
  readonly identityPublicKey: Uint8Array
  /** The server's name of this attempt, as it came. */
  readonly ref: Uint8Array
}

/**
 * Hands this device's keys to the phone that has entered the code. `pair-success` follows when the phone could open them.
 *
 * ```xml
 * <iq to="@s.whatsapp.net" type="set" xmlns="md" id="...">
 *   <link_code_companion_reg jid="15550000001@s.whatsapp.net" stage="companion_finish">
 *     <link_code_pairing_wrapped_key_bundle>156 bytes</link_code_pairing_wrapped_key_bundle>
 *     <companion_identity_public>32 bytes</companion_identity_public>
 *     <link_code_pairing_ref>...</link_code_pairing_ref>
 *   </link_code_companion_reg></iq>
 * ```
 */
export const linkCodeFinish: IqQuery<LinkCodeFinish, void> = defineIq({
  name: 'link-code.finish',
  build: (finish: LinkCodeFinish): BinaryNode =>
    serverIq('set', 'md', [
      node('link_code_companion_reg', { jid: finish.phoneJid, stage: 'companion_finish' }, [
        node('link_code_pairing_wrapped_key_bundle', {}, finish.wrappedKeyBundle),
        node('companion_identity_public', {}, finish.identityPublicKey),
        node('link_code_pairing_ref', {}, finish.ref),
      ]),
    ]),
  parse: (): void => undefined,
})
