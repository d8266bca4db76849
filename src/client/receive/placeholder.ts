/**
 * Messages that came without content, or that could not be read: noted so that the own phone can be asked for them, and
 * recorded under their own id when the phone has answered. The asking itself is `placeholder-requests.ts`.
 *
 * @source Baileys 7.0.0-rc14 `Socket/messages-recv.js` requestPlaceholderResend; reference-others 1.4, phone requests
 */
import { describeError, errorCode } from '../../base/errors.ts'
import { isLid } from '../../protocol/jid.ts'
import { readWebMessageInfo } from '../../protocol/history/web-message-info.ts'
import type { WebMessageInfo } from '../../protocol/history/web-message-info.ts'
import type { Message } from '../../protocol/proto/message.ts'
import type { ParsedMessage } from '../../protocol/stanza/message.ts'
import type { MessageKey } from '../../persistence/contract/index.ts'
import { canonicalJid } from '../identity/addresses.ts'
import { PLACEHOLDER } from '../state/records.ts'
import type { Placeholder } from '../state/records.ts'
import type { Unit } from '../state/unit.ts'
import type { ReceiveContext, RecordMessage } from './context.ts'

/** The phone is not asked for older messages: it does not answer for them. */
export const MAX_PLACEHOLDER_AGE_MS: number = 14 * 24 * 60 * 60 * 1000

/** Content often follows at once; and what can be sent again by its sender comes from there first. */
const WITHOUT_CONTENT_DELAY_MS = 2_000
const UNREADABLE_DELAY_MS = 5_000

/** Content that companions are not given on purpose. */
const WITHHELD = /^(?:view_once|bot|hosted)/

/** Remembers a message as one that the phone may be asked for. */
export async function notePlaceholder(
  unit: Unit,
  { message, key }: { message: ParsedMessage; key: MessageKey },
  context: ReceiveContext,
): Promise<void> {
  const { kind, id, chat, author, isFromMe, isOffline, sentAtSeconds, pushName } = message
  if (kind === 'newsletter' || message.category === 'peer') return
  if (WITHHELD.test(message.unavailable ?? '')) return
  if (sentAtSeconds * 1000 < unit.nowMs - MAX_PLACEHOLDER_AGE_MS) return
  const name = nameOf(key)
  if ((await unit.read(PLACEHOLDER, name)) !== undefined) return
  const delayMs = message.encrypted.length > 0 ? UNREADABLE_DELAY_MS : WITHOUT_CONTENT_DELAY_MS
  const noted: Placeholder = {
    state: 'waiting',
    dueAtMs: unit.nowMs + delayMs,
    ...{ id, chat, kind, author, isFromMe, isOffline, sentAtSeconds },
    ...(pushName === undefined ? {} : { pushName }),
  }
  unit.put(PLACEHOLDER, name, noted)
  unit.onCommit(() => {
    context.effects.placeholders()
  })
}

/** What the phone has resent. Only what it was asked for is taken, and as the message that was asked for. */
export async function recordResent(
  unit: Unit,
  {
    response,
    record,
  }: {
    readonly response: Message.PeerDataOperationRequestResponseMessage.$Properties | null | undefined
    readonly record: RecordMessage
  },
  context: ReceiveContext,
): Promise<void> {
  for (const result of response?.peerDataOperationResult ?? []) {
    const bytes = result.placeholderMessageResendResponse?.webMessageInfoBytes
    if (!bytes) continue
    try {
      await recordOne(unit, { info: readWebMessageInfo(bytes), record }, context)
    } catch (error) {
      const fields = { code: errorCode(error), reason: describeError(error) }
      context.logger.warn(fields, 'a message that the phone has resent could not be read')
    }
  }
}

async function recordOne(
  unit: Unit,
  { info: { key, message }, record }: { readonly info: WebMessageInfo; readonly record: RecordMessage },
  context: ReceiveContext,
): Promise<void> {
  if (!key?.id || message === undefined) return
  const name = await askedFor(unit, key.id, key.remoteJid ?? undefined)
  const placeholder = name === undefined ? undefined : await unit.read(PLACEHOLDER, name)
  if (name === undefined || placeholder?.state !== 'asked') {
    context.logger.warn({ id: key.id }, 'the phone has resent a message that it was not asked for')
    return
  }
  await record(unit, { parsed: parsedOf(placeholder), plaintext: message }, context)
  unit.put(PLACEHOLDER, name, inState('closed', placeholder))
}

/** The placeholder, further on. */
export function inState(state: Placeholder['state'], placeholder: Placeholder): Placeholder {
  return { ...placeholder, state }
}

/** The name of the placeholder; the chat decides when an id has been used in several. */
async function askedFor(unit: Unit, id: string, chat: string | undefined): Promise<string | undefined> {
  const names = await unit.listKeys(PLACEHOLDER, `${id}\u0000`)
  if (names.length < 2 || chat === undefined) return names[0]
  const canonical = await canonicalJid(unit, chat)
  return names.find((name) => name.startsWith(`${id}\u0000${canonical}\u0000`))
}

function parsedOf(placeholder: Placeholder): ParsedMessage {
  const { kind, id, chat, author, isFromMe, isOffline, sentAtSeconds, pushName } = placeholder
  return {
    ...{ kind, id, chat, author, isFromMe, isOffline, sentAtSeconds },
    from: kind === 'direct' ? author : chat,
    addressingMode: isLid(author) ? 'lid' : 'pn',
    addresses: [],
    encrypted: [],
    ...(pushName === undefined ? {} : { pushName }),
  }
}

function nameOf({ id, chat, sender }: MessageKey): string {
  return [id, chat, sender].join('\u0000')
}

/** The key that {@link nameOf} was made of. */
export function keyOfName(name: string): MessageKey {
  const [id = '', chat = '', sender = ''] = name.split('\u0000')
  return { id, chat, sender }
}
