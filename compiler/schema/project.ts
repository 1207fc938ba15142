// seeknal_project.yml and seeknal.lock.json.

import Type, { type Static } from 'typebox'
import { Column } from '../../runtime/contract/manifest.ts'
import { dialect, JsonObject, strict, text } from './common.ts'

/** Settings of the engine that change results; everything else is an option of the command that executes. */
export const RESULT_SETTINGS: readonly string[] = [
  'Calendar',
  'TimeZone',
  'default_collation',
  'default_null_order',
  'default_order',
  'disable_timestamptz_casts',
  'ieee_floating_point_ops',
  'integer_division',
  'old_implicit_casting',
  'order_by_non_integer_literal',
  'preserve_insertion_order',
  'scalar_subquery_error_on_multiple_rows',
]

const EngineWord = Type.Enum(['duckdb', 'postgresql'])

/** A profile may say the same; it goes before the project. */
const EngineFields = Type.Object(
  {
    type: EngineWord,
    connection: text('Name of a connection of the profile: the database that executes.'),
    schema: text("Schema of the views by which outputs are read; default: the connection's, or public."),
  },
  strict,
)

const StateWord = Type.Enum(['file', 'postgresql', 'database'])

/** A profile may say the same; it goes before the project. */
const StateFields = Type.Object(
  { type: StateWord, connection: text('Name of a connection of the profile: the database that keeps the state.') },
  strict,
)

const Settings = Type.Unsafe<Record<string, string>>(
  Type.Object(Object.fromEntries(RESULT_SETTINGS.map((name) => [name, Type.Optional(Type.String())])), strict),
)

export const ProjectFileSchema = Type.Object(
  {
    name: Type.String({ description: 'Of the project.' }),
    version: text("Of the project, such as '1.0.0'."),
    description: text('For people.'),
    profile: text('Name of the profile.'),
    'config-version': Type.Optional(Type.Number()),
    state_backend: Type.Optional(
      Type.Union([StateWord, StateFields], {
        description: 'Where the state is: file, or postgresql (database is the same) with a connection of the profile.',
      }),
    ),
    engine: Type.Optional(
      Type.Union([EngineWord, EngineFields], {
        description: 'What executes: duckdb, or postgresql with a connection of the profile.',
      }),
    ),
    dialect: dialect("Of the project's SQL, unless a transform says another."),
    settings: Type.Optional(Settings),
    defaults: Type.Optional(Type.Object({ params: Type.Optional(JsonObject) }, strict)),
    params: Type.Optional(JsonObject),
  },
  strict,
)

/** Columns of each source as they were last observed and accepted. */
export const LockFile = Type.Object(
  {
    format: Type.Literal('seeknal.lock/1'),
    sources: Type.Record(
      Type.String(),
      Type.Object(
        {
          columns: Type.Array(
            Type.Object(
              { ...Type.Pick(Column, ['name', 'type']).properties, source_type: Type.Optional(Type.String()) },
              strict,
            ),
          ),
          asked: Type.Optional(Type.String()),
          unread: Type.Optional(Type.Array(Type.String(), { minItems: 1 })),
        },
        strict,
      ),
    ),
  },
  strict,
)
export type LockFile = Static<typeof LockFile>
