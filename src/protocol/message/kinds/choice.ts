/** Choices that businesses and bots offer, and what people chose of them. */
import { type Expectation, wholeNumber } from '../../../base/check.ts'
import { Message } from '../../proto/message.ts'
import type { OutgoingOptions } from '../outgoing-options.ts'
import { checkParts, optional, textOf } from './check.ts'
import { type Kind, defineKind } from './kind.ts'
import { type ContentReader, compact, defineReader, named } from './reader.ts'
import {
  type ReceivedDocument,
  type ReceivedImage,
  type ReceivedVideo,
  documentOf,
  imageOf,
  videoOf,
} from './media.ts'
import { type ReceivedLocation, locationOf } from './place.ts'

/** One button. */
export interface ReceivedButton {
  /** What comes back when it is chosen. */
  readonly id: string
  /** What stands on it. */
  readonly text?: string
  /** The name of what it starts, for buttons that start something. */
  readonly flow?: string
  /** What that is started with, as JSON. */
  readonly flowParams?: string
}

/** Buttons below a text. */
export interface ReceivedButtons {
  /** The text. */
  readonly text?: string
  /** What stands below. */
  readonly footer?: string
  /** What stands above. */
  readonly title?: string
  /** The picture above. */
  readonly image?: ReceivedImage
  /** The video above. */
  readonly video?: ReceivedVideo
  /** The document above. */
  readonly document?: ReceivedDocument
  /** The place above. */
  readonly location?: ReceivedLocation
  /** The buttons. */
  readonly buttons: readonly ReceivedButton[]
}

/** One line of a list. */
export interface ReceivedListRow {
  /** What comes back when it is chosen. */
  readonly id: string
  /** What it says. */
  readonly title?: string
  /** More about it. */
  readonly description?: string
}

/** Lines of a list under one heading. */
export interface ReceivedListSection {
  /** The heading. */
  readonly title?: string
  /** The lines. */
  readonly rows: readonly ReceivedListRow[]
}

/** Products of a list under one heading. */
export interface ReceivedProductSection {
  /** The heading. */
  readonly title?: string
  /** The ids of the products. */
  readonly products: readonly string[]
}

/** A list to choose from. */
export interface ReceivedList {
  /** What stands above. */
  readonly title?: string
  /** The text. */
  readonly description?: string
  /** What stands on the button that opens it. */
  readonly buttonText?: string
  /** What stands below. */
  readonly footer?: string
  /** Of lines, or of products. */
  readonly type?: 'single-select' | 'products' | 'unknown'
  /** The lines. */
  readonly sections: readonly ReceivedListSection[]
  /** The products. */
  readonly productSections?: readonly ReceivedProductSection[]
  /** Whose products they are. */
  readonly business?: string
}

/** What was chosen. */
export interface ReceivedChoice {
  /** The id of what was chosen. */
  readonly id: string
  /** What it said. */
  readonly text?: string
  /** More that it said. */
  readonly description?: string
  /** Its place among the others, from 0. */
  readonly index?: number
  /** The place of its card, from 0. */
  readonly cardIndex?: number
}

/** What an interactive message gave back. */
export interface ReceivedInteractiveReply {
  /** What the answer says. */
  readonly text?: string
  /** The name of what was started. */
  readonly flow?: string
  /** What it gave back, as JSON. */
  readonly flowParams?: string
}

/** Buttons. */
export interface ButtonsContent {
  /** The buttons. */
  readonly buttons: ReceivedButtons
}

/** A list to choose from. */
export interface ListContent {
  /** The list. */
  readonly list: ReceivedList
}

/** A button that was chosen. */
export interface ButtonReplyContent {
  /** The button. */
  readonly buttonReply: ReceivedChoice
}

/** A line of a list that was chosen. */
export interface ListReplyContent {
  /** The line. */
  readonly listReply: ReceivedChoice
}

/** The answer of an interactive message. */
export interface InteractiveReplyContent {
  /** The answer. */
  readonly interactiveReply: ReceivedInteractiveReply
}

