// Tables for random queries on both engines: the columns that random-queries.ts knows, without structs and lists, with the
// values that make a difference.

import type { Table } from './both-engines.ts'
import type { RandomRelation } from './random-queries.ts'

interface Both {
  readonly table: Table
  readonly relation: RandomRelation
}

function both(relation: RandomRelation, rows: readonly (readonly (string | number | null)[])[]): Both {
  const columns = relation.columns.map(({ name, type }) => ({ name, type }))
  const texts = rows.map((row) => row.map((value) => (value === null ? null : `'${value}'`)))
  return { relation, table: { name: relation.name.slice('source.'.length), columns, rows: texts } }
}

export const RANDOM_TABLES: readonly Both[] = [
  both(
    {
      name: 'source.t0',
      columns: [
        { name: 'k', type: 'INTEGER' },
        { name: 'a', type: 'INTEGER' },
        { name: 'name', type: 'VARCHAR' },
        { name: 'amount', type: 'DOUBLE' },
        { name: 'ok', type: 'BOOLEAN' },
      ],
      key: ['k'],
    },
    [
      [1, 0, 'a', 0.25, 'true'],
      [2, 1, 'B', -0.5, 'false'],
      [3, 2, 'ab', 0, null],
      [4, null, 'é', null, 'true'],
      [5, 3, '', 2.5, 'false'],
      [6, -1, null, -2.5, 'true'],
      [7, 1, 'Z', 1e10, null],
      [8, 2, 'a', 0.75, 'false'],
      [9, 3, 'b', 1.25, 'true'],
    ],
  ),
  both(
    {
      name: 'source.t1',
      columns: [
        { name: 'a', type: 'INTEGER' },
        { name: 'v', type: 'VARCHAR' },
        { name: 'day', type: 'DATE' },
      ],
      key: null,
    },
    [
      [0, 'a', '2020-01-01'],
      [1, 'ab', '1969-12-31'],
      [1, 'ab', '1969-12-31'],
      [2, 'B', '2020-02-29'],
      [null, null, null],
      [3, 'ä', '2019-12-30'],
      [-1, '', '2021-01-01'],
    ],
  ),
]
