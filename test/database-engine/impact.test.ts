// What an edit touches where SQL is PostgreSQL's own: claims by its trees, tried on a real server with random queries and rows, and
// what a plan and a run make of them.

import * as assert from 'uvu/assert'
import { isSameTuple, readsByName } from '../../compiler/diff/trees.ts'
import { checkQueries } from '../../runtime/engines/postgresql/read-only.ts'
import { does } from '../support/cli.ts'
import { engineProject, SHOP, transform } from '../support/engine-project.ts'
import { seeded } from '../support/random.ts'
import { suite } from '../support/suite.ts'
import { newDatabase } from '../support/target-project.ts'

const test = suite('database engine: impact')

const COLUMNS = ['a', 'b', 'c', 'd', 's'] as const
const OTHER: Readonly<Record<string, string>> = {
  a: '(a + 1) % 3',
  b: '(b + 1) % 5',
  c: '(c + 1) % 6',
  d: 'd + 1',
  s: 'left(md5(s), 1)',
}
const ITEMS: readonly [string, ...string[]] = [
  't.a AS x',
  't.b AS y',
  't.a + 1 AS a',
  'upper(t.s) AS s',
  't.s AS n',
  'count(*) AS n',
  'sum(t.b) AS total',
  'max(t.c) AS a',
  'unnest(ARRAY[1, 2]) AS u',
  'generate_series(1, t.a) AS g',
  'row_number() OVER (ORDER BY t.a, t.b, t.c, t.d, t.s) AS r',
  'sum(t.b) OVER (PARTITION BY t.s) AS w',
  '(SELECT max(o.b) FROM source.t AS o WHERE o.a = t.a) AS m',
  '(SELECT sum(t.b)) AS z',
  'CASE WHEN 1 / 2 > 0 THEN t.a ELSE t.c END AS k',
  't.s::varchar(1) AS s',
  't.c',
  't.d AS x',
  "'x' AS l",
  't.*',
  'to_jsonb(t) AS j',
  't.to_jsonb AS j',
  'length(t.s) AS y',
]
const RESTS: readonly [string, ...string[]] = [
  'FROM source.t',
  'FROM source.t AS t WHERE t.a > 1',
  'FROM source.t GROUP BY t.s, t.a, t.b, t.c, t.d',
  'FROM source.t GROUP BY 1',
  'FROM source.t GROUP BY 1, 2',
  'FROM source.t GROUP BY x, s',
  'FROM source.t ORDER BY a',
  'FROM source.t ORDER BY 2',
  'FROM source.t GROUP BY t.s',
  'FROM source.t HAVING count(*) > 0',
  'FROM source.t CROSS JOIN LATERAL (SELECT t.d AS e) AS q WHERE q.e IS NOT NULL',
  'FROM source.t JOIN source.t AS o USING (a)',
  'FROM source.t WHERE EXISTS (SELECT 1 FROM source.t AS o WHERE o.c = t.b)',
]

