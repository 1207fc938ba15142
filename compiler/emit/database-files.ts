// The steps of a bundle whose engine is a database → what psql runs: apply.sql, and promote.sql and rollback.sql of an
// environment. The last two call functions of the ledger, which hold what applying prepared; nothing is computed in them.

import type { BuildStep } from '../../runtime/contract/bundle.ts'
import { buildSteps, tableOf } from '../../runtime/contract/bundle.ts'
import { prettyJson, sha256, sortedKeys } from '../../runtime/contract/canonical-json.ts'
import { pgName, pgPrefixed, pgText } from '../../runtime/contract/postgresql-names.ts'
import { STORE_SCHEMA, tableNameOf } from '../../runtime/contract/table-steps.ts'
import applyTemplate from '../../templates/postgresql/apply.sql.hbs'
import promoteTemplate from '../../templates/postgresql/promote.sql.hbs'
import rollbackTemplate from '../../templates/postgresql/rollback.sql.hbs'
import type { Rewritten } from '../rewrite.ts'
import { versionOf } from '../versions.ts'
import type { Contract } from './contract.ts'
import { template } from './templates.ts'

const fillApply = template<{
  readonly title: string
  readonly engine: string
  readonly loads: readonly { readonly id: string; readonly what: string }[]
  readonly settings: readonly { readonly name: string; readonly value: string }[]
  readonly dated: boolean
  readonly parameters: string
  readonly schemas: readonly string[]
  readonly steps: readonly {
    readonly number: number
    readonly id: string
    readonly lead: string
    readonly sql: string
  }[]
}>('postgresql/apply.sql.hbs', applyTemplate)

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

export function databaseApplySql(rewritten: Rewritten, contract: Contract): string {
  const { settings, engine, steps } = contract
  const built = new Map(buildSteps({ steps }).map((step) => [step.id, step]))
  const outputs = [...built.values()].flatMap((step) => tableOf(step) ?? [])
  const values = new Set(outputs.flatMap((output) => sortedKeys(output.values ?? {})))
  const versions = new Map(rewritten.planned.diffed.manifest.nodes.map((node) => [node.id, versionOf(node)]))
  return fillApply({
    title: titleOf(contract),
    engine: `${engine.from} or newer`,
    loads: [...built.values()].flatMap((step) => {
      const file = tableOf(step)?.load
      if (file !== undefined) return [{ id: step.node, what: `what bundle/${file} reads, in SQL of DuckDB` }]
      const { extract } = step
      return extract === undefined
        ? []
        : [{ id: step.node, what: `what psql -X -q -f bundle/${extract.file} prints, asking '${extract.connection}'` }]
    }),
    settings: sortedKeys(settings).map((name) => ({ name, value: pgText(settings[name] ?? '') })),
    dated: values.has('run_date'),
    parameters: [...values].filter((name) => name !== 'run_date').join(', '),
    schemas: [STORE_SCHEMA, ...new Set(outputs.map(({ schema }) => prefixed(schema, contract)))],
    steps: rewritten.steps.map(({ id, kind, node, sql }, i) => {
      const named = `\\set output ${tableNameOf(node, versions.get(node) ?? '')}\n`
      const lead = kind === 'materialize' ? named : leadOf(contract, built.get(id), named)
      return { number: i + 1, id, lead, sql }
    }),
  })
}

const prefixed = (schema: string, { prefix }: Pick<Contract, 'prefix'>): string =>
  pgPrefixed(schema.slice(prefix.length), prefix)

/** Names the table, and takes away what an earlier time left. */
function leadOf(contract: Contract, step: BuildStep | undefined, named: string): string {
  const output = step && tableOf(step)
  if (output == null) return ''
  const view =
    output.publish === 'table'
      ? ''
      : `DROP VIEW IF EXISTS ${prefixed(output.schema, contract)}.${pgName(output.name)};\n`
  return output.made === 'view' ? view : `${named}${view}DROP TABLE IF EXISTS ${STORE_SCHEMA}.:"output";\n`
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
