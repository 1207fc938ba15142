import * as assert from 'uvu/assert'
import { placeInSql } from '../../compiler/sql/placed-text.ts'
import { analysisEngine } from '../support/analysis.ts'
import { placesOf, resolved, resolvedTransform, transformFiles } from '../support/passes.ts'
import { suite } from '../support/suite.ts'

const test = suite('resolve')

const sqlOf = async (sql: string, more?: string, params?: Parameters<typeof resolved>[1]): Promise<string> =>
  (await resolvedTransform(sql, more, params)).sql.text

/** Each use, cut out of the text. */
const usesOf = async (sql: string): Promise<string[]> => {
  const { sql: found } = await resolvedTransform(sql)
  return found.uses.map((use) => `${use.node}: ${found.text.slice(use.start, use.start + use.schemaLength)}`)
}

test('the order of inputs decides what input_0 and input_1 are', async () => {
  const files = transformFiles('SELECT * FROM input_0, input_1')
  const swapped = {
    ...files,
    'seeknal/x.yml': (files['seeknal/x.yml'] ?? '').replace(
      '{ref: source.a}, {ref: source.b}',
      '{ref: source.b}, {ref: source.a}',
    ),
  }
  const inputs = async (given: Record<string, string>) => {
    const node = (await resolved(given)).nodes.find((n) => n.id === 'transform.x')
    return node !== undefined && 'sql' in node ? [node.inputs.join(), node.sql.text] : []
  }
  assert.equal(await inputs(files), ['source.a,source.b', 'SELECT * FROM source.a AS input_0, source.b AS input_1'])
  assert.equal(await inputs(swapped), ['source.b,source.a', 'SELECT * FROM source.b AS input_0, source.a AS input_1'])
})

test('file sources are told before SQL is read, unless there is something to report by then', async () => {
  const told = async (files: Record<string, string>): Promise<string[]> => {
    const ids: string[] = []
    await resolved(files, { onFiles: (sources) => ids.push(...sources.map(({ id }) => id)) })
    return ids
  }
  const zero = { 'seeknal/zero.yml': 'kind: source\nname: _0\nsource: csv\ntable: zero.csv\n' }
  assert.equal(await told({ ...transformFiles('SELECT nothing FROM'), ...zero }), ['source._0', 'source.a', 'source.b'])
  const wrong = { 'seeknal/zero.yml': (zero['seeknal/zero.yml'] ?? '').replace('zero.csv', '"{{ nothing }}.csv"') }
  assert.equal(await told({ ...transformFiles('SELECT 1'), ...wrong }), [])
})

test('an input that is listed twice is one edge', async () => {
  const files = {
    ...transformFiles(''),
    'seeknal/x.yml':
      'kind: transform\nname: x\ninputs: [{ref: source.a}, {ref: source.b}, {ref: source.a}]\ntransform: FROM input_2\n',
  }
  const { nodes, diagnostics } = await resolved(files)
  const node = nodes.find((n) => n.id === 'transform.x')
  assert.equal([diagnostics, node?.inputs], [[], ['source.a', 'source.b']])
  assert.is(node !== undefined && 'sql' in node ? node.sql.text : '', 'FROM source.a AS input_2')
})

test('ref() is found by the parser: not in comments, texts, quoted names or other functions', async () => {
  const sql = `SELECT 'ref(''source.b'')' AS "ref('source.b')", /* ref('source.b') */ $$ref('source.b')$$ FROM ref ( 'source.a' ) -- ref('source.b')`
  assert.is(await sqlOf(sql), sql.replace("ref ( 'source.a' )", 'source.a'))
  assert.equal(placesOf((await resolved(transformFiles("FROM xref('source.a')"))).diagnostics), [
    '4:18 RESOLVE_READS_FUNCTION',
  ])
})

