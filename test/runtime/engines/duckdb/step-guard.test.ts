// Steps of a bundle that nobody compiled: whatever their text says, a step writes its own output and nothing else, and the
// names that it is written in mean what they meant.

import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import * as assert from 'uvu/assert'
import { RuntimeFailure } from '../../../../runtime/contract/failures.ts'
import type { Engine, StepRequest } from '../../../../runtime/engine.ts'
import { startDuckDB } from '../../../../runtime/engines/duckdb/engine.ts'
import { codeOf, splitStatements } from '../../../../runtime/engines/duckdb/split-statements.ts'
import { stepStatements } from '../../../../runtime/engines/duckdb/step-statements.ts'
import { Session } from '../../../support/duckdb.ts'
import { seeded } from '../../../support/random.ts'
import { rejects } from '../../../support/rejects.ts'
import { suite } from '../../../support/suite.ts'
import { tempFolder } from '../../../support/temp.ts'

const test = suite('step guard')

const NOW = "CREATE OR REPLACE TEMP MACRO now() AS CAST(getvariable('run_timestamp') AS TIMESTAMPTZ);\n"
const VICTIM = 'victim.parquet'

function stepOf(outputs: string, leading: string, query = 'SELECT 666 AS a', prelude = NOW): StepRequest {
  return {
    prelude,
    sql: `${leading}COPY (\n${query}\n) TO (getvariable('outputs') || '/out.parquet') (FORMAT parquet, PARQUET_VERSION v2);\n`,
    variables: { values: { outputs, data: outputs, run_date: '2026-01-02' }, runTimestamp: '2026-01-02T03:04:05Z' },
    output: { variable: 'outputs', file: 'out.parquet' },
    columns: null,
  }
}

async function withEngine(body: (engine: Engine, outputs: string) => Promise<void>): Promise<void> {
  const folder = tempFolder('guard')
  const [outputs, spill] = [join(folder, 'outputs'), join(folder, 'spill')]
  mkdirSync(outputs)
  mkdirSync(spill)
  const engine = await startDuckDB({
    allowedDirectories: [outputs, spill],
    allowedPaths: [],
    spillDirectory: spill,
    settings: {},
  })
  try {
    await body(engine, outputs)
  } finally {
    await engine.close()
  }
}

const REFUSED: readonly string[] = [
  // What the output's path and the views of inputs are written with.
  `CREATE TEMP MACRO "||"(x, y) AS concat(x, '/${VICTIM}')`,
  `CREATE OR REPLACE TEMP MACRO temp."||"(x, y) AS '${VICTIM}'`,
  `CREATE TEMP MACRO temp.main."||"(x, y) AS '${VICTIM}'`,
  `CREATE TEMP MACRO main."||"(x, y) AS '${VICTIM}'`,
  "CREATE TEMP MACRO getvariable(x) AS '/tmp'",
  'CREATE TEMP MACRO "GetVariable"(x) AS \'/tmp\'',
  "CREATE MACRO getvariable(x) AS '/tmp'",
  'CREATE TEMP FUNCTION read_parquet(x) AS TABLE SELECT 1',
  'CREATE TEMP MACRO read_csv(x) AS TABLE SELECT 1',
  'CREATE TEMP MACRO/* */parquet_scan(x) AS TABLE SELECT 1',
  'CREATE TEMP -- x\n MACRO concat(x, y) AS x',
  'CREATE TEMP MACRO IF NOT EXISTS hash(x) AS 1',
  'CREATE TEMP MACRO U&"hash"(x) AS 1',
  'CREATE MACRO control.main.hash(x) AS 1',
  'CREATE MACRO control.main.twice(x) AS 1',
  'CREATE TEMP MACRO coalesce(x, y) AS y',
  'CREATE TEMP MACRO "="(x, y) AS true',
  'CREATE TEMP MACRO "~~"(x, y) AS true',
  'CREATE TEMP TYPE json AS INTEGER',
  // The run's own.
  "SET VARIABLE outputs = '/tmp'",
  "SET VARIABLE OUTPUTS = '/tmp'",
  'SET VARIABLE "outputs" = \'/tmp\'',
  "SET SESSION VARIABLE data TO '/tmp'",
  "SET VARIABLE run_timestamp = TIMESTAMPTZ '2000-01-01 00:00:00+00'",
  "SET VARIABLE run_date = '2000-01-01'",
  'RESET VARIABLE outputs',
  'DROP MACRO IF EXISTS now',
  'DROP MACRO now',
  'DROP FUNCTION temp."NOW"',
  'DROP MACRO TABLE IF EXISTS now',
  'CREATE OR REPLACE TEMP MACRO now() AS 1',
  // The engine's own.
  'ALTER DATABASE control SET ALIAS TO other',
  'CREATE TEMPORARY SECRET s (TYPE http)',
  'CREATE SCHEMA IF NOT EXISTS control.s',
  "SELECT * FROM enable_logging(storage = 'file', storage_path = getvariable('outputs'))",
  'SELECT * FROM system.main."enable_logging" /* */ ()',
  'CREATE TEMP TABLE t AS FROM enable_profiling()',
  "SELECT write_log('x')",
  "FROM query('FROM enable_' || 'logging()')",
  "FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))",
  'FROM force_checkpoint()',
]

test('A step hides no name of the engine, sets nothing of the run and changes nothing for other steps', async () => {
  await withEngine(async (engine, outputs) => {
    for (const statement of REFUSED) {
      const failure = await engine.runStep(stepOf(outputs, `${statement};\n`)).catch((error: unknown) => error)
      assert.ok(failure instanceof RuntimeFailure, statement)
      assert.is(failure.code, 'STATEMENT_REFUSED', statement)
    }
    for (const call of ['enable_logging()', "query('SELECT 1')"])
      await rejects(() => engine.runStep(stepOf(outputs, '', `FROM ${call}`)), 'STATEMENT_REFUSED')
    assert.equal(readdirSync(outputs), [])
  })
})

