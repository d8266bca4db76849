/** A vote as phones seal it: the derivation of Baileys' decryptPollVote, in reverse. */
import { createCipheriv, createHash, createHmac, randomBytes } from 'node:crypto'
import { Message } from '../../src/protocol/proto/message.ts'
import type { MessageProperties } from '../../src/protocol/proto/message.ts'

/** A vote for some options of a poll that somebody else has asked. */
export function voteFor(about: {
  readonly poll: string
  readonly author: string
  readonly voter: string
  readonly secret: Uint8Array
  readonly options: readonly string[]
}): MessageProperties {
  const { poll: id, author, voter, secret, options } = about
  const selectedOptions = options.map((name) => new Uint8Array(createHash('sha256').update(name).digest()))
  const hmac = (key: Uint8Array, data: Uint8Array): Buffer => createHmac('sha256', key).update(data).digest()
  const info = Buffer.concat([Buffer.from(`${id}${author}${voter}Poll Vote`), Buffer.of(1)])
  const iv = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', hmac(hmac(new Uint8Array(32), secret), info), iv)
  cipher.setAAD(Buffer.from(`${id}\u0000${voter}`))
  const plaintext = Message.PollVoteMessage.encode({ selectedOptions }).finish()
  const sealed = Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
  return {
    pollUpdateMessage: {
      pollCreationMessageKey: { id, fromMe: true },
      vote: { encPayload: new Uint8Array(sealed), encIv: new Uint8Array(iv) },
    },
  }
}
