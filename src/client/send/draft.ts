/**
 * Messages before they are recorded: checked at once, and built when all is there that they need, which is nothing, the
 * messages that they are about, or a preview of a link. Nothing is written here.
 */
import type { Clock } from '../../base/clock.ts'
import { UsageError } from '../../base/errors.ts'
import type { Logger } from '../../base/logger.ts'
import type { RandomSource } from '../../base/random.ts'
import { SERVER_GROUP, SERVER_LID, SERVER_USER, formatJid, tryParseJid } from '../../protocol/jid.ts'
import { createMessageId } from '../../protocol/message/message-id.ts'
import { timerOf, withTimer } from '../chat-timer.ts'
import type { OutgoingContent } from '../content.ts'
import { canonicalJid } from '../identity/addresses.ts'
import type { Self } from '../identity/self.ts'
import type { PreviewLink, Timing } from '../options.ts'
import type { AccountState } from '../state/account-state.ts'
import type { Unit } from '../state/unit.ts'
import { composeMessage, prepareContent } from './compose.ts'
import type { ComposedMessage, PreparedContent } from './compose.ts'
import { inputHash } from './input-hash.ts'
import type { OutgoingFile, UploadedFile } from '../../protocol/message/kinds/index.ts'
import type { UploadFile } from '../media/upload.ts'
import { LinkPreviews, withPreview } from './link-preview.ts'
import { findMessages, requireSameChat } from './target.ts'

/** Options of one send. */
export interface SendOptions {
  /**
   * The message id. Sending again with the same id never sends twice: it gives the handle of the first message, and the log says
   * so when it stood for something else. @default a fresh one
   */
  readonly id?: string
}

/** A message that was checked, and not yet recorded. */
export interface OutboxDraft {
  readonly id: string
  /** The chat as the wire addresses it. */
  readonly to: string
  readonly prepared: PreparedContent
  /** Built, unless it is about other messages, which have to be looked for first. */
  readonly composed?: ComposedMessage
  /** What was asked for, unless it cannot be compared. */
  readonly input?: Uint8Array
  /** The link that is to be shown with a preview; what `composed` has without one is good enough. */
  readonly link?: string
  /** Its file, once that is on the media servers. */
  readonly upload?: UploadedFile
}

/** What drafts are made with. */
export interface DraftsOptions {
  readonly state: AccountState
  readonly self: Self
  readonly clock: Clock
  readonly random: RandomSource
  readonly logger: Logger
  /** Looks at a page that a text links to. */
  readonly previewLink?: PreviewLink | undefined
  readonly timing?: Partial<Timing>
}

/** What an id may look like: the server and other clients treat it as opaque text. */
const VALID_ID = /^[A-Za-z0-9._-]{1,64}$/

/** See the file comment. */
export class Drafts {
  readonly #options: DraftsOptions
  readonly #previews: LinkPreviews
  /** Uploads files; set when there is something that can. */
  upload: UploadFile | undefined

  constructor(options: DraftsOptions) {
    this.#options = options
    this.#previews = new LinkPreviews(options)
  }