test('every documented way to name an input works', async () => {
  assert.is(await sqlOf('FROM ref("source.a")'), 'FROM source.a')
  assert.is(await sqlOf('SELECT t.x FROM __THIS__ t, input_1'), 'SELECT t.x FROM source.a t, source.b AS input_1')
  assert.is(await sqlOf('SELECT input_0.x FROM __THIS__ AS input_0'), 'SELECT input_0.x FROM source.a AS input_0')
  assert.is(
    await sqlOf("SELECT input_1.x FROM ref('source.a') JOIN ref('source.b') USING (k)"),
    'SELECT input_1.x FROM source.a JOIN source.b AS input_1 USING (k)',
  )
  assert.is(
    await sqlOf("SELECT * EXCLUDE (input_0.x) FROM ref('source.a')"),
    'SELECT * EXCLUDE (input_0.x) FROM source.a AS input_0',
  )
  assert.is(await sqlOf('SELECT source.a.x FROM source.a'), 'SELECT source.a.x FROM source.a')
  assert.is(await sqlOf('SELECT 1 AS one'), 'SELECT 1 AS one')
})

test('a common table expression hides an input of the same name, where it is visible', async () => {
  assert.is(
    await sqlOf('WITH input_0 AS (FROM input_0) FROM input_0'),
    'WITH input_0 AS (FROM source.a AS input_0) FROM input_0',
  )
  assert.is(
    await sqlOf('SELECT (WITH input_0 AS (SELECT 1 AS x) SELECT x FROM input_0), * FROM input_0'),
    'SELECT (WITH input_0 AS (SELECT 1 AS x) SELECT x FROM input_0), * FROM source.a AS input_0',
  )
  const recursive = 'WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 3) FROM r'
  assert.is(await sqlOf(recursive), recursive)
})

test('every name of a node in the SQL is listed with its place', async () => {
  assert.equal(
    await usesOf(`SELECT source.a.x FROM source.a JOIN "source"."b" AS b ON true JOIN ref('source.b') c ON true`),
    ['source.a: source', 'source.a: source', 'source.b: "source"', 'source.b: source'],
  )
  assert.equal(await usesOf('SELECT source.a FROM input_1 AS source'), ['source.b: source'])
})

test('a name that is a reserved word is quoted', async () => {
  const files = {
    'seeknal/x.yml':
      "kind: transform\nname: order\ntransform: SELECT 1 AS a\n---\nkind: transform\nname: y\ninputs: [{ref: transform.order}]\ntransform: FROM ref('transform.order')\n",
  }
  const node = (await resolved(files)).nodes.find((n) => n.id === 'transform.y')
  assert.is(node !== undefined && 'sql' in node ? node.sql.text : '', 'FROM transform."order"')
})

test('statements that begin with a comment, FROM, VALUES, a parenthesis or PIVOT are queries', async () => {
  for (const sql of [
    '-- x\nSELECT 1 AS a',
    'FROM input_0',
    'VALUES (1)',
    '(SELECT 1 AS a)',
    'PIVOT input_0 ON x USING sum(y)',
    'WITH q AS (FROM input_0) PIVOT q ON x USING sum(y)',
    'TABLE input_0',
    'UNPIVOT input_0 ON x INTO NAME n VALUE v',
  ])
    assert.equal(
      (await resolvedTransform(sql)).sql.statements.map((s) => s.kind),
      ['select'],
      sql,
    )
})

test('statements are split as the engine does, with their kinds', async () => {
  const sql = `-- don't; stop
CREATE TEMP TABLE t AS SELECT ';' AS a FROM ref('source.a'); /* ; */
INSERT INTO t SELECT x FROM input_1 WHERE y = 'it''s; fine';
CREATE TEMP MACRO twice(v) AS v * 2;
CREATE OR REPLACE TEMP VIEW w AS FROM t;
SET VARIABLE most = (SELECT max(a) FROM t);
UPDATE t SET a = (SELECT min(x) FROM ref('source.b'));
DROP TABLE IF EXISTS u;
DELETE FROM t WHERE a = $$;$$;
;
SELECT twice(a), getvariable('most') FROM w;
`
  const { sql: found } = await resolvedTransform(sql)
  assert.equal(
    found.statements.map((s) => s.kind),
    ['create', 'insert', 'create', 'create', 'set', 'update', 'drop', 'delete', 'select'],
  )
  assert.is(
    found.text.slice(found.statements[0]?.start, found.statements[0]?.end),
    "CREATE TEMP TABLE t AS SELECT ';' AS a FROM source.a",
  )
  assert.equal(
    found.uses.map((use) => use.node),
    ['source.a', 'source.b', 'source.b'],
  )
  assert.match(found.text, '(SELECT min(x) FROM source.b)')
})

