// Inputs of a realistic size and shape, the same in every process: the generator is seeded.
import { seededRandom } from 'waton/testing'
import { signal } from 'waton/protocol'

export { seededRandom }

function digitsOf(random, count) {
  return `1${Array.from(random.bytes(count - 1), (byte) => byte % 10).join('')}`
}

function hexOf(random, count) {
  return Buffer.from(random.bytes(count)).toString('hex').toUpperCase()
}

/** A text as it arrives: one `<enc>` of an ordinary message. */
export function messageStanza() {
  const random = seededRandom('message stanza')
  const attrs = {
    from: `${digitsOf(random, 15)}:7@lid`,
    id: `3EB0${hexOf(random, 9)}`,
    type: 'text',
    t: '1763771234',
    notify: 'João da Silva',
    sender_pn: `${digitsOf(random, 12)}@s.whatsapp.net`,
  }
  const copy = { tag: 'enc', attrs: { v: '2', type: 'msg' }, content: Buffer.from(random.bytes(273)) }
  return { tag: 'message', attrs, content: [copy] }
}

/** What is known of a group with many members. */
export function groupStanza(members = 1024) {
  const random = seededRandom('group stanza')
  const content = Array.from({ length: members }, () => ({
    tag: 'participant',
    attrs: { jid: `${digitsOf(random, 15)}@lid`, phone_number: `${digitsOf(random, 12)}@s.whatsapp.net` },
  }))
  const group = { tag: 'group', attrs: { id: '120363041234567890', subject: 'Região Sul' }, content }
  return {
    tag: 'iq',
    attrs: { from: '120363041234567890@g.us', type: 'result', id: '8812.49301-77' },
    content: [group],
  }
}

/** A text as this library writes it. */
export function plainMessage() {
  const messageSecret = Buffer.from(seededRandom('plain message').bytes(32))
  return {
    conversation: 'the invoice is ready, thanks; see you at ten',
    messageContextInfo: { messageSecret },
  }
}

/** A text that quotes another one, as a plain object of the `Message` schema. */
export function quotingMessage() {
  const random = seededRandom('message content')
  return {
    extendedTextMessage: {
      text: 'the invoice is ready, thanks; see you amanhã às 10h para a reunião 👍 and bring the other one too',
      contextInfo: {
        stanzaId: `3EB0${hexOf(random, 9)}`,
        participant: `${digitsOf(random, 15)}@lid`,
        quotedMessage: { conversation: 'is the invoice ready? chegou o pedido? we wait for it' },
      },
    },
    // as WhatsApp's own clients add it, with 64-bit times
    messageContextInfo: {
      deviceListMetadata: {
        senderKeyHash: Buffer.from(random.bytes(10)),
        senderTimestamp: 1_763_000_001,
        recipientKeyHash: Buffer.from(random.bytes(10)),
        recipientTimestamp: 1_763_000_002,
      },
      deviceListMetadataVersion: 2,
      messageSecret: Buffer.from(random.bytes(32)),
    },
  }
}

/** Somebody with published keys: `{ name, registrationId, identity, signedPreKey, preKeys }`, raw 32-byte keys. */
export function createPerson(name, preKeyCount = 1) {
  const random = seededRandom(`person ${name}`)
  const identity = signal.generatePreKeys(1, 1, random)[0]
  return {
    name,
    registrationId: signal.generateRegistrationId(random),
    identity,
    signedPreKey: signal.generateSignedPreKey(identity, 1, random),
    preKeys: signal.generatePreKeys(1, preKeyCount, random),
  }
}

/** The person's bundle as the server hands it out, in fresh copies as they come off the wire. */
export function bundleOf({ registrationId, identity, signedPreKey, preKeys }, index = 0) {
  const { id, publicKey, signature } = signedPreKey
  const preKey = preKeys[index]
  return {
    registrationId,
    identityKey: Buffer.from(identity.publicKey),
    signedPreKey: { id, publicKey: Buffer.from(publicKey), signature: Buffer.from(signature) },
    preKey: { id: preKey.id, publicKey: Buffer.from(preKey.publicKey) },
  }
}