  /**
   * Checks a message, and builds it where that takes nothing else.
   *
   * @throws {UsageError} `WATON_NOT_LINKED`, `WATON_SEND_ID`, `WATON_SEND_CHAT`, `WATON_CONTENT_...`
   */
  prepare(chat: string, content: OutgoingContent, options: SendOptions = {}): OutboxDraft {
    const { random, clock, self } = this.#options
    self.requireLinked()
    const to = chatJid(chat)
    const id = options.id ?? createMessageId({ random, nowMs: clock.nowMs(), self: self.pn })
    if (!VALID_ID.test(id)) {
      throw new UsageError(
        'WATON_SEND_ID',
        'a message id is 1 to 64 letters, digits, dots, dashes or underscores',
      )
    }
    const prepared = prepareContent(content)
    const link = this.#previews.linkOf(content)
    const input = inputHash(content)
    const draft = {
      id,
      to,
      prepared,
      ...(input === undefined ? {} : { input }),
      ...(link === undefined ? {} : { link }),
    }
    if (prepared.targets.length > 0 || prepared.file !== undefined) return draft
    return { ...draft, composed: this.#compose(draft, clock.nowMs()) }
  }

  /**
   * Waits for what has to be there before a message can be recorded: its file on the media servers, or what it and those
   * before it in its chat show of links. A file keeps no other message waiting.
   *
   * @returns `undefined` when there is nothing to wait for
   * @throws {WatonError} `WATON_MEDIA_...`, `WATON_HTTP_...`, `WATON_NOT_CONNECTED`: nothing was written
   */
  ready(draft: OutboxDraft): Promise<OutboxDraft> | undefined {
    if (draft.prepared.file !== undefined) return this.#uploaded(draft, draft.prepared.file)
    return this.#previews.inOrder(draft.to, draft.link, (preview) => {
      if (preview === undefined) return draft
      return this.#previewed(draft, preview)
    })
  }

  /** The draft with its message built from what it is about. @throws {UsageError} `WATON_CONTENT_...` */
  async complete(draft: OutboxDraft): Promise<OutboxDraft> {
    const ready = (await this.ready(draft)) ?? draft
    if (ready.composed !== undefined) return ready
    return this.#options.state.commit(async (unit) => {
      // what was accepted before needs nothing of what it is about, which may be too old by now
      if ((await unit.readOutbox(ready.id)) !== undefined) return ready
      return { ...ready, composed: await this.#found(unit, ready) }
    })
  }

  /** The message of a draft as the chat has it sent now. @throws {UsageError} `WATON_CONTENT_...` */
  async build(unit: Unit, draft: OutboxDraft): Promise<ComposedMessage> {
    const composed = draft.composed ?? (await this.#found(unit, draft))
    if (!composed.isTimed) return composed
    const timer = await timerOf(unit, await canonicalJid(unit, draft.to))
    return timer === undefined ? composed : { ...composed, message: withTimer(composed.message, timer) }
  }

  /** What was accepted before needs no file any more. */
  async #uploaded(draft: OutboxDraft, file: OutgoingFile): Promise<OutboxDraft> {
    const isKnown = await this.#options.state.commit(
      async (unit) => (await unit.readOutbox(draft.id)) !== undefined,
    )
    if (isKnown || this.upload === undefined) return draft
    const next = { ...draft, upload: await this.upload(file) }
    if (draft.prepared.targets.length > 0) return next
    return { ...next, composed: this.#compose(next, this.#options.clock.nowMs()) }
  }

  async #found(unit: Unit, draft: OutboxDraft): Promise<ComposedMessage> {
    const { targets, isAboutChat } = draft.prepared
    if (isAboutChat) await requireSameChat(unit, draft.to, targets)
    const found = await findMessages(unit, { targets, to: draft.to, self: this.#options.self })
    return this.#compose(draft, unit.nowMs, found)
  }

  /** A preview that is not what it should be costs the preview, and not the message. */
  #previewed(draft: OutboxDraft, preview: object): OutboxDraft {
    try {
      const prepared = prepareContent(withPreview(draft.prepared.content, draft.link ?? '', preview))
      const next = { ...draft, prepared }
      if (draft.composed === undefined) return next
      return { ...next, composed: this.#compose(next, this.#options.clock.nowMs()) }
    } catch (error) {
      this.#previews.refused(draft.link, error)
      return draft
    }
  }

  #compose(
    { id, to, prepared, upload }: OutboxDraft,
    nowMs: number,
    found?: Parameters<typeof composeMessage>[2],
  ): ComposedMessage {
    const { random, self } = this.#options
    return composeMessage(prepared, { id, chat: to, me: self.userLike(to), nowMs, random, upload }, found)
  }
}

/** A chat that this version can send to. @throws {UsageError} `WATON_SEND_CHAT` */
function chatJid(chat: string): string {
  const parsed = tryParseJid(chat)
  const isPerson = parsed?.server === SERVER_USER || parsed?.server === SERVER_LID
  if (isPerson && /^\d{1,32}$/.test(parsed.user)) return formatJid({ ...parsed, device: 0 })
  throw new UsageError(
    'WATON_SEND_CHAT',
    `${chatProblem(chat, parsed?.server)}: a chat looks like 15550000001@s.whatsapp.net or 1234@lid`,
    { details: { server: parsed?.server } },
  )
}

function chatProblem(chat: string, server: string | undefined): string {
  if (/^\+?[\d\s().-]{6,24}$/.test(chat))
    return 'this is a phone number and not the address of a chat; client.contacts.lookup finds the address of a number, and whether it is on WhatsApp'
  if (server === SERVER_GROUP) return 'this version cannot write to groups yet'
  return 'this version sends to people only'
}
