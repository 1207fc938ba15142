// Tests of a node's output, below `tests:` and `audits:` and beside a column. Which fields a test has is decided by its
// `type`, in validate/tests.ts; to the reader of documents a test is any value.

import Type, { type TSchema } from 'typebox'
import type { CheckType } from '../../runtime/contract/checks.ts'
import type { Json } from '../load.ts'

const strict = { additionalProperties: false } as const

const severity = Type.Optional(
  Type.Enum(['error', 'warn'], { description: 'error (default): the node fails and nothing downstream runs.' }),
)
const values = Type.Array(Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Null()]), {
  description: 'What may stand in the columns; null: NULL too.',
})

const FIELDS = {
  not_null: { severity },
  unique: { severity },
  accepted_values: { severity, values },
} as const satisfies Readonly<Record<CheckType, object>>

export const TEST_TYPES: readonly string[] = Object.keys(FIELDS)

/** Tests of existing projects that are not built yet. */
export const LATER_TEST_TYPES: readonly string[] = ['row_count', 'custom_sql']

const ofNode = (type: CheckType) =>
  Type.Object(
    {
      type: Type.Literal(type),
      columns: Type.Array(Type.String(), { description: 'Columns of the output; several are one tuple to unique.' }),
      ...FIELDS[type],
    },
    strict,
  )

const ofColumn = (type: CheckType) => Type.Object({ type: Type.Literal(type), ...FIELDS[type] }, strict)

/** The schema of a test of a node. */
export const NODE_TESTS: Readonly<Record<CheckType, TSchema>> = {
  not_null: ofNode('not_null'),
  unique: ofNode('unique'),
  accepted_values: ofNode('accepted_values'),
}

/** The schema of a test that stands beside its column. */
export const COLUMN_TESTS: Readonly<Record<CheckType, TSchema>> = {
  not_null: ofColumn('not_null'),
  unique: ofColumn('unique'),
  accepted_values: ofColumn('accepted_values'),
}

/** A list of tests, as editors show it. */
const list = (oneOf: readonly TSchema[], description: string) =>
  Type.Optional(Type.Array(Type.Unsafe<Json>({ oneOf }), { description }))

export const nodeTests = list(Object.values(NODE_TESTS), 'What is checked of the output each time that it is made.')
export const columnTests = list(
  [Type.Enum(['not_null', 'unique']), ...Object.values(COLUMN_TESTS)],
  'What is checked of this column.',
)
