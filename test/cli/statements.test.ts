// Nodes of several statements as a user writes them: what changes a temporary table is done or refused where it stands.

import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { does, ends, rowsOf } from '../support/cli.ts'
import { shop } from '../support/shop.ts'
import { suite } from '../support/suite.ts'
import { tempProject } from '../support/temp.ts'

const test = suite('cli/statements')

const withNode = (sql: string): string =>
  tempProject({
    ...shop,
    'seeknal/changed.yml': `kind: transform\nname: changed\ninputs:\n  - ref: source.customers\ntransform: |\n  ${sql.replaceAll('\n', '\n  ')}\n`,
  })

const CHANGES = `CREATE TEMP TABLE t (customer VARCHAR, n BIGINT);
WITH a AS (SELECT customer, 1 AS n FROM ref('source.customers') WHERE customer = 'a')
INSERT INTO t SELECT customer, n FROM a;
WITH update AS (SELECT customer FROM ref('source.customers'))
UPDATE t SET n = n + 10 WHERE customer IN (SELECT customer FROM update);
INSERT INTO t WITH gone AS (SELECT 'gone' AS customer) SELECT customer, 1 FROM gone;
WITH old AS (SELECT 'gone' AS customer) DELETE FROM t WHERE customer IN (SELECT customer FROM old);
MERGE INTO t USING ref('source.customers') ON t.customer = source.customers.customer
  WHEN MATCHED THEN UPDATE SET n = n + 100
  WHEN NOT MATCHED THEN INSERT VALUES (source.customers.customer, 7);
WITH s AS (SELECT 'zz' AS customer) MERGE INTO temp.t AS mine USING s ON mine.customer = s.customer
  WHEN MATCHED THEN DELETE WHEN NOT MATCHED BY SOURCE AND n = 7 THEN UPDATE SET n = 8;
WITH load AS (SELECT * FROM t) SELECT * FROM load`

test('A node may change its own temporary tables after WITH, in an environment too', async () => {
  const folder = withNode(CHANGES)
  await does(folder, ['run'])
  assert.equal(await rowsOf(folder, 'SELECT customer, n FROM transform.changed ORDER BY ALL'), [
    ['a', '111'],
    ['b', '8'],
  ])
  const unknown =
    /comes from:\n {4}not known\n {2}goes into:\n {4}no column of another node\n {2}not known: transform\.changed/
  assert.match(await does(folder, ['lineage', 'transform.changed.n']), unknown)
  appendFileSync(join(folder, 'seeknal/sources/customers.yml'), 'params:\n  nullstr: SG\n')
  await does(folder, ['env', 'plan', 'dev'])
  await does(folder, ['env', 'apply', 'dev'])
  assert.equal(await rowsOf(folder, 'SELECT customer, n FROM transform.changed ORDER BY ALL', 'dev'), [
    ['a', '111'],
    ['b', '8'],
  ])
})

test('What is not its own is refused where it stands', async () => {
  const cases = [
    [
      "WITH a AS (SELECT 1 AS x FROM ref('source.customers')) INSERT INTO elsewhere SELECT x FROM a;\nSELECT 1 AS a",
      '6:',
    ],
    [
      'CREATE TEMP TABLE t (x BIGINT);\nWITH a AS (SELECT x FROM nowhere) INSERT INTO t SELECT x FROM a;\nFROM t',
      '7:28',
    ],
    [
      "MERGE INTO elsewhere USING ref('source.customers') AS s ON true WHEN MATCHED THEN DELETE;\nSELECT 1 AS a",
      "6:14: 'elsewhere' is no temporary object of this node; MERGE may not change it.",
    ],
    [
      'CREATE TEMP TABLE t (customer VARCHAR);\nMERGE INTO t USING transform.other AS s ON true WHEN MATCHED THEN DELETE;\nFROM t',
      "7:22: 'transform.other' is not among the 'inputs'",
    ],
    [
      'CREATE TEMP TABLE t (customer VARCHAR);\nMERGE INTO t USING (SELECT customer FROM nowhere) AS s ON true WHEN MATCHED THEN DELETE;\nFROM t',
      '7:44',
    ],
    [
      "CREATE TEMP TABLE t (customer VARCHAR);\nMERGE INTO t USING ref('source.customers') AS s ON t.customer = s.nothing WHEN MATCHED THEN DELETE;\nFROM t",
      '7:67',
    ],
  ] as const
  for (const [sql, expected] of cases) {
    const { err } = await ends(2, withNode(sql), ['validate'])
    assert.match(err, `seeknal/changed.yml:${expected}`, sql)
  }
})

test.run()
