/**
 * Which hidden id (LID) belongs to which phone number. The human sees phone numbers, Signal sessions live under the
 * LID when it is known, and stanzas may come with either; every stanza that names both is learned from.
 */
import { BoundedMap } from '../../base/bounded-map.ts'
import { formatJid, isLid, isPn, parseJid, userJid } from '../../protocol/jid.ts'

/** People remembered per phone. */
const MAX_PEOPLE = 20_000

/** See the file comment. All methods take JIDs with or without a device. */
export class AddressBook {
  readonly #lidByPn = new BoundedMap<string, string>(MAX_PEOPLE)
  readonly #pnByLid = new BoundedMap<string, string>(MAX_PEOPLE)
  readonly #onLearned: (pn: string, lid: string) => void

  /** @param onLearned - called with user JIDs when a pair becomes known, before anybody looks it up */
  constructor(onLearned: (pn: string, lid: string) => void) {
    this.#onLearned = onLearned
  }

  /** Remembers that two JIDs name one person; ignores anything but one phone number and one LID. */
  learn(one: string | undefined, other: string | undefined): void {
    if (one === undefined || other === undefined) return
    if (isLid(one) && isPn(other)) this.#learnPair(userJid(other), userJid(one))
    else if (isPn(one) && isLid(other)) this.#learnPair(userJid(one), userJid(other))
  }

  /** The person as the human sees it: the phone-number JID when known, without device. */
  humanJid(jid: string): string {
    const user = userJid(jid)
    return this.#pnByLid.get(user) ?? user
  }

  /** The person's LID without device, when known. */
  lidOf(jid: string): string | undefined {
    const user = userJid(jid)
    return isLid(user) ? user : this.#lidByPn.get(user)
  }

  /** The device's address for Signal: under the LID when it is known. */
  sessionJid(deviceJid: string): string {
    const { user, server } = parseJid(this.lidOf(deviceJid) ?? deviceJid)
    return formatJid({ user, server, device: parseJid(deviceJid).device })
  }

  /** Every known pair, for the history that a new linked device gets. */
  pairOf(jid: string): { readonly pn: string; readonly lid: string } | undefined {
    const pn = this.humanJid(jid)
    const lid = this.lidOf(jid)
    return lid === undefined || !isPn(pn) ? undefined : { pn, lid }
  }

  #learnPair(pn: string, lid: string): void {
    if (this.#lidByPn.get(pn) === lid && this.#pnByLid.get(lid) === pn) return
    this.#lidByPn.set(pn, lid)
    this.#pnByLid.set(lid, pn)
    this.#onLearned(pn, lid)
  }
}
