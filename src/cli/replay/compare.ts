/** Where two lists of lines differ, as a person reads it: only what differs, with a little of what is around it. */

/** Lines of the same on each side of a difference. */
const AROUND = 1

/**
 * The difference between what is expected and what came: `- ` is missing, `+ ` is new; empty when there is none.
 *
 * @param expected - lines as they stand in the transcript
 */
export function differences(expected: readonly string[], actual: readonly string[]): readonly string[] {
  const marked = mark(expected, actual)
  const shown = new Set<number>()
  marked.forEach(({ sign }, index) => {
    if (sign === ' ') return
    for (let near = index - AROUND; near <= index + AROUND; near += 1) shown.add(near)
  })
  return marked.filter((_line, index) => shown.has(index)).map(({ sign, text }) => `${sign} ${text}`)
}

interface Marked {
  readonly sign: ' ' | '-' | '+'
  readonly text: string
}

/** The longest common subsequence by the table of its lengths: transcripts are short. */
function mark(expected: readonly string[], actual: readonly string[]): readonly Marked[] {
  const lengths = commonLengths(expected, actual)
  const marked: Marked[] = []
  let left = 0
  let right = 0
  while (left < expected.length || right < actual.length) {
    const [one, other] = [expected[left], actual[right]]
    const isMissing = lengthAt(lengths, left + 1, right) >= lengthAt(lengths, left, right + 1)
    if (one !== undefined && one === other) {
      marked.push({ sign: ' ', text: one })
      left += 1
      right += 1
    } else if (other === undefined || (one !== undefined && isMissing)) {
      marked.push({ sign: '-', text: one ?? '' })
      left += 1
    } else {
      marked.push({ sign: '+', text: other })
      right += 1
    }
  }
  return marked
}

function lengthAt(lengths: readonly (readonly number[])[], left: number, right: number): number {
  return lengths[left]?.[right] ?? -1
}

/** `lengths[i][j]`: how many lines the rests from `i` and `j` on have in common. */
function commonLengths(
  expected: readonly string[],
  actual: readonly string[],
): readonly (readonly number[])[] {
  const lengths = Array.from({ length: expected.length + 1 }, () =>
    new Array<number>(actual.length + 1).fill(0),
  )
  for (let left = expected.length - 1; left >= 0; left -= 1) {
    for (let right = actual.length - 1; right >= 0; right -= 1) {
      const row = lengths[left]
      const below = lengths[left + 1]
      if (row === undefined || below === undefined) continue
      row[right] =
        expected[left] === actual[right]
          ? (below[right + 1] ?? 0) + 1
          : Math.max(below[right] ?? 0, row[right + 1] ?? 0)
    }
  }
  return lengths
}
