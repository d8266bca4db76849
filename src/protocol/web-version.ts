/**
 * Versions of WhatsApp Web as values: compared, written as text, and read out of the web page's service worker. The version
 * that waton was made for is generated in `version.ts`; fetching a newer one is the client's work.
 */
import type { WebVersion } from './version.ts'

/** What every version of the web client has begun with for years; only the revision changes. @source Baileys 7.0.0-rc14 */
const GENERATION = { primary: 2, secondary: 3000 }

/** The service worker has it inside a string, with the quotes escaped. A revision has ten digits today. */
const REVISION = /\\?"client_revision\\?":\s*(\d{1,15})(?!\d)/

/**
 * The version that WhatsApp Web's service worker (`https://web.whatsapp.com/sw.js`) names.
 *
 * @returns `undefined` when the text names none
 * @source Baileys 7.0.0-rc14 `Utils/generics.js` fetchLatestWaWebVersion
 */
export function readServiceWorker(text: string): WebVersion | undefined {
  const revision = REVISION.exec(text)?.[1]
  return revision === undefined ? undefined : { ...GENERATION, tertiary: Number(revision) }
}

/** Whether `version` is newer than `other`. */
export function isNewerVersion(version: WebVersion, other: WebVersion): boolean {
  if (version.primary !== other.primary) return version.primary > other.primary
  if (version.secondary !== other.secondary) return version.secondary > other.secondary
  return version.tertiary > other.tertiary
}

/** `2.3000.1045601094` */
export function formatVersion({ primary, secondary, tertiary }: WebVersion): string {
  return `${String(primary)}.${String(secondary)}.${String(tertiary)}`
}
