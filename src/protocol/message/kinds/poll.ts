/** Polls, options that are added to them, and results that are passed on. Votes are encrypted: see `addons/`. */
import { BOOLEAN, wholeNumber } from '../../../base/check.ts'
import { UsageError } from '../../../base/errors.ts'
import type { OutgoingOptions } from '../outgoing-options.ts'
import type { MessageRef } from '../reference.ts'
import { checkParts, listOf, optional, textOf } from './check.ts'
import { type Built, type Kind, defineKind } from './kind.ts'
import { type ContentReader, compact, defineReader, flag, named, secondsToMs, target } from './reader.ts'

/** One answer of a poll. */
export interface PollOption {
  /** What it says. */
  readonly name: string
  /** What votes name it by, when that is given; else it is the SHA-256 of its name. */
  readonly hash?: string
}

/** A poll. */
export interface ReceivedPoll {
  /** The question. */
  readonly name: string
  /** The answers, in order. */
  readonly options: readonly PollOption[]
  /** How many answers one person may choose; 0 for any number. */
  readonly selectableCount: number
  /** What kind of poll it is: a quiz has a right answer. */
  readonly type?: 'poll' | 'quiz' | 'unknown'
  /** The right answer of a quiz. */
  readonly correctOption?: PollOption
  /** What the answers are. */
  readonly optionType?: 'text' | 'image' | 'unknown'
  /** When it ends, in milliseconds since the epoch. */
  readonly endsAtMs?: number
  /** Nobody sees who voted what. */
  readonly hidesVoters?: true
  /** Others may add answers. */
  readonly allowsNewOptions?: true
}

/** How often one answer was chosen. */
export interface PollCount {
  /** The answer. */
  readonly name: string
  /** Votes for it. */
  readonly count: number
}

/** What came out of a poll. */
export interface ReceivedPollResult {
  /** The question. */
  readonly name: string
  /** The answers and their votes. */
  readonly votes: readonly PollCount[]
  /** What kind of poll it was. */
  readonly type?: 'poll' | 'quiz' | 'unknown'
}

/** A poll. */
export interface PollContent {
  /** The poll. */
  readonly poll: ReceivedPoll
}

/** The result of a poll. */
export interface PollResultContent {
  /** The result. */
  readonly pollResult: ReceivedPollResult
}

/** An answer that somebody added to a poll. */
export interface PollOptionContent {
  /** The answer and its poll. */
  readonly pollOption: {
    /** The poll. */
    readonly target: MessageRef
    /** The answer. */
    readonly option: PollOption
  }
}

/** A poll to send. */
export interface OutgoingPoll extends OutgoingOptions {
  /** The poll. */
  readonly poll: {
    /** The question. */
    readonly name: string
    /** The answers, in order: 2 to 12, each of them different. */
    readonly options: readonly string[]
    /** How many answers one person may choose; 0 for any number. @default 0 */
    readonly selectableCount?: number
    /** It is for the announcement group of a community. @default false */
    readonly isAnnouncement?: boolean
  }
}

/** What WhatsApp's own apps let one make: answers of a poll, characters of a question and of an answer. */
const MIN_OPTIONS = 2
const MAX_OPTIONS = 12
const MAX_QUESTION = 255
const MAX_OPTION = 100

/** @see OutgoingPoll @source Baileys 7.0.0-rc14 `Utils/messages.js`: which version of the schema's poll is for what */
export const pollKind: Kind<'poll', OutgoingPoll> = defineKind({
  name: 'poll',
  build: ({ poll: given }) => {
    checkParts('poll', given, {
      name: textOf(MAX_QUESTION),
      options: listOf(textOf(MAX_OPTION), MIN_OPTIONS, MAX_OPTIONS),
      selectableCount: optional(wholeNumber(0, MAX_OPTIONS)),
      isAnnouncement: optional(BOOLEAN),
    })
    const { name, options, selectableCount = 0, isAnnouncement = false } = given
    checkOptions(options, selectableCount)
    const creation = {
      name,
      options: options.map((optionName) => ({ optionName })),
      selectableOptionsCount: selectableCount,
    }
    return { message: pollMessage(creation, isAnnouncement), stanza: { meta: { polltype: 'creation' } } }
  },
})

