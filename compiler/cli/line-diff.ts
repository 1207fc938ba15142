// Two texts → the lines that were added and removed, with the lines around them. Longest common subsequence; SQL of a
// node is short. Pure.

export interface DiffLine {
  readonly sign: '+' | '-' | ' ' | '…'
  readonly text: string
}

const CONTEXT = 3
/** Above this many cells the table of the subsequence is not made: all lines are shown as replaced. */
const MOST_CELLS = 4_000_000

export function lineDiff(before: string, after: string): readonly DiffLine[] {
  const [old, now] = [linesOf(before), linesOf(after)]
  const all = old.length * now.length > MOST_CELLS ? replaced(old, now) : aligned(old, now)
  const near = all.map((_, i) => all.slice(Math.max(0, i - CONTEXT), i + CONTEXT + 1).some((line) => line.sign !== ' '))
  return all.flatMap((line, i): DiffLine[] => {
    if (near[i]) return [line]
    return near[i - 1] || i === 0 ? [{ sign: '…', text: '…' }] : []
  })
}

/** Of no text: none. */
const linesOf = (text: string): readonly string[] => (text.trim() === '' ? [] : text.trimEnd().split('\n'))

const replaced = (old: readonly string[], now: readonly string[]): DiffLine[] => [
  ...old.map((text): DiffLine => ({ sign: '-', text })),
  ...now.map((text): DiffLine => ({ sign: '+', text })),
]

function aligned(old: readonly string[], now: readonly string[]): DiffLine[] {
  const width = now.length + 1
  // common[i * width + j]: length of the longest common subsequence of old[i…] and now[j…].
  const common = new Uint32Array((old.length + 1) * width)
  for (let i = old.length - 1; i >= 0; i--)
    for (let j = now.length - 1; j >= 0; j--)
      common[i * width + j] =
        old[i] === now[j]
          ? (common[(i + 1) * width + j + 1] ?? 0) + 1
          : Math.max(common[(i + 1) * width + j] ?? 0, common[i * width + j + 1] ?? 0)
  const lines: DiffLine[] = []
  let [i, j] = [0, 0]
  while (i < old.length || j < now.length) {
    if (i < old.length && j < now.length && old[i] === now[j]) {
      lines.push({ sign: ' ', text: old[i] ?? '' })
      i++
      j++
    } else if (
      j === now.length ||
      (i < old.length && (common[(i + 1) * width + j] ?? 0) >= (common[i * width + j + 1] ?? 0))
    )
      lines.push({ sign: '-', text: old[i++] ?? '' })
    else lines.push({ sign: '+', text: now[j++] ?? '' })
  }
  return lines
}
