/** Damage, from a number that says which: to bytes, to stanzas, and to JSON. The same number does the same damage. */
import { concatBytes } from '../../../src/base/bytes.ts'
import { randomInteger, seededRandom } from '../../../src/base/random.ts'
import type { RandomSource } from '../../../src/base/random.ts'
import type { BinaryNode, NodeContent } from '../../../src/protocol/binary/node.ts'
import { pick } from '../../../src/testing/seeds.ts'

/** Numbers that parsers trip over: edges of bytes, of varints, and of what a double holds. */
const EDGES = [0, 1, 127, 128, 255]

/** Bytes with one to four injuries: a flipped bit, a cut, an insertion, a repetition, an edge value, or none of it left. */
export function mutateBytes(bytes: Uint8Array, seed: number): Uint8Array {
  const random = seededRandom(`bytes ${String(seed)}`)
  if (randomInteger(random, 20) === 0) return random.bytes(randomInteger(random, 300))
  let copy = Uint8Array.from(bytes)
  for (let count = 1 + randomInteger(random, 4); count > 0; count -= 1) copy = injure(copy, random)
  return copy
}

function injure(bytes: Uint8Array<ArrayBuffer>, random: RandomSource): Uint8Array<ArrayBuffer> {
  const at = randomInteger(random, Math.max(1, bytes.length))
  const length = 1 + randomInteger(random, 16)
  switch (randomInteger(random, 6)) {
    case 0:
      return bytes.slice(0, at)
    case 1:
      return Uint8Array.from(concatBytes(bytes.subarray(0, at), random.bytes(length), bytes.subarray(at)))
    case 2:
      return Uint8Array.from(concatBytes(bytes.subarray(0, at), bytes.subarray(at + length)))
    case 3:
      return Uint8Array.from(concatBytes(bytes.subarray(0, at), bytes))
    case 4:
      if (bytes.length > 0) bytes[at] = pick(random, EDGES)
      return bytes
    default:
      if (bytes.length > 0) bytes[at] = (bytes[at] ?? 0) ^ (1 << randomInteger(random, 8))
      return bytes
  }
}

/** Attribute values and texts that mean something somewhere, or nothing anywhere. */
const TEXTS = [
  '',
  '0',
  '-1',
  '1e999',
  '99999999999999999999',
  'NaN',
  '0x10',
  '1.5',
  'true',
  '@',
  '@lid',
  'a@b@c',
  '15550000001:999@s.whatsapp.net',
  '15550000001.5:3@s.whatsapp.net',
  '1@g.us',
  'status@broadcast',
  '__proto__',
  'constructor',
  'toString',
  '\u0000',
  '\ufffd',
  'é'.repeat(300),
]

/** A stanza with one to four injuries anywhere in it; `donors` are stanzas whose parts may turn up in it. */
export function mutateNode(node: BinaryNode, donors: readonly BinaryNode[], seed: number): BinaryNode {
  const random = seededRandom(`node ${String(seed)}`)
  let result = node
  for (let count = 1 + randomInteger(random, 4); count > 0; count -= 1)
    result = injureNode(result, donors, random)
  return result
}

function injureNode(node: BinaryNode, donors: readonly BinaryNode[], random: RandomSource): BinaryNode {
  const { content } = node
  // mostly go down to a child: most of what is parsed is there
  if (isList(content) && content.length > 0 && randomInteger(random, 3) > 0) {
    const at = randomInteger(random, content.length)
    const children = content.map((child, index) => (index === at ? injureNode(child, donors, random) : child))
    return { ...node, content: children }
  }
  switch (randomInteger(random, 4)) {
    case 0:
      return { ...node, attrs: injureAttributes(node.attrs, donors, random) }
    case 1:
      return { ...node, tag: randomInteger(random, 2) === 0 ? pick(random, TEXTS) : pick(random, donors).tag }
    case 2:
      return { tag: node.tag, attrs: node.attrs }
    default:
      return { ...node, content: otherContent(content, donors, random) }
  }
}

function injureAttributes(
  attrs: Readonly<Record<string, string>>,
  donors: readonly BinaryNode[],
  random: RandomSource,
): Record<string, string> {
  const entries = Object.entries(attrs)
  const at = randomInteger(random, Math.max(1, entries.length))
  const foreign = Object.entries(pick(random, donors).attrs)
  switch (randomInteger(random, 4)) {
    case 0:
      return Object.fromEntries(entries.filter((_, index) => index !== at))
    case 1:
      return Object.fromEntries([...entries, ...foreign])
    case 2:
      return Object.fromEntries([...entries, [pick(random, TEXTS), pick(random, TEXTS)]])
    default:
      return Object.fromEntries(
        entries.map(([name, value], index) => [name, index === at ? pick(random, TEXTS) : value]),
      )
  }
}

function otherContent(
  content: NodeContent | undefined,
  donors: readonly BinaryNode[],
  random: RandomSource,
): NodeContent {
  switch (randomInteger(random, 5)) {
    case 0:
      return pick(random, TEXTS)
    case 1:
      return random.bytes(randomInteger(random, 80))
    case 2:
      return content instanceof Uint8Array ? mutateBytes(content, randomInteger(random, 2 ** 31)) : []
    case 3:
      return isList(content) ? [...content, ...content] : [pick(random, donors)]
    default:
      return pick(random, donors).content ?? []
  }
}

function isList(content: NodeContent | undefined): content is readonly BinaryNode[] {
  return Array.isArray(content)
}

/** JSON that is valid and has another shape: a field is missing, of another type, or something else altogether. */
export function mutateJson(value: unknown, seed: number): unknown {
  return injureJson(value, seededRandom(`json ${String(seed)}`))
}

const OTHER_VALUES = [
  null,
  0,
  -1,
  1.5,
  1e308,
  '',
  'text',
  true,
  [],
  {},
  { base64: 'AAAA' },
  { base64: 7 },
  [[]],
]

function injureJson(value: unknown, random: RandomSource): unknown {
  if (typeof value !== 'object' || value === null || randomInteger(random, 8) === 0)
    return pick(random, OTHER_VALUES)
  const entries = Object.entries(value)
  if (entries.length === 0) return pick(random, OTHER_VALUES)
  const at = randomInteger(random, entries.length)
  const changed = entries.map(([name, inner], index): [string, unknown] => [
    name,
    index === at ? injureJson(inner, random) : inner,
  ])
  if (Array.isArray(value)) return changed.map(([, inner]) => inner)
  return Object.fromEntries(randomInteger(random, 3) === 0 ? changed.filter((_, i) => i !== at) : changed)
}
