// The compiler's engine for tests of what is made from its trees: one for a test process, since starting it costs most.

import type { Relation, Tree } from '../../compiler/ports.ts'
import type { ParsedStatement } from '../../compiler/sql/canonical.ts'
import { type Traced, traceColumns } from '../../compiler/sql/lineage.ts'
import { reproducibilityOf } from '../../compiler/sql/reproducibility.ts'
import type { Reproducibility } from '../../runtime/contract/manifest.ts'
import { type AnalysisEngine, createAnalysisEngine } from '../../runtime/engines/duckdb/analysis.ts'

let started: Promise<AnalysisEngine> | undefined

export const analysisEngine = (): Promise<AnalysisEngine> => {
  started ??= createAnalysisEngine()
  return started
}

let volatile: Promise<ReadonlySet<string>> | undefined

const volatileFunctions = (): Promise<ReadonlySet<string>> => {
  volatile ??= analysisEngine().then((engine) => engine.volatileFunctions())
  return volatile
}

/** A relation from `source.orders(id INTEGER, name VARCHAR)`; types without commas. */
export function relation(text: string): Relation {
  const [, schema = '', name = '', list = ''] = /^(\w+)\.(\w+)\((.*)\)$/.exec(text) ?? []
  const columns = list.split(/, (?![^(]*\))/).map((column) => {
    const [, columnName = '', type = ''] = /^(\S+) (.*)$/.exec(column) ?? []
    return { name: columnName, type }
  })
  return { schema, name, columns }
}

/** One statement; its tree is null when the engine cannot serialise it. Throws when it does not parse. */
export async function parsedStatement(text: string): Promise<ParsedStatement> {
  const [result] = await (await analysisEngine()).parse([text])
  if (result === undefined || result.kind === 'syntax_error') throw new Error(`${text}: ${JSON.stringify(result)}`)
  return { text, tree: result.kind === 'trees' ? ((result.trees[0] as Tree | undefined) ?? null) : null }
}

export interface Analysed {
  readonly statement: ParsedStatement
  readonly columns: readonly string[]
  readonly traced: Traced | null
  readonly reproducibility: Reproducibility
}

/** Reproducibility of statements of which nothing is traced. */
export const untraced = async (texts: readonly string[]): Promise<Reproducibility> =>
  reproducibilityOf(await Promise.all(texts.map(parsedStatement)), null, await volatileFunctions())

/** What the compiler knows of a query; null when the engine refuses it. */
export async function analysed(sql: string, relations: readonly Relation[]): Promise<Analysed | null> {
  const engine = await analysisEngine()
  const [described] = await engine.describe([{ statements: [sql], relations }])
  if (described?.kind !== 'columns') return null
  const statement = await parsedStatement(sql)
  const traced = statement.tree && traceColumns(statement.tree, relations, described.columns)
  return {
    statement,
    columns: described.columns.map((column) => column.name),
    traced,
    reproducibility: reproducibilityOf([statement], traced?.floatSums ?? null, await volatileFunctions()),
  }
}
