/** Places: one that was sent once, and one that moves. */
import { type ContentReader, bytesText, compact, defineReader, finite, flag } from './reader.ts'
import type { MessageProperties } from '../../proto/message.ts'

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
