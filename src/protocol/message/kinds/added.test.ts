/** What is added to messages: what is refused and what that teaches, then what stands in the stanza. */
import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../../base/random.ts'
import type { MessageProperties } from '../../proto/message.ts'
import type { FoundMessage, MessageTarget } from '../reference.ts'
import { stanzaTypeOf } from '../stanza-facts.ts'
import { ADDED_KINDS, type AddedKindContents } from './added.ts'
import type { BuildContext, Built, Kind } from './kind.ts'

const BOB = '15550000002@s.whatsapp.net'
const ALICE = '15550000001@s.whatsapp.net'
const NOW = 1_700_000_000_000
const MINUTE = 60_000
const random = seededRandom('added kinds')
const messageContextInfo = { messageSecret: random.bytes(32) }

const theirs: MessageTarget = { id: 'THEIRS', chat: BOB, fromMe: false }
const ours: MessageTarget = { id: 'OURS', chat: BOB, fromMe: true }
const poll: MessageProperties = {
  pollCreationMessageV3: {
    name: 'Drink?',
    options: [{ optionName: 'Tea' }, { optionName: 'Coffee' }],
    selectableOptionsCount: 1,
  },
  messageContextInfo,
}

type Name = keyof AddedKindContents

/** Builds content of which `found` is about, if it is about anything. */
function build(content: object, found?: Partial<FoundMessage>): Built {
  const [name] = Object.keys(content) as Name[]
  const kind = ADDED_KINDS[name ?? 'reaction'] as unknown as Kind<string, object>
  const stored = {
    id: 'THEIRS',
    chat: BOB,
    sender: { jid: BOB, pn: BOB },
    fromMe: false,
    isInChat: true,
    neverLeft: false,
    sentAtMs: NOW,
    message: {},
  }
  const context: BuildContext = {
    id: 'NEW',
    chat: BOB,
    me: ALICE,
    nowMs: NOW,
    random,
    secret: random.bytes(32),
    find: () => (found === undefined ? undefined : { ...stored, ...found }),
  }
  kind.targets?.(content)
  return kind.build(content, context)
}

const refusal = (code: string, words: RegExp): unknown =>
  expect.objectContaining({
    code: expect.stringMatching(code) as string,
    message: expect.stringMatching(words) as string,
  })