test('values of the project are put into the SQL as they are written', async () => {
  const more =
    'params: {code: "00501", one: "1", big: 1e5, version: 1.10, yes: true, none: null, list: [a, 1], name: O\'Brien, nested: "{{ code }}-{{ run_date }}"}\n'
  assert.is(
    await sqlOf(
      "SELECT '{{ code }}', {{ one }}, {{big}}, {{ version }}, {{ yes }}, {{ none }}, {{ list }}, '{{ name }}', E'{{ name }}', \"{{ name }}\"",
      more,
    ),
    "SELECT '00501', 1, 1e5, 1.10, true, NULL, ['a', 1], 'O''Brien', E'O''Brien', \"O'Brien\"",
  )
  assert.is(await sqlOf("SELECT 'x {{ nested }}'", more), "SELECT ('x 00501-' || getvariable('run_date'))")
})

test('parameters given on the command line come first, with any type', async () => {
  const params = { code: 5, region: "it's", list: ['a'] }
  assert.is(
    await sqlOf("SELECT {{ code }}, '{{ region }}', {{ list }}", 'params: {code: 1}\n', { params }),
    "SELECT 5, 'it''s', ['a']",
  )
})

test('snippets and parameters of the project are found', async () => {
  const files = {
    ...transformFiles('SELECT {{ rules.paid }}, {{ s.port }}, {{ rate }}, {{ project_id }}'),
    'seeknal_project.yml': 'name: test\nparams: {rate: 0.10}\n',
    'seeknal/common/a.yml':
      'sources: [{id: s, params: {port: 5432}}]\nrules: [{id: paid, value: "amount > {{ rate }}"}]\n',
  }
  const node = (await resolved(files)).nodes.find((n) => n.id === 'transform.x')
  assert.is(node !== undefined && 'sql' in node ? node.sql.text : '', 'SELECT amount > 0.10, 5432, 0.10, test')
})

test('values of the run become variables, whatever they stand in', async () => {
  const cases: readonly (readonly [string, string])[] = [
    ["'{{ run_date }}'", "getvariable('run_date')"],
    ['{{run_date}}', "getvariable('run_date')"],
    ["DATE '{{ run_date }}'", "CAST(getvariable('run_date') AS DATE)"],
    [
      "timestamp with time zone '{{ run_timestamp }}'",
      "CAST(getvariable('run_timestamp') AS timestamp with time zone)",
    ],
    ["INTERVAL '{{ env.N }}' DAY", "INTERVAL (CAST(getvariable('env.N') AS BIGINT)) DAY"],
    ["'a {{ run_id }} b'", "('a ' || getvariable('run_id') || ' b')"],
    ['$$a {{ env:HOME }}$$', "($$a $$ || getvariable('env.HOME'))"],
    ["'{{ today(-7) }}'", "strftime(CAST(getvariable('run_date') AS DATE) + (-7), '%Y-%m-%d')"],
    ["'{{ yesterday }}'", "strftime(CAST(getvariable('run_date') AS DATE) + (-1), '%Y-%m-%d')"],
    [
      "'{{ month_start(0) }}'",
      "strftime(date_trunc('month', CAST(getvariable('run_date') AS DATE)) + INTERVAL (0) MONTH, '%Y-%m-%d')",
    ],
    ['\'{{ env(REGION, "a, b") }}\'', "coalesce(getvariable('env.REGION'), 'a, b')"],
    ["'{{ env:REGION|north }}'", "coalesce(getvariable('env.REGION'), 'north')"],
    ['\'{{ not: "one" }\'', '\'{{ not: "one" }\''],
    ['-- {{ nothing }}\n1', '-- {{ nothing }}\n1'],
  ]
  for (const [written, sql] of cases) assert.is(await sqlOf(`SELECT ${written}`), `SELECT ${sql}`, written)
  const node = await resolvedTransform("SELECT '{{ today(1) }}', '{{ env:B|x }}', getvariable('start_date')")
  assert.equal(node.parameters, ['env.B', 'run_date', 'start_date'])
})

test('SQL with values of the run is what the engine can run', async () => {
  const text = await sqlOf(
    "SELECT DATE '{{ run_date }}' AS a, INTERVAL '{{ env:N|3 }}' DAY AS b, 'x{{ today(2) }}' AS c, TIMESTAMP '{{ year_start(0) }}' AS d",
  )
  const [described] = await (await analysisEngine()).describe([{ statements: [text], relations: [] }])
  assert.equal(described?.kind === 'columns' ? described.columns.map((c) => c.type) : described, [
    'DATE',
    'INTERVAL',
    'VARCHAR',
    'TIMESTAMP',
  ])
})

