import * as assert from 'uvu/assert'
import type { Relation } from '../../compiler/ports.ts'
import { planForm } from '../../compiler/sql/plan-form.ts'
import { analysisEngine } from '../support/analysis.ts'
import { suite } from '../support/suite.ts'

const test = suite('ordinary-queries')

const relation = (name: string, columns: Readonly<Record<string, string>>): Relation => ({
  schema: 'source',
  name,
  columns: Object.entries(columns).map(([column, type]) => ({ name: column, type })),
})
const RELATIONS: readonly Relation[] = [
  relation('orders', {
    id: 'BIGINT',
    customer_id: 'BIGINT',
    placed: 'TIMESTAMP',
    day: 'DATE',
    status: 'VARCHAR',
    amount: 'DECIMAL(18,2)',
    tags: 'VARCHAR[]',
  }),
  relation('customers', { id: 'BIGINT', name: 'VARCHAR', country: 'VARCHAR', since: 'DATE', referred_by: 'BIGINT' }),
  relation('events', { customer_id: 'BIGINT', kind: 'VARCHAR', placed: 'TIMESTAMP', payload: 'JSON' }),
]

/** What people write, a query a line, each with the columns that a reader may take of it. */
const QUERIES = `
SELECT id, customer_id, amount FROM source.orders WHERE status <> 'CANCELLED'
SELECT id, coalesce(customer_id, -1) AS customer_id, upper(trim(status)) AS status, CASE WHEN amount >= 0 THEN amount END AS amount FROM source.orders
SELECT * FROM source.orders QUALIFY row_number() OVER (PARTITION BY id ORDER BY placed DESC) = 1
SELECT day, count(*) AS orders, sum(amount) AS revenue, count(DISTINCT customer_id) AS customers FROM source.orders GROUP BY day ORDER BY day
SELECT o.id, c.name, c.country FROM source.orders o JOIN source.customers c ON o.customer_id = c.id
SELECT o.id, c.name FROM source.orders o LEFT JOIN source.customers c ON o.customer_id = c.id WHERE c.id IS NULL
SELECT c.id, c.name, max(o.placed) AS last_order FROM source.customers c LEFT JOIN source.orders o ON o.customer_id = c.id GROUP BY c.id, c.name
WITH paid AS (SELECT * FROM source.orders WHERE status = 'PAID') SELECT customer_id, sum(amount) AS paid FROM paid GROUP BY ALL
WITH a AS (SELECT customer_id, sum(amount) AS total FROM source.orders GROUP BY 1), b AS (SELECT avg(total) AS mean FROM a) SELECT a.customer_id, a.total - b.mean AS above FROM a, b
SELECT customer_id, amount, amount / sum(amount) OVER (PARTITION BY customer_id) AS part FROM source.orders
SELECT day, revenue, avg(revenue) OVER (ORDER BY day ROWS BETWEEN 6 PRECEDING AND CURRENT ROW) AS week FROM (SELECT day, sum(amount) AS revenue FROM source.orders GROUP BY day)
SELECT customer_id, placed, lag(placed) OVER (PARTITION BY customer_id ORDER BY placed) AS before FROM source.events
SELECT id, name FROM source.customers WHERE id IN (SELECT customer_id FROM source.orders WHERE amount > 100)
SELECT id, name FROM source.customers c WHERE NOT EXISTS (SELECT 1 FROM source.orders o WHERE o.customer_id = c.id)
SELECT id, amount FROM source.orders WHERE amount > (SELECT avg(amount) FROM source.orders)
SELECT c.id, (SELECT count(*) FROM source.orders o WHERE o.customer_id = c.id) AS orders FROM source.customers c
SELECT id, placed, 'order' AS what FROM source.orders UNION ALL SELECT customer_id, placed, kind FROM source.events
SELECT customer_id FROM source.orders UNION SELECT customer_id FROM source.events
SELECT customer_id FROM source.orders EXCEPT SELECT customer_id FROM source.events
SELECT id, unnest(tags) AS tag FROM source.orders
SELECT status, country, count(*) AS n FROM source.orders o JOIN source.customers c ON c.id = o.customer_id GROUP BY ROLLUP (country, status)
SELECT customer_id, string_agg(status, ', ' ORDER BY placed) AS history, list(DISTINCT day ORDER BY day) AS days FROM source.orders GROUP BY customer_id
SELECT date_trunc('month', placed) AS month, count(*) FILTER (WHERE status = 'PAID') AS paid, count(*) FILTER (WHERE status = 'OPEN') AS open FROM source.orders GROUP BY 1
SELECT customer_id, kind, payload->>'$.page' AS page, CAST(payload->>'$.ms' AS INTEGER) AS ms FROM source.events
SELECT DISTINCT ON (customer_id) customer_id, id AS first_order FROM source.orders ORDER BY customer_id, placed, id
SELECT c.*, p.name AS referrer FROM source.customers c LEFT JOIN source.customers p ON c.referred_by = p.id
SELECT * EXCLUDE (tags), amount * 1.19 AS gross FROM source.orders
SELECT id, day FROM source.orders WHERE day >= current_date - INTERVAL 7 DAY
SELECT id, day FROM source.orders WHERE day = CAST(getvariable('run_date') AS DATE)
SELECT o.id, e.kind FROM source.orders o ASOF JOIN source.events e ON o.customer_id = e.customer_id AND o.placed >= e.placed
SELECT customer_id, sum(CASE WHEN status = 'PAID' THEN amount ELSE 0 END) AS paid FROM source.orders GROUP BY customer_id HAVING count(*) > 1
WITH RECURSIVE tree AS (SELECT id, referred_by, 0 AS depth FROM source.customers WHERE referred_by IS NULL UNION ALL SELECT c.id, c.referred_by, t.depth + 1 FROM source.customers c JOIN tree t ON c.referred_by = t.id) SELECT id, depth FROM tree
SELECT country, quantile_cont(amount, 0.5) AS middle, max_by(o.id, amount) AS largest FROM source.orders o JOIN source.customers c ON c.id = o.customer_id GROUP BY country
PIVOT source.orders ON status IN ('PAID', 'OPEN') USING sum(amount) GROUP BY customer_id
`
  .trim()
  .split('\n')

/** Every question about a query: the whole output, its rows, each column. */
async function answers(sql: string): Promise<readonly boolean[]> {
  const engine = await analysisEngine()
  const [described] = await engine.describe([{ statements: [sql], relations: RELATIONS }])
  if (described?.kind !== 'columns') throw new Error(`${sql}: ${JSON.stringify(described)}`)
  const names = described.columns.map((c) => `"${c.name}"`)
  const tuples = [names.join(', '), '1', ...names]
  const plans = await engine.plans(
    tuples.map((tuple) => ({ sql: `SELECT ${tuple} FROM (\n${sql}\n) AS q`, relations: RELATIONS })),
  )
  return plans.map((plan) => planForm(plan) !== null)
}

test('At most one question in fifty about ordinary queries cannot be answered', async () => {
  assert.ok(QUERIES.length >= 30)
  const all: { readonly sql: string; readonly answered: boolean }[] = []
  for (const sql of QUERIES) for (const answered of await answers(sql)) all.push({ sql, answered })
  const open = all.filter((a) => !a.answered)
  const named = [...new Set(open.map((a) => a.sql))].join('\n')
  assert.ok(open.length <= all.length / 50, `${open.length} of ${all.length} have no answer:\n${named}`)
})

test.run()
