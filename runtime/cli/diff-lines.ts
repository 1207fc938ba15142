// Data differences as lines for people: `env diff` prints them, report.md holds them. Pure.

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
    ...columns.added.map((c) => `+ ${oneLine(c.name)} ${c.type}`),
    ...columns.removed.map((c) => `- ${oneLine(c.name)} ${c.type}`),
    ...columns.retyped.map((c) => `${oneLine(c.name)} ${c.before} → ${c.after}`),
    ...(lost === 0 ? [] : [`${rowCount(lost)} only in production`]),
    ...(gained === 0 ? [] : [`${rowCount(gained)} only in the environment`]),
    ...(changed === null || changed === 0 ? [] : [`${rowCount(changed)} changed`]),
  ]
}

/** The lines below the summary: how rows were matched, and each column that differs with its examples. */
export function detailLines({ diff }: NodeDiff): string[] {
  if (diff === null) return []
  const matched =
    diff.key === null
      ? 'rows compared as a whole: no column is unique in both'
      : `rows matched by ${diff.key.columns.map(oneLine).join(', ')} (${diff.key.origin === 'declared' ? 'declared unique' : 'unique in both'})`
  const columns = diff.differing.flatMap(({ column, rows, examples }) => [
    `${oneLine(column)}: differs in ${rowCount(rows)}`,
    ...examples.map((e) => `  ${oneLine(e.key)}: ${value(e.before)} → ${value(e.after)}`),
  ])
  return [matched, ...columns]
}

const value = (text: string | null): string => (text === null ? 'NULL' : oneLine(text))
