// The steps of a bundle → apply.sql: one text that DuckDB's own shell runs, with the roots as SQL variables at its top.
// The runtime gives each step a connection of its own; here they share one, so that what a step leaves behind is dropped.

import type { BundleFile, Extract } from '../../runtime/contract/bundle.ts'
import { sortedKeys } from '../../runtime/contract/canonical-json.ts'
import type { NodeId } from '../../runtime/contract/ids.ts'
import { LOSSLESS, LOSSY, UNSTORABLE } from '../../runtime/contract/stored-columns.ts'
import applyTemplate from '../../templates/duckdb/apply.sql.hbs'
import storedTemplate from '../../templates/duckdb/stored.sql.hbs'
import { quoteName, textLiteral } from '../dialect/duckdb.ts'
import type { Rewritten } from '../rewrite.ts'
import { template } from './templates.ts'

interface Setting {
  readonly name: string
  readonly value: string
}

/** A variable that keeps a value it was given before the file runs. `key` is its name as a text literal. */
interface Variable extends Setting {
  readonly key: string
}

interface ApplyValues {
  readonly title: string
  readonly engine: string
  readonly prefix: string
  readonly write_folder: string
  /** Rows that databases must give before: of which node, by which connection of the profile, asked by which file. */
  readonly extracts: readonly { readonly id: string; readonly connection: string; readonly file: string }[]
  readonly settings: readonly Setting[]
  readonly roots: readonly Variable[]
  readonly parameters: readonly Variable[]
  /** Names of variables that have a default in the SQL, or ''. */
  readonly optional: string
  readonly prelude: string
  readonly steps: readonly {
    readonly number: number
    readonly id: string
    /** What stands before the step's own text, and what follows it. */
    readonly lead: string
    readonly sql: string
    readonly cleanup: string
  }[]
}

const fill = template<ApplyValues>('duckdb/apply.sql.hbs', applyTemplate)
const fillStored = template<{ readonly lossy: string; readonly lossless: string; readonly unstorable: string }>(
  'duckdb/stored.sql.hbs',
  storedTemplate,
)

/** The runtime's rules for columns that only data can tell, as macros. */
const stored = (): string => `\n${fillStored({ lossy: LOSSY, lossless: LOSSLESS, unstorable: UNSTORABLE })}`

/** `contract` is the bundle's, without the digests that are taken afterwards. */
export function applySql(rewritten: Rewritten, contract: Omit<BundleFile, 'digest' | 'files'>): string {
  const { environment, prefix, project, settings, engine } = contract
  const writeFolder = `${prefix}outputs`
  const production = { name: 'outputs', value: textLiteral(environment === null ? writeFolder : 'target/intermediate') }
  const extracts = contract.steps.flatMap((step) => (step.kind === 'build' ? (step.extract ?? []) : []))
  const roots = [
    { name: 'data', value: "'.'" },
    production,
    ...(environment === null ? [] : [{ name: writeFolder, value: textLiteral(writeFolder) }]),
    ...(extracts.length === 0 ? [] : [{ name: 'extracts', value: textLiteral('extracts') }]),
  ]
  const { parameters, optional } = contract.requires
  const required = parameters.filter((name) => name !== 'run_timestamp' && !optional.includes(name))
  return fill({
    title:
      `${project.name} ${project.version}: ${environment === null ? 'production' : `environment ${environment}`}`.replace(
        /\s+/g,
        ' ',
      ),
    engine: `${engine.from} or newer, before ${engine.before}`,
    prefix,
    write_folder: writeFolder,
    extracts: contract.steps.flatMap(({ id, ...step }) =>
      'extract' in step && step.extract !== undefined ? [{ id, ...step.extract, given: given(step.extract) }] : [],
    ),
    settings: sortedKeys(settings).map((name) => ({ name: quoteName(name), value: textLiteral(settings[name] ?? '') })),
    roots: roots.map(({ name, value }) => ({ name, key: textLiteral(name), value })),
    parameters: required.map(parameter),
    optional: optional.map(quoteName).join(', '),
    prelude:
      rewritten.prelude +
      (rewritten.steps.some(({ byHand }) => byHand?.sql.includes('seeknal_stored(') === true) ? stored() : ''),
    steps: rewritten.steps.map(({ id, kind, node, sql, byHand, cleanup = '' }, i) => ({
      number: i + 1,
      id,
      sql: byHand?.sql ?? sql,
      ...(kind === 'check' ? raising(node) : { lead: '', cleanup }),
    })),
  })
}

const given = ({ values }: Extract): string =>
  sortedKeys(values ?? {})
    .map((name) => ` -v ${name}=…`)
    .join('')

/** Around the SELECT of a check: its rows are shown, and one of severity `error` that fails ends the script. */
const raising = (node: NodeId): { readonly lead: string; readonly cleanup: string } => ({
  lead: 'CREATE OR REPLACE TEMP TABLE check_results AS\n',
  cleanup: `FROM temp.check_results;
SELECT error(${textLiteral(`${node} fails the check `)} || id || ': ' || failing_rows || ' rows')
FROM temp.check_results
WHERE severity = 'error' AND failing_rows > 0;
DROP TABLE temp.check_results;
`,
})

/** A run's parameter: what seeknal itself would give, or a clear error where only a person knows. */
function parameter(name: string): Variable {
  const known: Readonly<Record<string, string>> = {
    run_date: "strftime(CAST(getvariable('run_timestamp') AS DATE), '%Y-%m-%d')",
    run_id: "'by-hand'",
  }
  const value =
    known[name] ?? `error(${textLiteral(`this bundle needs a value: SET VARIABLE ${quoteName(name)} = '…' first`)})`
  return { name: quoteName(name), key: textLiteral(name), value }
}
