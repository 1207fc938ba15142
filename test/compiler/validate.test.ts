import * as assert from 'uvu/assert'
import { jsonSchema, SCHEMA_KINDS } from '../../compiler/schema/json-schema.ts'
import { lockText } from '../../compiler/validate/project.ts'
import type { FileSourceNode, TransformNode } from '../../compiler/validate.ts'
import { placesOf, validated } from '../support/passes.ts'
import { suite } from '../support/suite.ts'

const test = suite('validate')

const source = (fields: string): FileSourceNode => {
  const { nodes, diagnostics } = validated({ 'seeknal/s.yml': `kind: source\nname: s\n${fields}` })
  const [only] = nodes
  if (only === undefined || only.kind !== 'source' || only.format === 'postgresql')
    throw new Error(JSON.stringify(diagnostics))
  return only
}

const transform = (fields: string): TransformNode => {
  const { nodes, diagnostics } = validated({
    'seeknal/t.yml': `kind: transform\nname: t\ntransform: SELECT 1\n${fields}`,
  })
  const [only] = nodes
  if (only === undefined || only.kind !== 'transform') throw new Error(JSON.stringify(diagnostics))
  return only
}

test('a text is never guessed to be a number or a truth value', () => {
  const { options } = source(
    'source: csv\ntable: a.csv\nparams:\n  delimiter: 0\n  quote: "\'"\n  nullstr: ["", 00]\n  header: yes\n  skip: 1\n',
  )
  assert.equal(options, { delim: '0', header: true, nullstr: ['', '00'], quote: "'", skip: 1 })
})

test('versions and tags stay as they are written', () => {
  const { project } = validated({ 'seeknal_project.yml': 'name: p\nversion: 1.10\n' })
  assert.is(project.version, '1.10')
  assert.equal(transform('tags: [2026, 012, true, 2026]\n').tags, ['2026', '012', 'true'])
})

test('one tag may be a text', () => {
  assert.equal(transform('tags: finance\n').tags, ['finance'])
})

test('options of a reader have one name, whatever alias is written', () => {
  assert.equal(
    source('source: csv\ntable: a.csv\nparams: {sep: ";", dtypes: {a: DATE}, date_format: "%d"}\n').options,
    {
      dateformat: '%d',
      delim: ';',
      types: { a: 'DATE' },
    },
  )
  assert.equal(source('source: jsonl\ntable: a.jsonl\n').options, { format: 'newline_delimited' })
  assert.equal(source('source: json\ntable: a.json\nparams: {format: newline}\n').options, {
    format: 'newline_delimited',
  })
})

test('declared columns may be a mapping or a list, of the node or of the reader', () => {
  const columns = (fields: string): unknown[] =>
    source(`source: csv\n${fields}`).columns.map((c) => [c.name, c.type, c.notNull, c.description])
  const expected = [
    ['id', 'BIGINT', true, 'Key'],
    ['name', null, false, undefined],
  ]
  assert.equal(
    columns('table: a.csv\ncolumns: {id: {type: BIGINT, not_null: true, description: Key}, name: }\n'),
    expected,
  )
  assert.equal(
    columns('table: a.csv\nschema: [{name: id, data_type: BIGINT, not_null: true, description: Key}, name]\n'),
    expected,
  )
  assert.equal(
    columns('params: {path: a.csv, columns: {id: {type: BIGINT, not_null: true, description: Key}, name: }}\n'),
    expected,
  )
})

test('paths may hold quotes, spaces and globs', () => {
  for (const path of ['data/*.csv', "data/it's here/[ab]?.csv", 'data/**/*.csv', './data/a..b.csv'])
    assert.is(source(`source: csv\ntable: ${JSON.stringify(path)}\n`).path.text, path)
})

test('targets are kept with the node', () => {
  const targets = (fields: string) => transform(fields).targets.map(({ target }) => target)
  const orders = { type: 'postgresql', connection: 'pg', schema: 'a', table: 'b', mode: 'overwrite' }
  assert.equal(targets('materialization: {table: a.b}\n'), [])
  assert.equal(targets('materializations: [{type: postgres, connection: pg, table: a.b}]\n'), [orders])
  assert.equal(targets('materialization: [{type: postgresql, connection: pg, table: a.b, mode: full}]\n'), [orders])
  assert.equal(targets('materialization: {type: postgresql, connection: pg, table: a.b, enabled: false}\n'), [])
  assert.equal(targets(`materialization: {type: postgresql, connection: pg, table: 'd."My S".T', mode: append}\n`), [
    { ...orders, database: 'd', schema: 'My S', table: 'T', mode: 'append' },
  ])
})

/** `type severity columns values`, without places. */
const checksOf = (fields: string): unknown[] =>
  transform(fields).checks.map(({ type, severity, columns, values }) => [
    type,
    severity,
    columns.map((column) => column.name),
    ...(values === null ? [] : [values.map((value) => value.text)]),
  ])

test('tests, audits and tests beside a column are the same checks', () => {
  assert.equal(checksOf('audits: [{type: unique, columns: [a, b]}]\ntests: [{type: not_null, columns: [a]}]\n'), [
    ['unique', 'error', ['a', 'b']],
    ['not_null', 'error', ['a']],
  ])
  const beside = [
    ['not_null', 'error', ['a']],
    ['unique', 'warn', ['a']],
  ]
  assert.equal(checksOf('columns: {a: {tests: [not_null, {type: unique, severity: warn}]}}\n'), beside)
  assert.equal(checksOf('schema: [{name: a, tests: [not_null, {type: unique, severity: warn}]}]\n'), beside)
})

