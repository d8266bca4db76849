/** Places: one that was sent once, and one that moves. */
import { wholeNumber } from '../../../base/check.ts'
import type { Message, MessageProperties } from '../../proto/message.ts'
import type { OutgoingOptions } from '../outgoing-options.ts'
import {
  JPEG,
  type Part,
  WEB_ADDRESS,
  checkParts,
  checkValue,
  numberFrom,
  optional,
  textOf,
} from './check.ts'
import { type Kind, defineKind } from './kind.ts'
import { type ContentReader, bytesText, compact, defineReader, finite, flag } from './reader.ts'

/** A place. */
export interface ReceivedLocation {
  /** Degrees north of the equator. */
  readonly latitude?: number
  /** Degrees east of Greenwich. */
  readonly longitude?: number
  /** What the place is called. */
  readonly name?: string
  /** Its address. */
  readonly address?: string
  /** A page about it. */
  readonly url?: string
  /** What the sender wrote about it. */
  readonly comment?: string
  /** It is the last known point of a live location. */
  readonly isLive?: true
  /** How far off it may be. */
  readonly accuracyMeters?: number
  /** A map of it, a JPEG as base64. */
  readonly thumbnail?: string
}

/** Where somebody is who shares that for a while. */
export interface ReceivedLiveLocation {
  /** Degrees north of the equator. */
  readonly latitude?: number
  /** Degrees east of Greenwich. */
  readonly longitude?: number
  /** How far off it may be. */
  readonly accuracyMeters?: number
  /** How fast they move. */
  readonly metersPerSecond?: number
  /** Where they are heading, clockwise from magnetic north. */
  readonly headingDegrees?: number
  /** Grows with each position. */
  readonly sequence?: number
  /** Seconds since sharing began. */
  readonly afterSeconds?: number
  /** A map of it, a JPEG as base64. */
  readonly thumbnail?: string
}

/** A place. */
export interface LocationContent {
  /** The place. */
  readonly location: ReceivedLocation
}

/** A place that moves. */
export interface LiveLocationContent {
  /** Where they are. */
  readonly liveLocation: ReceivedLiveLocation
  /** What is written below it. */
  readonly caption?: string
}

/** A place to send. */
export interface OutgoingPlace {
  /** Degrees north of the equator, -90 to 90. */
  readonly latitude: number
  /** Degrees east of Greenwich, -180 to 180. */
  readonly longitude: number
  /** What the place is called. */
  readonly name?: string
  /** Its address. */
  readonly address?: string
  /** A page about it. */
  readonly url?: string
  /** What to write about it. */
  readonly comment?: string
  /** How far off it may be. */
  readonly accuracyMeters?: number
  /** A map of it, as JPEG. */
  readonly thumbnailBytes?: Uint8Array
}

/** A place to send. */
export interface OutgoingLocation extends OutgoingOptions {
  /** The place. */
  readonly location: OutgoingPlace
}

/** One point of a place that moves. WhatsApp's own apps go on sending points under the same message. */
export interface OutgoingLiveLocation extends OutgoingOptions {
  /** Where this account is. */
  readonly liveLocation: {
    /** Degrees north of the equator, -90 to 90. */
    readonly latitude: number
    /** Degrees east of Greenwich, -180 to 180. */
    readonly longitude: number
    /** How far off it may be. */
    readonly accuracyMeters?: number
    /** How fast it moves. */
    readonly metersPerSecond?: number
    /** Where it is heading, clockwise from magnetic north, 0 to 359. */
    readonly headingDegrees?: number
    /** Grows with each point. */
    readonly sequence?: number
    /** Seconds since sharing began. */
    readonly afterSeconds?: number
    /** A map of it, as JPEG. */
    readonly thumbnailBytes?: Uint8Array
  }
  /** What is written below it. */
  readonly caption?: string
}

/** Characters of a name, an address or a comment. A limit of waton. */
const MAX_PLACE_TEXT = 1024

const LATITUDE = numberFrom(-90, 90)
const LONGITUDE = numberFrom(-180, 180)
const ACCURACY = optional(wholeNumber(0, 100_000_000))

