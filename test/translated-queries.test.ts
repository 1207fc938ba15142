// Queries in DuckDB's dialect, executed on DuckDB as they are and on PostgreSQL as they are translated: the same columns,
// types and rows, or a refusal that points at what is refused.

import * as assert from 'uvu/assert'
import { quotePath } from '../compiler/dialect/postgresql.ts'
import { translateQueries, WAY_OUT } from '../compiler/sql/translate.ts'
import { checkQueries } from '../runtime/engines/postgresql/read-only.ts'
import { analysisEngine } from './support/analysis.ts'
import { BothEngines, explained } from './support/both-engines.ts'
import { HOSTILE } from './support/hostile-tables.ts'
import { REFUSED_QUERIES } from './support/refused-queries.ts'
import { suite } from './support/suite.ts'
import { TRANSLATED } from './support/translated-queries.ts'

const test = suite('translated queries')

let opened: Promise<BothEngines> | undefined
const engines = (): Promise<BothEngines> => {
  opened ??= BothEngines.open(HOSTILE)
  return opened
}

/** A query a line; a comment goes on in the next. */
const queriesOf = (text: string): readonly string[] =>
  text
    .trim()
    .replaceAll('-- another\n', '-- another\\n')
    .split('\n')
    .map((line) => line.replace('-- another\\n', '-- another\n'))

for (const [sentence, text] of Object.entries(TRANSLATED))
  test(sentence, async () => {
    const wrong: string[] = []
    for (const sql of queriesOf(text)) {
      const outcome = await (await engines()).compare(sql)
      if (outcome.kind !== 'same') wrong.push(`${sql}\n  ${explained(outcome)}`)
    }
    assert.is(wrong.length, 0, wrong.join('\n'))
  })

const MARK = '¦'

for (const [sentence, text] of Object.entries(REFUSED_QUERIES))
  test(`${sentence.replace(/^\S+ /, '')} is refused with its place and a way out`, async () => {
    const wrong: string[] = []
    for (const marked of queriesOf(text)) {
      const places = marked
        .split(MARK)
        .slice(0, -1)
        .map((_, i, parts) => parts.slice(0, i + 1).join('').length)
      const outcome = await (await engines()).compare(marked.replaceAll(MARK, ''))
      const findings = outcome.kind === 'refused' ? outcome.translation.findings : []
      const isRight =
        findings.length > 0 &&
        findings.every(({ code, hints }) => sentence.startsWith(`${code} `) && hints.at(-1) === WAY_OUT) &&
        (places.length === 0 || places.join() === findings.map(({ start }) => start).join())
      if (!isRight) wrong.push(`${marked}\n  ${explained(outcome)}`)
    }
    assert.is(wrong.length, 0, wrong.join('\n'))
  })

test('columns of a server whose types are others are cast before anything is done with them', async () => {
  const [query, columns] = [
    'SELECT c || 1 AS a, e < c AS b FROM source.s',
    [
      { name: 'a', type: 'VARCHAR' },
      { name: 'b', type: 'BOOLEAN' },
    ],
  ]
  const relations = [{ schema: 'source', name: 's', columns: ['c', 'e'].map((name) => ({ name, type: 'VARCHAR' })) }]
  const meanings = {
    relation: () => quotePath('shop', 'S'),
    runTimestamp: 'now()',
    variable: () => null,
    serverType: (_: unknown, column: string) => (column === 'c' ? 'character(5)' : 'text'),
  }
  const engine = await analysisEngine()
  const [translation] = await translateQueries([{ sql: query, relations, columns, meanings }], { engine, checkQueries })
  assert.is(
    translation?.kind === 'translated' ? translation.sql : '',
    'SELECT (CAST(s.c AS text) || CAST(1 AS text)) AS a, (s.e COLLATE "C" < CAST(s.c AS text) COLLATE "C") AS b\nFROM shop."S" AS s',
  )
})

test('a long query is translated in little time, and the same way each time', async () => {
  const parts = Array.from(
    { length: 200 },
    (_, i) => `SELECT k + ${i} AS a, upper(v) AS b FROM source.u WHERE i / 2 > ${i}`,
  )
  const sql = parts.join(' UNION ALL ')
  const columns = await (await engines()).columns(sql)
  const before = process.cpuUsage()
  const first = await (await engines()).translate(sql, columns)
  const { user, system } = process.cpuUsage(before)
  assert.ok(user + system < 4e6, `${(user + system) / 1000} ms of processor time`)
  assert.is(first.kind, 'translated')
  assert.equal(await (await engines()).translate(sql, columns), first)
})

test('what is written in another way is told with its place', async () => {
  const sql = 'SELECT i / 2 AS half FROM source.u ORDER BY v DESC, k LIMIT 2'
  const translation = await (await engines()).translate(sql, await (await engines()).columns(sql))
  assert.equal(
    translation.kind === 'translated' ? translation.changes.map(({ what, start }) => `${start} ${what}`) : [],
    ["9 '/' as division of floating-point numbers", '44 texts ordered by code points', '44 place of NULLs written out'],
  )
})

test('a text that repeats itself over and over is refused', async () => {
  const sql = `SELECT ${'1 / '.repeat(14)}i AS a FROM source.u`
  const nested = `SELECT ${'1 / ('.repeat(90)}i${')'.repeat(90)} AS a FROM source.u`
  assert.is((await (await engines()).compare(sql)).kind, 'same')
  assert.is((await (await engines()).compare(nested)).kind, 'refused')
})

test('the connection is closed', async () => {
  await (await engines()).close()
})

test.run()
