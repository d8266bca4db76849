/**
 * Finds every difference between what two clients wrote in one step. What a client writes of its own accord is compared in
 * order. What it writes because the server sent something is compared in order with its like only: when the server's
 * stanzas arrive in relation to the rest depends on the speed of the machine.
 */
import { nameOf } from './canonical.ts'
import type { CanonicalNode } from './canonical.ts'

/** What differs. */
export type DifferenceKind =
  /** Only one client wrote the stanza. */
  | 'only-baileys'
  | 'only-waton'
  /** Both wrote it, at different places of the order. */
  | 'order'
  /** An attribute, a child or content is not the same. */
  | 'value'
  /** waton confirmed in one receipt what Baileys confirmed in several. */
  | 'aggregation'

/** One difference. */
export interface Difference {
  readonly step: string
  readonly kind: DifferenceKind
  /** As `nameOf` says it. */
  readonly stanza: string
  /** Where in the stanza, e.g. `participants>to[15550000001@s.whatsapp.net]>enc@type`. */
  readonly at?: string
  readonly baileys?: string
  readonly waton?: string
}

/** Compares one step. */
export function compareStep(
  step: string,
  baileys: readonly CanonicalNode[],
  waton: readonly CanonicalNode[],
): readonly Difference[] {
  const { stanzas, aggregated } = withoutAggregation(waton)
  const lanes = [...new Set([...baileys, ...stanzas].map(laneOf))]
  return [
    ...aggregated.map((stanza): Difference => ({ step, kind: 'aggregation', stanza })),
    ...lanes.flatMap((lane) =>
      compareLane(
        step,
        baileys.filter((stanza) => laneOf(stanza) === lane),
        stanzas.filter((stanza) => laneOf(stanza) === lane),
      ),
    ),
  ]
}

/** A difference on one line, for people. */
export function describeDifference({ step, kind, stanza, at, baileys, waton }: Difference): string {
  const where = `${step}: <${stanza}>`
  if (kind !== 'value') return `${where} ${kind}`
  return `${where} ${at ?? ''}\n    baileys: ${baileys ?? 'absent'}\n    waton:   ${waton ?? 'absent'}`
}

/** What clients write in their own order: the duties of a login, and the questions that lead to a message. */
const OWN_ACCORD: ReadonlySet<string> = new Set([
  'iq get encrypt count',
  'iq set encrypt registration',
  'iq set passive active',
  'iq get encrypt digest',
  'iq get abt props',
  'iq get blocklist',
  'iq get privacy privacy',
  'presence unavailable',
  'ib unified_session',
  'iq get usync usync',
  'iq get encrypt key',
  'message text',
])

/** Stanzas of one lane are compared in order. */
function laneOf(stanza: CanonicalNode): string {
  const name = nameOf(stanza)
  return OWN_ACCORD.has(name) ? 'of its own accord' : name
}

/** Receipts for several messages as the receipts that they stand for. */
function withoutAggregation(stanzas: readonly CanonicalNode[]): {
  stanzas: CanonicalNode[]
  aggregated: string[]
} {
  const aggregated: string[] = []
  const split = stanzas.flatMap((stanza) => {
    const { tag, attrs, content } = stanza
    // Baileys confirms together what was read together
    if (tag !== 'receipt' || attrs['type'] === 'read' || !Array.isArray(content)) return [stanza]
    const lists = content as readonly CanonicalNode[]
    const items = lists[0]?.content
    if (lists.length !== 1 || lists[0]?.tag !== 'list' || !Array.isArray(items)) return [stanza]
    aggregated.push(nameOf(stanza))
    const others = (items as readonly CanonicalNode[]).map((item) => ({
      tag,
      attrs: { ...attrs, ...item.attrs },
    }))
    return [{ tag, attrs }, ...others]
  })
  return { stanzas: split, aggregated }
}

function compareLane(
  step: string,
  baileys: readonly CanonicalNode[],
  waton: readonly CanonicalNode[],
): readonly Difference[] {
  const { pairs, onlyBaileys, onlyWaton } = align(baileys, waton, nameOf)
  const differences: Difference[] = []
  for (const theirs of onlyBaileys) {
    const stanza = nameOf(theirs)
    const moved = onlyWaton.findIndex((ours) => nameOf(ours) === stanza)
    const [ours] = moved < 0 ? [] : onlyWaton.splice(moved, 1)
    differences.push({ step, kind: ours === undefined ? 'only-baileys' : 'order', stanza })
    if (ours !== undefined) pairs.push([theirs, ours])
  }
  for (const ours of onlyWaton) differences.push({ step, kind: 'only-waton', stanza: nameOf(ours) })
  for (const [theirs, ours] of pairs) {
    const stanza = nameOf(theirs)
    for (const difference of compareNodes('', theirs, ours))
      differences.push({ step, kind: 'value', stanza, ...difference })
  }
  return differences
}

interface Alignment {
  readonly pairs: [CanonicalNode, CanonicalNode][]
  readonly onlyBaileys: CanonicalNode[]
  readonly onlyWaton: CanonicalNode[]
}

