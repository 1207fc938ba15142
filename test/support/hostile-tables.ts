// Small tables of what breaks translations between dialects. Values are texts in quotes that both engines cast.

import type { Table } from './both-engines.ts'

const text = (value: string | null): string | null => (value === null ? null : `'${value.replaceAll("'", "''")}'`)

const table = (
  name: string,
  columns: Readonly<Record<string, string>>,
  rows: readonly (readonly (string | null)[])[],
): Table => ({
  name,
  columns: Object.entries(columns).map(([column, type]) => ({ name: column, type })),
  rows: rows.map((row) => row.map(text)),
})

export const HOSTILE: readonly Table[] = [
  table(
    't',
    {
      k: 'INTEGER',
      i: 'INTEGER',
      b: 'BIGINT',
      si: 'SMALLINT',
      d: 'DECIMAL(10,3)',
      x: 'DOUBLE',
      s: 'VARCHAR',
      dt: 'DATE',
      ts: 'TIMESTAMP',
      ok: 'BOOLEAN',
    },
    [
      ['1', '7', '7000000000', '3', '1.005', '2.5', 'a', '2020-01-31', '2020-01-31 23:59:59.999999', 'true'],
      ['2', '-7', '-7000000000', '-3', '-1.005', '-2.5', 'B', '1969-12-31', '1969-12-31 23:59:59.5', 'false'],
      ['3', '0', '0', '0', '0.000', '0', '', '1970-01-01', '1970-01-01 00:00:00', null],
      ['4', null, null, null, null, null, null, null, null, null],
      [
        '5',
        '2147483647',
        '9223372036854775807',
        '32767',
        '9999999.999',
        '1e15',
        'éa',
        '2020-02-29',
        '2020-02-29 12:00:00',
        'true',
      ],
      [
        '6',
        '-2147483648',
        '-9223372036854775807',
        '-32768',
        '-9999999.999',
        'NaN',
        'Straße',
        '0999-06-05',
        '0999-06-05 04:05:06',
        'false',
      ],
      ['7', '2', '2', '2', '2.500', 'Infinity', ' a ', '2021-01-01', '2021-01-01 01:02:03.4', 'true'],
      ['8', '3', '3', '3', '3.500', '-Infinity', 'A', '2020-12-31', '2020-12-31 10:30:00', 'false'],
      ['9', '7', '7', '3', '1.004', '2.675', 'a', '2020-01-31', '2020-01-31 00:00:00', 'true'],
      ['10', '7', '8', '4', '0.125', '0.125', '日本😀', '2019-12-30', '2019-12-30 23:00:00', null],
      ['11', '100', '5', '5', '-0.500', '-0.5', 'a_b%c\\d', '2020-03-01', '2020-03-01 05:00:00', 'true'],
      ['12', '-1', '6', '6', '0.500', '1234567.891', '12,34', '2000-02-29', '2000-02-29 00:00:00.000001', 'false'],
      [
        '13',
        '-2',
        '-8',
        '7',
        '-0.001',
        '-0',
        'e\u0301a\u{1f469}\u200d\u{1f467}',
        '1582-10-10',
        '1582-10-10 11:12:13',
        'true',
      ],
      ['14', '1', '9', '8', '0.001', '1e-5', 'x\ny\t \u00a0', '9999-12-31', '9999-12-31 23:59:59', 'false'],
      ['15', '9', '10', '9', '12.345', '-1e-5', 'İıǆςΣ', '2024-12-30', '2024-12-30 06:07:08', null],
    ],
  ),
  table('u', { k: 'INTEGER', i: 'INTEGER', v: 'VARCHAR', p: 'DECIMAL(6,2)', big: 'BIGINT' }, [
    ['1', '7', 'a', '1.50', '1'],
    ['2', '7', 'A', '-1.50', '2'],
    ['3', null, null, null, null],
    ['4', '0', '', '0.00', '4'],
    ['13', '-7', 'zz', '9999.99', '5'],
    ['13', '-7', 'zz', '9999.99', '5'],
  ]),
  table('texts', { n: 'VARCHAR', m: 'VARCHAR', d: 'VARCHAR', w: 'VARCHAR' }, [
    ['1', '1.5', '2020-01-31', 'true'],
    [' 42 ', ' -2.5 ', '1969-12-31', 'f'],
    ['-7', '.5', '2020-1-5', 'FALSE'],
    [null, null, null, null],
    ['+5', '1e3', '2020-02-29', 't'],
  ]),
  table('odd', { n: 'VARCHAR', d: 'VARCHAR' }, [
    ['1', '2020-01-31'],
    ['abc', 'yesterday'],
    ['', ''],
    ['1.5', '2020-02-30'],
    ['-2.5', '1969-12-31'],
    ['99999999999', 'Jan 5 2020'],
    [null, null],
    [' 7 ', '12'],
  ]),
  {
    name: 'lists',
    columns: [
      { name: 'k', type: 'INTEGER' },
      { name: 'n', type: 'INTEGER' },
    ],
    rows: [
      ['1', '3'],
      ['2', null],
      ['3', '0'],
    ],
  },
  table('Mixed', { Id: 'INTEGER', select: 'VARCHAR', 'Two Words': 'VARCHAR' }, [
    ['1', 'x', 'y'],
    ['2', null, 'Z'],
  ]),
]
