import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { RuntimeFailure } from '../../../../runtime/contract/failures.ts'
import type { Engine, EngineOptions } from '../../../../runtime/engine.ts'
import { startDuckDB } from '../../../../runtime/engines/duckdb/engine.ts'
import { watchSignal } from '../../../../runtime/watch-signal.ts'
import { rejects } from '../../../support/rejects.ts'
import { suite } from '../../../support/suite.ts'
import { tempFolder } from '../../../support/temp.ts'

const test = suite('engine')

const PRELUDE = "CREATE OR REPLACE TEMP MACRO now() AS CAST(getvariable('run_timestamp') AS TIMESTAMPTZ);\n"

interface Place {
  readonly folder: string
  readonly outputs: string
}

async function withEngine(
  body: (engine: Engine, place: Place) => Promise<void>,
  options: Partial<EngineOptions> = {},
): Promise<void> {
  const folder = tempFolder('engine')
  const outputs = join(folder, 'outputs')
  mkdirSync(outputs)
  mkdirSync(join(folder, 'spill'))
  const engine = await startDuckDB({
    allowedDirectories: [outputs, join(folder, 'spill')],
    allowedPaths: [join(folder, 'in.csv'), join(folder, 'glob/*.csv'), join(folder, 'glob/a.csv')],
    spillDirectory: join(folder, 'spill'),
    settings: {},
    ...options,
  })
  try {
    await body(engine, { folder, outputs })
  } finally {
    await engine.close()
  }
}

const step = (place: Place, query: string, leading = '', file = 'out.parquet') => ({
  prelude: PRELUDE,
  sql: `${leading}COPY (\n${query}\n) TO (getvariable('outputs') || '/${file}') (FORMAT parquet, PARQUET_VERSION v2);\n`,
  variables: {
    values: { outputs: place.outputs, data: place.folder, 'env.NAME': "it's" },
    runTimestamp: '2026-01-02T03:04:05Z',
  },
  output: { variable: 'outputs', file },
  columns: null,
})

const output = (place: Place, file = 'out.parquet') => join(place.outputs, file)

test('A step writes its output, and its rows, columns and digest are known', async () => {
  await withEngine(async (engine, place) => {
    const written = await engine.runStep(step(place, "SELECT 1 AS a, 'x' AS b UNION ALL SELECT NULL, 'y' -- the end"))
    const facts = await engine.inspectOutput(output(place))
    assert.is(facts.rows, 2)
    assert.equal(written, { columns: facts.columns, rows: 2 })
    assert.equal(facts.columns, [
      { name: 'a', type: 'INTEGER' },
      { name: 'b', type: 'VARCHAR' },
    ])
    assert.match(facts.digest, /^2:[0-9a-f]{32}:[0-9a-f]{64}$/)
  })
})

test('The allocator keeps what statements give back, unless it was told otherwise', async () => {
  const before = process.env.DUCKDB_JE_MALLOC_CONF
  process.env.DUCKDB_JE_MALLOC_CONF = 'narenas:2'
  await withEngine(async () => assert.is(process.env.DUCKDB_JE_MALLOC_CONF, 'narenas:2'))
  delete process.env.DUCKDB_JE_MALLOC_CONF
  await withEngine(async () => assert.match(process.env.DUCKDB_JE_MALLOC_CONF ?? '', /^dirty_decay_ms:\d+/))
  if (before !== undefined) process.env.DUCKDB_JE_MALLOC_CONF = before
})

test('An output without rows is written with its columns', async () => {
  await withEngine(async (engine, place) => {
    assert.is((await engine.runStep(step(place, 'SELECT 1 AS a WHERE false'))).rows, 0)
    const facts = await engine.inspectOutput(output(place))
    assert.is(facts.rows, 0)
    assert.match(facts.digest, /^0:0{32}:/)
    assert.equal(facts.columns, [{ name: 'a', type: 'INTEGER' }])
  })
})

test('The digest does not depend on row order, and sees duplicates, NULL, types and names', async () => {
  await withEngine(async (engine, place) => {
    const digest = async (query: string) => {
      await engine.runStep(step(place, query))
      return (await engine.inspectOutput(output(place))).digest
    }
    const one = await digest('SELECT * FROM (VALUES (1, 2), (3, NULL)) t(a, b)')
    assert.is(await digest('SELECT * FROM (VALUES (3, NULL), (1, 2)) t(a, b)'), one)
    const others = [
      'SELECT * FROM (VALUES (1, 2), (3, 0)) t(a, b)',
      'SELECT * FROM (VALUES (1, 2), (3, NULL)) t(a, c)',
      'SELECT a::BIGINT AS a, b FROM (VALUES (1, 2), (3, NULL)) t(a, b)',
      'SELECT * FROM (VALUES (1, 2), (3, NULL), (3, NULL)) t(a, b)',
      'SELECT b, a FROM (VALUES (1, 2), (3, NULL)) t(a, b)',
    ]
    for (const other of others) assert.is.not(await digest(other), one, other)
  })
})

