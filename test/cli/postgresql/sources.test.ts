import * as assert from 'uvu/assert'
import { does, ends, rowsOf } from '../../support/cli.ts'
import { postgresServer, type TestDatabase } from '../../support/postgres.ts'
import { databaseProject, passwordOf, sourceOf, transformOf } from '../../support/postgres-project.ts'
import { suite } from '../../support/suite.ts'

const test = suite('cli/postgresql/sources')

let made: Promise<TestDatabase> | null = null

async function database(): Promise<TestDatabase> {
  const server = await postgresServer()
  made ??= server.create({ database: 'sources', user: 'sources', password: 'sources-secret' })
  return made
}

test('A table and a query are read, transformed and answered', async () => {
  const db = await database()
  await db.sql(`CREATE SCHEMA s1; CREATE TABLE s1.orders (id int8, amount numeric(10,2), day date, note text);
    INSERT INTO s1.orders VALUES (1, 10.50, '2026-03-01', 'a'), (2, 20, '2026-03-01', NULL), (3, 5.25, '2026-03-02', '')`)
  const folder = databaseProject(db, {
    'seeknal/orders.yml': sourceOf('orders', 'connection: warehouse\ntable: s1.orders\n'),
    'seeknal/days.yml': sourceOf(
      'days',
      'connection: warehouse\nquery: |\n  SELECT day, count(*) AS n -- how many\n  FROM s1.orders\n  GROUP BY day;\n',
    ),
    'seeknal/daily.yml': transformOf(
      'daily',
      ['source.orders', 'source.days'],
      "SELECT day, SUM(amount) AS revenue, any_value(n) AS n FROM ref('source.orders') JOIN ref('source.days') USING (day) GROUP BY day",
    ),
  })
  const options = passwordOf(db)
  await does(folder, ['run'], options)
  assert.equal(await rowsOf(folder, 'SELECT * FROM transform.daily ORDER BY day'), [
    ['2026-03-01', '30.50', '2'],
    ['2026-03-02', '5.25', '1'],
  ])
  assert.equal(await rowsOf(folder, "SELECT id, note IS NULL, note = '' FROM source.orders ORDER BY id"), [
    ['1', 'false', 'false'],
    ['2', 'true', ''],
    ['3', 'false', 'true'],
  ])
  await ends(0, folder, ['validate'])
})

test.run()