const PLACE: Readonly<Record<keyof OutgoingPlace, Part>> = {
  latitude: LATITUDE,
  longitude: LONGITUDE,
  name: optional(textOf(MAX_PLACE_TEXT)),
  address: optional(textOf(MAX_PLACE_TEXT)),
  url: optional(WEB_ADDRESS),
  comment: optional(textOf(MAX_PLACE_TEXT)),
  accuracyMeters: ACCURACY,
  thumbnailBytes: optional(JPEG),
}

const MOVING_PLACE: Readonly<Record<keyof OutgoingLiveLocation['liveLocation'], Part>> = {
  latitude: LATITUDE,
  longitude: LONGITUDE,
  accuracyMeters: ACCURACY,
  metersPerSecond: optional(numberFrom(0, 100_000)),
  headingDegrees: optional(wholeNumber(0, 359)),
  sequence: optional(wholeNumber(0)),
  afterSeconds: optional(wholeNumber(0, 0xffff_ffff)),
  thumbnailBytes: optional(JPEG),
}

/** @see OutgoingLocation */
export const locationKind: Kind<'location', OutgoingLocation> = defineKind({
  name: 'location',
  build: (content) => ({ message: { locationMessage: placeFields('location', content.location) } }),
})

/** @see OutgoingLiveLocation */
export const liveLocationKind: Kind<'liveLocation', OutgoingLiveLocation> = defineKind({
  name: 'liveLocation',
  keys: ['caption'],
  build: ({ liveLocation: point, caption }) => {
    checkParts('liveLocation', point, MOVING_PLACE)
    if (caption !== undefined) checkValue('caption', caption, textOf())
    return {
      message: {
        liveLocationMessage: {
          degreesLatitude: point.latitude,
          degreesLongitude: point.longitude,
          accuracyInMeters: point.accuracyMeters ?? null,
          speedInMps: point.metersPerSecond ?? null,
          degreesClockwiseFromMagneticNorth: point.headingDegrees ?? null,
          caption: caption ?? null,
          sequenceNumber: point.sequence ?? null,
          timeOffset: point.afterSeconds ?? null,
          jpegThumbnail: point.thumbnailBytes ?? null,
        },
      },
    }
  },
})

/** A place to send as the schema has it. @throws {UsageError} `WATON_CONTENT_...` */
export function placeFields(what: string, place: OutgoingPlace): Message.LocationMessage.$Properties {
  checkParts(what, place, PLACE)
  return {
    degreesLatitude: place.latitude,
    degreesLongitude: place.longitude,
    name: place.name ?? null,
    address: place.address ?? null,
    url: place.url ?? null,
    accuracyInMeters: place.accuracyMeters ?? null,
    comment: place.comment ?? null,
    jpegThumbnail: place.thumbnailBytes ?? null,
  }
}

/** A place as messages and parts of messages have it. */
export function locationOf(place: NonNullable<MessageProperties['locationMessage']>): ReceivedLocation {
  return compact<ReceivedLocation>({
    latitude: finite(place.degreesLatitude),
    longitude: finite(place.degreesLongitude),
    name: place.name,
    address: place.address,
    url: place.url,
    comment: place.comment,
    isLive: flag(place.isLive),
    accuracyMeters: place.accuracyInMeters,
    thumbnail: bytesText(place.jpegThumbnail),
  })
}

/** @see LocationContent */
export const location: ContentReader<'location', LocationContent> = defineReader(
  'location',
  ['locationMessage'],
  (place) => ({ location: locationOf(place) }),
)

/** @see LiveLocationContent */
export const liveLocation: ContentReader<'liveLocation', LiveLocationContent> = defineReader(
  'liveLocation',
  ['liveLocationMessage'],
  (place) =>
    compact<LiveLocationContent>({
      liveLocation: compact<ReceivedLiveLocation>({
        latitude: finite(place.degreesLatitude),
        longitude: finite(place.degreesLongitude),
        accuracyMeters: place.accuracyInMeters,
        metersPerSecond: finite(place.speedInMps),
        headingDegrees: place.degreesClockwiseFromMagneticNorth,
        sequence: place.sequenceNumber,
        afterSeconds: place.timeOffset,
        thumbnail: bytesText(place.jpegThumbnail),
      }),
      caption: place.caption,
    }),
)