test('The sum of hashes of many rows does not overflow', async () => {
  await withEngine(async (engine, place) => {
    assert.is((await engine.runStep(step(place, 'SELECT 7 AS a FROM range(300000)'))).rows, 300000)
    assert.is((await engine.inspectOutput(output(place))).rows, 300000)
  })
})

test('The digest of some columns changes with these columns only', async () => {
  await withEngine(async (engine, place) => {
    const digest = async (query: string, columns: readonly string[]) => {
      await engine.runStep(step(place, query))
      return engine.digestColumns(output(place), columns)
    }
    const a = await digest('SELECT 1 AS a, 2 AS b', ['a'])
    assert.is(await digest('SELECT 3 AS b, 1 AS A', ['a']), a)
    assert.is.not(await digest('SELECT 2 AS a, 2 AS b', ['a']), a)
    assert.is.not(await digest('SELECT 2 AS b', ['a']), a)
    assert.is(await digest('SELECT 9 AS z', []), await digest('SELECT 8 AS y', []))
  })
})

test('The clock is the run timestamp, the time zone is UTC, parameters are variables', async () => {
  await withEngine(async (engine, place) => {
    const query = "SELECT now()::VARCHAR AS t, getvariable('env.NAME') AS n, current_setting('TimeZone') AS z"
    await engine.runStep(
      step(place, `SELECT a.* FROM (${query}) a WHERE t = '2026-01-02 03:04:05+00' AND n = 'it''s' AND z = 'UTC'`),
    )
    assert.is((await engine.inspectOutput(output(place))).rows, 1)
  })
})

test('Steps see nothing of each other, not even at the same time', async () => {
  await withEngine(async (engine, place) => {
    const shared = 'CREATE TEMP TABLE t AS SELECT 1 AS a;\nCREATE OR REPLACE VIEW v AS SELECT 1 AS a;\n'
    await engine.runStep(step(place, 'SELECT t.a FROM t, v', shared))
    await rejects(() => engine.runStep(step(place, 'SELECT * FROM t')), 'STEP_FAILED')
    await rejects(() => engine.runStep(step(place, 'SELECT * FROM v')), 'STEP_FAILED')
    const view = (n: number) => `CREATE SCHEMA IF NOT EXISTS s;\nCREATE OR REPLACE VIEW s.x AS SELECT ${n} AS a;\n`
    await Promise.all(
      [1, 2, 3, 4].map((n) => engine.runStep(step(place, 'SELECT a FROM s.x', view(n), `${n}.parquet`))),
    )
    const digests = await Promise.all(
      [1, 2, 3, 4].map(async (n) => (await engine.inspectOutput(output(place, `${n}.parquet`))).digest),
    )
    assert.is(new Set(digests).size, 4)
  })
})

test('An error names the statement and the offset in the step, beyond comments and other scripts', async () => {
  await withEngine(async (engine, place) => {
    const request = step(place, "SELECT 1 AS a, -- 'größer'\n  missing AS b", '-- é;\nSET VARIABLE x = 1;\n')
    const failure = await rejects(() => engine.runStep(request), 'STEP_FAILED')
    assert.is(failure.facts.statement, 1)
    assert.is(failure.facts.offset, request.sql.indexOf('missing'))
    assert.match(failure.message, /missing/)
  })
})

test('PIVOT without IN gives the columns that the data has', async () => {
  await withEngine(async (engine, place) => {
    const leading = "CREATE TEMP TABLE t AS SELECT * FROM (VALUES (1, 'a', 2), (1, 'b', 3)) v(x, k, n);\n"
    for (const query of ['PIVOT t ON k USING sum(n)', 'WITH p AS (PIVOT t ON k USING sum(n)) SELECT * FROM p']) {
      await engine.runStep(step(place, query, leading))
      assert.equal(
        (await engine.inspectOutput(output(place))).columns.map((c) => c.name),
        ['x', 'a', 'b'],
      )
    }
  })
})

test('A step prepares with temporary things and DML on them', async () => {
  await withEngine(async (engine, place) => {
    const leading = [
      'CREATE TEMP TABLE t (a INTEGER)',
      'INSERT INTO t VALUES (1), (2), (3)',
      'UPDATE t SET a = a + 1',
      'DELETE FROM t WHERE a = 4',
      'CREATE OR REPLACE TEMP MACRO twice(x) AS x * 2',
      'SELECT 1',
      'DROP TABLE IF EXISTS nothing',
    ]
    await engine.runStep(step(place, 'SELECT twice(a) AS a FROM t', `${leading.join(';\n')};\n`))
    assert.is((await engine.inspectOutput(output(place))).rows, 2)
  })
})

