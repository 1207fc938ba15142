// Fields that several kinds of files share, and seeknal/common/*.yml. Documents keep their on-disk spelling.

import Type, { type Static } from 'typebox'
import type { Json } from '../load.ts'
import { columnTests, nodeTests } from './test.ts'

export const strict = { additionalProperties: false } as const

/** Type.Optional with the sentence that editors show. */
export const text = (description: string) => Type.Optional(Type.String({ description }))

/** How SQL is spelled. */
export const dialect = (description: string) => Type.Optional(Type.Enum(['duckdb', 'postgresql'], { description }))

/** Any value; the loader has made sure that it is JSON. */
const AnyJson = Type.Unsafe<Json>({})
export const JsonObject = Type.Record(Type.String(), AnyJson)

export const ColumnDetails = Type.Object(
  {
    type: text("The engine's name of the type, such as DECIMAL(18,2)."),
    data_type: text('The same as type.'),
    description: text('For people; nothing runs again when it changes.'),
    not_null: Type.Optional(Type.Boolean({ description: 'Declared never to be NULL.' })),
    tests: columnTests,
  },
  strict,
)

const ColumnMap = Type.Record(Type.String(), Type.Union([Type.Null(), Type.String(), ColumnDetails]))
const NamedColumn = Type.Object({ name: Type.String(), ...ColumnDetails.properties }, strict)
const ColumnList = Type.Array(Type.Union([Type.String(), NamedColumn]))

/** `{ id: BIGINT }`, `{ id: { type: BIGINT } }`, or a list of names or of `{ name, type }`. */
export const Columns = Type.Union([ColumnMap, ColumnList])
export type Columns = Static<typeof Columns>

/** What every node may have. */
export const nodeFields = {
  name: Type.String({ description: 'Letters, digits and _; unique within its kind.' }),
  description: text('For people; nothing runs again when it changes.'),
  owner: text('Who to ask.'),
  tags: Type.Optional(Type.Union([Type.Array(Type.String()), Type.String()], { description: 'For --tags.' })),
  renamed_from: text('The name that this node had: it keeps its identity.'),
  volatile: Type.Optional(Type.Enum(['day', 'always'], { description: 'Run again each day, or each time.' })),
  params: Type.Optional(JsonObject),
  columns: Type.Optional(Columns),
  schema: Type.Optional(Columns),
  freshness: Type.Optional(JsonObject),
  materialization: Type.Optional(
    Type.Union([JsonObject, Type.Array(JsonObject), Type.Null()], { description: 'A target, or a list of them.' }),
  ),
  materializations: Type.Optional(
    Type.Array(JsonObject, { description: 'Tables of other databases that the output is written to.' }),
  ),
  audits: nodeTests,
  tests: nodeTests,
}

/** Any scalar: it is put into texts as it is written. */
const Scalar = Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Null()])

/** seeknal/common/*.yml: snippets that texts use as `{{ id.param }}`, `{{ rules.id }}`, `{{ transforms.id }}`. */
export const CommonFile = Type.Object(
  {
    sources: Type.Optional(
      Type.Array(
        Type.Object(
          { id: Type.String(), ref: text('kind.name'), params: Type.Optional(Type.Record(Type.String(), Scalar)) },
          strict,
        ),
      ),
    ),
    rules: Type.Optional(Type.Array(Type.Object({ id: Type.String(), value: Type.String() }, strict))),
    transformations: Type.Optional(Type.Array(Type.Object({ id: Type.String(), sql: Type.String() }, strict))),
  },
  strict,
)
export type CommonFile = Static<typeof CommonFile>
