// What a target's table keeps while its rows are replaced, and what is said when it does not fit, on a real server.

import * as assert from 'uvu/assert'
import { does, ends } from '../support/cli.ts'
import type { TestDatabase } from '../support/postgres.ts'
import { suite } from '../support/suite.ts'
import { ordersNode, profileFor, RAW, targetProject } from '../support/target-project.ts'

const test = suite('targets: tables')

const HEAD = 'id,customer,amount,day\n'
const NEXT = `${HEAD}1,z,1.00,2026-04-01\n2,y,2.00,2026-04-01\n`
const TABLE =
  'CREATE SCHEMA analytics; CREATE TABLE analytics.orders (id bigint, customer text, amount numeric(10,2), day date)'

test('an overwritten table stays the same one: grants, comments, indexes, constraints, triggers and views are kept', async () => {
  const project = await targetProject()
  await does(project.folder, ['run'])
  const { database } = project
  const reader = `reader_${database.user}`
  await database.superuser(`CREATE ROLE ${reader}`)
  await database.sql(`
    GRANT SELECT ON analytics.orders TO ${reader};
    COMMENT ON TABLE analytics.orders IS 'of the shop';
    CREATE INDEX by_day ON analytics.orders (day);
    ALTER TABLE analytics.orders ADD CONSTRAINT positive CHECK (amount > 0), ADD PRIMARY KEY (id);
    CREATE VIEW analytics.daily AS SELECT day, sum(amount) AS total FROM analytics.orders GROUP BY day;
    CREATE TABLE analytics.notes (order_id bigint REFERENCES analytics.orders, note text);
    INSERT INTO analytics.notes VALUES (1, 'of one')`)
  const facts = `SELECT c.oid::text, relacl::text, obj_description(c.oid) AS comment,
    (SELECT string_agg(conname, ',' ORDER BY conname) FROM pg_constraint WHERE conrelid = c.oid AND contype <> 'n') AS constraints,
    (SELECT string_agg(indexrelid::regclass::text, ',' ORDER BY 1) FROM pg_index WHERE indrelid = c.oid) AS indexes
    FROM pg_class c WHERE c.oid = 'analytics.orders'::regclass`
  const before = await project.rows(facts)
  project.write('data/orders.csv', NEXT)
  await does(project.folder, ['run'])
  assert.equal(await project.rows(facts), before)
  assert.equal(await project.rows('SELECT day, total FROM analytics.daily'), [['2026-04-01', '3']])
  assert.equal(await project.rows('SELECT note FROM analytics.notes'), [['of one']])
  // A row that another table refers to cannot go: nothing changes.
  project.write('data/orders.csv', `${HEAD}2,y,2.00,2026-04-01\n`)
  assert.match((await ends(1, project.folder, ['run'])).err, /violates.* foreign key constraint .*notes/)
  assert.is((await project.rows('SELECT 1 FROM analytics.orders')).length, 2)
})

/** Nobody may make temporary tables any more: an overwrite by way of a staging table fails. */
const withoutStaging = ({ database, superuser, user }: TestDatabase) =>
  superuser(`REVOKE TEMPORARY ON DATABASE ${database} FROM PUBLIC, ${user}`)

test('a table that nothing else looks at is filled without a staging table, and is as it was when that fails', async () => {
  const project = await targetProject()
  await withoutStaging(project.database)
  await does(project.folder, ['run'])
  await project.database.sql('CREATE UNIQUE INDEX by_id ON analytics.orders (id)')
  project.write('data/orders.csv', NEXT)
  await does(project.folder, ['run'])
  const rows = 'SELECT id, customer FROM analytics.orders ORDER BY 1'
  const after = [
    ['1', 'z'],
    ['2', 'y'],
  ]
  assert.equal(await project.rows(rows), after)
  project.write('data/orders.csv', `${HEAD}3,x,1.00,2026-04-01\n3,w,2.00,2026-04-01\n`)
  assert.match((await ends(1, project.folder, ['run'])).err, /duplicate key value violates .*by_id/)
  assert.equal(await project.rows(rows), after)
})