function pollMessage(
  creation: { readonly selectableOptionsCount: number },
  isAnnouncement: boolean,
): Built['message'] {
  if (isAnnouncement) return { pollCreationMessageV2: creation }
  return creation.selectableOptionsCount === 1
    ? { pollCreationMessageV3: creation }
    : { pollCreationMessage: creation }
}

function checkOptions(options: readonly string[], selectableCount: number): void {
  // votes name an answer by the hash of its text
  if (new Set(options).size < options.length) {
    throw new UsageError(
      'WATON_CONTENT_POLL',
      'two answers of the poll are the same, and votes could not tell them apart: make poll.options different',
    )
  }
  if (selectableCount > options.length) {
    throw new UsageError(
      'WATON_CONTENT_POLL',
      `poll.selectableCount is ${String(selectableCount)}, and there are ${String(options.length)} answers: lower it, or use 0 for any number`,
    )
  }
}

const TYPES = { 0: 'poll', 1: 'quiz' } as const
const OPTION_TYPES = { 1: 'text', 2: 'image' } as const

interface OptionFields {
  readonly optionName?: string | null
  readonly optionHash?: string | null
}

function optionOf(option: OptionFields): PollOption {
  return compact<PollOption>({ name: option.optionName ?? '', hash: option.optionHash })
}

/** The schema does not say the unit: what would be past the year 5000 in seconds is milliseconds. */
const FIRST_MILLISECONDS = 100_000_000_000

function endOf(time: number | null | undefined): number | undefined {
  return time !== null && time !== undefined && time >= FIRST_MILLISECONDS ? time : secondsToMs(time)
}

/** @see PollContent */
export const poll: ContentReader<'poll', PollContent> = defineReader(
  'poll',
  [
    'pollCreationMessage',
    'pollCreationMessageV2',
    'pollCreationMessageV3',
    'pollCreationMessageV5',
    'pollCreationMessageV6',
  ],
  (creation) => ({
    poll: compact<ReceivedPoll>({
      name: creation.name ?? '',
      options: (creation.options ?? []).map(optionOf),
      selectableCount: creation.selectableOptionsCount ?? 0,
      type: named(TYPES, creation.pollType),
      correctOption: creation.correctAnswer ? optionOf(creation.correctAnswer) : undefined,
      optionType: named(OPTION_TYPES, creation.pollContentType),
      endsAtMs: endOf(creation.endTime),
      hidesVoters: flag(creation.hideParticipantName),
      allowsNewOptions: flag(creation.allowAddOption),
    }),
  }),
)

/** @see PollResultContent */
export const pollResult: ContentReader<'pollResult', PollResultContent> = defineReader(
  'pollResult',
  ['pollResultSnapshotMessage', 'pollResultSnapshotMessageV3'],
  ({ name, pollVotes, pollType }) => ({
    pollResult: compact<ReceivedPollResult>({
      name: name ?? '',
      votes: (pollVotes ?? []).map((vote) => ({
        name: vote.optionName ?? '',
        count: vote.optionVoteCount ?? 0,
      })),
      type: named(TYPES, pollType),
    }),
  }),
)

/** @see PollOptionContent */
export const pollOption: ContentReader<'pollOption', PollOptionContent> = defineReader(
  'pollOption',
  ['pollAddOptionMessage'],
  ({ pollCreationMessageKey, addOption }, scope) => {
    const poll = target(pollCreationMessageKey, scope)
    return poll && addOption ? { pollOption: { target: poll, option: optionOf(addOption) } } : undefined
  },
)
