/**
 * A product of a catalogue, in the names of the schema, which is also how it is received (`generic.ts`). Its picture is a file
 * that has to be uploaded: without one, the receiver shows the words alone.
 *
 * @source Baileys 7.0.0-rc14 `Utils/messages.js` (product), schema `ProductMessage`
 */
import { type Expectation, OBJECT } from '../../../base/check.ts'
import type { OutgoingOptions } from '../outgoing-options.ts'
import { PERSON_JID, WEB_ADDRESS, checkParts, checkValue, optional, textOf } from './check.ts'
import { type Kind, defineKind } from './kind.ts'

/** A product to send. */
export interface OutgoingProduct extends OutgoingOptions {
  /** The product, and whose it is. */
  readonly product: {
    /** The business that sells it, by phone number or LID. */
    readonly businessOwnerJid: string
    /** What the catalogue says of it. */
    readonly product: {
      /** Its id in the catalogue. */
      readonly productId: string
      /** What it is called. */
      readonly title: string
      /** More about it. */
      readonly description?: string
      /** ISO 4217, e.g. `EUR`. */
      readonly currencyCode?: string
      /** What it costs, in thousandths of the currency: 12.50 is 12,500. */
      readonly priceAmount1000?: number
      /** What it costs now, in thousandths of the currency. */
      readonly salePriceAmount1000?: number
      /** What the seller calls it. */
      readonly retailerId?: string
      /** Where it is on the web. */
      readonly url?: string
    }
    /** What is written above it. */
    readonly body?: string
    /** What is written below it. */
    readonly footer?: string
  }
}

const CURRENCY: Expectation = {
  expected: 'a currency of three capital letters, e.g. EUR',
  accepts: (value) => typeof value === 'string' && /^[A-Z]{3}$/.test(value),
}

const THOUSANDTHS: Expectation = {
  expected: 'a price in thousandths of the currency: a whole number, 0 or more',
  accepts: (value) => Number.isSafeInteger(value) && Number(value) >= 0,
}

/** @see OutgoingProduct */
export const productKind: Kind<'product', OutgoingProduct> = defineKind({
  name: 'product',
  build: ({ product: offer }) => {
    checkParts('product', offer, {
      businessOwnerJid: PERSON_JID,
      product: OBJECT,
      body: optional(textOf()),
      footer: optional(textOf()),
    })
    checkParts('product.product', offer.product, {
      productId: textOf(),
      title: textOf(),
      description: optional(textOf()),
      currencyCode: optional(CURRENCY),
      priceAmount1000: optional(THOUSANDTHS),
      salePriceAmount1000: optional(THOUSANDTHS),
      retailerId: optional(textOf()),
      url: optional(WEB_ADDRESS),
    })
    const { priceAmount1000, salePriceAmount1000, currencyCode } = offer.product
    // a price without its currency is none
    if (priceAmount1000 !== undefined || salePriceAmount1000 !== undefined)
      checkValue('product.product.currencyCode', currencyCode, CURRENCY)
    return { message: { productMessage: { ...offer, product: { ...offer.product } } } }
  },
})
