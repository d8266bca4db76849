/**
 * What came and this version does not know: stanza tags, attributes, kinds of content, protobuf fields, actions of app state. Nothing of it is
 * an error; the counts tell when waton has fallen behind WhatsApp. Counting is all that this file does.
 */

/** What was unknown. */
export type UnknownWhat =
  'stanza' | 'attribute' | 'notification' | 'answer' | 'content' | 'protocol' | 'field' | 'action'

/** How often one unknown thing came since the client was made. */
export interface UnknownCount {
  /** What it was. */
  readonly what: UnknownWhat
  /** Its name on the wire, e.g. a tag, or the path and number of a field. */
  readonly name: string
  /** How often it came. */
  readonly count: number
}

/** Different things that are counted by name; others count as one. */
export const MAX_UNKNOWN_NAMES: number = 1000

/** The name of everything beyond {@link MAX_UNKNOWN_NAMES}. */
const OTHERS = '(others)'

/** Characters of a name that are kept: names come from outside. */
const MAX_NAME_CHARACTERS = 80

/** See the file comment. */
export class Unknowns {
  readonly #counts = new Map<string, { readonly what: UnknownWhat; readonly name: string; count: number }>()

  /** One more of it. */
  count(what: UnknownWhat, name: string): void {
    const short = name.slice(0, MAX_NAME_CHARACTERS)
    const key = `${what} ${short}`
    const isFull = this.#counts.size >= MAX_UNKNOWN_NAMES && !this.#counts.has(key)
    this.#add(what, isFull ? OTHERS : short)
  }

  #add(what: UnknownWhat, name: string): void {
    const key = `${what} ${name}`
    const entry = this.#counts.get(key)
    if (entry === undefined) this.#counts.set(key, { what, name, count: 1 })
    else entry.count += 1
  }

  /** All counts, the largest first. */
  counts(): readonly UnknownCount[] {
    return [...this.#counts.values()]
      .map((entry) => ({ ...entry }))
      .sort((a, b) => b.count - a.count || (a.name < b.name ? -1 : 1))
  }
}
