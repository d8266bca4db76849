/** What lists of ids or texts say of each other: what is missing, twice there, or out of order. */

/** What is expected and not there. */
export function missing(expected: readonly string[], actual: readonly string[]): string[] {
  const there = new Set(actual)
  return expected.filter((value) => !there.has(value))
}

/** What stands behind something that should come later. */
export function disorder(expected: readonly string[], actual: readonly string[]): string[] {
  const wanted = new Set(expected)
  const first = [...new Set(actual)].filter((value) => wanted.has(value))
  const there = new Set(first)
  const order = expected.filter((value) => there.has(value))
  return first.filter((value, index) => value !== order[index])
}

/** What is there more than once. */
export function repeated(values: readonly string[]): string[] {
  const seen = new Set<string>()
  return values.filter((value) => seen.size === seen.add(value).size)
}
