// The projects that come with Seeknal, executed by DuckDB and by PostgreSQL: every node that PostgreSQL can execute has the
// same columns and the same rows. The others are refused by name, with the place in the SQL.

import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import * as assert from 'uvu/assert'
import { cli, does, records } from '../support/cli.ts'
import { suite } from '../support/suite.ts'
import { newDatabase, profileFor } from '../support/target-project.ts'
import { tempProject } from '../support/temp.ts'

const test = suite('database engine: equivalence')

interface Case {
  readonly name: string
  readonly from: string
  readonly options: readonly string[]
  /** Nodes that PostgreSQL does not execute, and what of them is refused; readers of such find no input. */
  readonly refused: Readonly<Record<string, string>>
}

const STRUCT =
  "'?' is not understood: a field of a STRUCT, a whole row or a name that can mean two things is not translated."

const CASES: readonly Case[] = [
  { name: 'the example', from: 'templates/example/ecommerce', options: [], refused: {} },
  {
    name: 'the retail project',
    from: 'fixtures/retail/project',
    options: ['--date', '2026-03-31'],
    refused: {
      'transform.category_report':
        "Only data can tell the columns of 'transform.category_report', or of what it reads, which the engine does not support.",
      'transform.inventory_latest': STRUCT.replace('?', 'place.shelf'),
      'transform.prices_at_sale': 'ASOF JOIN does not exist on PostgreSQL.',
      'transform.sales_by_category':
        "Only data can tell the columns of 'transform.sales_by_category', or of what it reads, which the engine does not support.",
      'transform.sales_by_country': 'PIVOT is not translated.',
      'transform.sales_long': 'PIVOT is not translated.',
      'transform.sales_wide': 'COLUMNS() within an expression is not translated.',
      'transform.sample': "'random' has no counterpart that is known to give the same on PostgreSQL.",
      'transform.staff_by_store': 'CREATE MACRO is not translated.',
      'transform.visits_flat': STRUCT.replace('?', 'weather.rain'),
      'transform.conversion': "There is no node 'transform.visits_flat'.",
      'transform.inventory_change': "There is no node 'transform.inventory_latest'.",
      'transform.stock_and_inventory': "There is no node 'transform.inventory_latest'.",
      'transform.stock_levels': "There is no node 'transform.stock_and_inventory'.",
    },
  },
]

interface Found {
  readonly message: string
  readonly code: string
  readonly severity: string
  readonly place?: { readonly file: string }
}

/** Removes the files of what PostgreSQL cannot execute until the rest compiles; gives the nodes with what was said. */
async function withoutRefused(folder: string): Promise<Readonly<Record<string, string>>> {
  const removed: Record<string, string> = {}
  for (let turn = 0; turn < 12; turn++) {
    const { out, code } = await cli(folder, ['compile', '--json'])
    if (code === 0) return removed
    const errors = (records(out).at(-1) as { error: { facts: { diagnostics: Found[] } } }).error.facts.diagnostics
    const wrong = errors.filter(({ severity }) => severity === 'error')
    const files = new Set(wrong.flatMap(({ place }) => place?.file ?? []))
    assert.ok(files.size > 0, out)
    for (const file of files) {
      const text = readFileSync(join(folder, file), 'utf8')
      const node = `${/^kind: (\w+)/m.exec(text)?.[1]}.${/^name: (\w+)/m.exec(text)?.[1]}`
      removed[node] = wrong.find(({ place }) => place?.file === file)?.message ?? ''
      rmSync(join(folder, file))
    }
  }
  throw new Error('it does not compile')
}

/** Rows as texts in one order: numbers as numbers, times with a space between day and time. */
function plain(rows: readonly Readonly<Record<string, unknown>>[]): readonly string[] {
  const cell = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(cell)
    // A jsonb keeps no order of keys.
    if (value !== null && typeof value === 'object') return Object.entries(value).sort().map(cell)
    if (typeof value !== 'string' && typeof value !== 'number') return value
    const text = String(value)
    if (text.trim() !== '' && Number.isFinite(Number(text))) return Number(Number(text).toPrecision(14))
    return text.replace(/^(\d{4}-\d\d-\d\d)T/, '$1 ').replace(/([+-]\d\d):00$/, '$1')
  }
  return rows.map((row) => JSON.stringify(Object.entries(row).map(([key, value]) => [key, cell(value)]))).sort()
}

for (const { name, from, options, refused } of CASES)
  test(`Of ${name} both engines make the same rows`, async () => {
    const [duckdb, postgresql] = [tempProject({}), tempProject({})]
    for (const folder of [duckdb, postgresql]) cpSync(resolve(from), folder, { recursive: true })
    const database = await newDatabase('equal')
    writeFileSync(join(postgresql, 'profiles.yml'), profileFor(database))
    const project = join(postgresql, 'seeknal_project.yml')
    writeFileSync(
      project,
      `${readFileSync(project, 'utf8')}\nengine: {type: postgresql, connection: warehouse, schema: mart}\n`,
    )
    assert.equal(await withoutRefused(postgresql), refused)
    await does(duckdb, ['run', ...options, '--run-timestamp', '2026-03-31T10:20:30.5Z'])
    const run = records(
      await does(postgresql, ['run', ...options, '--run-timestamp', '2026-03-31T10:20:30.5Z', '--json']),
    )
    const nodes = run.flatMap(({ node, status }) => (typeof node === 'string' && status === 'executed' ? [node] : []))
    assert.ok(nodes.length > 10, nodes.join())
    for (const node of nodes) {
      const [kind = '', view = ''] = node.split('.')
      const query = `SELECT * FROM "${kind}"."${view}"`
      const ours = JSON.parse(await does(duckdb, ['repl', '--exec', query, '--format', 'json'])) as never[]
      const schema = kind === 'transform' ? 'mart' : `mart_${kind}`
      const rows = await database.sql(`SELECT row_to_json(q)::text AS row FROM "${schema}"."${view}" q`)
      const [there, here] = [plain(rows.map(({ row }) => JSON.parse(String(row)))), plain(ours)]
      assert.is(there.length, here.length, node)
      for (const [i, row] of here.entries()) assert.is(there[i], row, node)
    }
  })

test.run()