describe('refused is', () => {
  test.each([
    [
      'a target that is nothing',
      { reaction: { target: undefined, text: '👍' } },
      /reaction\.target is undefined/,
    ],
    [
      'a target without an id',
      { pin: { target: { chat: BOB, fromMe: true } } },
      /pin\.target is an object: it must be a message/,
    ],
    ['words as a reaction', { reaction: { target: theirs, text: 'nice one' } }, /an emoji, or ''/],
    ['a pin of an hour', { pin: { target: theirs, durationSeconds: 3600 } }, /86400, 604800, 2592000/],
    ['an action that is none', { keep: { target: theirs, action: 'drop' } }, /'keep' or 'undo'/],
    ['a timer of an hour', { disappearing: { expiresInSeconds: 3600 } }, /0, 86400, 604800, 7776000/],
    ['a part that means nothing', { delete: { target: ours, forMe: true } }, /"forMe" that means nothing/],
    ['an edit to nothing', { edit: { target: ours, content: undefined } }, /edit\.content is undefined/],
    ['one option twice', { pollVote: { target: theirs, options: ['Tea', 'Tea'] } }, /different option names/],
    [
      'an answer that is none',
      { eventResponse: { target: theirs, response: 'yes' } },
      /'going' or 'not-going'/,
    ],
  ])('%s', (_, content, words) => {
    expect(() => build(content)).toThrow(refusal('WATON_CONTENT', words))
  })

  test('a target of which nobody knows who wrote it', () => {
    const target = { id: 'X', chat: BOB }
    expect(() => build({ reaction: { target, text: '👍' } })).toThrow(
      refusal('WATON_CONTENT_TARGET', /payload of its event/),
    )
    expect(
      build({ reaction: { target, text: '👍' } }, { fromMe: true }).message.reactionMessage,
    ).toMatchObject({
      key: { fromMe: true },
    })
  })

  test('an edit or a deletion of somebody else’s message, whatever the caller says', () => {
    for (const content of [
      { edit: { target: theirs, content: { text: 'x' } } },
      { edit: { target: ours, content: { text: 'x' } } },
      { delete: { target: theirs } },
    ])
      expect(() => build(content, { fromMe: false })).toThrow(
        refusal('WATON_CONTENT_TARGET_OWN', /one that this account wrote/),
      )
  })

  test('an edit of what is no text', () => {
    const edit = { edit: { target: ours, content: { text: 'x' } } }
    expect(() => build(edit, { fromMe: true, message: poll })).toThrow(
      refusal('WATON_CONTENT_TARGET_KIND', /is no text: .* send anything else anew/),
    )
  })

  test('an edit after 20 minutes and a deletion after 60 hours', () => {
    const edit = { edit: { target: ours, content: { text: 'x' } } }
    const deletion = { delete: { target: ours } }
    const age = (ms: number): Partial<FoundMessage> => ({
      fromMe: true,
      sentAtMs: NOW - ms,
      message: { conversation: 'x' },
    })
    const tooLate = refusal(
      'WATON_CONTENT_TOO_LATE',
      /for (20 minutes|60 hours) .* send a new message/,
    ) as Error
    expect(() => build(edit, age(20 * MINUTE + 1))).toThrow(tooLate)
    expect(() => build(deletion, age(3600 * MINUTE + 1))).toThrow(tooLate)
    build(edit, age(20 * MINUTE))
    build(deletion, age(3600 * MINUTE))
    // nobody knows how old it is
    build(edit)
  })

  test('a vote in what is not here, is no poll, or has no secret', () => {
    const vote = { pollVote: { target: theirs, options: ['Tea'] } }
    expect(() => build(vote)).toThrow(refusal('WATON_CONTENT_TARGET', /its content is needed/))
    expect(() => build(vote, { message: { conversation: 'hi' } })).toThrow(
      refusal('WATON_CONTENT_TARGET_KIND', /is no poll/),
    )
    const bare = { pollCreationMessageV3: poll.pollCreationMessageV3 ?? null }
    expect(() => build(vote, { message: bare })).toThrow(
      refusal('WATON_CONTENT_TARGET_KIND', /carries no secret/),
    )
  })

  test('a vote for an option that the poll does not have, without repeating what it says', () => {
    const vote = { pollVote: { target: theirs, options: ['tea of the caller'] } }
    expect(() => build(vote, { message: poll })).toThrow(
      refusal('WATON_CONTENT_POLL_OPTION', /^(?!.*tea).*options\[0\].*content\.poll\.options/i),
    )
  })

  test('a vote for more options than one person may choose', () => {
    const vote = { pollVote: { target: theirs, options: ['Tea', 'Coffee'] } }
    expect(() => build(vote, { message: poll })).toThrow(
      refusal('WATON_CONTENT_POLL_COUNT', /1 at most, not 2/),
    )
  })

  test('an answer to what is no event, and guests where none are allowed', () => {
    const answer = { eventResponse: { target: theirs, response: 'going', extraGuests: 1 } }
    const event = { eventMessage: { name: 'Lunch' }, messageContextInfo }
    for (const message of [poll, event])
      expect(() => build(answer, { message })).toThrow(
        refusal('WATON_CONTENT_TARGET_KIND', /no event|without extra guests/),
      )
  })
})

describe('the stanza', () => {
  const event = { eventMessage: { name: 'Lunch' }, messageContextInfo }
  test.each([
    [{ reaction: { target: theirs, text: '👍' } }, 'reaction', { hidesFailure: true }, false],
    [{ edit: { target: ours, content: { text: 'x' } } }, 'text', { edit: '1', hidesFailure: true }, true],
    [{ delete: { target: ours } }, 'text', { edit: '7' }, true],
    [{ pin: { target: theirs } }, 'text', { edit: '2', hidesFailure: true }, true],
    [{ keep: { target: theirs } }, 'text', { hidesFailure: true }, true],
    [{ keep: { target: theirs, action: 'undo' } }, 'text', { hidesFailure: true }, true],
    [{ keep: { target: ours, action: 'undo' } }, 'text', { edit: '7', hidesFailure: true }, true],
    [
      { pollVote: { target: theirs, options: ['Tea'] } },
      'poll',
      { meta: { polltype: 'vote' }, hidesFailure: true },
      false,
    ],
    [
      { eventResponse: { target: theirs, response: 'maybe' } },
      'event',
      { meta: { event_type: 'response' }, hidesFailure: true },
      false,
    ],
    [{ comment: { target: theirs, content: { text: 'x' } } }, 'text', undefined, true],
    [{ disappearing: { expiresInSeconds: 0 } }, 'text', undefined, true],
  ])('around %j says what kind it is', (content, type, stanza, hasSecret) => {
    const [about] = Object.values(content) as readonly { target?: MessageTarget }[]
    const message = 'eventResponse' in content ? event : 'edit' in content ? { conversation: 'hi' } : poll
    const built = build(content, { message, fromMe: about?.target?.fromMe === true })
    expect(stanzaTypeOf(built.message)).toBe(type)
    expect(built.stanza).toEqual(stanza)
    expect(built.hasSecret ?? true).toBe(hasSecret)
  })
})