/** A button of a message that is pressed. Quote that message: its sender knows by it which one is meant. */
export interface OutgoingButtonReply extends OutgoingOptions {
  /** The button. */
  readonly buttonReply: {
    /** The id of the button. */
    readonly id: string
    /** What stands on it. */
    readonly text: string
    /** Its place among the others, from 0: for a button of a template. */
    readonly index?: number
    /** The place of its card, from 0: for a button on one of several cards. */
    readonly cardIndex?: number
  }
}

/** A line of a list that is chosen. Quote the message with the list. */
export interface OutgoingListReply extends OutgoingOptions {
  /** The line. */
  readonly listReply: {
    /** The id of the line. */
    readonly id: string
    /** What it says. */
    readonly text: string
    /** More that it says. */
    readonly description?: string
  }
}

/** The answer to an interactive message. Quote that message. */
export interface OutgoingInteractiveReply extends OutgoingOptions {
  /** The answer. */
  readonly interactiveReply: {
    /** What the answer says. */
    readonly text: string
    /** The name of what was started. */
    readonly flow: string
    /** What it gives back, as JSON. */
    readonly flowParams: string
  }
}

/** Characters of ids and texts of buttons and lines. Limits of waton: WhatsApp's own are of 20 to 256. */
const MAX_CHOICE_TEXT = 1024

/** The version of the answers of interactive messages that WhatsApp Web writes. */
const FLOW_VERSION = 3

const JSON_TEXT: Expectation = {
  expected: 'JSON as text',
  accepts: (value) => {
    try {
      return typeof value === 'string' && value.length <= 65_536 && JSON.parse(value) !== undefined
    } catch {
      return false
    }
  },
}

/** @see OutgoingButtonReply */
export const buttonReplyKind: Kind<'buttonReply', OutgoingButtonReply> = defineKind({
  name: 'buttonReply',
  build: ({ buttonReply: choice }) => {
    checkParts('buttonReply', choice, {
      id: textOf(MAX_CHOICE_TEXT),
      text: textOf(MAX_CHOICE_TEXT),
      index: optional(wholeNumber(0, 1000)),
      cardIndex: optional(wholeNumber(0, 1000)),
    })
    const { id: selectedId, text: selectedDisplayText, index, cardIndex } = choice
    if (index === undefined && cardIndex === undefined) {
      const type = Message.ButtonsResponseMessage.Type.DISPLAY_TEXT
      return {
        message: { buttonsResponseMessage: { selectedButtonId: selectedId, selectedDisplayText, type } },
      }
    }
    return {
      message: {
        templateButtonReplyMessage: {
          selectedId,
          selectedDisplayText,
          selectedIndex: index ?? null,
          selectedCarouselCardIndex: cardIndex ?? null,
        },
      },
    }
  },
})

/** @see OutgoingListReply */
export const listReplyKind: Kind<'listReply', OutgoingListReply> = defineKind({
  name: 'listReply',
  build: ({ listReply: choice }) => {
    checkParts('listReply', choice, {
      id: textOf(MAX_CHOICE_TEXT),
      text: textOf(MAX_CHOICE_TEXT),
      description: optional(textOf(MAX_CHOICE_TEXT)),
    })
    return {
      message: {
        listResponseMessage: {
          title: choice.text,
          listType: Message.ListResponseMessage.ListType.SINGLE_SELECT,
          singleSelectReply: { selectedRowId: choice.id },
          description: choice.description ?? null,
        },
      },
    }
  },
})

/** @see OutgoingInteractiveReply */
export const interactiveReplyKind: Kind<'interactiveReply', OutgoingInteractiveReply> = defineKind({
  name: 'interactiveReply',
  build: ({ interactiveReply: reply }) => {
    checkParts('interactiveReply', reply, {
      text: textOf(MAX_CHOICE_TEXT),
      flow: textOf(MAX_CHOICE_TEXT),
      flowParams: JSON_TEXT,
    })
    const { text, flow, flowParams } = reply
    return {
      message: {
        interactiveResponseMessage: {
          body: { text },
          nativeFlowResponseMessage: { name: flow, paramsJson: flowParams, version: FLOW_VERSION },
        },
      },
    }
  },
})

