// The engine's optimised plan as JSON text → a form to compare by, and the columns that it scans of each relation. Two
// plans of one form are one function of the scanned columns. Where the plan can be read column by column, it tells the same of
// each tuple of its columns. Whatever is not understood stays in the form; what cannot be read, or proves nothing, is
// unanswerable: null. Pure.

import { byCodeUnit, canonicalJson, sha256 } from '../../runtime/contract/canonical-json.ts'
import type { Fingerprint } from '../../runtime/contract/ids.ts'
import { type Rows, rowsByColumns } from './plan-columns.ts'
import { type Fields, fields, list, readLosslessly, type Value } from './plan-json.ts'
import { PlanReader, type Scanned } from './plan-reader.ts'

/** `schema.name` of each scanned relation → its scanned columns, sorted; none when only its rows count. */
export type PlanScans = ReadonlyMap<string, readonly string[]>

export interface PlanForm {
  readonly form: Fingerprint
  readonly scans: PlanScans
  /** Null: the plan tells of its columns together only. */
  readonly parts: PlanParts | null
}

/** Which rows there are, and each column by itself, in the order of the plan. */
export interface PlanParts {
  readonly rows: Fingerprint
  readonly scans: PlanScans
  readonly columns: readonly PlanColumn[]
}

/** Of plans whose rows are equal, columns with equal symbols are equal in every row. */
export interface PlanColumn {
  readonly symbol: string
  readonly scans: PlanScans
}

/** A plan that reads fields of a struct reads them in another way beside the whole struct. */
const READS_FIELDS = '"child_indexes":[{'

/**
 * Null: the engine gave no plan, or one that proves nothing: over empty tables, that a result is empty may be an
 * accident. `renamed` gives the names under which relations are compared that have two: as `schema.name`.
 */
export function planForm(json: string | null, renamed: ReadonlyMap<string, string> = new Map()): PlanForm | null {
  if (json === null || json.includes('"LOGICAL_EMPTY_RESULT"')) return null
  try {
    const answer = fields(readLosslessly(json))
    const plans = list(answer.plans)
    if (answer.error !== false || plans.length !== 1) return null
    const plan = fields(plans[0])
    return byColumns(plan, json, renamed) ?? byPlaces(plan, renamed)
  } catch {
    return null
  }
}

/** Whether two plans, or some columns of each, are one function of what they scan. */
export const sameParts = (a: PlanParts, b: PlanParts): boolean =>
  a.rows === b.rows &&
  a.columns.length === b.columns.length &&
  a.columns.every(({ symbol }, i) => symbol === b.columns[i]?.symbol)

export function scansOfParts({ scans, columns }: PlanParts): PlanScans {
  const all = new Map([...scans].map(([relation, names]) => [relation, new Set(names)]))
  for (const column of columns)
    for (const [relation, names] of column.scans) {
      const known = all.get(relation) ?? new Set()
      all.set(relation, known)
      for (const name of names) known.add(name)
    }
  return new Map([...all].map(([relation, names]) => [relation, [...names].sort(byCodeUnit)]))
}

export const formOfParts = (parts: PlanParts): PlanForm => ({
  form: sha256(canonicalJson({ by: 'columns', rows: parts.rows, columns: parts.columns.map(({ symbol }) => symbol) })),
  scans: scansOfParts(parts),
  parts,
})

function byColumns(plan: Fields, json: string, renamed: ReadonlyMap<string, string>): PlanForm | null {
  try {
    const rows = rowsByColumns(plan, json, new PlanReader(renamed))
    const whole = formOfParts(partsOf(rows))
    return json.includes(READS_FIELDS) ? { ...whole, parts: null } : whole
  } catch {
    return null
  }
}

const partsOf = ({ form, reads, columns }: Rows): PlanParts => ({
  rows: sha256(canonicalJson(form)),
  scans: scansOf(reads),
  columns: columns.map((column) => ({ symbol: column.value, scans: scansOf(column.reads) })),
})

/** The form with every column at its place: for plans that hold more than columns can tell. */
function byPlaces(plan: Fields, renamed: ReadonlyMap<string, string>): PlanForm {
  const reader = new PlanReader(renamed)
  const form: Value = { by: 'places', form: reader.normal(plan) }
  return { form: sha256(canonicalJson(form)), scans: scansOf(reader.allScanned()), parts: null }
}

function scansOf(reads: Iterable<Scanned>): PlanScans {
  const scans = new Map<string, string[]>()
  for (const { relation, column } of reads) {
    const known = scans.get(relation) ?? []
    scans.set(relation, known)
    if (column !== null) known.push(column)
  }
  for (const columns of scans.values()) columns.sort(byCodeUnit)
  return scans
}
