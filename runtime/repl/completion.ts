// Completion of tables, columns, keywords and dot commands at the end of the line.

import { oneLine } from '../cli/text.ts'
import { DOT_COMMANDS } from './dot-commands.ts'
import { FORMATS } from './formats.ts'
import { alias, type ReplState } from './state.ts'

const KEYWORDS =
  `ALL AND AS ASC BETWEEN BY CASE CAST COUNT(*) CREATE DESC DESCRIBE DISTINCT ELSE END EXCEPT EXISTS EXPLAIN
FALSE FROM FULL GROUP HAVING ILIKE IN INNER INTERSECT IS JOIN LEFT LIKE LIMIT NOT NULL ON OR ORDER OUTER OVER PARTITION
PIVOT QUALIFY RIGHT SAMPLE SELECT SHOW SUMMARIZE TABLE TEMP THEN TRUE UNION UNPIVOT USING VALUES WHEN WHERE WITH`.split(
    /\s+/,
  )

/** A completer as node:readline calls it: candidates, and the text that they replace. */
export const completer =
  (state: ReplState) =>
  (line: string): [string[], string] =>
    complete(line, state)

/** Pure. */
export function complete(line: string, state: Pick<ReplState, 'tables'>): [string[], string] {
  if (line.startsWith('.')) return completeDot(line, state)
  const word = /[\w.]*$/.exec(line)?.[0] ?? ''
  const names = state.tables.flatMap((t) => [alias(t), `${t.schema}.${t.name}`])
  const mentioned = state.tables.filter((t) => line.includes(alias(t)) || line.includes(`${t.schema}.${t.name}`))
  const columns = (mentioned.length > 0 ? mentioned : state.tables).flatMap((t) =>
    t.columns.map((c) => c.name).filter(isShown),
  )
  return matching([...names, ...new Set(columns), ...KEYWORDS], word)
}

/** The line editor writes candidates to the terminal as they are. */
const isShown = (name: string): boolean => oneLine(name) === name

function completeDot(line: string, state: Pick<ReplState, 'tables'>): [string[], string] {
  const [command = '', argument] = line.split(/\s+/)
  if (argument === undefined) return matching(Object.keys(DOT_COMMANDS), command)
  if (command === '.schema') return matching(state.tables.map(alias), argument)
  if (command === '.mode') return matching(FORMATS, argument)
  return [[], line]
}

function matching(candidates: readonly string[], word: string): [string[], string] {
  const lower = word.toLowerCase()
  return [candidates.filter((c) => word !== '' && c.toLowerCase().startsWith(lower)), word]
}