test('The path that is written is a text that the runtime knows', async () => {
  await withEngine(async (engine, outputs) => {
    const sql = "-- (it's)\nSELECT 1 AS a, '\n) TO ' AS b"
    const statements = stepStatements(stepOf("/o'o", 'SELECT 1;\n', sql))
    assert.is(statements.at(-1)?.text, `COPY (\n${sql}\n) TO '/o''o/out.parquet' (FORMAT parquet, PARQUET_VERSION v2)`)
    await engine.runStep(stepOf(outputs, '-- 1\n', sql))
    assert.equal(readdirSync(outputs), ['out.parquet'])
  })
})

test('The prelude makes the macros of the clock, one a statement, and nothing else', async () => {
  await withEngine(async (engine, outputs) => {
    const copy = `COPY (SELECT 1 AS a) TO '${outputs}/${VICTIM}' (FORMAT parquet)`
    const preludes = [
      "CREATE OR REPLACE TEMP MACRO getvariable(x) AS '/tmp';",
      'CREATE OR REPLACE TEMP MACRO "now"() AS 1;',
      'CREATE OR REPLACE TEMP MACRO twice(x) AS x;',
      copy,
      // Whoever takes this for `$$…$$` does not see two statements.
      `CREATE OR REPLACE TEMP MACRO now() AS (SELECT 1 AS é$$); ${copy}; SELECT 1 AS é$$;`,
    ]
    for (const prelude of preludes)
      await rejects(() => engine.runStep(stepOf(outputs, '', 'SELECT now() AS a', prelude)), 'STATEMENT_REFUSED')
    assert.equal(readdirSync(outputs), [])
  })
})

test('A step cannot name the catalogue of another that runs at the same time', async () => {
  await withEngine(async (engine, outputs) => {
    const own = 'CREATE SCHEMA IF NOT EXISTS s;\nCREATE OR REPLACE VIEW s.x AS SELECT 1 AS a;\n'
    const slow = 'CREATE TEMP TABLE t AS SELECT sum(i) FROM range(200000000) r(i);\n'
    const victim = engine.runStep(stepOf(outputs, own + slow, 'SELECT a FROM s.x'))
    // By then it has made its view.
    await new Promise((resume) => setTimeout(resume, 150))
    const attacks = [1, 2, 3, 4].map((i) => {
      const attack = stepOf(outputs, `CREATE OR REPLACE VIEW step_${i}.s.x AS SELECT 666 AS a;\n`)
      return rejects(() => engine.runStep(attack), 'STEP_FAILED')
    })
    await Promise.all([victim, ...attacks])
    assert.equal(await (await Session.open()).rows(`FROM '${outputs}/out.parquet'`), [['1']])
  })
})

test('A step makes macros, types and variables of its own', async () => {
  const leading = [
    'CREATE MACRO twice(x) AS x * 2',
    'CREATE TEMP MACRO IF NOT EXISTS /* ; */ half(x) AS x / 2, (x, y) AS x / y',
    'CREATE OR REPLACE TEMP FUNCTION temp."Lines"() AS TABLE SELECT 4 AS n',
    'CREATE TEMP MACRO gone(x) AS x',
    'DROP MACRO IF EXISTS gone',
    'DROP MACRO TABLE IF EXISTS nothing',
    "CREATE TEMP TYPE mood AS ENUM ('ok')",
    "SET VARIABLE mine = 'it''s' /* mine */",
    'RESET VARIABLE "mine"',
    'CREATE TEMP TABLE query AS SELECT 1 AS checkpoint',
    "SELECT 'enable_logging()', $$query()$$, checkpoint FROM query /* query() */",
  ]
  await withEngine(async (engine, outputs) => {
    const query = "SELECT twice(half(n, 1)) AS a, CAST('ok' AS mood) AS b FROM Lines()"
    await engine.runStep(stepOf(outputs, `${leading.join(';\n')};\n`, query))
    assert.equal(await (await Session.open()).rows(`FROM '${outputs}/out.parquet'`), [['8', 'ok']])
    assert.ok(readFileSync(join(outputs, 'out.parquet')).length > 0)
  })
})

const PIECES =
  "'|''|$$|$a$|$é$|e|e'|E'|\\|é|x|1|1_|_|0x1|.| |\"|--|/*|*/|\n|\r|;|SELECT 1|;SELECT 1 AS a| AS |+|$|$1|,|b'|x'|1e5|2.|\u2028".split(
    '|',
  )

test('A text has no statement, and no code, that only the engine sees', async () => {
  const connection = await (await DuckDBInstance.create(':memory:')).connect()
  const random = seeded(7)
  let compared = 0
  for (let i = 0; i < 8000; i++) {
    const text = `SELECT ${Array.from({ length: 1 + random.between(0, 8) }, () => PIECES[random.between(0, PIECES.length - 1)]).join('')}`
    const count = await connection.extractStatements(text).then(
      (extracted) => extracted.count,
      () => null,
    )
    if (count === null) continue
    compared++
    const { statements } = splitStatements(`${text}\n;`)
    assert.ok(statements.length >= count, JSON.stringify(text))
  }
  assert.ok(compared > 500, `${compared}`)
  assert.is(
    codeOf("a -- x\n || 'b;' /* /* */ ; */ || e'\\'' \"c'd\" $q$ ; $q$", 'left out'),
    "a  \n || ''   || '' \"c'd\" ''",
  )
})

test.run()
