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
WITH load AS (SELECT * FROM t) SELECT * FROM load`

test('A node may change its own temporary tables after WITH, in an environment too', async () => {
  const folder = withNode(CHANGES)
  await does(folder, ['run'])
  assert.equal(await rowsOf(folder, 'SELECT customer, n FROM transform.changed'), [['a', '11']])
  appendFileSync(join(folder, 'seeknal/sources/customers.yml'), 'params:\n  nullstr: SG\n')
  await does(folder, ['env', 'plan', 'dev'])
  await does(folder, ['env', 'apply', 'dev'])
  assert.equal(await rowsOf(folder, 'SELECT customer, n FROM transform.changed', 'dev'), [['a', '11']])
})

test('What is not its own, and MERGE, are refused where they stand', async () => {
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
      "CREATE TEMP TABLE t (customer VARCHAR);\nMERGE INTO t USING ref('source.customers') AS s ON true WHEN MATCHED THEN DELETE;\nFROM t",
      '7:3: MERGE is not allowed',
    ],
    [
      "CREATE TEMP TABLE t (customer VARCHAR);\nWITH s AS (FROM ref('source.customers'))\nMERGE INTO t USING s ON true WHEN MATCHED THEN DELETE;\nFROM t",
      '8:3: MERGE is not allowed',
    ],
  ] as const
  for (const [sql, expected] of cases) {
    const { err } = await ends(2, withNode(sql), ['validate'])
    assert.match(err, `seeknal/changed.yml:${expected}`, sql)
  }
})

test.run()
