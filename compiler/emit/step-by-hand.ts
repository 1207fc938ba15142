// A step of an engine that is a database → what psql runs for it in apply.sql: functions of the ledger ask whether it is due, and
// record what came out; between them stands the text of the step. Each change is a transaction of its own. Pure.

import { type BuildStep, type MaterializeStep, type Step, tableOf } from '../../runtime/contract/bundle.ts'
import { prettyJson } from '../../runtime/contract/canonical-json.ts'
import { Bug } from '../../runtime/contract/failures.ts'
import type { ManifestNode } from '../../runtime/contract/manifest.ts'
import { pgName, pgText } from '../../runtime/contract/postgresql-names.ts'
import { copiedBy, isScript, loadedBy, STORED } from '../../runtime/contract/table-steps.ts'
import { targetOrder } from '../../runtime/contract/target-order.ts'
import { serverTypesOf } from '../../runtime/contract/target-types.ts'

/** What temporary objects leave: not what the run keeps in such. */
const FORGET = 'SELECT seeknal.drop_temporary() \\gset\n'

/** `text`: what makes its table, or the query of its view. */
export function psqlOfStep(step: Step, node: ManifestNode, text: string, prefix: string): string {
  if (step.kind === 'check') return checkByHand(step.node, text)
  if (step.kind === 'materialize') return targetByHand(step, node, prefix)
  const id = pgText(step.node)
  const output = tableOf(step)
  if (output?.made === 'view')
    return `SELECT seeknal.read_source(${id}, ${pgText(text)}, ${pgText(JSON.stringify(serverTypesOf(node)))}) \\gset\n`
  const values = Object.entries(output?.values ?? {}).flatMap(([name, template]) =>
    // What was given, or a variable for each text that values of the run are in.
    template === `{{ ${name} }}` || template === `{{ env.${name.slice('env_'.length)} }}`
      ? []
      : [`SELECT seeknal.filled(${pgText(template)}) AS ${pgName(name)} \\gset\n`],
  )
  const kept = node.source_table?.kept === true
  const [before, after] = aroundByHand(step, node, text)
  const isolation = kept || isScript(text) ? ' ISOLATION LEVEL REPEATABLE READ' : ''
  const [begun, finished] = kept
    ? [`begin_source(${id})`, `finish_source(${id})`]
    : [`begin_step(${id})`, `finish_step(${id}, :ROW_COUNT)`]
  return `SELECT is_due, output FROM seeknal.${begun} \\gset
\\if :is_due
${values.join('')}BEGIN${isolation};
${before}${text}
;
SELECT seeknal.${finished} \\gset
${after}COMMIT;
\\endif
`
}

/** What stands in the transaction of a step before its table is made, and after it. */
function aroundByHand(step: BuildStep, { columns }: ManifestNode, text: string): readonly [string, string] {
  const made = tableOf(step)?.made
  if (made !== 'load' && made !== 'copy') return ['', isScript(text) ? FORGET : '']
  const [before, after] =
    made === 'load' ? loadedBy(step.node, columns ?? []) : copiedBy(step.node, columns ?? [], step.extract?.types ?? {})
  return [before, `${after};\n`]
}

function checkByHand(node: string, text: string): string {
  const id = pgText(node)
  return `SELECT seeknal.begin_checks(${id}) AS is_due \\gset
\\if :is_due
SELECT jsonb_object_agg(c.id, c.failing_rows) AS failing FROM (
${text.trimEnd().replace(/;$/, '')}
) AS c \\gset
SELECT seeknal.finish_checks(${id}, :'failing') \\gset
\\endif
SELECT seeknal.fails_checks(${id}) AS is_failed \\gset
\\if :is_failed
SELECT seeknal.refuse_output(${id}) \\gset
\\endif
`
}

function targetByHand({ id, target: index, types }: MaterializeStep, node: ManifestNode, prefix: string): string {
  const [target, { columns }] = [node.targets?.[index], node]
  if (target === undefined || columns === null) throw new Bug(`${id} has no target`)
  const order = (before: string): string =>
    `${pgText(prettyJson(targetOrder({ id, node, columns, target, prefix: before, types, table: STORED })).trimEnd())}`
  const orders = [order(prefix), ...(prefix === '' ? [] : [order('')])]
  return `SELECT seeknal.begin_target(${orders.join(', ')}) AS is_due \\gset
\\if :is_due
BEGIN;
SET LOCAL lock_timeout = '10s';
SELECT seeknal.finish_target(${pgText(id)}) \\gset
COMMIT;
SELECT seeknal.fails_target(${pgText(id)}) AS is_failed \\gset
\\if :is_failed
SELECT seeknal.refuse_target(${pgText(id)}) \\gset
\\endif
\\endif
`
}