test('A step cannot do anything else', async () => {
  await withEngine(async (engine, place) => {
    const forbidden = [
      "ATTACH ':memory:' AS other",
      'USE control',
      "COPY (SELECT 1) TO 'x.csv'",
      'INSTALL httpfs',
      'LOAD httpfs',
      'SET threads = 1',
      'SET schema = main',
      'PRAGMA threads = 1',
      'CREATE TABLE t (a INTEGER)',
      'CREATE SECRET s (TYPE s3)',
      'CALL pragma_version()',
      'EXPLAIN ANALYZE SELECT 1',
      'BEGIN',
      'CHECKPOINT',
      "EXPORT DATABASE 'x'",
      "PREPARE p AS COPY (SELECT 1) TO 'x.csv'",
      'DETACH control',
    ]
    for (const statement of forbidden)
      await rejects(() => engine.runStep(step(place, 'SELECT 1 AS a', `${statement};\n`)), 'STATEMENT_REFUSED')
  })
})

test('A step cannot write another file than its output, whatever its text pretends', async () => {
  await withEngine(async (engine, place) => {
    const tails = [
      "SELECT 1 AS a\n) TO (getvariable('outputs') || '/other.parquet') (FORMAT parquet, PARQUET_VERSION v2); COPY (\nSELECT 2 AS a",
      "SELECT 1 AS a) TO 'x.parquet' (FORMAT parquet, KV_METADATA {k: 'v\n'}) --",
      '(SELECT 1 AS a)) TO (SELECT 2',
    ]
    for (const query of tails) {
      const failure = await engine.runStep(step(place, query)).catch((error: unknown) => error)
      assert.ok(failure instanceof RuntimeFailure, query)
    }
    assert.equal(readdirSync(place.outputs), [])
    const other = { ...step(place, 'SELECT 1 AS a'), output: { variable: 'outputs', file: 'mine.parquet' } }
    await rejects(() => engine.runStep(other), 'STATEMENT_REFUSED')
    const prelude = { ...step(place, 'SELECT 1 AS a'), prelude: "ATTACH 'x.db' AS x;" }
    await rejects(() => engine.runStep(prelude), 'STATEMENT_REFUSED')
  })
})

test('Only the files that were named can be read', async () => {
  await withEngine(async (engine, place) => {
    writeFileSync(join(place.folder, 'in.csv'), 'a\n1\n')
    writeFileSync(join(place.folder, 'secret.csv'), 'a\n1\n')
    mkdirSync(join(place.folder, 'glob'))
    writeFileSync(join(place.folder, 'glob/a.csv'), 'a\n1\n')
    symlinkSync(join(place.folder, 'secret.csv'), join(place.folder, 'link.csv'))
    await engine.runStep(step(place, "SELECT * FROM read_csv(getvariable('data') || '/in.csv')"))
    await engine.runStep(step(place, "SELECT * FROM read_csv(getvariable('data') || '/glob/*.csv')"))
    const refused = [
      "read_csv(getvariable('data') || '/secret.csv')",
      "read_csv(getvariable('data') || '/outputs/../secret.csv')",
      "read_csv(getvariable('data') || '/link.csv')",
      "read_text('/etc/hostname')",
      "glob('/etc/*')",
    ]
    for (const call of refused) await rejects(() => engine.runStep(step(place, `SELECT * FROM ${call}`)), 'STEP_FAILED')
    writeFileSync(join(place.folder, 'glob/b.csv'), 'a\n1\n')
    await rejects(
      () => engine.runStep(step(place, "SELECT * FROM read_csv(getvariable('data') || '/glob/*.csv')")),
      'STEP_FAILED',
    )
  })
})

test('A bundle sets what results depend on, and nothing else', async () => {
  const query = "SELECT 1 AS a WHERE current_setting('default_null_order') = 'NULLS_FIRST'"
  await withEngine(
    async (engine, place) => {
      await engine.runStep(step(place, query))
      assert.is((await engine.inspectOutput(output(place))).rows, 1)
    },
    { settings: { default_null_order: 'nulls_first' } },
  )
  await rejects(() => withEngine(async () => {}, { settings: { secret_directory: '/tmp' } }), 'STATEMENT_REFUSED')
})

test('Work that does not fit in memory spills', async () => {
  await withEngine(
    async (engine, place) => {
      const rows = 'SELECT i AS id, hash(i) % 1000003 AS k, repeat(md5(i::VARCHAR), 3) AS t FROM range(2000000) r(i)'
      await engine.runStep(step(place, rows, '', 'rows.parquet'))
      const leading = "CREATE OR REPLACE VIEW rows AS FROM read_parquet(getvariable('outputs') || '/rows.parquet');\n"
      for (const query of [
        'SELECT * FROM rows ORDER BY t',
        'SELECT a.t, b.id FROM rows a JOIN rows b ON a.id = b.id',
      ]) {
        await engine.runStep(step(place, query, leading))
        assert.is((await engine.inspectOutput(output(place))).rows, 2000000)
      }
    },
    { memoryLimit: '240MB', threads: 2 },
  )
})

test('A running step can be interrupted', async () => {
  await withEngine(async (engine, place) => {
    const running = rejects(
      () => engine.runStep(step(place, 'SELECT count(*) AS n FROM range(1000000000) a, range(1000) b')),
      'INTERRUPTED',
    )
    const stop = watchSignal(AbortSignal.timeout(150), engine)
    await running
    stop()
  })
})

test.run()
