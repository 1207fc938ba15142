// Text with replacements by source position, that remembers where every piece came from, so that a position in the
// result is mapped back to the author's text. All offsets count UTF-16 code units. Formatting and comments survive.

export interface Edit {
  /** Half-open range of the original text. Edits must not overlap. */
  readonly start: number
  readonly end: number
  readonly replacement: string
}

/** A run of the result: copied from the original at `origin`, or inserted for the original range that starts there. */
interface Segment {
  readonly start: number
  readonly origin: number
  readonly inserted: boolean
}

export interface SplicedText {
  readonly text: string
  readonly segments: readonly Segment[]
}

export function splice(text: string, edits: readonly Edit[]): SplicedText {
  const sorted = [...edits].sort((a, b) => a.start - b.start || a.end - b.end)
  const segments: Segment[] = []
  let out = ''
  let at = 0
  for (const edit of sorted) {
    if (edit.start > at || segments.length === 0) segments.push({ start: out.length, origin: at, inserted: false })
    out += text.slice(at, edit.start)
    segments.push({ start: out.length, origin: edit.start, inserted: true })
    out += edit.replacement
    at = edit.end
  }
  segments.push({ start: out.length, origin: at, inserted: false })
  return { text: out + text.slice(at), segments }
}

/** The offset in the original text that `offset` of the result came from; inserted text maps to where it was put. */
export function originOf(spliced: SplicedText, offset: number): number {
  let low = 0
  let high = spliced.segments.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if ((spliced.segments[middle]?.start ?? 0) <= offset) low = middle
    else high = middle - 1
  }
  const segment = spliced.segments[low]
  if (segment === undefined) return offset
  return segment.inserted ? segment.origin : segment.origin + (offset - segment.start)
}
