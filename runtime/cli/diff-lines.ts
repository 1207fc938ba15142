// Data differences as lines for people: `env diff` prints them, report.md holds them. Pure.

import type { Candidate, RowKey } from '../data-diff/matching.ts'
import type { DataDiff } from '../data-diff.ts'
import type { NodeDiff } from '../environment-diff.ts'
import { oneLine, rowCount, thousands } from './text.ts'

/** One line on how an output differs. */
export function summaryLine({ node, production_rows: before, environment_rows: after, diff }: NodeDiff): string {
  if (before === null) return `${node}: new, ${rowCount(after)}`
  const rows = before === after ? rowCount(after) : `${thousands(before)} → ${rowCount(after)}`
  return `${node}: ${rows}${diff === null ? ', rows not compared' : `, ${differences(diff).join(', ') || 'the same rows'}`}`
}

function differences(diff: DataDiff): string[] {
  const { columns, only_before: lost, only_after: gained, changed_rows: changed } = diff
  return [
    ...columns.added.map((c) => oneLine(`+ ${c.name} ${c.type}`)),
    ...columns.removed.map((c) => oneLine(`- ${c.name} ${c.type}`)),
    ...columns.retyped.map((c) => oneLine(`${c.name} ${c.before} → ${c.after}`)),
    ...(lost === 0 ? [] : [`${rowCount(lost)} only in production`]),
    ...(gained === 0 ? [] : [`${rowCount(gained)} only in the environment`]),
    ...(changed === null || changed === 0 ? [] : [`${rowCount(changed)} changed`]),
  ]
}

/** The lines below the summary: how rows were matched, and each column that differs with its examples. */
export function detailLines({ diff }: NodeDiff): string[] {
  if (diff === null) return []
  const columns = diff.differing.flatMap(({ column, rows, examples }) => [
    `${oneLine(column)}: differs in ${rowCount(rows)}`,
    ...examples.map((e) => `  ${oneLine(e.key)}: ${value(e.before)} → ${value(e.after)}`),
  ])
  return [matchingLine(diff), ...columns]
}

/** Which key was used and why, or why none. */
function matchingLine({ key, other_candidates: others, rows }: DataDiff): string {
  if (key === null) {
    const why =
      others.length === 0
        ? 'no column is unique in both'
        : `no column that is unique in both has a value in common (${others.map(({ column }) => oneLine(column)).join(', ')})`
    return `rows compared as a whole: ${why}`
  }
  const names = key.columns.map(oneLine).join(', ')
  if (key.origin === 'declared') return `rows matched by ${names} (declared unique)`
  const most = Math.min(rows.before, rows.after)
  const common =
    key.common === most ? 'all values in common' : `${thousands(key.common)} of ${thousands(most)} values in common`
  const why = others.map((other) => `not by ${oneLine(other.column)}: ${passedOver(other, key)}`)
  const edited = key.edited ? ['the edit changed it, and no other column would do'] : []
  return `rows matched by ${names} (${[`unique in both, ${common}`, ...edited, ...why].join('; ')})`
}

function passedOver({ common, edited }: Candidate, key: RowKey): string {
  if (common === 0) return 'no value in common'
  if (edited && !key.edited) return 'the edit changed it'
  return `${thousands(common)} values in common`
}

const value = (text: string | null): string => (text === null ? 'NULL' : oneLine(text))