/** Pairs what has the same key, along the longest common subsequence; what is outside of it has no partner in its place. */
function align(
  baileys: readonly CanonicalNode[],
  waton: readonly CanonicalNode[],
  keyOf: (node: CanonicalNode) => string,
): Alignment {
  const [theirKeys, ourKeys] = [baileys.map(keyOf), waton.map(keyOf)]
  const lengths = commonLengths(theirKeys, ourKeys)
  const lengthAt = (row: number, column: number): number => lengths[row]?.[column] ?? 0
  const alignment: Alignment = { pairs: [], onlyBaileys: [], onlyWaton: [] }
  let [row, column] = [0, 0]
  for (;;) {
    const [theirs, ours] = [baileys[row], waton[column]]
    if (theirs === undefined || ours === undefined) {
      alignment.onlyBaileys.push(...baileys.slice(row))
      alignment.onlyWaton.push(...waton.slice(column))
      return alignment
    }
    if (theirKeys[row] === ourKeys[column]) {
      alignment.pairs.push([theirs, ours])
      row += 1
      column += 1
    } else if (lengthAt(row + 1, column) >= lengthAt(row, column + 1)) {
      alignment.onlyBaileys.push(theirs)
      row += 1
    } else {
      alignment.onlyWaton.push(ours)
      column += 1
    }
  }
}

/** How long the common subsequence of what follows is, for every pair of places. */
function commonLengths(theirs: readonly string[], ours: readonly string[]): readonly (readonly number[])[] {
  const lengths = Array.from({ length: theirs.length + 1 }, () => new Array<number>(ours.length + 1).fill(0))
  for (let row = theirs.length - 1; row >= 0; row -= 1) {
    for (let column = ours.length - 1; column >= 0; column -= 1) {
      const isPair = theirs[row] === ours[column]
      const best = isPair
        ? (lengths[row + 1]?.[column + 1] ?? 0) + 1
        : Math.max(lengths[row + 1]?.[column] ?? 0, lengths[row]?.[column + 1] ?? 0)
      lengths[row]?.splice(column, 1, best)
    }
  }
  return lengths
}

type ValueDifference = Required<Pick<Difference, 'at'>> & Pick<Difference, 'baileys' | 'waton'>

function compareNodes(path: string, theirs: CanonicalNode, ours: CanonicalNode): readonly ValueDifference[] {
  if (theirs.tag !== ours.tag) return [{ at: path, baileys: `<${theirs.tag}>`, waton: `<${ours.tag}>` }]
  const names = [...new Set([...Object.keys(theirs.attrs), ...Object.keys(ours.attrs)])]
  const attributes = names.flatMap((name) =>
    compareValues(`${path}@${name}`, theirs.attrs[name], ours.attrs[name]),
  )
  return [...attributes, ...compareContents(path, theirs.content, ours.content)]
}

function compareContents(
  path: string,
  theirs: CanonicalNode['content'],
  ours: CanonicalNode['content'],
): readonly ValueDifference[] {
  if (!Array.isArray(theirs) || !Array.isArray(ours))
    return compareValues(path === '' ? 'content' : `${path}>content`, contentText(theirs), contentText(ours))
  const { pairs, onlyBaileys, onlyWaton } = align(
    theirs as readonly CanonicalNode[],
    ours as readonly CanonicalNode[],
    childKey,
  )
  const below = (child: CanonicalNode): string =>
    path === '' ? childKey(child) : `${path}>${childKey(child)}`
  return [
    ...onlyBaileys.flatMap((child) => compareValues(below(child), nodeText(child), undefined)),
    ...onlyWaton.flatMap((child) => compareValues(below(child), undefined, nodeText(child))),
    ...pairs.flatMap(([their, our]) => compareNodes(below(their), their, our)),
  ]
}

/** What children are paired by: lists of people and devices by whom they name. */
function childKey({ tag, attrs }: CanonicalNode): string {
  return attrs.jid === undefined ? tag : `${tag}[${attrs.jid}]`
}

function compareValues(
  at: string,
  baileys: string | undefined,
  waton: string | undefined,
): readonly ValueDifference[] {
  if (baileys === waton) return []
  return [{ at, ...(baileys === undefined ? {} : { baileys }), ...(waton === undefined ? {} : { waton }) }]
}

function contentText(content: CanonicalNode['content']): string | undefined {
  if (content === undefined || typeof content === 'string') return content
  return content.length === 0 ? 'no children' : content.map(nodeText).join('')
}

/** The node as XML. */
export function nodeText(node: CanonicalNode): string
export function nodeText(node: CanonicalNode | undefined): string | undefined
export function nodeText(node: CanonicalNode | undefined): string | undefined {
  if (node === undefined) return undefined
  const attributes = Object.entries(node.attrs).map(([name, value]) => ` ${name}="${value}"`)
  return `<${node.tag}${attributes.join('')}>${contentText(node.content) ?? ''}</${node.tag}>`
}