test('Random queries of which it is claimed give the same tuples on the server, and read no other column', async () => {
  const database = await newDatabase('claims')
  const random = seeded(7)
  await database.sql(`CREATE SCHEMA source; CREATE TABLE source.t (a int, b int, c numeric, d date, s text);
    INSERT INTO source.t SELECT i % 3, nullif(i % 5, 0), i * 0.5, date '2026-01-01' + i % 4, (ARRAY['a', 'B', '', NULL, 'ab'])[1 + i % 5] FROM generate_series(1, 12) i`)
  const rows = async (sql: string, columns: readonly string[]): Promise<string | null> => {
    const list = columns.map((name) => `q."${name}"::text`).join(', ')
    try {
      const found = await database.sql(`SELECT ROW(${list})::text AS row FROM (${sql}) AS q`)
      return JSON.stringify(found.map(({ row }) => row).sort())
    } catch {
      return null
    }
  }
  const query = (): { readonly items: string[]; readonly rest: string } => ({
    items: Array.from({ length: 1 + random.between(0, 4 - 1) }, () => random.pick(ITEMS)),
    rest: random.pick(RESTS),
  })
  const textOf = ({ items, rest }: { readonly items: readonly string[]; readonly rest: string }): string =>
    `SELECT ${items.join(', ')} ${rest}`
  let [claims, narrow] = [0, 0]
  for (let turn = 0; turn < 160; turn++) {
    const old = query()
    const now = { items: [...old.items], rest: random.between(0, 6 - 1) === 0 ? random.pick(RESTS) : old.rest }
    for (let edits = 1 + random.between(0, 2 - 1); edits > 0; edits--) {
      const at = random.between(0, now.items.length + 1 - 1)
      if (random.between(0, 3 - 1) === 0 && now.items.length > 1)
        now.items.splice(Math.min(at, now.items.length - 1), 1)
      else
        now.items.splice(
          random.between(0, 2 - 1) === 0 ? now.items.length : at,
          random.between(0, 3 - 1) === 0 ? 1 : 0,
          random.pick(ITEMS),
        )
    }
    const [a, b] = await checkQueries([textOf(old), textOf(now)])
    if (a?.kind !== 'query' || b?.kind !== 'query') continue
    const common = [...new Set((a.shape.select?.items ?? []).flatMap(({ name }) => name ?? []))]
    const chosen = common.filter(() => random.between(0, 3 - 1) > 0)
    if (isSameTuple(a.shape, b.shape, chosen)) {
      const [before, after] = [await rows(textOf(old), chosen), await rows(textOf(now), chosen)]
      if (before === null || after === null) continue
      claims++
      assert.is(after, before, `${textOf(old)}\n${textOf(now)}\n${chosen.join()}`)
    }
    const reads = readsByName(a.shape, [['source.t', COLUMNS.map((name) => ({ name }))]]).get('source.t')
    const others = reads == null ? [] : COLUMNS.filter((name) => !reads.includes(name))
    const before = others.length === 0 ? null : await rows(textOf(old), common)
    if (before === null || a.facts.volatile.length > 0) continue
    narrow++
    await database.sql(`UPDATE source.t SET ${others.map((name) => `${name} = ${OTHER[name]}`).join(', ')}`)
    const after = await rows(textOf(old), common)
    assert.is(after, before, `${textOf(old)} reads ${reads?.join()}`)
  }
  assert.ok(claims > 12, `${claims} claims`)
  assert.ok(narrow > 12, `${narrow} queries that read some columns`)
})

/** A transform of every column of `paid` stands beside the others; production is made. `paid` gives that one other SQL. */
async function allOfPaid() {
  const project = await engineProject({
    ...SHOP,
    'seeknal/all.yml': transform('all', ['transform.paid'], "SELECT * FROM ref('transform.paid')"),
  })
  await does(project.folder, ['run'])
  const paid = (sql: string) => project.write('seeknal/paid.yml', transform('paid', ['source.orders'], sql))
  return { project, paid }
}

