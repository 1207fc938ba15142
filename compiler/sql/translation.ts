// Queries of DuckDB's dialect → PostgreSQL's, whose inputs are spelled `kind.name` and values of the run as calls of
// getvariable(), so that a step can put in its own names and values.

import { pgName, pgText } from '../../runtime/contract/postgresql-names.ts'
import type { CheckQueries, LazySqlEngine, Relation, TranslateQueries, TranslationRequest } from '../ports.ts'
import { type Meanings, translateQueries as translate } from './translate.ts'

const variable = (name: string): string => `getvariable(${pgText(name)})`

export const translationBy =
  (engine: LazySqlEngine, checkQueries: CheckQueries): TranslateQueries =>
  async (requests) =>
    translate(
      requests.map((request) => ({ ...request, meanings: meaningsOf(request) })),
      { engine: await engine(), checkQueries },
    )

const meaningsOf = ({ serverTypes }: TranslationRequest): Meanings => ({
  // Temporary objects of the same node have no schema.
  relation: ({ schema, name }: Relation): string =>
    `${schema === '' ? 'pg_temp' : pgName(schema)}.${pgName(name.toLowerCase())}`,
  serverType: ({ schema, name }, column) => serverTypes[`${schema}.${name}`]?.[column],
  runTimestamp: variable('run_timestamp'),
  variable,
})
