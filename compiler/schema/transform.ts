// kind: transform.

import Type from 'typebox'
import { dialect, nodeFields, strict, text } from './common.ts'

const Input = Type.Object({ ref: Type.String({ description: 'kind.name of the node that is read.' }) }, strict)

export const Transform = Type.Object(
  {
    kind: Type.Literal('transform'),
    ...nodeFields,
    inputs: Type.Optional(Type.Array(Input)),
    depends_on: Type.Optional(Type.Array(Input)),
    transform: text(
      "SQL; the last statement is the query whose rows are the output. It reads inputs with ref('kind.name').",
    ),
    dialect: dialect("Of its SQL; default: the project's. postgresql needs the engine postgresql."),
    publish: Type.Optional(
      Type.Enum(['view', 'table'], {
        description: 'Engines that are databases: what people read, a view (default) or a table of its own.',
      }),
    ),
    file: text('A .sql file of the project instead of transform.'),
  },
  strict,
)
