// What is checked of a node's stored output, and what came out. A check says in how many rows an output breaks a promise:
// severity `error` then fails the node, `warn` only says so. Described in FORMAT.md.

import Type, { type Static } from 'typebox'
import { byCodeUnit, canonicalJson, fingerprintOf } from './canonical-json.ts'
import type { Fingerprint } from './ids.ts'

const strict = { additionalProperties: false } as const

export const CheckType = Type.Union([Type.Literal('not_null'), Type.Literal('unique'), Type.Literal('accepted_values')])
export type CheckType = Static<typeof CheckType>

export const Severity = Type.Union([Type.Literal('error'), Type.Literal('warn')])
export type Severity = Static<typeof Severity>

const head = {
  /** Unique within its node: `unique(order_id)`. */
  id: Type.String(),
  type: CheckType,
  /** As the output spells them, sorted. */
  columns: Type.Array(Type.String()),
  severity: Severity,
}

/** A check as a step of a bundle lists it. */
export const StepCheck = Type.Object(head, strict)
export type StepCheck = Static<typeof StepCheck>

export const Check = Type.Object(
  {
    ...head,
    /** `accepted_values` only: as text that the column's type can be cast from, sorted; null: NULL is accepted too. */
    values: Type.Optional(Type.Array(Type.Union([Type.String(), Type.Null()]))),
  },
  strict,
)
export type Check = Static<typeof Check>

/** Stands for everything that is checked of a node. */
export const checksFingerprint = (checks: readonly Check[]): Fingerprint => fingerprintOf(checks)

/**
 * Checks with their ids, in the one order: how an author lists tests, columns or values is no difference. Said twice is
 * said once. Pure.
 */
export function identified(checks: readonly Omit<Check, 'id'>[]): readonly Check[] {
  const sorted = checks.map((check) => ({
    ...check,
    columns: [...check.columns].sort(byCodeUnit),
    ...(check.values === undefined ? {} : { values: [...check.values].sort(nullsLast) }),
  }))
  const distinct = new Map(sorted.map((check) => [canonicalJson(check), check]))
  const uses = new Map<string, number>()
  return [...distinct]
    .sort(([a], [b]) => byCodeUnit(a, b))
    .map(([, check]) => {
      const name = `${check.type}(${check.columns.join(', ')})`
      const use = (uses.get(name) ?? 0) + 1
      uses.set(name, use)
      return { id: use === 1 ? name : `${name} #${use}`, ...check }
    })
    .sort((a, b) => byCodeUnit(a.id, b.id))
}

function nullsLast(a: string | null, b: string | null): number {
  if (a === null || b === null) return Number(a === null) - Number(b === null)
  return byCodeUnit(a, b)
}
