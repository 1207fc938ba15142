// `repl --exec`: answers that lose nothing, and nothing but reading.

import { existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { stripVTControlCharacters } from 'node:util'
import * as assert from 'uvu/assert'
import { Terminal } from '../../runtime/cli/terminal.ts'
import { hasCode, splitStatements } from '../../runtime/engines/duckdb/split-statements.ts'
import { complete } from '../../runtime/repl/completion.ts'
import { formatted } from '../../runtime/repl/formats.ts'
import { interact } from '../../runtime/repl/interactive.ts'
import { openReplState } from '../../runtime/repl/open-state.ts'
import { fileOutputs } from '../../runtime/repl/outputs.ts'
import { openStore } from '../../runtime/store/store.ts'
import { does, ends, rowsOf } from '../support/cli.ts'
import { seeknal } from '../support/seeknal.ts'
import { shop } from '../support/shop.ts'
import { suite } from '../support/suite.ts'
import { tempProject } from '../support/temp.ts'
import { until } from '../support/until.ts'

const test = suite('cli/repl')
const folder = tempProject(shop)
test.before(async () => {
  await does(folder, ['run'])
})

const exec = (sql: string, ...more: string[]) => does(folder, ['repl', '-e', sql, ...more])

test('An output has two names, and any form of query reads it', async () => {
  for (const sql of [
    'SELECT count(*) FROM transform_daily',
    'SELECT count(*) FROM transform.daily',
    '  -- note\nSELECT count(*) FROM "transform"."daily" ;',
    'FROM (FROM transform_daily) SELECT count(*)',
    'WITH x AS (TABLE transform_daily) SELECT count(*) FROM x',
  ])
    assert.equal(await rowsOf(folder, sql), [['2']], sql)
  assert.match(await exec('SUMMARIZE transform_daily'), /revenue/)
  assert.match(await exec('DESCRIBE transform.daily'), /DECIMAL\(38,2\)/)
  assert.match(await exec('SHOW ALL TABLES'), /source.*orders/)
  assert.match(await exec('EXPLAIN SELECT * FROM transform_daily', '--format', 'json'), /physical_plan|explain_value/)
  assert.equal(
    await rowsOf(
      folder,
      "SET VARIABLE d = DATE '2026-03-01'; CREATE TEMP TABLE t AS FROM transform_daily; SELECT revenue FROM t WHERE day = getvariable('d')",
    ),
    [['30.50']],
  )
})

test('A result is never written over an output, nor anywhere in target/', async () => {
  symlinkSync(join(folder, 'target/current'), join(folder, 'link'))
  const before = readFileSync(join(folder, 'target/current/manifest.json'), 'utf8')
  for (const path of [
    'target/current/manifest.json',
    'link/new/x.json',
    './target/x.csv',
    join(folder, 'target/a/b.csv'),
  ]) {
    const { err } = await ends(2, folder, ['repl', '-e', 'SELECT 1', '-o', path])
    assert.match(err, 'is in target/')
  }
  assert.is(readFileSync(join(folder, 'target/current/manifest.json'), 'utf8'), before)
  await exec('SELECT 1', '-o', 'targets/x.csv')
  await exec('SELECT 1', '-o', '../target.csv')
})

test('Days and times without end are shown as such, also within other values', async () => {
  const sql = `SELECT 'infinity'::DATE AS a, '-infinity'::TIMESTAMP_S AS b, 'infinity'::TIMESTAMP_NS AS c, '-infinity'::TIMESTAMP AS d,
    DATE '9999-12-31' AS e, {'x''': ['-infinity'::DATE, NULL], 'y': MAP {'it''s': 'infinity'::TIMESTAMP_MS}} AS f`
  assert.is(
    await exec(sql, '--format', 'csv'),
    `a,b,c,d,e,f\ninfinity,-infinity,infinity,-infinity,9999-12-31,"{'x''': [-infinity, NULL], 'y': {'it''s': infinity}}"\n`,
  )
  assert.equal(JSON.parse(await exec(sql, '--format', 'json')), [
    {
      a: 'infinity',
      b: '-infinity',
      c: 'infinity',
      d: '-infinity',
      e: '9999-12-31',
      f: { "x'": ['-infinity', null], y: [{ key: "it's", value: 'infinity' }] },
    },
  ])
})

test('EXPLAIN shows the lines of its plan whole, in a table and in Markdown', async () => {
  const plan = (await exec('EXPLAIN SELECT revenue FROM transform_daily WHERE revenue > 1')).split('\n')
  assert.ok(plan.length > 5 && plan.every((line) => !line.includes('\\n')), 'its lines are lines')
  assert.ok(
    plan.some((line) => line.trimStart().startsWith('│') && line.includes('revenue')),
    plan.join('\n'),
  )
  const fenced = await exec("EXPLAIN SELECT 'a```b' FROM transform_daily", '--format', 'markdown')
  assert.match(fenced, /^````text\n[\s\S]*│[\s\S]*\n````\n$/)
  const named = await exec('SET VARIABLE x = 1; EXPLAIN ANALYZE SELECT revenue FROM transform_daily')
  assert.match(named, /│[^\n]*Total Time/)
})

test('Numbers, dates and nested values are exact in every format', async () => {
  const sql =
    "SELECT 9007199254740993::BIGINT AS big, 12.340::DECIMAL(10,3) AS dec, DATE '2026-03-01' AS d, 1.0::DOUBLE AS f, 0.1::FLOAT AS g, {'a': [1, NULL], 'b': MAP {'k': [count(*), 9007199254740993]}} AS s, NULL AS n, '' AS e, 'a,\"b\"' AS q"
  assert.is(
    await exec(sql, '--format', 'csv'),
    'big,dec,d,f,g,s,n,e,q\n9007199254740993,12.340,2026-03-01,1.0,0.1,"{\'a\': [1, NULL], \'b\': {\'k\': [1, 9007199254740993]}}",,"","a,""b"""\n',
  )
  assert.equal(JSON.parse(await exec(sql, '--format', 'json')), [
    {
      big: '9007199254740993',
      dec: '12.340',
      d: '2026-03-01',
      f: 1,
      g: 0.10000000149011612,
      s: { a: [1, null], b: [{ key: 'k', value: [1, '9007199254740993'] }] },
      n: null,
      e: '',
      q: 'a,"b"',
    },
  ])
  assert.match(
    await exec('SELECT 5 AS a, NULL AS b', '--format', 'markdown'),
    /^\| a \| b \|\n\| ---: \| ---: \|\n\| 5 \| {2}\|\n$/,
  )
  assert.is(await exec('SELECT 1 AS a, 2 AS a', '--json'), '[\n{"a": 1, "a_1": 2}\n]\n')
})

test('Literals and comments are no statements', async () => {
  assert.equal(await rowsOf(folder, "SELECT 'update' AS u, ';' AS s -- DROP TABLE x;"), [['update', ';']])
  assert.equal(await rowsOf(folder, 'SELECT 1 /* ; /* ; */ COPY */'), [['1']])
})

test('Everything that is not reading is refused before it runs', async () => {
  const file = join(folder, 'evil.db')
  const statements = [
    `ATTACH '${file}' AS e`,
    `COPY transform_daily TO '${file}'`,
    `COPY (SELECT 1) TO '${join(folder, 'target/x.csv')}'`,
    `EXPLAIN ANALYZE COPY (SELECT 1) TO '${join(folder, 'target/current/intermediate/x.csv')}'`,
    'INSTALL httpfs',
    'LOAD httpfs',
    'SET threads = 1',
    'PRAGMA database_list',
    'CALL pragma_version()',
    'CREATE TABLE t (a INT)',
    'CREATE OR REPLACE VIEW transform_daily AS SELECT 1',
    'DROP VIEW transform_daily',
    'INSERT INTO transform_daily VALUES (1)',
    'DELETE FROM transform_daily',
    'UPDATE transform_daily SET day = NULL',
    "PREPARE p AS COPY (SELECT 1) TO 'x'",
    'BEGIN',
    "EXPORT DATABASE 'x'",
    'USE memory',
    'CHECKPOINT',
    'DETACH memory',
    'WITH x AS (SELECT 1) INSERT INTO transform_daily SELECT * FROM x',
  ]
  for (const sql of statements) {
    assert.match((await ends(2, folder, ['repl', '-e', sql])).err, /only reads/, sql)
    assert.match((await ends(2, folder, ['repl', '-e', `SELECT 1; ${sql}`])).err, /only reads/, sql)
  }
  assert.not.ok(existsSync(file))
})

test('Files outside the outputs cannot be read', async () => {
  for (const sql of [
    "SELECT * FROM read_text('/etc/passwd')",
    "FROM '/etc/passwd'",
    `FROM read_csv('${join(folder, 'data/orders.csv')}')`,
    "SELECT * FROM glob('/*')",
  ]) {
    const { err } = await ends(1, folder, ['repl', '-e', sql])
    assert.match(err, /Permission|disabled|Cannot access|does not exist/i, sql)
  }
})

test('--limit, --output and stdin', async () => {
  assert.match(await exec('FROM source_orders;', '--limit', '2'), /\(2 rows, there are more\)/)
  assert.match(await exec('EXPLAIN SELECT 1;', '--limit', '5'), /./)
  for (const [name, start] of [
    ['o.csv', 'id,customer'],
    ['o.json', '[\n{"id"'],
    ['o.md', '| id'],
    ['o.parquet', 'PAR1'],
  ] as const) {
    assert.is(await exec('FROM source_orders', '-o', name), '')
    assert.ok(readFileSync(join(folder, name), 'latin1').startsWith(start), name)
  }
  assert.equal(JSON.parse(await exec('FROM source_orders', '-o', 'p.PARQUET', '--json')), { output: 'p.PARQUET' })
  assert.ok(readFileSync(join(folder, 'p.PARQUET'), 'latin1').startsWith('PAR1'))
  for (const wrong of [
    ['-o', 'o.xlsx'],
    ['-o', 'o.parquet', '--format', 'csv'],
    ['--json', '--format', 'csv'],
  ])
    await ends(2, folder, ['repl', '-e', 'SELECT 1', ...wrong])
  assert.match((await ends(1, folder, ['repl', '-e', 'selec'])).err, /^✗ Parser Error: syntax error at or near "selec"/)
  assert.match((await ends(2, folder, ['lineage', '--json', '--format', 'mermaid'])).err, /ask for two formats/)
  assert.not.ok(existsSync(join(folder, 'o.xlsx')))
  // No folder can be made there, although the one above it is there.
  if (existsSync('/proc/self'))
    assert.match((await ends(1, folder, ['repl', '-e', 'SELECT 1', '-o', '/proc/none/o.csv'])).err, 'cannot be written')
  writeFileSync(join(folder, 'q.sql'), 'SELECT 1 AS a;\nSELECT 2 AS b')
  assert.is(seeknalCsv('SELECT 1 AS a;\nSELECT 2 AS b'), 'b\n2\n')
  await ends(2, folder, ['repl', '-e', ' -- nothing\n;'])
})

test('Commands that begin with a dot are understood in a text that is piped or given, until the first that fails', async () => {
  const piped = (input: string, ...args: string[]) => seeknal(folder, ['repl', ...args], { input })
  const { code, out, all } = piped(
    "-- what there is\r\n.tables\r\n.mode csv\nSELECT 1 AS a,\n  '\n.quit' AS b;\n.env\n.limit 1\nFROM range(3)\n;\n.quit\nSELECT 9",
  )
  assert.is(code, 0, all)
  assert.match(out, /transform_daily\s[\s\S]*\na,b\n1,"\n\.quit"\nProduction.\nrange\n0\n$/)
  assert.match(await exec('.schema transform_daily'), /column/)
  const wrong = piped('SELECT 1 AS a;\n.tabels\nSELECT 2 AS b;\n')
  assert.is(wrong.code, 2)
  assert.match(wrong.out, / a\s/)
  assert.not.match(wrong.out, / b\s/)
  assert.match(wrong.err, "Did you mean '.tables'")
  assert.is(piped('.tables', '-o', 'o.csv').code, 2)
})

const seeknalCsv = (input: string): string => {
  const run = seeknal(folder, ['repl', '--exec', '-', '--format', 'csv'], { input })
  assert.is(run.code, 0, run.all)
  return run.out
}

test('Control characters are shown, not sent; nothing is wrapped', async () => {
  const out = await exec("SELECT chr(27) || '[31mred' || chr(10) || 'x' AS v, repeat('w', 300) AS w, '[/b] [x]' AS m")
  assert.not.ok(out.includes('\u001b'))
  assert.match(out, /\\u001b\[31mred\\nx/)
  assert.match(out, /w{300}/)
  assert.match(out, /\[\/b\] \[x\]/)
  assert.match((await ends(1, folder, ['repl', '-e', "SELECT error(chr(27) || ']0;x')"])).err, /\\u001b/)
})

test('Statements end at semicolons outside quotes', () => {
  assert.equal(splitStatements("SELECT ';'; SELECT $$;$$; SELECT E'\\';'; SELECT \";\" -- ;\n; rest"), {
    statements: ["SELECT ';'", 'SELECT $$;$$', "SELECT E'\\';'", 'SELECT ";" -- ;'],
    rest: 'rest',
  })
  assert.equal(splitStatements('; ;;').statements, [])
  assert.is(hasCode(' -- x\n /* y */ '), false)
})

test('Tables, columns, keywords and dot commands complete', () => {
  const tables = [
    {
      schema: 'transform',
      name: 'daily',
      place: '',
      isLive: false,
      rows: 1,
      checks: [],
      from: 'production' as const,
      columns: [{ name: 'revenue', type: 'DOUBLE' }],
    },
  ]
  assert.equal(complete('SELECT * FROM transform_d', { tables })[0], ['transform_daily'])
  assert.equal(complete('FROM transform.daily SELECT rev', { tables })[0], ['revenue'])
  assert.equal(complete('sel', { tables })[0], ['SELECT'])
  assert.equal(complete('.sch', { tables })[0], ['.schema'])
  assert.equal(complete('.mode j', { tables }), [['json'], 'j'])
})

test('A table is aligned by display width', () => {
  const answer = {
    columns: [
      { name: 'n', type: 'VARCHAR', numeric: false },
      { name: 'v', type: 'INTEGER', numeric: true },
    ],
    rows: [
      ['日本', '1'],
      ['ab', '20'],
    ],
    json: [],
    truncated: false,
  }
  assert.is(formatted(answer, 'table'), ' n    │  v\n──────┼────\n 日本 │  1\n ab   │ 20\n(2 rows)\n')
})

test('A large answer is written while it is read', async () => {
  assert.is((await exec('SELECT range AS i FROM range(30000)', '--format', 'csv')).split('\n').length, 30_002)
  assert.is(
    JSON.parse(await exec('SELECT range AS i FROM range(5000)', '--format', 'json', '--limit', '4500')).length,
    4500,
  )
  assert.is(await exec('SELECT 1 AS a WHERE false', '--format', 'json'), '[]\n')
})

test('A session on a terminal: several lines, modes, environments, mistakes, completion, Ctrl-C', async () => {
  const session = await talk(folder, [
    'SELECT day,\n',
    '  revenue FROM transform_daily ORDER BY day LIMIT 1;\n',
    '.mode csv\n',
    '.schema transform_daily\n',
    'SELECT 1 AS a; SELECT 2 AS b;\n',
    'SELEC 1;\n',
    'DROP VIEW x;\n',
    '.env nope\n',
    '.tabels\n',
    'FROM transform_dail\t\u0003',
    '.quit\n',
  ])
  assert.match(session, /Seeknal REPL \(duckdb v.*\) — project 'shop', 4 tables registered/)
  assert.match(session, /seeknal> [\s\S]* {4}\.\.\.> [\s\S]*2026-03-01 │ {3}30\.50/)
  assert.match(session, /column,type\r?\nday,DATE\r?\nrevenue,"DECIMAL\(38,2\)"/)
  assert.match(session, /a\n1\n[\s\S]*b\n2\n/)
  assert.match(session, /syntax error at or near "SELEC"/)
  assert.match(session, /only reads: 'DROP VIEW'/)
  assert.match(session, /no environment 'nope'[\s\S]*Did you mean '\.tables'/)
  assert.match(session, /transform_daily/)
})

/** It waits for the next line. */
const PROMPT = /(?:seeknal|\.\.\.)> $/

/** Talks to the REPL over streams as a terminal would; gives everything it showed, without escape sequences. */
async function talk(root: string, typed: readonly string[]): Promise<string> {
  const input = new PassThrough()
  const output = new PassThrough()
  let shown = ''
  output.on('data', (data) => (shown += data))
  const terminal = new Terminal(
    { json: false, quiet: false, verbose: false, color: false, interactive: true },
    output,
    output,
  )
  const store = openStore(root)
  const state = await openReplState(store, fileOutputs(store, join(root, 'target/tmp/test')), null)
  const ended = interact({
    state,
    terminal,
    input,
    output,
    historyFile: join(root, '.history'),
    signal: new AbortController().signal,
  })
  const asked = (from: number) => until(() => PROMPT.test(stripVTControlCharacters(shown.slice(from))), 'a prompt')
  await asked(0)
  for (const text of typed) {
    const from = shown.length
    input.write(text)
    if (text !== '.quit\n') await asked(from)
  }
  await ended
  await state.session.close()
  assert.match(readFileSync(join(root, '.history'), 'utf8'), /\.quit\nDROP VIEW x;|DROP VIEW x;/)
  return stripVTControlCharacters(shown)
}

test.run()
