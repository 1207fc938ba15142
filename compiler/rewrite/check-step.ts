// Checks of a node → the text of their step: one SELECT over the stored output, a row a check. Of an author's text only
// names of columns and values are in it, both spelled by the dialect. NULL: fails not_null, is no key to unique (as in
// SQL), and is accepted only where `null` is among the values.

import { assertNever } from '../../runtime/contract/failures.ts'
import checkTemplate from '../../templates/duckdb/check.sql.hbs'
import type { BoundNode } from '../bind.ts'
import { quoteName, textLiteral, typedLiteral } from '../dialect/duckdb.ts'
import { template } from '../emit/templates.ts'
import type { PlannedCheck } from '../plan.ts'
import type { Marks } from './marks.ts'
import { outputFile } from './step-text.ts'

type Check = PlannedCheck['checks'][number]

/** How a dialect spells what a check is made of. */
export interface CheckDialect {
  readonly name: (name: string) => string
  readonly text: (text: string) => string
  /** Null: it is no value of the type. */
  readonly value: (text: string, type: string) => string | null
}

const DUCKDB: CheckDialect = { name: quoteName, text: textLiteral, value: typedLiteral }

const fill = template<{
  readonly node: string
  readonly file: string
  readonly checks: readonly { readonly id: string; readonly severity: string; readonly count: string }[]
}>('duckdb/check.sql.hbs', checkTemplate)

export function checkStep({ node, inputs, checks }: PlannedCheck, types: BoundNode, marks: Marks): string {
  const isMade = inputs.some((input) => input.from === 'bundle')
  return fill({
    node,
    file: outputFile(node, isMade, marks, 'root'),
    checks: checkItems(checks, types, DUCKDB),
  })
}

/** A SELECT for each check, in parts. */
export const checkItems = (checks: readonly Check[], types: BoundNode, dialect: CheckDialect) =>
  checks.map((check) => ({
    id: dialect.text(check.id),
    severity: dialect.text(check.severity),
    count: failingRows(check, types, dialect),
  }))

/** What follows the id and the severity in a check's SELECT: the number of rows that fail it, and where they are found. */
function failingRows(check: Check, types: BoundNode, dialect: CheckDialect): string {
  const columns = check.columns.map(dialect.name)
  switch (check.type) {
    case 'not_null':
      return `count(*)\n  FROM output\n  WHERE ${columns.map((column) => `${column} IS NULL`).join(' OR ')}`
    case 'unique':
      return repeatedRows(columns)
    case 'accepted_values': {
      const conditions = check.columns.map((column) => notAccepted(column, check.values ?? [], types, dialect))
      return `count(*)\n  FROM output\n  WHERE ${conditions.join('\n    OR ')}`
    }
    default:
      return assertNever(check.type)
  }
}

/** All rows of a key that more than one row has; rows with a NULL in their key have none. */
function repeatedRows(columns: readonly string[]): string {
  const hasKey = columns.map((column) => `${column} IS NOT NULL`).join(' AND ')
  return `CAST(coalesce(sum(n), 0) AS BIGINT)
  FROM (
    SELECT count(*)
    FROM output
    WHERE ${hasKey}
    GROUP BY ${columns.join(', ')}
    HAVING count(*) > 1
  ) AS repeated(n)`
}

function notAccepted(
  name: string,
  values: readonly (string | null)[],
  types: BoundNode,
  dialect: CheckDialect,
): string {
  const column = dialect.name(name)
  // Of a column that only data can tell, the engine takes the type from the other side of the comparison.
  const type = types.columns?.find((other) => other.name === name)?.type ?? 'VARCHAR'
  const literals = values.flatMap((value) =>
    value === null ? [] : (dialect.value(value, type) ?? dialect.text(value)),
  )
  if (literals.length === 0) return `${column} IS NOT NULL`
  const others = `${column} NOT IN (${literals.join(', ')})`
  return values.includes(null) ? others : `${column} IS NULL OR ${others}`
}
