// The steps of a bundle whose engine is a database → what psql runs: apply.sql, with the ledger that it needs, and promote.sql
// and rollback.sql of an environment. They call functions of the ledger for all but the queries of steps; promote.sql and
// rollback.sql only do what applying prepared.

import type { Step } from '../../runtime/contract/bundle.ts'
import { buildSteps, tableOf } from '../../runtime/contract/bundle.ts'
import { prettyJson, sha256, sortedKeys } from '../../runtime/contract/canonical-json.ts'
import { MIGRATIONS } from '../../runtime/contract/ledger-migrations.ts'
import type { ManifestNode } from '../../runtime/contract/manifest.ts'
import { pgText } from '../../runtime/contract/postgresql-names.ts'
import { isScript, loadedBy } from '../../runtime/contract/table-steps.ts'
import applyTemplate from '../../templates/postgresql/apply.sql.hbs'
import ledgerTemplate from '../../templates/postgresql/ledger.sql.hbs'
import promoteTemplate from '../../templates/postgresql/promote.sql.hbs'
import rollbackTemplate from '../../templates/postgresql/rollback.sql.hbs'
import type { Rewritten } from '../rewrite.ts'
import type { Contract } from './contract.ts'
import { template } from './templates.ts'

const fillApply = template<{
  readonly title: string
  readonly engine: string
  readonly loads: readonly { readonly id: string; readonly file: string }[]
  readonly settings: readonly { readonly name: string; readonly value: string }[]
  /** Steps that begin_by_hand() refuses. */
  readonly refused: string
  /** Variables of psql without a value of their own, and what asks whether they have one. */
  readonly needed: readonly { readonly name: string; readonly given: string }[]
  readonly parameters: string
  /** Of jsonb_build_object(): names of the run's parameters, and the variables of psql that hold their values. */
  readonly given: string
  readonly paths: readonly string[]
  readonly steps: readonly { readonly number: number; readonly id: string; readonly sql: string }[]
}>('postgresql/apply.sql.hbs', applyTemplate)

const fillLedger = template<{
  readonly version: number
  readonly migrations: readonly { readonly version: number; readonly sql: string }[]
}>('postgresql/ledger.sql.hbs', ledgerTemplate)

/** `ledger.sql`: the same in every bundle of this version. */
export const ledgerSql = (): string =>
  fillLedger({
    version: MIGRATIONS.length,
    migrations: MIGRATIONS.map((sql, i) => ({ version: i + 1, sql: sql.trimEnd() })),
  })

interface ScriptValues {
  readonly title: string
  readonly environment: string
  readonly project: string
  readonly name: string
}

const fillPromote = template<ScriptValues & { readonly manifest: string; readonly base: string }>(
  'postgresql/promote.sql.hbs',
  promoteTemplate,
)
const fillRollback = template<ScriptValues>('postgresql/rollback.sql.hbs', rollbackTemplate)

const titleOf = ({ environment, project }: Contract): string =>
  `${project.name} ${project.version}: ${environment === null ? 'production' : `environment ${environment}`}`.replace(
    /\s+/g,
    ' ',
  )

/** `paths`: of all files of the bundle but this one. */
export function databaseApplySql(rewritten: Rewritten, contract: Contract, paths: readonly string[]): string {
  const { settings, engine, steps, requires } = contract
  const built = buildSteps({ steps })
  const variables = variablesOf(contract)
  const needed = [...variables].flatMap(([name, variable]) => (name in RUN_VALUES ? [] : [variable]))
  const nodes = new Map(rewritten.planned.diffed.manifest.nodes.map((node) => [node.id, node]))
  const byId = new Map(steps.map((step) => [step.id, step]))
  return fillApply({
    title: titleOf(contract),
    engine: `${engine.from} or newer`,
    loads: built.flatMap((step) => {
      const file = tableOf(step)?.load
      return file === undefined ? [] : [{ id: step.node, file }]
    }),
    refused: steps.flatMap((step) => (isByHand(step, nodes.get(step.node)) ? [] : [step.id])).join(', '),
    settings: sortedKeys(settings).map((name) => ({ name, value: pgText(settings[name] ?? '') })),
    needed: needed.map((variable) => ({ name: variable, given: `:{?${variable}}` })),
    parameters: needed.join(', '),
    given: requires.parameters
      .flatMap((name) => (variables.has(name) ? [`${pgText(name)}, :'${variables.get(name)}'`] : []))
      .join(', '),
    paths: ['apply.sql', ...paths],
    steps: rewritten.steps.map(({ id, byHand, node }, i) => {
      const [step, described] = [byId.get(id), nodes.get(node)]
      const sql = step && described && isByHand(step, described) ? stepByHand(step, described, byHand?.sql ?? '') : ''
      return { number: i + 1, id, sql }
    }),
  })
}

/** They have a value without one being given. */
const RUN_VALUES: Readonly<Record<string, true>> = { run_date: true, run_id: true }

/** The variable of psql that holds a parameter of the run. */
function variablesOf({ steps, requires }: Pick<Contract, 'steps' | 'requires'>): ReadonlyMap<string, string> {
  const named = buildSteps({ steps }).flatMap((step) => Object.entries(tableOf(step)?.values ?? {}))
  return new Map(
    requires.parameters
      .filter((name) => name !== 'run_timestamp')
      .map((name) => {
        const own = named.find(([, text]) => text === `{{ ${name} }}`)?.[0]
        return [name, own ?? name.replace(/\W/g, '_')]
      }),
  )
}

/** Whether psql can do it; what it cannot is refused by require_bundle(). */
const isByHand = (step: Step, node: ManifestNode | undefined): boolean =>
  step.kind === 'check' ||
  (step.kind === 'build' && node !== undefined && node.columns !== null && node.source_table?.kept !== true)

/** What temporary objects leave: not what the run keeps in such. */
const FORGET = 'SELECT seeknal.drop_temporary() \\gset\n'

function stepByHand(step: Step, node: ManifestNode, text: string): string {
  const id = pgText(step.node)
  if (step.kind === 'check')
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
  const made = step.kind === 'build' ? tableOf(step)?.made : undefined
  if (made === 'view') return `SELECT seeknal.read_source(${id}, ${pgText(text)}) \\gset\n`
  const [before, after] = made === 'load' ? loadedBy(step.node, node.columns ?? []) : ['', isScript(text) ? FORGET : '']
  return `SELECT is_due, output FROM seeknal.begin_step(${id}) \\gset
\\if :is_due
BEGIN${isScript(text) ? ' ISOLATION LEVEL REPEATABLE READ' : ''};
${before}${text}
;
SELECT seeknal.finish_step(${id}, :ROW_COUNT) \\gset
${after}${made === 'load' ? ';\n' : ''}COMMIT;
\\endif
`
}

/** Path → text; none for production, which a run makes itself. */
export function databaseScripts({ planned }: Rewritten, contract: Contract): (readonly [string, string])[] {
  const { environment, project, base } = contract
  if (environment === null) return []
  const values = {
    title: `${project.name} ${project.version}`.replace(/\s+/g, ' '),
    environment,
    project: pgText(project.name),
    name: pgText(environment),
  }
  return [
    [
      'promote.sql',
      fillPromote({
        ...values,
        manifest: pgText(sha256(prettyJson(planned.diffed.manifest))),
        base: base === null ? 'NULL' : pgText(base),
      }),
    ],
    ['rollback.sql', fillRollback(values)],
  ]
}
