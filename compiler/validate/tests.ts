// `tests:` and `audits:` of a node, and `tests:` beside a column → what is checked, each part with its place. The type of
// a test decides its fields. Reports VALIDATE_UNKNOWN_TEST, VALIDATE_NOT_SUPPORTED_YET and what a schema finds.

import type { CheckType, Severity } from '../../runtime/contract/checks.ts'
import { type Diagnostic, nearest, type Place } from '../../runtime/contract/diagnostics.ts'
import { errorAt, warningAt } from '../diagnostic-codes.ts'
import { escapePointer } from '../load/document.ts'
import { isMapping, type Json, type LoadedDocument } from '../load.ts'
import { COLUMN_TESTS, LATER_TEST_TYPES, NODE_TESTS, TEST_TYPES } from '../schema/test.ts'
import { foldCase } from '../sql/tree.ts'
import { hasPlaceholder, keyPlaceOf, placeOf, SchemaReader, writtenText } from './read-schema.ts'

interface Named {
  readonly name: string
  readonly place: Place
}

/** A test as it is written; its columns are not known yet. */
export interface DeclaredCheck {
  readonly type: CheckType
  readonly severity: Severity
  /** At least one, each once. */
  readonly columns: readonly Named[]
  /** `accepted_values` only, at least one: as written; null: NULL. */
  readonly values: readonly { readonly text: string | null; readonly place: Place }[] | null
  readonly place: Place
}

type Report = (d: Diagnostic) => void
type Fields = { readonly [key: string]: Json }

/** Where a test stands: its pointer, and the column beside which it does. */
interface Site {
  readonly document: LoadedDocument
  readonly pointer: string
  readonly column: Named | null
}

/** Everything that is checked of a node's output, in the order of the YAML. */
export function declaredChecks(kind: string, document: LoadedDocument, report: Report): readonly DeclaredCheck[] {
  const ofNode = ['audits', 'tests'].flatMap((key) =>
    listOf(document.value[key]).map((test, i) =>
      readTest(test, { document, pointer: `/${key}/${i}`, column: null }, report),
    ),
  )
  const { columns, schema, params } = document.value
  const inParams = kind === 'source' && isMapping(params) ? params : {}
  const ofColumns = [
    ...columnTests(columns, '/columns', document, report),
    ...columnTests(schema, '/schema', document, report),
    ...columnTests(inParams.columns, '/params/columns', document, report),
    ...columnTests(inParams.schema, '/params/schema', document, report),
  ]
  return [...ofNode, ...ofColumns].flatMap((check) => check ?? [])
}

const listOf = (value: Json | undefined): readonly Json[] => (Array.isArray(value) ? value : [])

/** Tests beside the columns at a pointer, which are a mapping or a list. */
function columnTests(columns: Json | undefined, pointer: string, document: LoadedDocument, report: Report) {
  const entries = Array.isArray(columns)
    ? columns.map((column: Json, i) => ({
        column,
        name: isMapping(column) ? column.name : null,
        at: `${pointer}/${i}`,
      }))
    : isMapping(columns)
      ? Object.entries(columns).map(([name, column]) => ({ column, name, at: `${pointer}/${escapePointer(name)}` }))
      : []
  return entries.flatMap(({ column, name, at }) => {
    if (!isMapping(column) || typeof name !== 'string') return []
    const place = Array.isArray(columns) ? placeOf(document, `${at}/name`) : keyPlaceOf(document, at)
    return listOf(column.tests).map((test, i) =>
      readTest(test, { document, pointer: `${at}/tests/${i}`, column: { name, place } }, report),
    )
  })
}