const LOOKED_AT: Readonly<Record<string, string>> = {
  'a foreign key of another table':
    'ALTER TABLE analytics.orders ADD PRIMARY KEY (id); CREATE TABLE analytics.notes (order_id bigint REFERENCES analytics.orders); INSERT INTO analytics.orders VALUES (1); INSERT INTO analytics.notes VALUES (1)',
  'a foreign key to another table':
    "CREATE TABLE analytics.customers (name text PRIMARY KEY); INSERT INTO analytics.customers VALUES ('z'), ('y'); ALTER TABLE analytics.orders ADD FOREIGN KEY (customer) REFERENCES analytics.customers",
  'a trigger':
    'CREATE FUNCTION analytics.same() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$; CREATE TRIGGER same BEFORE INSERT ON analytics.orders FOR EACH ROW EXECUTE FUNCTION analytics.same()',
  'a policy for rows': 'ALTER TABLE analytics.orders ENABLE ROW LEVEL SECURITY',
  'a table that inherits from it': 'CREATE TABLE analytics.child () INHERITS (analytics.orders)',
  parts:
    'DROP TABLE analytics.orders; CREATE TABLE analytics.orders (id bigint, customer text, amount numeric(10,2), day date) PARTITION BY LIST (day); CREATE TABLE analytics.part PARTITION OF analytics.orders DEFAULT',
  'a column of a wider type': 'ALTER TABLE analytics.orders ALTER amount TYPE numeric(20,4)',
  'a column too few': 'ALTER TABLE analytics.orders DROP COLUMN day',
}
for (const [what, sql] of Object.entries(LOOKED_AT))
  test(`a table with ${what} is overwritten by way of a staging table`, async () => {
    const project = await targetProject()
    const { database } = project
    project.write('data/orders.csv', NEXT)
    await database.sql(`${TABLE}; ${sql}`)
    await withoutStaging(database)
    const { err } = await ends(1, project.folder, ['run'])
    assert.match(err, /permission denied to create temporary tables/)
    await database.superuser(`GRANT TEMPORARY ON DATABASE ${database.database} TO ${database.user}`)
    await does(project.folder, ['run'])
    assert.equal(
      await project.rows('SELECT id, customer, amount::numeric(9,1), day FROM analytics.orders ORDER BY 1'),
      [
        ['1', 'z', '1', '2026-04-01'],
        ['2', 'y', '2', '2026-04-01'],
      ],
    )
  })

for (const [what, sql, said] of [
  [
    'values for an identity column',
    'ALTER TABLE analytics.orders ALTER id SET NOT NULL, ALTER id ADD GENERATED ALWAYS AS IDENTITY',
    /cannot insert a non-DEFAULT value into column "id"/,
  ],
  [
    'rows that a rule sends elsewhere too',
    'CREATE TABLE analytics.log (id bigint); CREATE RULE log AS ON INSERT TO analytics.orders DO ALSO INSERT INTO analytics.log VALUES (new.id)',
    /WITH cannot be used in a query that is rewritten by rules/,
  ],
] as const)
  test(`${what} are refused, and never slip in by COPY`, async () => {
    const project = await targetProject()
    await project.database.sql(`${TABLE}; INSERT INTO analytics.orders VALUES (77); ${sql}`)
    assert.match((await ends(1, project.folder, ['run'])).err, said)
    assert.equal(await project.rows('SELECT id FROM analytics.orders'), [['77']])
  })

for (const [action, mode] of [
  ['CASCADE', 'mode: overwrite'],
  ['SET NULL', 'mode: incremental_by_time\ntime_column: day'],
] as const)
  test(`rows of other tables never go along: ON DELETE ${action} is refused by name`, async () => {
    const project = await targetProject({ fields: mode })
    await project.database.sql(`${TABLE}; ALTER TABLE analytics.orders ADD PRIMARY KEY (id);
      CREATE TABLE analytics.notes (order_id bigint CONSTRAINT of_order REFERENCES analytics.orders ON DELETE ${action})`)
    await project.database.sql('INSERT INTO analytics.orders VALUES (5); INSERT INTO analytics.notes VALUES (5)')
    const { err } = await ends(1, project.folder, ['run'])
    assert.match(err, /would delete or change rows of other tables: of_order of analytics\.notes/)
    assert.equal(await project.rows('SELECT order_id FROM analytics.notes'), [['5']])
  })

