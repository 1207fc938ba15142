// A source in a database → what is asked of which connection. What the author left out, the defaults of the profile say
// later. A query goes before a table. Where its server is it may say itself; the values are withheld. Reports VALIDATE_*.

import type { Static } from 'typebox'
import type { Diagnostic } from '../../runtime/contract/diagnostics.ts'
import { nearest } from '../../runtime/contract/diagnostics.ts'
import { errorAt, warningAt } from '../diagnostic-codes.ts'
import { WITHHELD } from '../load/withheld.ts'
import { isMapping, type Json, type LoadedDocument } from '../load.ts'
import { CONNECTION_FIELDS, DatabaseFreshness, PostgresqlOptions, type Source } from '../schema/source.ts'
import type { NodeCommon, PlacedText, TableSourceNode } from '../validate.ts'
import { nodeCommon } from './node-fields.ts'
import { placedText } from './placed.ts'
import { isTemplate, keyPlaceOf, placeOf, SchemaReader } from './read-schema.ts'
import { tableParts } from './table-name.ts'
import { declaredChecks } from './tests.ts'

type Report = (d: Diagnostic) => void

/** The source, or undefined with reports when something is wrong. */
export function readTableSource(
  document: LoadedDocument,
  fields: Static<typeof Source> | undefined,
  report: Report,
): TableSourceNode | undefined {
  const params = isMapping(document.value.params) ? document.value.params : {}
  const options = postgresqlOptions(params, document, report)
  const growth = growthOf(document, report)
  const checks = declaredChecks('source', document, report)
  if (fields === undefined || options === undefined || growth === undefined) return undefined
  const text = (key: 'connection' | 'table' | 'query'): PlacedText | null => {
    const [own, below] = [document.value[key], params[key]]
    if (typeof own === 'string') return placedText(document, `/${key}`, own)
    return typeof below === 'string' ? placedText(document, `/params/${key}`, below) : null
  }
  const [query, table] = [text('query'), text('table')]
  const asked = query ?? table
  if (asked === null) {
    report(
      errorAt(
        'VALIDATE_MISSING_KEY',
        keyPlaceOf(document, '/source'),
        "The key 'table' is missing: the table to read.",
        {
          facts: { key: 'table' },
          hints: ['Write `table: schema.table`, or `query:` with one SELECT.'],
        },
      ),
    )
    return undefined
  }
  const readPlace = placeOf(document, pointerOf(document, query === null ? 'table' : 'query'))
  if (query === null && table !== null && !isTemplate(table.text) && !isTableName(table.text)) {
    report(badTable(table.text, readPlace))
    return undefined
  }
  return {
    ...withoutConnectionFields(nodeCommon('source', fields, document, report)),
    checks,
    kind: 'source',
    format: 'postgresql',
    connection: text('connection'),
    ownConnection: Object.keys(options).some(isConnectionField),
    table: query === null ? table : null,
    schema: typeof options.schema === 'string' ? options.schema : null,
    query,
    growth: query === null ? growth : null,
    readPlace,
  }
}

const isConnectionField = (key: string): boolean => Object.hasOwn(CONNECTION_FIELDS, key)

/** A query may name any other parameter. */
const withoutConnectionFields = (common: Omit<NodeCommon, 'checks'>): Omit<NodeCommon, 'checks'> => ({
  ...common,
  params: Object.fromEntries(Object.entries(common.params).filter(([key]) => !isConnectionField(key))),
})

const pointerOf = ({ value }: LoadedDocument, key: string): string =>
  typeof value[key] === 'string' ? `/${key}` : `/params/${key}`

/** One or two parts; the database is the connection's. */
export const isTableName = (text: string): boolean => [1, 2].includes(tableParts(text)?.length ?? 0)

export const badTable = (text: string, place: Diagnostic['place']): Diagnostic =>
  errorAt('VALIDATE_WRONG_VALUE', place, `'${text}' is no table of a connection; 'schema.table' was expected.`, {
    facts: { table: text },
    hints: ['The database is the one of the connection. A name with other characters stands in double quotes.'],
  })

function postgresqlOptions(
  params: { readonly [key: string]: Json },
  document: LoadedDocument,
  report: Report,
): Static<typeof PostgresqlOptions> | undefined {
  const reader = new SchemaReader(document, (key, place, known) => {
    const near = nearest(key, known)
    if (key === 'url')
      return errorAt('VALIDATE_UNKNOWN_OPTION', place, "'url' belongs to a connection of the profile.", {
        facts: { option: key, format: 'postgresql', known },
        hints: ['Move it there and name the connection with `connection:`, or write host, port, database and user.'],
      })
    return warningAt('VALIDATE_UNKNOWN_KEY', place, `The key '${key}' is not known here; it is ignored.`, {
      facts: { key, known },
      hints: near === undefined ? [] : [`Did you mean '${near}'?`],
    })
  })
  const options = reader.read(PostgresqlOptions, params, '/params')
  if (params.password === WITHHELD)
    report(
      warningAt('VALIDATE_PASSWORD', keyPlaceOf(document, '/params/password'), 'A password stands in the project.', {
        facts: { key: 'password' },
        hints: ['Write "{{ env.NAME }}" and set NAME in the environment or in .env, or move it to profiles.yml.'],
      }),
    )
  // Any other parameter is one that the query's placeholders may name.
  reader.diagnostics.filter((d) => d.code !== 'VALIDATE_UNKNOWN_KEY' || d.hints.length > 0).forEach(report)
  return options
}

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 }

/** Null: it is read whole each time. Undefined: something is wrong. */
function growthOf(document: LoadedDocument, report: Report): TableSourceNode['growth'] | undefined {
  const { freshness } = document.value
  if (freshness === undefined || freshness === null) return null
  const reader = new SchemaReader(document)
  const read = reader.read(DatabaseFreshness, freshness, '/freshness')
  reader.diagnostics.forEach(report)
  if (read === undefined) return undefined
  if (read.time_column === undefined) return null
  const place = placeOf(document, '/freshness/time_column')
  if (read.lookback === undefined) return { timeColumn: read.time_column, lookbackSeconds: 0, place }
  const match = /^(\d+)\s*([smhd])?$/.exec(String(read.lookback).trim())
  if (match === null) {
    const at = placeOf(document, '/freshness/lookback')
    report(
      errorAt(
        'VALIDATE_WRONG_VALUE',
        at,
        `'${read.lookback}' is no time to look back; such as '2h' or '3d' was expected.`,
        {
          facts: { path: '/freshness/lookback' },
        },
      ),
    )
    return undefined
  }
  const lookbackSeconds = Number(match[1]) * (UNITS[match[2] ?? 'd'] ?? 0)
  return { timeColumn: read.time_column, lookbackSeconds, place }
}
