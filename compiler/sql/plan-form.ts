// The engine's optimised plan as JSON text → a form to compare by, and the columns that it scans of each relation. Two
// plans of one form are one function of the scanned columns. Whatever is not understood stays in the form; what cannot
// be read, or proves nothing, is unanswerable: null. Pure.

import { canonicalJson, sha256 } from '../../runtime/contract/canonical-json.ts'
import type { Fingerprint } from '../../runtime/contract/ids.ts'
import { formByColumns } from './plan-columns.ts'
import { type Fields, fields, list, readLosslessly, type Value } from './plan-json.ts'
import { PlanReader } from './plan-reader.ts'

export interface PlanForm {
  readonly form: Fingerprint
  /** `schema.name` of each scanned relation → its scanned columns, sorted; none when only its rows count. */
  readonly scans: ReadonlyMap<string, readonly string[]>
}

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
    return formWith(renamed, (reader) => formByColumns(plan, json, reader)) ?? placed(plan, renamed)
  } catch {
    return null
  }
}

/** The form with every column at its place: for plans that hold more than columns can tell. */
function placed(plan: Fields, renamed: ReadonlyMap<string, string>): PlanForm | null {
  return formWith(renamed, (reader) => ({ by: 'places', form: reader.normal(plan) }))
}

function formWith(renamed: ReadonlyMap<string, string>, read: (reader: PlanReader) => Value): PlanForm | null {
  const reader = new PlanReader(renamed)
  try {
    const form = read(reader)
    return { form: sha256(canonicalJson(form)), scans: reader.scannedColumns() }
  } catch {
    return null
  }
}