test('columns go by name, whatever their order, letter case, or place among reserved words', async () => {
  const sql = 'SELECT id AS "order", customer AS "Mixed Case", amount AS "select", day AS "quo""te" FROM'
  const project = await targetProject({ sql, table: `'"Odd Schema"."user"'` })
  await project.database.sql(
    'CREATE SCHEMA "Odd Schema"; CREATE TABLE "Odd Schema"."user" ("quo""te" date, "select" numeric(10,2), "Mixed Case" text, "order" bigint)',
  )
  await does(project.folder, ['run'])
  assert.equal(await project.rows('SELECT * FROM "Odd Schema"."user" ORDER BY "order" LIMIT 1'), [
    ['2026-03-01', '10.5', 'a', '1'],
  ])
})

test('columns that the output gains are added, and filled', async () => {
  const project = await targetProject()
  await does(project.folder, ['run'])
  project.write('seeknal/orders.yml', ordersNode({ sql: 'SELECT *, amount * 2 AS twice FROM' }))
  await does(project.folder, ['run'])
  assert.equal(await project.rows('SELECT id, twice FROM analytics.orders ORDER BY id LIMIT 1'), [['1', '21']])
})

test('columns that the output loses or has with another type are an error that says what to do', async () => {
  const project = await targetProject()
  await does(project.folder, ['run'])
  project.write('seeknal/orders.yml', ordersNode({ sql: 'SELECT id::VARCHAR AS id, customer, day FROM' }))
  const { err } = await ends(1, project.folder, ['run'])
  assert.match(
    err,
    /the columns of analytics\.orders are others: id is bigint there and text here; amount numeric\(10,2\) is there and no longer here/,
  )
  assert.match(err, /recreate: true/)
  assert.is((await project.rows('SELECT amount FROM analytics.orders')).length, 3)
  project.write(
    'seeknal/orders.yml',
    ordersNode({ fields: 'recreate: true', sql: 'SELECT id::VARCHAR AS id, customer, day FROM' }),
  )
  await project.database.sql('CREATE VIEW analytics.of_orders AS SELECT id FROM analytics.orders')
  assert.match(
    (await ends(1, project.folder, ['run'])).err,
    /view analytics\.of_orders depends on table analytics\.orders/,
  )
  assert.is((await project.rows('SELECT amount FROM analytics.orders')).length, 3)
  await project.database.sql('DROP VIEW analytics.of_orders')
  await does(project.folder, ['run'])
  assert.equal(await project.rows('SELECT * FROM analytics.orders ORDER BY 1 LIMIT 1'), [['1', 'a', '2026-03-01']])
})

test('a table that somebody else made may be wider, and may fill columns of its own', async () => {
  const project = await targetProject()
  await project.database.sql(`CREATE SCHEMA analytics; CREATE DOMAIN analytics.money AS numeric(20,4);
    CREATE TABLE analytics.orders (key bigint GENERATED ALWAYS AS IDENTITY, id numeric, customer varchar(30),
    amount analytics.money, day date, loaded_at timestamptz NOT NULL DEFAULT now())`)
  await does(project.folder, ['run'])
  assert.equal(
    await project.rows('SELECT key, id, customer, amount, loaded_at IS NULL FROM analytics.orders ORDER BY id LIMIT 1'),
    [['1', '1', 'a', '10.5', 'false']],
  )
})

test('a value that the table refuses leaves it as it was', async () => {
  const project = await targetProject()
  await project.database.sql(`CREATE SCHEMA analytics; CREATE TABLE analytics.orders (id bigint, customer varchar(1), amount numeric(10,2), day date);
    INSERT INTO analytics.orders VALUES (77, 'x', 1, '2026-01-01')`)
  project.write('data/orders.csv', `${HEAD}1,too long,1.00,2026-04-01\n`)
  assert.match((await ends(1, project.folder, ['run'])).err, /value too long for type character varying\(1\)/)
  assert.equal(await project.rows('SELECT id FROM analytics.orders'), [['77']])
})

test('rows that the server refuses before the first one end the run', async () => {
  const project = await targetProject()
  await project.database.sql(`CREATE SCHEMA analytics;
    CREATE TABLE analytics.orders (id bigint, customer text GENERATED ALWAYS AS (id::text) STORED, amount numeric(10,2), day date);
    INSERT INTO analytics.orders VALUES (77, DEFAULT, 1, '2026-01-01')`)
  assert.match((await ends(1, project.folder, ['run'])).err, /column "customer" is a generated column/)
  assert.equal(await project.rows('SELECT id FROM analytics.orders'), [['77']])
})

