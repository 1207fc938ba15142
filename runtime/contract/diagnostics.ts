// An author's mistake as a value: code, facts, place. Words are put around it only in cli/ (header line, source line,
// caret, notes). Never thrown, never holds a secret; sorted once, by (file, line, column, code).

import { byCodeUnit } from './canonical-json.ts'

/** All numbers are 1-based; `column` and `length` count UTF-16 code units. `file` is relative to the project. */
export interface Place {
  readonly file: string
  readonly line: number
  readonly column: number
  readonly length: number
}

/** `seeknal/transforms/daily.yml:7:3`. */
export const placeText = ({ file, line, column }: Place): string => `${file}:${line}:${column}`

export interface Diagnostic {
  /** `PASS_WHAT`, listed in compiler/diagnostic-codes.ts. */
  readonly code: string
  readonly severity: 'error' | 'warning'
  /** One sentence: what is there and what was expected. Names in single quotes. */
  readonly message: string
  readonly facts: Readonly<Record<string, unknown>>
  readonly place: Place
  /** What to do, one sentence each; the nearest name goes here. */
  readonly hints: readonly string[]
  /** Other places that belong to it, such as the first definition of a duplicate. */
  readonly notes: readonly { readonly message: string; readonly place: Place }[]
}

export const isError = (d: Diagnostic): boolean => d.severity === 'error'

/** Sorted by place and code; exact repetitions are dropped. */
export function sortDiagnostics(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  const sorted = [...diagnostics].sort(
    (a, b) =>
      byCodeUnit(a.place.file, b.place.file) ||
      a.place.line - b.place.line ||
      a.place.column - b.place.column ||
      byCodeUnit(a.code, b.code) ||
      byCodeUnit(a.message, b.message),
  )
  const text = (d: Diagnostic | undefined) =>
    d && `${d.place.file}:${d.place.line}:${d.place.column}:${d.code}:${d.message}`
  return sorted.filter((d, i) => text(d) !== text(sorted[i - 1]))
}

/** The nearest of `candidates` by edit distance, when it is near enough to be meant; ignores case. */
export function nearest(name: string, candidates: Iterable<string>): string | undefined {
  let best: { readonly name: string; readonly distance: number } | undefined
  for (const candidate of [...candidates].sort(byCodeUnit)) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase())
    if (best === undefined || distance < best.distance) best = { name: candidate, distance }
  }
  if (best === undefined || best.distance > Math.max(1, Math.floor(name.length / 3))) return undefined
  return best.name
}

/** Optimal string alignment distance: insertions, deletions, substitutions and swaps of neighbours each cost 1. */
function editDistance(a: string, b: string): number {
  let previous: number[] = []
  let current = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1
      let value = Math.min((next[j - 1] ?? 0) + 1, (current[j] ?? 0) + 1, (current[j - 1] ?? 0) + cost)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        value = Math.min(value, (previous[j - 2] ?? 0) + 1)
      next.push(value)
    }
    previous = current
    current = next
  }
  return current[b.length] ?? 0
}
