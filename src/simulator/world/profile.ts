/** What the server shows of a person besides name and devices, for whoever asks the directory. */

/** Everything is optional: what is left out, the person has not set. */
export interface Profile {
  /** What they have written about themselves. */
  readonly about?: string
  /** Names their picture. */
  readonly pictureId?: string
  /** They are a business, under this name. */
  readonly verifiedName?: string
  /** Under which they are found instead of by their number. */
  readonly username?: string
  /** Messages in new chats vanish after so many seconds. */
  readonly disappearingSeconds?: number
}
