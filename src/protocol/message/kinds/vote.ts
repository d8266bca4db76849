/**
 * Votes to be sent: options by name, encrypted with the secret of the poll. `../addons` reads them.
 *
 * @source Baileys 7.0.0-rc14 `Utils/process-message.js` decryptPollVote; whatsmeow `msgsecret.go` EncryptPollVote,
 *   HashPollOptions
 */
import { utf8Bytes } from '../../../base/bytes.ts'
import type { Expectation } from '../../../base/check.ts'
import { UsageError } from '../../../base/errors.ts'
import { sha256 } from '../../crypto/index.ts'
import { Message } from '../../proto/message.ts'
import { encodeProto } from '../../proto/codec.ts'
import { pollOf } from '../addons/open.ts'
import type { MessageTarget } from '../reference.ts'
import {
  type AboutMessage,
  checkAddition,
  keyOf,
  sealAbout,
  storedTarget,
  targetsOf,
  wrongTarget,
} from './added-target.ts'
import { type BuildContext, type Kind, defineKind } from './kind.ts'

/** A vote in a poll. It replaces the earlier one of this account. */
export interface OutgoingPollVote {
  /** The vote. */
  readonly pollVote: AboutMessage & {
    /** The names of the chosen options, as the poll has them; none to take the vote back. */
    readonly options: readonly string[]
  }
}

const NAMES: Expectation = {
  expected: 'a list of different option names, [] to take the vote back',
  accepts: (value) =>
    Array.isArray(value) &&
    value.every((name) => typeof name === 'string') &&
    new Set(value).size === value.length,
}

/** See the file comment. */
export const pollVote: Kind<'pollVote', OutgoingPollVote> = defineKind({
  name: 'pollVote',
  takesOptions: false,
  isAboutChat: true,
  targets: (content) => targetsOf('pollVote', content.pollVote),
  build: (content, context) => {
    const { target, options } = checkAddition('pollVote', content.pollVote, { options: NAMES })
    checkOptionNames(options, target, context)
    const selectedOptions = options.map((name) => sha256(utf8Bytes(name)))
    const plaintext = encodeProto(Message.PollVoteMessage, { selectedOptions }, 'PollVoteMessage')
    const { payload, iv } = sealAbout('poll-vote', plaintext, { target, context })
    return {
      message: {
        pollUpdateMessage: {
          pollCreationMessageKey: keyOf(target, context),
          vote: { encPayload: payload, encIv: iv },
          senderTimestampMs: context.nowMs,
        },
      },
      stanza: { meta: { polltype: 'vote' }, hidesFailure: true },
      hasSecret: false,
    }
  },
})

function checkOptionNames(names: readonly string[], target: MessageTarget, context: BuildContext): void {
  const poll = pollOf(storedTarget(target, context).message)
  if (poll === undefined) throw wrongTarget(target, 'is no poll')
  const wrong = names.findIndex((name) => !poll.options.includes(name))
  if (wrong !== -1) {
    throw new UsageError(
      'WATON_CONTENT_POLL_OPTION',
      `the poll has no option with the name at options[${String(wrong)}]: names must be exactly those in content.poll.options of the poll`,
      { details: { id: target.id, index: wrong, options: poll.options.length } },
    )
  }
  if (poll.selectableCount > 0 && names.length > poll.selectableCount) {
    throw new UsageError(
      'WATON_CONTENT_POLL_COUNT',
      `the poll lets one person choose ${String(poll.selectableCount)} at most, not ${String(names.length)}`,
      { details: { id: target.id, chosen: names.length, selectableCount: poll.selectableCount } },
    )
  }
}
