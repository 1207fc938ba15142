// What each mode does to the table, on a real server.

import { rmSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { does, ends } from '../support/cli.ts'
import { suite } from '../support/suite.ts'
import { ordersNode, profileFor, RAW, targetProject } from '../support/target-project.ts'

const test = suite('targets: modes')

const ALL = 'SELECT * FROM analytics.orders ORDER BY 1, 2, 4'
const HEAD = 'id,customer,amount,day\n'

test('overwrite makes schema and table, and replaces all rows at the next run', async () => {
  const project = await targetProject()
  assert.match(await does(project.folder, ['run']), /transform\.orders +3 rows .*→ analytics\.orders/)
  assert.equal(await project.rows(ALL), [
    ['1', 'a', '10.5', '2026-03-01'],
    ['2', 'b', '20', '2026-03-02'],
    ['3', null, '5.25', '2026-03-03'],
  ])
  project.write('data/orders.csv', `${HEAD}7,z,1.00,2026-04-01\n`)
  await does(project.folder, ['run'])
  assert.equal(await project.rows(ALL), [['7', 'z', '1', '2026-04-01']])
  assert.match(await does(project.folder, ['run']), /No changes detected/)
})

test('an empty output empties the table, and makes it when it is missing', async () => {
  const project = await targetProject()
  project.write('data/orders.csv', HEAD)
  await does(project.folder, ['run'])
  assert.equal(await project.rows(ALL), [])
  project.write('data/orders.csv', RAW)
  await does(project.folder, ['run'])
  assert.is((await project.rows(ALL)).length, 3)
  project.write('data/orders.csv', HEAD)
  await does(project.folder, ['run'])
  assert.equal(await project.rows(ALL), [])
})

test('append adds each new output once', async () => {
  const project = await targetProject({ fields: 'mode: append' })
  await does(project.folder, ['run'])
  await does(project.folder, ['run'])
  await does(project.folder, ['run', '--full'])
  assert.is((await project.rows(ALL)).length, 3)
  project.write('data/orders.csv', `${HEAD}8,h,8.00,2026-05-01\n`)
  await does(project.folder, ['run'])
  assert.is((await project.rows(ALL)).length, 4)
  // The same rows as before, later: a batch of its own.
  project.write('data/orders.csv', RAW)
  await does(project.folder, ['run'])
  assert.is((await project.rows(ALL)).length, 7)
})

test('a table that somebody dropped is missed by the next run, and written again', async () => {
  for (const fields of ['mode: overwrite', 'mode: append', 'mode: upsert_by_key\nunique_keys: [id]']) {
    const project = await targetProject({ fields })
    await does(project.folder, ['run'])
    assert.match(await does(project.folder, ['run']), /No changes detected/)
    await project.database.sql('DROP TABLE analytics.orders')
    const planned = JSON.parse(await does(project.folder, ['run', '--dry-run', '--json']))
    assert.equal(planned.reasons, { 'transform.orders': ['analytics.orders is not there any more'] })
    assert.match(await does(project.folder, ['run']), /transform\.orders .*→ analytics\.orders/)
    assert.is((await project.rows('SELECT 1 FROM analytics.orders')).length, 3, fields)
    assert.match(await does(project.folder, ['run']), /No changes detected/)
    await project.database.sql('DROP SCHEMA analytics CASCADE')
    await does(project.folder, ['run', '--nodes', 'transform.orders'])
    assert.is((await project.rows('SELECT 1 FROM analytics.orders')).length, 3, fields)
  }
})

test('going back names the tables that keep newer rows, and what writes the older ones', async () => {
  const project = await targetProject()
  await does(project.folder, ['run'])
  const before = await project.rows(ALL)
  project.write('seeknal/orders.yml', ordersNode({ sql: 'SELECT * REPLACE (amount * 10 AS amount) FROM' }))
  await does(project.folder, ['run'])
  const planned = JSON.parse(await does(project.folder, ['rollback', '--dry-run', '--json']))
  const table = { node: 'transform.orders', relation: 'analytics.orders', connection: 'warehouse', mode: 'overwrite' }
  assert.equal(planned.targets, [{ ...table, stays: 'holds its newer rows until it is written again' }])
  assert.match(
    (await ends(2, project.folder, ['rollback'])).err,
    /analytics\.orders \(overwrite\) holds its newer rows/,
  )
  const { out, err } = await ends(0, project.folder, ['rollback', '--yes', '--json'])
  const answer = JSON.parse(out)
  assert.equal(answer.targets, planned.targets)
  assert.match(err, /⚠ analytics\.orders \(overwrite\) holds its newer rows until it is written again\./)
  assert.match(err, /hint: The next 'seeknal run' writes what the project says by then/)
  assert.not.equal(await project.rows(ALL), before)
  const [, bundle = ''] = /seeknal exec bundle (\S+)'/.exec(answer.hints.join('\n')) ?? []
  await does(project.folder, ['exec', 'bundle', bundle])
  assert.equal(await project.rows(ALL), before)
  assert.equal(JSON.parse(await does(project.folder, ['rollback', '--to', '1', '--dry-run', '--json'])).targets, [])
})

test('where the server cannot be asked, a table that was written is believed to be there', async () => {
  const project = await targetProject()
  await does(project.folder, ['run'])
  const { database } = project
  project.write('profiles.yml', profileFor({ ...database, password: `not ${database.password}` }))
  assert.match(await does(project.folder, ['run']), /No changes detected/)
})

test('append adds nothing again when everything that was recorded here is lost, or the node has another name', async () => {
  const project = await targetProject({ fields: 'mode: append' })
  await does(project.folder, ['run'])
  project.write('data/orders.csv', `${HEAD}8,h,8.00,2026-05-01\n`)
  await does(project.folder, ['run'])
  rmSync(join(project.folder, 'target'), { recursive: true })
  await does(project.folder, ['run'])
  assert.is((await project.rows(ALL)).length, 4)
  const renamed = ordersNode({ fields: 'mode: append' }).replace('name: orders', 'name: sales\nrenamed_from: orders')
  project.write('seeknal/orders.yml', renamed)
  await does(project.folder, ['run'])
  assert.is((await project.rows(ALL)).length, 4)
  rmSync(join(project.folder, 'target'), { recursive: true })
  await does(project.folder, ['run'])
  assert.is((await project.rows(ALL)).length, 4)
})

test('upsert_by_key changes rows that are there, adds the others and deletes nothing', async () => {
  const project = await targetProject({ fields: 'mode: upsert_by_key\nunique_keys: [ID]' })
  await does(project.folder, ['run'])
  project.write('data/orders.csv', `${HEAD}2,changed,21.00,2026-03-02\n9,new,9.00,2026-03-09\n`)
  await does(project.folder, ['run'])
  assert.equal(await project.rows(ALL), [
    ['1', 'a', '10.5', '2026-03-01'],
    ['2', 'changed', '21', '2026-03-02'],
    ['3', null, '5.25', '2026-03-03'],
    ['9', 'new', '9', '2026-03-09'],
  ])
})

test('upsert_by_key works on a table without any index', async () => {
  const project = await targetProject({ fields: 'mode: upsert_by_key\nunique_keys: [id, day]' })
  await project.database.sql(
    'CREATE SCHEMA analytics; CREATE TABLE analytics.orders (day date, amount numeric(10,2), customer text, id bigint)',
  )
  await does(project.folder, ['run'])
  project.write('data/orders.csv', `${HEAD}1,other day,1.00,2026-03-09\n1,same day,2.00,2026-03-01\n`)
  await does(project.folder, ['run'])
  assert.equal(await project.rows('SELECT id, day, customer FROM analytics.orders WHERE id = 1 ORDER BY day'), [
    ['1', '2026-03-01', 'same day'],
    ['1', '2026-03-09', 'other day'],
  ])
})

/** Tables that hold the keys in ways that tell one SQL from another. */
const KEYED: Readonly<Record<string, string>> = {
  own: '',
  included: 'CREATE TABLE included (LIKE model, PRIMARY KEY (day, id) INCLUDE (customer))',
  late: 'CREATE TABLE late (LIKE model, UNIQUE (id, day) DEFERRABLE INITIALLY DEFERRED)',
  partial: 'CREATE TABLE partial (LIKE model); CREATE UNIQUE INDEX ON partial (id, day) WHERE amount > 15',
  // The row that takes a value comes before the one that gives it up.
  handed: 'CREATE TABLE handed (LIKE model, UNIQUE (id, day), UNIQUE (customer))',
  parted: `CREATE TABLE parted (LIKE model, UNIQUE (id, day)) PARTITION BY RANGE (day);
    CREATE TABLE part PARTITION OF parted FOR VALUES FROM ('2026-03-01') TO ('2026-04-01')`,
  heard: `CREATE TABLE heard (LIKE model, UNIQUE (id, day)); CREATE TABLE inserts (id bigint);
    CREATE FUNCTION hear() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO inserts VALUES (NEW.id); RETURN NEW; END $$;
    CREATE TRIGGER hear BEFORE INSERT ON heard FOR EACH ROW EXECUTE FUNCTION hear()`,
}

test('upsert_by_key comes to the same whatever indexes and triggers the table has, and leaves equal rows alone', async () => {
  const targets = Object.keys(KEYED).map(
    (table) =>
      `  - {type: postgresql, connection: warehouse, table: public.${table}, mode: upsert_by_key, unique_keys: [id, day]}\n`,
  )
  const project = await targetProject()
  const node = ordersNode().replace(/materialization:\n( .*\n)*/, `materializations:\n${targets.join('')}`)
  project.write('seeknal/orders.yml', node)
  await project.database.sql('CREATE TABLE model (id bigint, customer text, amount numeric(10,2), day date)')
  for (const ddl of Object.values(KEYED)) if (ddl !== '') await project.database.sql(ddl)
  await does(project.folder, ['run'])
  const places = () =>
    Promise.all(Object.keys(KEYED).map((table) => project.rows(`SELECT ctid FROM ${table} WHERE id = 2`)))
  const before = await places()
  project.write('data/orders.csv', `${HEAD}9,a,9.00,2026-03-09\n1,changed,10.50,2026-03-01\n2,b,20.00,2026-03-02\n`)
  await does(project.folder, ['run'])
  for (const table of Object.keys(KEYED))
    assert.equal(
      await project.rows(`SELECT id, customer FROM ${table} ORDER BY id`),
      [
        ['1', 'changed'],
        ['2', 'b'],
        ['3', null],
        ['9', 'a'],
      ],
      table,
    )
  assert.equal(await places(), before)
  assert.equal(await project.rows('SELECT id FROM inserts ORDER BY id'), [['1'], ['2'], ['3'], ['9']])
})

test('keys that several rows have are an error before anything is written', async () => {
  const project = await targetProject({ fields: 'mode: upsert_by_key\nunique_keys: [id]' })
  await does(project.folder, ['run'])
  project.write('data/orders.csv', `${HEAD}2,x,1.00,2026-03-02\n2,y,2.00,2026-03-02\n`)
  const { err } = await ends(1, project.folder, ['run'])
  assert.match(err, /one key 'id' of the output has more than one row/)
  assert.match(err, /seeknal\/orders\.yml:7/)
  assert.equal(await project.rows('SELECT customer FROM analytics.orders WHERE id = 2'), [['b']])
})

test('a NULL in a key is an error, unless NULL keys match', async () => {
  const project = await targetProject({ fields: 'mode: upsert_by_key\nunique_keys: [customer]' })
  assert.match((await ends(1, project.folder, ['run'])).err, /1 row of the output with a NULL in the key 'customer'/)
  project.write(
    'seeknal/orders.yml',
    ordersNode({ fields: 'mode: upsert_by_key\nunique_keys: [customer]\nnull_keys: match' }),
  )
  await does(project.folder, ['run'])
  project.write('data/orders.csv', `${HEAD}4,,44.00,2026-03-04\n5,a,55.00,2026-03-05\n`)
  await does(project.folder, ['run'])
  assert.equal(await project.rows('SELECT id, customer FROM analytics.orders ORDER BY id'), [
    ['2', 'b'],
    ['4', null],
    ['5', 'a'],
  ])
})

test('incremental_by_time replaces exactly the range of the output, whatever the lookback', async () => {
  const project = await targetProject({ fields: 'mode: incremental_by_time\ntime_column: day\nlookback: 7d' })
  await does(project.folder, ['run'])
  await project.database.sql(
    "INSERT INTO analytics.orders VALUES (100, 'late', 1, '2026-02-28'), (101, 'newer', 1, '2026-03-04')",
  )
  project.write('data/orders.csv', `${HEAD}20,x,1.00,2026-03-02\n30,y,1.00,2026-03-03\n`)
  await does(project.folder, ['run'])
  assert.equal(await project.rows('SELECT id, day FROM analytics.orders ORDER BY day, id'), [
    ['100', '2026-02-28'],
    ['1', '2026-03-01'],
    ['20', '2026-03-02'],
    ['30', '2026-03-03'],
    ['101', '2026-03-04'],
  ])
  project.write('data/orders.csv', HEAD)
  await does(project.folder, ['run'])
  assert.is((await project.rows('SELECT 1 FROM analytics.orders')).length, 5)
})

test('lookback makes the start date of what is read earlier, and nothing else', async () => {
  const sql = "SELECT r.* FROM ref('source.raw') r WHERE r.day >= DATE '{{ start_date }}'"
  const node = ordersNode({ fields: 'mode: incremental_by_time\ntime_column: day\nlookback: 1' }).replace(
    /transform: \|[\s\S]*/,
    `transform: |\n  ${sql}\n`,
  )
  const project = await targetProject({}, { 'seeknal/orders.yml': node })
  await does(project.folder, ['run', '--start-date', '2026-03-03'])
  assert.equal(await project.rows('SELECT day FROM analytics.orders ORDER BY 1'), [['2026-03-02'], ['2026-03-03']])
})

const TIMES: Readonly<Record<string, readonly [sql: string, type: string]>> = {
  timestamp: ["TIMESTAMP '2026-03-01 10:00:00' + to_hours(id::INT)", 'timestamp without time zone'],
  'timestamp with time zone': ["TIMESTAMPTZ '2026-03-01 10:00:00+07' + to_hours(id::INT)", 'timestamp with time zone'],
  'whole number': ['id * 10', 'bigint'],
}
for (const [name, [sql, type]] of Object.entries(TIMES))
  test(`the time of incremental_by_time may be a ${name}`, async () => {
    const project = await targetProject({
      fields: 'mode: incremental_by_time\ntime_column: t',
      sql: `SELECT id, ${sql} AS t FROM`,
    })
    await does(project.folder, ['run'])
    project.write('data/orders.csv', `${HEAD}2,b,1.00,2026-03-02\n3,c,1.00,2026-03-02\n`)
    await does(project.folder, ['run'])
    assert.equal(await project.rows('SELECT id FROM analytics.orders ORDER BY 1'), [['1'], ['2'], ['3']])
    const found = "SELECT data_type FROM information_schema.columns WHERE table_name = 'orders' AND column_name = 't'"
    assert.equal(await project.rows(found), [[type]])
  })

test('times that are no range are an error', async () => {
  const project = await targetProject({
    fields: 'mode: incremental_by_time\ntime_column: t',
    sql: "SELECT id, CASE WHEN id = 1 THEN 'infinity'::TIMESTAMP WHEN id = 2 THEN now()::TIMESTAMP END AS t FROM",
  })
  assert.match((await ends(1, project.folder, ['run'])).err, /1 row of the output without a time: 't' is NULL/)
  project.write(
    'seeknal/orders.yml',
    ordersNode({
      fields: 'mode: incremental_by_time\ntime_column: t',
      sql: "SELECT id, CASE WHEN id = 1 THEN 'infinity'::TIMESTAMP ELSE now()::TIMESTAMP END AS t FROM",
    }),
  )
  assert.match((await ends(1, project.folder, ['run'])).err, /1 row of the output with an infinite 't'/)
})

test('several targets of one node are written, and one that fails stays due', async () => {
  const target = (table: string, more = '') =>
    `  - type: postgresql\n    connection: warehouse\n    table: ${table}\n${more}`
  const node = `kind: transform\nname: orders\ninputs: [{ref: source.raw}]\nmaterializations:\n${target('a.first')}${target('b.second', '    create_table: false\n')}transform: SELECT * FROM ref('source.raw')\n`
  const project = await targetProject({}, { 'seeknal/orders.yml': node })
  const { err } = await ends(1, project.folder, ['run'])
  assert.match(err, /there is no table b\.second/)
  assert.is((await project.rows('SELECT 1 FROM a.first')).length, 3)
  assert.match(await does(project.folder, ['plan'], {}).catch(() => ''), /b\.second/)
  await project.database.sql(
    'CREATE SCHEMA b; CREATE TABLE b.second (id bigint, customer text, amount numeric(10,2), day date)',
  )
  const out = await does(project.folder, ['run'])
  assert.match(out, /→ b\.second/)
  assert.not.match(out, /a\.first/)
  assert.is((await project.rows('SELECT 1 FROM b.second')).length, 3)
})

test('nodes that run at the same time may make the same schema, and the same table', async () => {
  const project = await targetProject()
  const names = ['b', 'c', 'd', 'e', 'f']
  for (const name of names)
    project.write(
      `seeknal/${name}.yml`,
      ordersNode({ fields: 'mode: append', table: 'analytics.all_orders' }).replace('name: orders', `name: ${name}`),
    )
  await does(project.folder, ['run', '--max-workers', '6'])
  assert.equal(await project.rows('SELECT count(*) FROM analytics.all_orders'), [[String(names.length * 3)]])
})

test('the table that remembers what was appended is nobody’s target', async () => {
  const project = await targetProject({ table: 'analytics.seeknal_batches' })
  const { err } = await ends(2, project.folder, ['validate'])
  assert.match(err, /orders\.yml:7:10: The table 'seeknal_batches' remembers what was appended .* \[VALIDATE_NAME\]/)
})

test('a target that goes to another connection is named with it', async () => {
  const project = await targetProject()
  await does(project.folder, ['run'])
  project.write('seeknal/orders.yml', ordersNode().replace('connection: warehouse', 'connection: other'))
  const planned = await does(project.folder, ['plan'])
  assert.match(planned, "no longer written to 'analytics.orders' of the connection 'warehouse', which stays as it is")
  assert.match(planned, "also written to 'analytics.orders' of the connection 'other'")
})

test('a target that is switched off is not written', async () => {
  const project = await targetProject({ fields: 'enabled: false' })
  assert.not.match(await does(project.folder, ['run']), /analytics/)
  assert.equal(await project.rows("SELECT 1 FROM pg_namespace WHERE nspname = 'analytics'"), [])
})

test.run()