test('An edit executes those that read what it touches, and no others', async () => {
  const { project, paid } = await allOfPaid()
  paid("select ID, customer, amount, /* of the order */ day\nFROM ref('source.orders') WHERE amount > 0")
  assert.match(await does(project.folder, ['run']), /No changes detected|formatting or comments/)
  paid("SELECT id, customer, amount, day, upper(customer) AS loud FROM ref('source.orders') WHERE amount > 0")
  const plan = await does(project.folder, ['env', 'plan', 'dev'])
  assert.match(plan, /paid[^\n]*non.breaking/i)
  const added = await does(project.folder, ['run'])
  assert.match(added, /✓ transform\.paid/)
  assert.match(added, /✓ transform\.all/)
  assert.not.match(added, /✓ transform\.(daily|by_region)/)
  paid(
    "SELECT id, customer, amount * 2 AS amount, day, upper(customer) AS loud FROM ref('source.orders') WHERE amount > 0",
  )
  assert.match(await does(project.folder, ['run']), /✓ transform\.daily/)
  paid(
    "SELECT id, customer, amount * 2 AS amount, day, lower(customer) AS loud FROM ref('source.orders') WHERE amount > 0",
  )
  const values = await does(project.folder, ['run'])
  assert.match(values, /✓ transform\.all/)
  assert.not.match(values, /✓ transform\.(daily|by_region)/)
  paid(
    "SELECT id, customer, amount * 2 AS amount, day, lower(customer) AS loud FROM ref('source.orders') WHERE amount > 6",
  )
  assert.match(await does(project.folder, ['run']), /✓ transform\.by_region/)
  assert.equal(await project.rows('SELECT region, revenue FROM analytics.by_region ORDER BY 1'), [
    ['north', '21'],
    ['south', '40'],
  ])
})

test('An edit to the same effect executes nothing, and one of which that is not sure executes what reads it', async () => {
  const { project, paid } = await allOfPaid()
  paid(`WITH o AS (SELECT id, customer, amount, day FROM ref('source.orders')), none AS (SELECT 1 AS one)
SELECT o.id, o.customer, o.amount, o.day FROM o WHERE 0 < o.amount`)
  assert.match(await does(project.folder, ['plan']), /paid[^\n]*metadata[^\n]*to the same effect/)
  assert.not.match(await does(project.folder, ['run']), /✓ transform\./)
  paid("SELECT t.id, t.customer, t.amount, t.day FROM ref('source.orders') t WHERE t.amount > 0 AND t.id < 4")
  assert.match(await does(project.folder, ['run']), /✓ transform\.daily/)
  paid("SELECT t.id, t.customer, t.amount, t.day FROM ref('source.orders') t WHERE t.amount > 0 AND t.id < 9/2")
  const half = await does(project.folder, ['run'])
  assert.match(half, /✓ transform\.daily/)
  assert.equal(await project.rows('SELECT count(*) FROM analytics.paid'), [['3']])
  // The same values, compared in another way: by char(5), 'ann' is 'ann  '.
  project.write(
    'seeknal/ann.yml',
    transform('ann', ['source.orders'], "SELECT id FROM ref('source.orders') WHERE customer = 'ann  '"),
  )
  await does(project.folder, ['run'])
  assert.equal(await project.rows('SELECT count(*) FROM analytics.ann'), [['0']])
  await project.database.sql(
    'ALTER TABLE shop.orders ADD COLUMN c char(5); UPDATE shop.orders SET c = customer; ALTER TABLE shop.orders RENAME customer TO old; ALTER TABLE shop.orders RENAME c TO customer',
  )
  await does(project.folder, ['lock', '--accept'])
  assert.match(await does(project.folder, ['run']), /✓ transform\.ann/)
  assert.equal(await project.rows('SELECT count(*) FROM analytics.ann'), [['2']])
})

test('Rows that change in columns of a source that a node does not read do not execute it', async () => {
  const project = await engineProject({
    ...SHOP,
    'seeknal/days.yml': transform(
      'days',
      ['source.orders'],
      "SELECT o.day, count(*) AS n FROM ref('source.orders') AS o GROUP BY day",
    ),
    'seeknal/whole.yml': transform(
      'whole',
      ['source.orders'],
      "SELECT o.day, to_jsonb(o) AS j FROM ref('source.orders') AS o",
    ),
  })
  await does(project.folder, ['run'])
  await project.database.sql("UPDATE shop.orders SET customer = 'bob' WHERE id = 1")
  const out = await does(project.folder, ['run'])
  assert.match(out, /✓ transform\.paid/)
  assert.match(out, /✓ transform\.whole/)
  assert.not.match(out, /✓ transform\.days/)
})

test.run()