/** The test, or undefined with a report. */
function readTest(test: Json, site: Site, report: Report): DeclaredCheck | undefined {
  const said = isMapping(test) ? test : { type: test }
  const place = placeOfType(said, site)
  const type = knownType(said.type, place, said, report)
  if (type === undefined) return undefined
  if (hasPlaceholder(test)) {
    report(
      errorAt('VALIDATE_WRONG_VALUE', place, 'This test holds a placeholder; nothing is put into tests.', {
        hints: ['Write the columns and values themselves.'],
      }),
    )
    return undefined
  }
  const schema = (site.column === null ? NODE_TESTS : COLUMN_TESTS)[type]
  const reader = new SchemaReader(site.document)
  const fits = reader.read(schema, said, site.pointer) !== undefined
  reader.diagnostics.forEach(report)
  if (!fits) return undefined
  const columns = site.column === null ? columnsOf(said, site, report) : [site.column]
  const values = type === 'accepted_values' ? valuesOf(said, site, report) : null
  if (columns.length === 0 || values?.length === 0) return undefined
  return { type, severity: said.severity === 'warn' ? 'warn' : 'error', columns, values, place }
}

const placeOfType = ({ type }: Fields, { document, pointer }: Site): Place => {
  const place = placeOf(document, document.positions.at(`${pointer}/type`) === undefined ? pointer : `${pointer}/type`)
  return type === undefined ? { ...place, length: 1 } : place
}

/** The type of a test, if it is one that is built. */
function knownType(type: Json | undefined, place: Place, said: Fields, report: Report): CheckType | undefined {
  if (type === undefined || type === null) {
    const meant = Object.keys(said).find((key) => TEST_TYPES.includes(key)) ?? 'not_null'
    const details = { facts: { key: 'type' }, hints: [`Write it as {type: ${meant}, …}.`] }
    report(errorAt('VALIDATE_MISSING_KEY', place, "The key 'type' is missing: which test it is.", details))
  } else if (typeof type !== 'string')
    report(errorAt('VALIDATE_WRONG_TYPE', place, 'A test is its name, or a mapping with its `type`; this is neither.'))
  else if (isType(type)) return type
  else if (LATER_TEST_TYPES.includes(type)) {
    const message = `Tests of type '${type}' are not supported yet; it is left out.`
    report(warningAt('VALIDATE_NOT_SUPPORTED_YET', place, message, { facts: { type } }))
  } else {
    const near = nearest(type, TEST_TYPES)
    const hint = near === undefined ? `Tests are: ${TEST_TYPES.join(', ')}.` : `Did you mean '${near}'?`
    const details = { facts: { type, known: TEST_TYPES }, hints: [hint] }
    report(errorAt('VALIDATE_UNKNOWN_TEST', place, `There is no test '${type}'.`, details))
  }
  return undefined
}

const isType = (type: string): type is CheckType => TEST_TYPES.includes(type)

/** The columns that a test of a node names; none with a report. */
function columnsOf(test: Fields, { document, pointer }: Site, report: Report): Named[] {
  const columns = listOf(test.columns).map((name, i): Named => {
    const at = `${pointer}/columns/${i}`
    return { name: writtenText(document, name, at), place: placeOf(document, at) }
  })
  if (columns.length === 0) report(empty('columns', document, pointer))
  const seen = new Map<string, Named>()
  for (const column of columns) {
    const first = seen.get(foldCase(column.name))
    if (first === undefined) seen.set(foldCase(column.name), column)
    else
      report(
        errorAt('VALIDATE_DUPLICATE_COLUMN', column.place, `The test names the column '${column.name}' twice.`, {
          facts: { column: column.name },
          notes: [{ message: 'Named here first.', place: first.place }],
        }),
      )
  }
  return [...seen.values()]
}

function valuesOf(test: Fields, { document, pointer }: Site, report: Report) {
  const values = listOf(test.values).map((value, i) => {
    const at = `${pointer}/values/${i}`
    return { text: value === null ? null : valueText(document, value, at), place: placeOf(document, at) }
  })
  if (values.length === 0) report(empty('values', document, pointer))
  return values
}

/** Numbers as written, unless only YAML would understand them (`1e3`, `0x1F`). */
function valueText(document: LoadedDocument, value: Json, pointer: string): string {
  const written = writtenText(document, value, pointer)
  return typeof value !== 'number' || /^-?\d+(\.\d+)?$/.test(written) ? written : String(value)
}

const empty = (key: string, document: LoadedDocument, pointer: string): Diagnostic =>
  errorAt(
    'VALIDATE_WRONG_VALUE',
    placeOf(document, `${pointer}/${key}`),
    `'${key}' is empty; at least one was expected.`,
    {
      facts: { key },
    },
  )