const LIST_TYPES = { 1: 'single-select', 2: 'products' } as const

/** @see ButtonsContent */
export const buttons: ContentReader<'buttons', ButtonsContent> = defineReader(
  'buttons',
  ['buttonsMessage'],
  (offer) => ({
    buttons: compact<ReceivedButtons>({
      text: offer.contentText,
      footer: offer.footerText,
      title: offer.text,
      image: offer.imageMessage ? imageOf(offer.imageMessage) : undefined,
      video: offer.videoMessage ? videoOf(offer.videoMessage) : undefined,
      document: offer.documentMessage ? documentOf(offer.documentMessage) : undefined,
      location: offer.locationMessage ? locationOf(offer.locationMessage) : undefined,
      buttons: (offer.buttons ?? []).map(({ buttonId, buttonText, nativeFlowInfo }) =>
        compact<ReceivedButton>({
          id: buttonId ?? '',
          text: buttonText?.displayText,
          flow: nativeFlowInfo?.name,
          flowParams: nativeFlowInfo?.paramsJson,
        }),
      ),
    }),
  }),
)

/** @see ListContent */
export const list: ContentReader<'list', ListContent> = defineReader('list', ['listMessage'], (offer) => ({
  list: compact<ReceivedList>({
    title: offer.title,
    description: offer.description,
    buttonText: offer.buttonText,
    footer: offer.footerText,
    type: named(LIST_TYPES, offer.listType),
    sections: (offer.sections ?? []).map(({ title, rows }) =>
      compact<ReceivedListSection>({
        title,
        rows: (rows ?? []).map((row) =>
          compact<ReceivedListRow>({ id: row.rowId ?? '', title: row.title, description: row.description }),
        ),
      }),
    ),
    productSections: offer.productListInfo?.productSections?.map(({ title, products }) =>
      compact<ReceivedProductSection>({
        title,
        products: (products ?? []).map(({ productId }) => productId ?? ''),
      }),
    ),
    business: offer.productListInfo?.businessOwnerJid,
  }),
}))

/** @see ButtonReplyContent */
export const buttonReply: ContentReader<'buttonReply', ButtonReplyContent> = defineReader(
  'buttonReply',
  ['buttonsResponseMessage'],
  ({ selectedButtonId, selectedDisplayText }) => ({
    buttonReply: compact<ReceivedChoice>({
      id: selectedButtonId ?? '',
      text: selectedDisplayText,
      description: undefined,
      index: undefined,
      cardIndex: undefined,
    }),
  }),
)

/** @see ButtonReplyContent */
export const templateReply: ContentReader<'buttonReply', ButtonReplyContent> = defineReader(
  'buttonReply',
  ['templateButtonReplyMessage'],
  (reply) => ({
    buttonReply: compact<ReceivedChoice>({
      id: reply.selectedId ?? '',
      text: reply.selectedDisplayText,
      description: undefined,
      index: reply.selectedIndex,
      cardIndex: reply.selectedCarouselCardIndex,
    }),
  }),
)

/** @see ListReplyContent */
export const listReply: ContentReader<'listReply', ListReplyContent> = defineReader(
  'listReply',
  ['listResponseMessage'],
  ({ title, description, singleSelectReply }) => ({
    listReply: compact<ReceivedChoice>({
      id: singleSelectReply?.selectedRowId ?? '',
      text: title,
      description,
      index: undefined,
      cardIndex: undefined,
    }),
  }),
)

/** @see InteractiveReplyContent */
export const interactiveReply: ContentReader<'interactiveReply', InteractiveReplyContent> = defineReader(
  'interactiveReply',
  ['interactiveResponseMessage'],
  ({ body, nativeFlowResponseMessage }) => ({
    interactiveReply: compact<ReceivedInteractiveReply>({
      text: body?.text,
      flow: nativeFlowResponseMessage?.name,
      flowParams: nativeFlowResponseMessage?.paramsJson,
    }),
  }),
)