test("a source's path keeps values of the run, its options do not wait for them", async () => {
  const files = {
    'seeknal_project.yml': 'name: test\nparams: {folder: "it\'s", skip: 3, delimiter: "0"}\n',
    'seeknal/s.yml':
      'kind: source\nname: s\nsource: csv\ntable: "{{ folder }}/{{run_date}}/{{ env.REGION }}.csv"\nparams: {skip: "{{ skip }}", delimiter: "{{ delimiter }}"}\n',
  }
  const { nodes, diagnostics } = await resolved(files)
  const [node] = nodes
  assert.equal(diagnostics, [])
  assert.equal(node !== undefined && 'path' in node ? [node.path, node.options, node.parameters] : [], [
    "it's/{{ run_date }}/{{ env.REGION }}.csv",
    { delim: '0', skip: 3 },
    ['env.REGION', 'run_date'],
  ])
})

test('a place in the resolved SQL is a place in the file', async () => {
  const text = "SELECT '{{ long }}' AS é, '😀' AS x,\n  wrong_column\nFROM ref('source.a')"
  const node = await resolvedTransform(text, 'params: {long: "longer than it was"}\n')
  const at = (needle: string) => placeInSql(node.sql, node.sql.text.indexOf(needle), needle.length)
  // The fixture's SQL is a double-quoted scalar on line 5.
  const line = transformFiles(text, 'params: {long: "longer than it was"}\n')['seeknal/x.yml']?.split('\n')[4] ?? ''
  assert.is(line.slice(at('wrong_column').column - 1, at('wrong_column').column + 11), 'wrong_column')
  assert.is(line.slice(at('source.a').column - 1).slice(0, 5), "ref('")
  assert.is(at('source.a').line, 5)
})

test('what is known is not asked of the engine again', async () => {
  const kept = new Map<string, unknown>()
  const cache = { get: (key: string) => kept.get(key), set: (key: string, value: unknown) => void kept.set(key, value) }
  const sql = "SELECT '{{ a }}' FROM ref('source.a')"
  const cold = await resolvedTransform(sql, 'params: {a: 1}\n', { cache })
  const size = kept.size
  assert.equal((await resolvedTransform(sql, 'params: {a: 1}\n', { cache })).sql, cold.sql)
  assert.is(kept.size, size)
  assert.is((await resolvedTransform(sql, 'params: {a: 2}\n', { cache })).sql.text, "SELECT '2' FROM source.a")
})

test('a mistake in an input does not hide the others, and is not told twice', async () => {
  const files = transformFiles("SELECT * FROM ref('source.a') WHERE x = {{ nothing }}")
  const broken = {
    ...files,
    'seeknal/x.yml': (files['seeknal/x.yml'] ?? '').replace('{ref: source.a}', '{ref: source.aa}'),
  }
  const { diagnostics } = await resolved(broken)
  assert.equal(
    diagnostics.map((d) => [d.code, d.hints[0]?.includes('source.a') ?? false]),
    [
      ['RESOLVE_REF_NOT_FOUND', true],
      ['RESOLVE_PLACEHOLDER_NOT_FOUND', false],
    ],
  )
})

test('the nearest name is offered', async () => {
  const hints = async (sql: string, more?: string): Promise<string> =>
    (await resolved(transformFiles(sql, more))).diagnostics.flatMap((d) => d.hints).join(' ')
  assert.match(await hints("FROM ref('source.aa')"), "'source.a'")
  assert.match(await hints('FROM a'), "ref('source.a')")
  assert.match(await hints('SELECT {{ reigon }}', 'params: {region: 1}\n'), "'region'")
  assert.match(await hints("FROM ref('transform.nothing_like_it')"), 'source.a, source.b')
})

test('A text that is not closed is said in one line', async () => {
  const { diagnostics } = await resolved(transformFiles("SELECT 'abc\nFROM source.a, source.b"))
  assert.equal(
    diagnostics.map(({ message, place }) => [message, place.line, place.column]),
    [['Unterminated quoted string.', 4, 20]],
  )
})

test.run()
