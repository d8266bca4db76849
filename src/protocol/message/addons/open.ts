/**
 * What is inside a decrypted add-on. Votes name options by hash, because the options are in the poll: they are turned into
 * names here.
 *
 * @source whatsmeow `msgsecret.go` DecryptPollVote, DecryptComment, DecryptReaction, DecryptSecretEncryptedMessage
 */
import { toHex, utf8Bytes } from '../../../base/bytes.ts'
import { sha256 } from '../../crypto/index.ts'
import { decodeProto } from '../../proto/codec.ts'
import { Message, type MessageProperties, decodeMessage } from '../../proto/message.ts'
import { unwrapMessage } from '../wrappers.ts'
import type { AddonUse, SecretAddon } from './read.ts'
import { type AddonCandidates, unsealAddon } from './seal.ts'

/** An opened add-on. */
export type OpenedAddon =
  | { readonly use: 'poll-vote'; readonly optionHashes: readonly Uint8Array[] }
  | { readonly use: 'reaction'; readonly reaction: Message.ReactionMessage.$Properties }
  | { readonly use: 'event-response'; readonly response: Message.EventResponseMessage.$Properties }
  | {
      readonly use: Exclude<AddonUse, 'poll-vote' | 'reaction' | 'event-response'>
      /** The comment, or what the original becomes. */
      readonly message: MessageProperties
    }

/**
 * Decrypts and decodes an add-on.
 *
 * @throws {CryptoError} `WATON_ADDON_...`
 *
 * @throws {ProtocolError} when the plaintext is not what the use says
 */
export function openAddon(addon: SecretAddon, candidates: AddonCandidates): OpenedAddon {
  const plaintext = unsealAddon(addon, candidates)
  switch (addon.use) {
    case 'poll-vote': {
      const vote = decodeProto(Message.PollVoteMessage, plaintext, 'PollVoteMessage')
      return { use: addon.use, optionHashes: vote.selectedOptions }
    }
    case 'reaction':
      return {
        use: addon.use,
        reaction: decodeProto(Message.ReactionMessage, plaintext, 'ReactionMessage'),
      }
    case 'event-response':
      return {
        use: addon.use,
        response: decodeProto(Message.EventResponseMessage, plaintext, 'EventResponseMessage'),
      }
    case 'comment':
    case 'message-edit':
    case 'event-edit':
    case 'poll-edit':
    case 'poll-add-option': {
      const message = decodeMessage(plaintext)
      // an edit may itself be the protocol message that announces it
      return { use: addon.use, message: message.protocolMessage?.editedMessage ?? message }
    }
  }
}

/** The secret that add-ons of a message are encrypted with; `undefined` when it has none. */
export function messageSecretOf(outer: MessageProperties): Uint8Array | undefined {
  const secret =
    outer.messageContextInfo?.messageSecret ?? unwrapMessage(outer).message.messageContextInfo?.messageSecret
  return secret ?? undefined
}

/** What a vote is for. */
export interface ChosenOptions {
  /** Names, in the order of the vote. */
  readonly options: readonly string[]
  /** How many hashes belong to none of the poll's options, e.g. to one that was added later. */
  readonly unknown: number
}

/** The names behind the hashes of a vote. */
export function chosenOptions(message: MessageProperties, hashes: readonly Uint8Array[]): ChosenOptions {
  const names = pollOf(message)?.options ?? []
  const byHash = new Map(names.map((name) => [toHex(sha256(utf8Bytes(name))), name]))
  const found = hashes.map((hash) => byHash.get(toHex(hash)))
  const options = found.filter((name) => name !== undefined)
  return { options, unknown: found.length - options.length }
}

/** What can be voted for. */
export interface PollChoices {
  /** Names, in order. */
  readonly options: readonly string[]
  /** How many one person may choose; 0 for any number. */
  readonly selectableCount: number
}

/** The choices of a poll in any of its forms; `undefined` when the message is none. */
export function pollOf(outer: MessageProperties): PollChoices | undefined {
  const { message } = unwrapMessage(outer)
  const inner = message.pollCreationMessageV4?.message ?? message
  const poll =
    inner.pollCreationMessage ??
    inner.pollCreationMessageV2 ??
    inner.pollCreationMessageV3 ??
    inner.pollCreationMessageV5 ??
    inner.pollCreationMessageV6
  if (!poll) return undefined
  const options = (poll.options ?? []).flatMap(({ optionName }) => (optionName ? [optionName] : []))
  return { options, selectableCount: poll.selectableOptionsCount ?? 0 }
}
