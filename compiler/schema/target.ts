// A target of `materialization:` or `materializations:`, of type postgresql. Which other types there are is decided in
// validate/targets.ts; to the reader of documents a target is any mapping.

import Type from 'typebox'

const strict = { additionalProperties: false } as const
const text = (description: string) => Type.Optional(Type.String({ description }))

/** `mode:` → the mode's name in manifests. */
export const MODES = {
  overwrite: 'overwrite',
  full: 'overwrite',
  append: 'append',
  upsert_by_key: 'upsert_by_key',
  incremental_by_time: 'incremental_by_time',
} as const

export const PostgresqlTarget = Type.Object(
  {
    type: Type.String({ description: 'postgresql.' }),
    enabled: Type.Optional(Type.Boolean({ description: 'false: nothing is written.' })),
    connection: Type.String({ description: 'Name of a connection of the profile.' }),
    table: Type.String({ description: 'schema.table, or table, or database.schema.table.' }),
    mode: Type.Optional(Type.Enum(Object.keys(MODES), { description: 'How the rows get there; default: overwrite.' })),
    unique_keys: Type.Optional(
      Type.Union([Type.Array(Type.String()), Type.String()], {
        description: 'upsert_by_key: columns that name a row.',
      }),
    ),
    null_keys: Type.Optional(
      Type.Enum(['error', 'match'], { description: 'upsert_by_key: match finds NULL keys like any other.' }),
    ),
    time_column: text('incremental_by_time: rows in the range of this column that the output covers are replaced.'),
    lookback: Type.Optional(
      Type.Union([Type.Number(), Type.String()], {
        description: 'incremental_by_time: {{ start_date }} is so many days earlier: 7 or 7d.',
      }),
    ),
    create_table: Type.Optional(Type.Boolean({ description: 'false: the table must be there.' })),
    cascade: Type.Optional(
      Type.Boolean({ description: 'Only false: nothing that depends on a table is ever dropped.' }),
    ),
    recreate: Type.Optional(
      Type.Boolean({ description: 'overwrite: make the table anew when its columns no longer fit.' }),
    ),
  },
  strict,
)

/** Types of existing projects that are not built yet. */
export const LATER_TARGET_TYPES: readonly string[] = ['iceberg', 'starrocks', 'file']