test('accepted values stay as they are written', () => {
  assert.equal(
    checksOf('tests: [{type: accepted_values, columns: [a], values: [x, 1.10, 007, 1e3, 0x1F, true, "null", null]}]\n'),
    [['accepted_values', 'error', ['a'], ['x', '1.10', '007', '1000', '31', 'true', 'null', null]]],
  )
})

test('depends_on stands in for inputs', () => {
  assert.equal(
    transform('depends_on: [{ref: source.a}]\n').inputs.map((i) => i.ref),
    ['source.a'],
  )
  assert.equal(
    transform('inputs: [{ref: source.b}]\ndepends_on: [{ref: source.a}]\n').inputs.map((i) => i.ref),
    ['source.b'],
  )
})

test('a renamed node names the one that it was', () => {
  assert.is(transform('renamed_from: old\n').renamedFrom, 'transform.old')
  assert.is(transform('renamed_from: transform.old\n').renamedFrom, 'transform.old')
})

test('a name that is a keyword is a name', () => {
  const { nodes, diagnostics } = validated({ 'seeknal/t.yml': 'kind: transform\nname: order\ntransform: SELECT 1\n' })
  assert.equal([nodes.map((n) => n.id), diagnostics], [['transform.order'], []])
})

test('SQL may be in a file of the project', () => {
  const files = { 'seeknal/t.yml': 'kind: transform\nname: t\nfile: ./sql/t.sql\n', 'sql/t.sql': '-- one\nSELECT 1\n' }
  const [node] = validated(files).nodes
  assert.is(node?.kind === 'transform' ? node.sql.text : '', '-- one\nSELECT 1\n')
  const upper = { 'seeknal/t.yml': 'kind: transform\nname: t\nfile: sql/T.SQL\n', 'sql/T.SQL': 'SELECT 2\n' }
  const [other] = validated(upper).nodes
  assert.is(other?.kind === 'transform' ? other.sql.text : '', 'SELECT 2\n')
})

test('snippets have short names unless these could mean two', () => {
  const { snippets } = validated({
    'seeknal/common/a.yml':
      'sources: [{id: s, ref: source.a, params: {port: 5432, code: 007}}]\nrules: [{id: paid, value: a > 0}, {id: both, value: b}]\n',
    'seeknal/common/b.yml': 'transformations: [{id: net, sql: a - b}, {id: both, sql: c}]\n',
  })
  const texts = Object.fromEntries(Object.entries(snippets).map(([name, { text }]) => [name, text]))
  assert.equal(texts, {
    's.ref': 'source.a',
    's.port': '5432',
    's.code': '007',
    'rules.paid': 'a > 0',
    paid: 'a > 0',
    'rules.both': 'b',
    'transforms.net': 'a - b',
    net: 'a - b',
    'transforms.both': 'c',
  })
})

test('a node among the snippets is named as such, once', () => {
  const said = (text: string) =>
    validated({ 'seeknal/common/a.yml': text }).diagnostics.map(({ code, hints }) => `${code} ${hints.join()}`)
  assert.equal(said('kind: source\nname: q\ntable: data/a.csv\n'), [
    'VALIDATE_UNKNOWN_KEY Move it to another folder below seeknal/.',
  ])
  assert.equal(said('rulez: []\n'), ["VALIDATE_UNKNOWN_KEY Did you mean 'rules'?"])
})

test('a lock file is read as it was written', () => {
  const lock = { 'source.b': { columns: [{ name: 'id', type: 'BIGINT' }] }, 'source.a': { columns: [] } }
  const { lock: read, diagnostics } = validated({
    'seeknal/t.yml': 'kind: transform\nname: t\ntransform: SELECT 1\n',
    'seeknal.lock.json': lockText(lock),
  })
  assert.equal(diagnostics, [])
  assert.equal(lockText(read), lockText(lock))
})

test('one mistake hides no other', () => {
  const text = 'kind: source\nname: s\nsource: csv\ntable: ../a.csv\ntags: {}\nparams: {delimeter: ",", skip: x}\n'
  assert.equal(placesOf(validated({ 'seeknal/s.yml': text }).diagnostics), [
    '4:8 VALIDATE_PATH',
    '5:7 VALIDATE_WRONG_TYPE',
    '6:10 VALIDATE_UNKNOWN_OPTION',
    '6:32 VALIDATE_WRONG_TYPE',
  ])
})

test('every kind of file has a JSON Schema with a title', () => {
  for (const kind of SCHEMA_KINDS) {
    const schema = jsonSchema(kind)
    assert.type(schema?.title, 'string', kind)
    assert.is(schema?.type, 'object', kind)
  }
  assert.is(jsonSchema('nothing'), undefined)
})

test('The JSON Schema of a source knows where a server may be said, of databases alone', () => {
  const { then: ofDatabases, else: ofFiles } = jsonSchema('source') ?? {}
  for (const field of ['host', 'password', 'keepalives_idle', 'query']) {
    assert.match(JSON.stringify(ofDatabases), `"${field}":`)
    assert.not.match(JSON.stringify(ofFiles), `"${field}":`)
  }
})

test.run()