test('what has the name of the table and is none is refused', async () => {
  const project = await targetProject()
  await project.database.sql('CREATE SCHEMA analytics; CREATE VIEW analytics.orders AS SELECT 1 AS id')
  assert.match((await ends(1, project.folder, ['run'])).err, /analytics\.orders is a view, not a table/)
})

test('without create_table a missing table is an error, and nothing is made', async () => {
  const project = await targetProject({ fields: 'create_table: false' })
  assert.match((await ends(1, project.folder, ['run'])).err, /there is no table analytics\.orders/)
  assert.equal(await project.rows("SELECT 1 FROM pg_namespace WHERE nspname = 'analytics'"), [])
})

test('a user who may only write rows needs no right to make schemas or tables', async () => {
  const project = await targetProject()
  const { database } = project
  const writer = `writer_${database.user}`
  await database.sql(TABLE)
  await database.superuser(`CREATE ROLE ${writer} LOGIN PASSWORD 'only writes';
    REVOKE CREATE ON DATABASE ${database.database} FROM PUBLIC;
    GRANT USAGE ON SCHEMA analytics TO ${writer};
    GRANT SELECT, INSERT, DELETE, UPDATE ON analytics.orders TO ${writer}`)
  project.write(
    'profiles.yml',
    `connections:\n  warehouse: {type: postgresql, host: ${database.host}, port: ${database.port}, database: ${database.database}, user: ${writer}, password: only writes}\n`,
  )
  await does(project.folder, ['run'])
  assert.is((await project.rows('SELECT 1 FROM analytics.orders')).length, 3)
})

test('a missing right is said as the server says it, never taken for a missing table', async () => {
  const project = await targetProject()
  await project.database.superuser(
    `CREATE SCHEMA analytics; CREATE TABLE analytics.orders (id bigint, customer text, amount numeric(10,2), day date)`,
  )
  assert.match((await ends(1, project.folder, ['run'])).err, /permission denied for (schema|table)/)
})

test('a table with 1,600 columns can be written, one more is known to be too many before anything runs', async () => {
  const columns = (count: number) =>
    Array.from({ length: count }, (_, i) => `(id + ${i})::SMALLINT AS c${i}`).join(', ')
  const project = await targetProject({ sql: `SELECT ${columns(1600)} FROM` })
  await does(project.folder, ['run'])
  assert.equal(await project.rows('SELECT c1599 FROM analytics.orders ORDER BY 1 LIMIT 1'), [['1600']])
  project.write('seeknal/orders.yml', ordersNode({ sql: `SELECT ${columns(1601)} FROM` }))
  assert.match((await ends(2, project.folder, ['run'])).err, /has 1601 columns; a table of PostgreSQL has 1600 at most/)
})

test('a wide row that does not fit on a page is kept whole', async () => {
  const project = await targetProject({ sql: "SELECT id, repeat('äß€𝄞', 50000) AS long FROM" })
  await does(project.folder, ['run'])
  assert.equal(await project.rows('SELECT length(long), octet_length(long) FROM analytics.orders LIMIT 1'), [
    ['200000', '550000'],
  ])
})

test('a name without a schema is in public, so that a bundle means the same table on every connection', async () => {
  const project = await targetProject({ table: 'orders' })
  project.write('profiles.yml', profileFor(project.database, '    schema: sales\n'))
  await project.database.sql('CREATE SCHEMA sales; CREATE TABLE sales.orders (other int)')
  await does(project.folder, ['run'])
  assert.is((await project.rows('SELECT id FROM public.orders')).length, 3)
  assert.equal(await project.rows('SELECT other FROM sales.orders'), [])
})

test('a name in three parts must lead to the database of the connection', async () => {
  const project = await targetProject({ table: 'elsewhere.analytics.orders' })
  assert.match(
    (await ends(1, project.folder, ['run'])).err,
    /the table is in the database 'elsewhere', and the connection 'warehouse' leads to/,
  )
  project.write('seeknal/orders.yml', ordersNode({ table: `${project.database.database}.analytics.orders` }))
  await does(project.folder, ['run'])
  assert.is((await project.rows('SELECT 1 FROM analytics.orders')).length, 3)
})

test('names that only look dangerous are names', async () => {
  const project = await targetProject({ table: 'public."resp_codes; DROP TABLE x; --"' })
  project.write('data/orders.csv', RAW)
  await does(project.folder, ['run'])
  assert.is((await project.rows('SELECT 1 FROM public."resp_codes; DROP TABLE x; --"')).length, 3)
})

test.run()
