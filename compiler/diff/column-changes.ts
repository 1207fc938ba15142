// Two lists of output columns → what was added, removed, renamed, retyped, moved or lost its promise of not being null.
// Names are compared with their letter case: consumers outside the engine do. Pure.

import type { Reason } from '../../runtime/contract/diff.ts'
import type { Column } from '../../runtime/contract/manifest.ts'
import { reason } from './reasons.ts'

export interface ColumnChanges {
  readonly added: readonly Column[]
  readonly removed: readonly Column[]
  readonly retyped: readonly { readonly name: string; readonly from: string; readonly to: string }[]
  /** Names of columns that stand elsewhere among those that stayed. */
  readonly moved: readonly string[]
  /** Columns with equal name and type, in the new order. */
  readonly common: readonly string[]
  readonly mayBeNull: readonly string[]
  readonly notNull: readonly string[]
}

export function compareColumns(before: readonly Column[], now: readonly Column[]): ColumnChanges {
  const old = new Map(before.map((c) => [c.name, c]))
  const names = new Set(now.map((c) => c.name))
  const stayed = now.flatMap((column) => {
    const was = old.get(column.name)
    return was === undefined ? [] : [{ column, was }]
  })
  return {
    added: now.filter((c) => !old.has(c.name)),
    removed: before.filter((c) => !names.has(c.name)),
    retyped: stayed
      .filter(({ column, was }) => column.type !== was.type)
      .map(({ column, was }) => ({ name: column.name, from: was.type, to: column.type })),
    moved: movedNames(
      before.map((c) => c.name).filter((n) => names.has(n)),
      stayed.map((s) => s.column.name),
    ),
    common: stayed.filter(({ column, was }) => column.type === was.type).map((s) => s.column.name),
    mayBeNull: stayed.filter(({ column, was }) => was.not_null && !column.not_null).map((s) => s.column.name),
    notNull: stayed.filter(({ column, was }) => column.not_null && !was.not_null).map((s) => s.column.name),
  }
}

/** What is not in the longest sequence that keeps its order; both lists hold the same names. */
function movedNames(before: readonly string[], now: readonly string[]): string[] {
  const place = new Map(before.map((name, i) => [name, i]))
  const places = now.map((name) => place.get(name) ?? 0)
  const best = places.map(() => 1)
  for (let i = 0; i < places.length; i++)
    for (let j = 0; j < i; j++)
      if ((places[j] ?? 0) < (places[i] ?? 0)) best[i] = Math.max(best[i] ?? 1, (best[j] ?? 1) + 1)
  const kept = new Set<number>()
  let length = Math.max(0, ...best)
  for (let i = places.length - 1; i >= 0; i--) {
    const last = Math.min(...[...kept].map((k) => places[k] ?? 0), Number.POSITIVE_INFINITY)
    if (best[i] === length && (places[i] ?? 0) < last) {
      kept.add(i)
      length--
    }
  }
  return now.filter((_, i) => !kept.has(i))
}

/** In words; `renamed` are pairs of a removed and an added column with the same values. */
export function columnReasons(changes: ColumnChanges, renamed: ReadonlyMap<string, string>): Reason[] {
  const newNames = new Set(renamed.values())
  return [
    ...changes.removed
      .filter((c) => !renamed.has(c.name))
      .map((c) => reason('COLUMN_REMOVED', `- ${c.name} ${c.type}`, c.name)),
    ...[...renamed].map(([from, to]) => reason('COLUMN_RENAMED', `${from} is renamed to ${to}`, from)),
    ...changes.retyped.map((c) => reason('COLUMN_RETYPED', `${c.name}: ${c.from} → ${c.to}`, c.name)),
    ...changes.mayBeNull.map((name) => reason('COLUMN_MAY_BE_NULL', `${name} is no longer declared not null`, name)),
    ...changes.added
      .filter((c) => !newNames.has(c.name))
      .map((c) => reason('COLUMN_ADDED', `+ ${c.name} ${c.type}`, c.name)),
    ...(changes.moved.length > 0
      ? [reason('COLUMNS_MOVED', `columns stand in another order: ${changes.moved.join(', ')}`)]
      : []),
    ...changes.notNull.map((name) => reason('COLUMN_NOT_NULL', `${name} is now declared not null`, name)),
  ]
}
