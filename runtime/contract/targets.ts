// A target: a table of another database that a node's output is written to. Everything here is as production names it;
// an environment puts its prefix before the schema. Described in FORMAT.md.

import Type, { type Static } from 'typebox'
import { byCodeUnit, fingerprintOf } from './canonical-json.ts'
import type { Fingerprint } from './ids.ts'

const strict = { additionalProperties: false } as const

/** Members that say what is so anyway are left out. */
export const Target = Type.Object(
  {
    type: Type.Literal('postgresql'),
    connection: Type.String(),
    /** Of a name in three parts: the connection must lead there. */
    database: Type.Optional(Type.String()),
    schema: Type.String({ minLength: 1 }),
    table: Type.String({ minLength: 1 }),
    mode: Type.Union([
      Type.Literal('overwrite'),
      Type.Literal('append'),
      Type.Literal('upsert_by_key'),
      Type.Literal('incremental_by_time'),
    ]),
    /** `upsert_by_key` only, as the output spells them, in the order of the YAML. */
    unique_keys: Type.Optional(Type.Array(Type.String(), { minItems: 1 })),
    /** NULL is a key like any other; absent: a NULL in a key is an error. */
    null_keys: Type.Optional(Type.Literal('match')),
    /** `incremental_by_time` only. */
    time_column: Type.Optional(Type.String()),
    /** By so much earlier `{{ start_date }}` is for the node's SQL. */
    lookback_days: Type.Optional(Type.Number()),
    /** The table must be there. */
    create_table: Type.Optional(Type.Literal(false)),
    /** A table whose columns no longer fit is made anew. */
    recreate: Type.Optional(Type.Literal(true)),
  },
  strict,
)
export type Target = Static<typeof Target>

/** Targets in the one order: how an author lists them is no difference. */
export const inOrder = (targets: readonly Target[]): readonly Target[] =>
  [...targets].sort((a, b) => byCodeUnit(targetName(a), targetName(b)))

/** `warehouse.analytics.orders`: what tells a target from others. */
export const targetName = ({ connection, database, schema, table }: Target): string =>
  [connection, ...(database === undefined ? [] : [database]), schema, table].join('.')

/** The table as people write it, unquoted: `dev_analytics.orders`, or with its database before. */
export const relationOf = ({ database, schema, table }: Target, prefix: string): string =>
  [...(database === undefined ? [] : [database]), `${prefix}${schema}`, table].join('.')

/**
 * Ids of the steps that write a node's targets, in their order: `transform.orders.to.warehouse.analytics.orders`. What a
 * file's name cannot hold is `_`; two that would be one file, whatever its letter case, are numbered.
 */
export function targetStepIds(node: string, targets: readonly Target[]): readonly string[] {
  const uses = new Map<string, number>()
  return targets.map((target) => {
    const name = targetName(target)
      .replace(/[^A-Za-z0-9_.-]/g, '_')
      .slice(0, LONGEST_NAME)
    const use = (uses.get(name.toLowerCase()) ?? 0) + 1
    uses.set(name.toLowerCase(), use)
    return `${node}.to.${name}${use === 1 ? '' : `-${use}`}`
  })
}

const LONGEST_NAME = 100

/** Stands for what a target holds when it has been written: the target as it is declared, and the rows that went there. */
export const contentOf = (target: Target, output: { readonly data: string; readonly digest: string }): Fingerprint =>
  fingerprintOf({ target, data: output.data, digest: output.digest })
