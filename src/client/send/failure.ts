/** What a message that failed for good is told to be, and what can be done: the words behind a stored code. */
import { ClosedError, QueryError, UsageError } from '../../base/errors.ts'
import type { ErrorAction, WatonError } from '../../base/errors.ts'
import { nackRule } from './nack.ts'
import type { OutboxFailure, OutboxItem } from './outbox-item.ts'

/** What its sender can do about a message that failed. */
export interface FailureAdvice {
  /** What to do, by name; see `ERROR_ACTIONS`. */
  readonly action: ErrorAction
  /** What to do, in a sentence. */
  readonly advice: string
}

const ADVICE: ReadonlyMap<string, FailureAdvice> = new Map([
  [
    'WATON_SEND_NO_DEVICES',
    { action: 'fix-call', advice: 'The number is not on WhatsApp: check it, with its country code.' },
  ],
  [
    'WATON_SEND_UNLINKED',
    { action: 'link', advice: 'The device was unlinked first: link it again and send the message again.' },
  ],
  [
    'WATON_SEND_GIVEN_UP',
    {
      action: 'retry',
      advice:
        'Its devices or keys could not be had for too long. Send it again when the other side was online.',
    },
  ],
  [
    'WATON_SEND_RESTRICTED',
    {
      action: 'check-account',
      advice: 'The account may write to nobody new for now: chats that exist go on; look at the phone.',
    },
  ],
  [
    'WATON_SEND_TOO_LARGE',
    {
      action: 'fix-call',
      advice: 'With a copy for each device it is larger than 16 MB: send less at a time.',
    },
  ],
  [
    'WATON_STORE_RECORD',
    { action: 'retry', advice: 'Its row in the store was damaged: send the message again under a new id.' },
  ],
])

const OTHERWISE: FailureAdvice = {
  action: 'report',
  advice: 'It could not be sent, and trying again would not help.',
}

/** What to do about a failure. */
export function adviceFor({ code, serverCode }: OutboxFailure): FailureAdvice {
  const known = ADVICE.get(code)
  if (known !== undefined) return known
  if (serverCode === undefined) return OTHERWISE
  const { action, advice } = nackRule(serverCode)
  return { action, advice }
}

/** What the promises of a handle reject with. */
export function failureError({ id, state, body }: OutboxItem): WatonError {
  if (state === 'cancelled') {
    return new ClosedError(
      'WATON_SEND_CANCELLED',
      'the message was cancelled before it had left: nobody gets it; send it again under a new id if it should go out after all',
      { details: { id }, action: 'discard' },
    )
  }
  const failure = body.failure ?? { code: 'WATON_SEND_REFUSED' }
  const { code, serverCode } = failure
  const { action, advice } = adviceFor(failure)
  const what =
    serverCode === undefined
      ? 'the message cannot be sent.'
      : `the server refused the message for good (${String(serverCode)}: ${nackRule(serverCode).meaning}).`
  return new QueryError(code, `${what} ${advice}`, { details: { id, serverCode }, action })
}

/** Nothing is known of a message, or not any more. */
export function unknownMessage(id: string): UsageError {
  return new UsageError(
    'WATON_OUTBOX_UNKNOWN',
    'there is no message with this id in the outbox: it was never sent by this account, or long ago; client.outbox.list() has what is kept',
    { details: { id } },
  )
}
