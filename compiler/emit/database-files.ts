// The steps of a bundle whose engine is a database → what psql runs: apply.sql, with the ledger that it needs, and promote.sql
// and rollback.sql of an environment. They call functions of the ledger for all but the queries of steps; promote.sql and
// rollback.sql only do what applying prepared.

import { type BuildStep, buildSteps, tableOf } from '../../runtime/contract/bundle.ts'
import { prettyJson, sha256, sortedKeys } from '../../runtime/contract/canonical-json.ts'
import { Bug } from '../../runtime/contract/failures.ts'
import { MIGRATIONS } from '../../runtime/contract/ledger-migrations.ts'
import { pgText } from '../../runtime/contract/postgresql-names.ts'
import applyTemplate from '../../templates/postgresql/apply.sql.hbs'
import ledgerTemplate from '../../templates/postgresql/ledger.sql.hbs'
import promoteTemplate from '../../templates/postgresql/promote.sql.hbs'
import rollbackTemplate from '../../templates/postgresql/rollback.sql.hbs'
import type { Rewritten } from '../rewrite.ts'
import type { Contract } from './contract.ts'
import { psqlOfStep } from './step-by-hand.ts'
import { template } from './templates.ts'

const fillApply = template<{
  readonly title: string
  readonly engine: string
  readonly loads: readonly { readonly id: string; readonly file: string }[]
  /** Rows of other databases: of which node, printed by which file, which asks which connection, with which values. */
  readonly copies: readonly Readonly<Record<'id' | 'file' | 'connection' | 'given', string>>[]
  /** There are some of either. */
  readonly isFed: boolean
  readonly settings: readonly { readonly name: string; readonly value: string }[]
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
  const given = requires.parameters.filter((name) => name !== 'run_timestamp')
  const needed = given.filter((name) => !(name in RUN_VALUES)).map(variableOf)
  const nodes = new Map(rewritten.planned.diffed.manifest.nodes.map((node) => [node.id, node]))
  const byId = new Map(steps.map((step) => [step.id, step]))
  return fillApply({
    title: titleOf(contract),
    engine: `${engine.from} or newer`,
    ...fedBy(built),
    settings: sortedKeys(settings).map((name) => ({ name, value: pgText(settings[name] ?? '') })),
    needed: needed.map((variable) => ({ name: variable, given: `:{?${variable}}` })),
    parameters: needed.join(', '),
    given: given.map((name) => `${pgText(name)}, :'${variableOf(name)}'`).join(', '),
    paths: ['apply.sql', ...paths],
    steps: rewritten.steps.map(({ id, byHand, node }, i) => {
      const [step, described] = [byId.get(id), nodes.get(node)]
      if (step === undefined || described === undefined) throw new Bug(`${id} is no step`)
      return { number: i + 1, id, sql: psqlOfStep(step, described, byHand?.sql ?? '', contract.prefix) }
    }),
  })
}

/** They have a value without one being given. */
const RUN_VALUES: Readonly<Record<string, true>> = { run_date: true, run_id: true }

/** The variable of psql that holds a parameter of the run. */
const variableOf = (parameter: string): string => parameter.replace(/\W/g, '_')

/** What must be in files before. */
function fedBy(built: readonly BuildStep[]): Pick<Parameters<typeof fillApply>[0], 'loads' | 'copies' | 'isFed'> {
  const loads = built.flatMap((step) => {
    const file = tableOf(step)?.load
    return file === undefined ? [] : [{ id: step.node, file }]
  })
  const copies = built.flatMap(({ node, extract }) => {
    if (extract === undefined) return []
    const { file, connection, values = {} } = extract
    const given = sortedKeys(values).map((name) => ` -v ${name}='${oneLine(values[name] ?? '')}'`)
    return [{ id: node, file, connection: oneLine(connection), given: given.join('') }]
  })
  return { loads, copies, isFed: loads.length + copies.length > 0 }
}

const oneLine = (text: string): string => text.replace(/\s+/g, ' ')

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
