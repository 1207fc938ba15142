// A target → the text of its step, in its database's dialect, and what stands for it in apply.sql: the rows as a file that
// psql reads; where the engine is that database, the text itself. Reports REWRITE_NAME_TOO_LONG.

import type { Diagnostic } from '../../runtime/contract/diagnostics.ts'
import { LONGEST_IDENTIFIER } from '../../runtime/contract/postgresql-names.ts'
import { STORED } from '../../runtime/contract/table-steps.ts'
import { targetText } from '../../runtime/contract/target-sql.ts'
import { targetItems, targetType } from '../../runtime/contract/target-types.ts'
import { targetName } from '../../runtime/contract/targets.ts'
import type { BoundNode } from '../bind.ts'
import { errorAt } from '../diagnostic-codes.ts'
import { quoteName, textLiteral } from '../dialect/duckdb.ts'
import type { PlannedMaterialize, PlannedStep } from '../plan.ts'
import { isTransform, type ResolvedNode } from '../resolve.ts'
import type { RewrittenStep } from '../rewrite.ts'
import { Marks } from './marks.ts'
import { outputFile } from './step-text.ts'

export function materializeStep(step: PlannedMaterialize, types: BoundNode, prefix: string): RewrittenStep {
  const { id, node, target } = step
  const columns = types.columns ?? []
  const marks = new Marks(prefix, prefix === '' ? '' : JSON.stringify([target, columns]))
  const mark = marks.at({ identifier: target.schema, role: 'write', reason: 'what this step writes' })
  const text = (before: string): string => targetText({ node, target, columns, prefix: before })
  const rows = marks.resolve(exported(step, columns, marks))
  return {
    id,
    kind: 'materialize',
    node,
    ...marks.resolve(text(mark)),
    ...(prefix === '' ? {} : { production: text('') }),
    byHand: rows,
  }
}

/** The same where the output is a table of the very database. */
export function storedTargetStep(
  step: PlannedMaterialize,
  node: ResolvedNode,
  types: BoundNode,
  prefix: string,
): RewrittenStep {
  const { id, target } = step
  const columns = types.columns ?? []
  const own = serverTypes(node, types)
  const marks = new Marks(prefix, prefix === '' ? '' : JSON.stringify([target, columns, own]))
  const mark = marks.at({ identifier: target.schema, role: 'write', reason: 'what this step writes' })
  const text = (before: string): string =>
    targetText({ node: step.node, target, columns, prefix: before, stored: { table: STORED, types: own } })
  return {
    id,
    kind: 'materialize',
    node: step.node,
    ...marks.resolve(text(mark)),
    ...(prefix === '' ? {} : { production: text('') }),
    ...(Object.keys(own).length === 0 ? {} : { types: own }),
  }
}

/** Types that the server gives columns by itself, and that are others than the output's types stand for. */
function serverTypes(node: ResolvedNode, { columns, sourceTypes = {} }: BoundNode): Readonly<Record<string, string>> {
  if (!isTransform(node) || node.postgresql === undefined) return {}
  return Object.fromEntries(
    (columns ?? []).flatMap(({ name, type }) => {
      const own = Object.hasOwn(sourceTypes, name) ? sourceTypes[name] : undefined
      return own === undefined || own === targetType(type) ? [] : [[name, own] as const]
    }),
  )
}

/** The rows of the output, as the step's file reads them from psql's input. */
function exported({ id, node }: PlannedMaterialize, columns: NonNullable<BoundNode['columns']>, marks: Marks): string {
  const folder = outputFile(node, true, marks, 'root')
  const root = folder.slice(0, folder.indexOf(' || '))
  return `-- Rows for: psql -v ON_ERROR_STOP=1 -f bundle/apply/${id}.sql < ${id}.csv
COPY (
SELECT
  ${targetItems(columns, quoteName).join(',\n  ')}
FROM read_parquet(${folder})
) TO (${root} || ${textLiteral(`/${id}.csv`)}) (FORMAT csv, HEADER false);
`
}

/** Schemas of production that look like the environment's own: another of its schemas would be that one. */
export function takenNames(nodes: readonly ResolvedNode[], prefix: string): readonly Diagnostic[] {
  if (prefix === '') return []
  return nodes.flatMap(({ id, node }) =>
    node.targets.flatMap(({ target, place }) => {
      if (!target.schema.startsWith(prefix)) return []
      const message = `Production's schema '${target.schema}' begins with '${prefix}', which stands before the schemas of the environment.`
      return [
        errorAt('REWRITE_NAME_TAKEN', place, message, {
          facts: { node: id, schema: target.schema, prefix },
          hints: ['Give the environment another name.'],
        }),
      ]
    }),
  )
}

/** Schemas whose name does not fit any more once the prefix is before it. */
export function longNames(
  nodes: readonly ResolvedNode[],
  steps: readonly PlannedStep[],
  prefix: string,
): readonly Diagnostic[] {
  const declared = new Map(nodes.map(({ id, node }) => [id, node.targets]))
  return steps.flatMap((step) => {
    if (step.kind !== 'materialize' || Buffer.byteLength(`${prefix}${step.target.schema}`) <= LONGEST_IDENTIFIER)
      return []
    const name = targetName(step.target)
    const place = declared.get(step.node)?.find(({ target }) => targetName(target) === name)?.place
    if (place === undefined) return []
    const message = `The schema '${prefix}${step.target.schema}' is longer than the ${LONGEST_IDENTIFIER} bytes that PostgreSQL keeps of a name.`
    return [
      errorAt('REWRITE_NAME_TOO_LONG', place, message, {
        facts: { node: step.node, schema: step.target.schema, prefix },
        hints: ["Give the environment a shorter name: its name and '_' stand before every schema."],
      }),
    ]
  })
}
