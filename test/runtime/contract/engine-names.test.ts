// The lists of the engine's names against the engine's own catalogue. A version that brings a function fails here: put it
// into the list where it belongs, and into another one when it reads the clock, the session or the machine.

import * as assert from 'uvu/assert'
import {
  CLOCK_NAMES,
  EFFECT_NAMES,
  isEngineType,
  macroNameProblem,
  PURE_TABLE_FUNCTIONS,
  REFUSED_NAMES,
  SESSION_NAMES,
  TABLE_FUNCTIONS,
  TYPES,
  VALUE_FUNCTIONS,
} from '../../../runtime/contract/engine-names.ts'
import { Session } from '../../support/duckdb.ts'
import { placesOf, resolved, transformFiles } from '../../support/passes.ts'
import { suite } from '../../support/suite.ts'

const test = suite('engine names')

const namesOf = async (sql: string): Promise<string[]> =>
  (await (await Session.open()).rows(sql)).map(([name]) => name ?? '')

const functions = (types: string): Promise<string[]> =>
  namesOf(
    `SELECT DISTINCT lower(function_name) AS n FROM duckdb_functions() WHERE function_type IN (${types}) ORDER BY n`,
  )

/** Words of the parser, which turns them into something else. */
const WORDS = 'coalesce columns cube grouping grouping_id if ifnull ref rollup try unpack'.split(' ')

test('every function of the engine is listed, and nothing else', async () => {
  const inner = /^(__internal_|icu_collate_)|[^a-z0-9_]/
  const value = (await functions("'scalar', 'aggregate', 'macro'")).filter((name) => !inner.test(name))
  assert.equal([...VALUE_FUNCTIONS].sort(), [...value, ...WORDS].sort())
  assert.equal([...TABLE_FUNCTIONS].sort(), await functions("'table', 'table_macro'"))
  assert.equal(
    [...TYPES].sort(),
    (await namesOf('SELECT DISTINCT lower(type_name) AS n FROM duckdb_types() ORDER BY n')).filter(
      (name) => !name.includes(' '),
    ),
  )
})

test('no macro takes the name of a function, an operator or anything else that needs quotes', async () => {
  const taken = await functions("'scalar', 'aggregate', 'macro', 'table', 'table_macro'")
  for (const name of [
    ...taken,
    ...taken.map((name) => name.toUpperCase()),
    '',
    'a b',
    '1a',
    'größe',
    'a"b',
    '\u212aelvin',
  ])
    assert.is.not(macroNameProblem(name), null, name)
  for (const name of ['twice', '_x1', 'Weekday_Of', 'my_hash']) assert.is(macroNameProblem(name), null, name)
  assert.equal([isEngineType('JSON'), isEngineType('mood')], [true, false])
})

test('what the parser makes of operators and words is among the names that are taken', async () => {
  const expressions = [
    "a + b - c * d / e // f % g ^ h ** i", '-a', '~a', 'a ! b', '@a', 'a || b', 'a & b | c << d >> e', 'a LIKE b', "a ILIKE b ESCAPE 'x'",
    'a NOT LIKE b', "a SIMILAR TO b", "a ~ b", 'a GLOB b', 'a ^@ b', '[a, b]', '{x: a}', 'MAP {a: b}', 'a[1]', 'a[1:2]', 'a.b', '(a).b', "a -> 'b'",
    "a ->> 'b'", 'row(a, b)', '(a, b)', 'extract(year FROM a)', "a AT TIME ZONE 'UTC'", 'position(a IN b)', 'substring(a FROM 1 FOR 2)',
    "trim(BOTH 'x' FROM a)", 'coalesce(a, b)', 'ifnull(a, b)', 'nullif(a, b)', 'if(a, b, c)', 'count(*)', 'grouping(a)',
    '[x + 1 FOR x IN a IF x > 1]', 'list(a ORDER BY b)', 'a COLLATE NOCASE', 'current_date', 'current_time', 'current_timestamp', 'localtime',
    'localtimestamp', 'current_user', 'INTERVAL (a) DAY', 'unnest(a)', 'try(a)', 'a IN (1, 2)', 'a BETWEEN b AND c', "a::DATE", 'COLUMNS(*)',
  ] // biome-ignore format: a list
  const session = await Session.open()
  const found = new Set<string>()
  for (const expression of expressions) {
    const [[json] = []] = await session.rows(`SELECT json_serialize_sql('SELECT ${expression.replaceAll("'", "''")}')`)
    for (const match of (json ?? '').matchAll(/"function_name":"((?:[^"\\]|\\.)*)"/g))
      found.add(JSON.parse(`"${match[1]}"`))
  }
  assert.ok(found.size > 30, [...found].join(' '))
  assert.equal(
    [...found].filter((name) => macroNameProblem(name) === null),
    [],
  )
})

test('what is not a function of its arguments reads the clock of the run, is called volatile, or is refused', async () => {
  const session = await Session.open()
  const rows = await session.rows(
    `SELECT lower(function_name), function_type, coalesce(stability, ''), coalesce(macro_definition, '')
     FROM duckdb_functions() WHERE function_type IN ('scalar', 'aggregate', 'macro')`,
  )
  const volatile = new Set(rows.filter(([, , stability]) => stability === 'VOLATILE').map(([name]) => name))
  const isSaid = (name: string): boolean =>
    [CLOCK_NAMES, SESSION_NAMES, REFUSED_NAMES].some((list) => list.has(name)) || volatile.has(name)
  const seesMore = (name: string): boolean =>
    name !== 'error' &&
    (isSaid(name) || (TABLE_FUNCTIONS.has(name) && !PURE_TABLE_FUNCTIONS.has(name) && !VALUE_FUNCTIONS.has(name)))
  for (const [name = '', type, stability, definition] of rows) {
    if (stability !== 'CONSISTENT' && type !== 'macro') assert.ok(isSaid(name ?? ''), `${name} is ${stability}`)
    if (type !== 'macro') continue
    const called = (definition?.toLowerCase().match(/[a-z_]\w*/g) ?? []).filter(seesMore)
    assert.ok(called.length === 0 || isSaid(name ?? ''), `${name} calls ${called.join(', ')}`)
  }
})

test('no query of a transform calls a table function that sees more than its arguments, or changes the engine', async () => {
  const impure = [...TABLE_FUNCTIONS].filter((name) => !PURE_TABLE_FUNCTIONS.has(name))
  const joins = impure.map((name) => `\n  JOIN ${name}() ON true`)
  const { diagnostics } = await resolved(transformFiles(`SELECT *\nFROM ref('source.a')${joins.join('')}`))
  assert.equal(
    placesOf(diagnostics)
      .map((place) => place.replace(/^\S+ /, ''))
      .filter((code) => !/^RESOLVE_READS_F/.test(code)),
    [],
  )
  assert.is(diagnostics.length, impure.length)
  const effects = [...EFFECT_NAMES]
  const statements = effects.map((name) => `UPDATE t SET a = (SELECT 1 FROM system.main."${name}" ());`)
  const files = transformFiles(`CREATE TEMP TABLE t AS SELECT 1 AS a;\n${statements.join('\n')}\nSELECT * FROM t`)
  assert.is((await resolved(files)).diagnostics.length, effects.length)
})

test.run()
