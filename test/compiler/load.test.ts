import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { readPlain } from '../../compiler/load/plain-yaml.ts'
import { type LoadedDocument, load, namedSql, parseAny, withoutDocuments } from '../../compiler/load.ts'
import { noCache } from '../../compiler/ports.ts'
import { placeAt } from '../../compiler/sql/placed-text.ts'
import { placedText } from '../../compiler/validate/placed.ts'
import { seeded } from '../support/random.ts'
import { disturbed, randomYaml } from '../support/random-yaml.ts'
import { suite } from '../support/suite.ts'

const test = suite('load')

/** The one document of a file. */
function document(text: string): LoadedDocument {
  const { nodes, diagnostics } = load([{ path: 'seeknal/a.yml', text }], noCache)
  const [only] = nodes
  if (only === undefined) throw new Error(JSON.stringify(diagnostics))
  return only
}

/** Each character of the text at `/sql` that is also in the file at the place that it maps to. */
function mappedCharacters(yaml: string): string {
  const loaded = document(yaml)
  const text = String(loaded.value.sql)
  const placed = placedText(loaded, '/sql', text)
  const lines = yaml.split(/\r?\n/)
  return [...text]
    .map((character, i) => {
      const { line, column } = placeAt(placed, i, 1)
      return lines[line - 1]?.[column - 1] === character ? character : '·'
    })
    .join('')
}

/** False: it is left to the parser of all YAML. Otherwise what is read of it is what that parser reads. */
function isReadAlike(text: string): boolean {
  const plain = readPlain(text)
  if (plain === undefined) return false
  const { documents, diagnostics } = parseAny('seeknal/a.yml', text)
  const whole = documents.map(({ value, positions, sources }) => ({ value, positions: positions.packed, sources }))
  assert.equal([JSON.stringify([plain]), diagnostics], [JSON.stringify(whole), []], JSON.stringify(text))
  return true
}

test('a file that is read the fast way gives what the parser of all YAML gives', () => {
  const texts = readdirSync('fixtures', { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.yml'))
    .map((path) => readFileSync(join('fixtures', path), 'utf8'))
  const random = seeded(7)
  const generated = Array.from({ length: 250 }, () => randomYaml(random))
  const changed = [...texts, ...generated].map((text) => disturbed(random, text))
  const share = (some: readonly string[]) => some.filter(isReadAlike).length / some.length
  assert.ok(share(texts) > 0.75, 'three of four files of the fixtures')
  assert.ok(share(generated) > 0.25, 'a quarter of the generated documents')
  assert.ok(share(changed) > 0.1, 'a tenth of the changed ones')
})

test('dates, versions and numbers with leading zeros stay as they are written', () => {
  const { value, sources } = document(
    'start: 2024-01-01\nversion: 1.10\ncode: 012\nbig: 12345678901234567890\ntext: yes\nnan: .nan\n',
  )
  assert.equal(value, {
    start: '2024-01-01',
    version: 1.1,
    code: 12,
    big: '12345678901234567890',
    text: 'yes',
    nan: '.nan',
  })
  assert.equal(sources, { '/version': '1.10', '/code': '012' })
})

test('every key and value knows its place', () => {
  const { positions } = document('kind: transform\ninputs:\n  - ref: source.a\n  - {ref: "source.b"}\n')
  assert.equal(positions.at('/kind'), {
    key: { file: 'seeknal/a.yml', line: 1, column: 1, length: 4 },
    value: { file: 'seeknal/a.yml', line: 1, column: 7, length: 9 },
  })
  assert.equal(positions.at('/inputs/1/ref')?.value, { file: 'seeknal/a.yml', line: 4, column: 11, length: 10 })
})

test('an offset in a block of SQL is the line and column of the file', () => {
  for (const header of ['|', '|-', '|+', '|2', '>', '>-'])
    assert.is(
      mappedCharacters(`kind: a\nsql: ${header}\n  SELECT 1,\n\n  FROM x\n`).replace(/[· \n]/g, ''),
      'SELECT1,FROMx',
      header,
    )
})

test('indentation that belongs to the SQL is counted', () => {
  assert.is(mappedCharacters('sql: |2\n     SELECT\n   1\n\n     2\n'), '   SELECT\n 1\n\n   2\n'.replaceAll('\n', '·'))
  assert.is(mappedCharacters('a:\n  sql: 1\nsql: |\n      SELECT\n        1\n'), 'SELECT·  1·')
})

test('quoted SQL with escapes and several lines is mapped', () => {
  assert.is(mappedCharacters(`sql: "SELECT 'a\\tb\\u00e9c' AS x\n  FROM y"\n`), "SELECT 'a·b·c' AS x·FROM y")
  assert.is(mappedCharacters("sql: 'SELECT ''a''\n\n  FROM y'\n"), "SELECT 'a'·FROM y")
  assert.is(mappedCharacters('sql: SELECT 1\n  FROM y\n'), 'SELECT 1·FROM y')
})

test('files with Windows line ends and a byte order mark are read', () => {
  const text = '\ufeffkind: transform\r\nsql: |\r\n  SELECT\r\n  1\r\n'
  const loaded = document(text)
  assert.is(loaded.value.sql, 'SELECT\n1\n')
  assert.equal(
    loaded.positions.at('/sql')?.pieces?.map(({ line, column }) => [line, column]),
    [
      [3, 3],
      [4, 3],
    ],
  )
})

test('aliases and merge keys are put in', () => {
  const { value } = document('base: &base {a: 1, b: 2}\nown:\n  <<: *base\n  b: 3\nagain: *base\n')
  assert.equal(value, { base: { a: 1, b: 2 }, own: { b: 3, a: 1 }, again: { a: 1, b: 2 } })
})

test('a key called __proto__ is a key like any other', () => {
  const { value } = document('__proto__: {polluted: true}\nkind: a\n')
  assert.ok(Object.hasOwn(value, '__proto__'))
  assert.is(({} as Record<string, unknown>).polluted, undefined)
})

test('files are taken in the same order however they are listed', () => {
  const files = ['b', 'a', 'C'].map((name) => ({
    path: `seeknal/${name}.yml`,
    text: `name: ${name}\n---\nname: second\n`,
  }))
  const forward = load(files, noCache)
  assert.equal(load([...files].reverse(), noCache), forward)
  assert.equal(
    forward.nodes.map((d) => `${d.file}#${d.index}`),
    ['seeknal/C.yml#0', 'seeknal/C.yml#1', 'seeknal/a.yml#0', 'seeknal/a.yml#1', 'seeknal/b.yml#0', 'seeknal/b.yml#1'],
  )
})

test('templates, hidden files and profiles are no nodes', () => {
  const paths = [
    'seeknal/templates/a.yml',
    'seeknal/.hidden/a.yml',
    'profiles.yml',
    'draft_source_a.yml',
    'seeknal/readme.md',
  ]
  const { nodes, common } = load(
    paths.map((path) => ({ path, text: 'kind: source\n' })),
    noCache,
  )
  assert.equal([nodes, common], [[], []])
})

test('a file that is known is not parsed again, also when it moved', () => {
  const kept = new Map<string, string>()
  const asked: boolean[] = []
  const cache = {
    get: (key: string) => {
      const found = kept.get(key)
      asked.push(found !== undefined)
      return found === undefined ? undefined : JSON.parse(found)
    },
    set: (key: string, value: unknown) => {
      kept.set(key, JSON.stringify(value))
    },
  }
  const text = 'kind: a\nsql: |\n  SELECT\n  1\nv: 1.10\n'
  const cold = load([{ path: 'seeknal/a.yml', text }], cache)
  const warm = load([{ path: 'seeknal/a.yml', text }], cache)
  assert.equal(warm.nodes, cold.nodes)
  const moved = load([{ path: 'seeknal/b.yml', text }], cache)
  assert.is(moved.nodes[0]?.positions.at('/sql')?.value.file, 'seeknal/b.yml')
  assert.equal(asked, [false, true, true])
})

/** Each mistake as `line:column+length CODE fact`. */
const mistakes = (text: string): string[] =>
  load(
    [
      { path: 'seeknal_project.yml', text: 'name: p\n' },
      { path: 'seeknal/a.yml', text },
    ],
    noCache,
  ).diagnostics.map(({ place, code, facts }) =>
    `${place.line}:${place.column}+${place.length} ${code} ${facts.key ?? ''}`.trim(),
  )

test('a key that is there twice is named and underlined whole, however it is written', () => {
  assert.equal(mistakes('kind: a\nname: b\nkind: c\n'), ['3:1+4 LOAD_DUPLICATE_KEY kind'])
  assert.equal(mistakes('kind: a\n"kind": c\n'), ['2:1+6 LOAD_DUPLICATE_KEY kind'])
  assert.equal(mistakes('kind: a\nparams: {long name: 1, x: 2, long name: 3}\n'), [
    '2:30+9 LOAD_DUPLICATE_KEY long name',
  ])
  assert.equal(mistakes('kind: a\nparams:\n  1: x\n  1: y\n'), ['4:3+1 LOAD_DUPLICATE_KEY 1'])
})

test('what is nested too deeply is an error where it is, at any depth', () => {
  const nested = (levels: number) => mistakes(`kind: a\nparams: ${'['.repeat(levels)}${']'.repeat(levels)}\n`)
  assert.equal(nested(99), [])
  assert.match(nested(100).join(), /^2:108\+\d+ LOAD_DEPTH$/)
  for (const levels of [2_000, 10_000]) assert.match(nested(levels).join(), /^2:\d+\+1 LOAD_DEPTH$/)
  const steps = Array.from({ length: 200 }, (_, i) => `k${i + 1}: &a${i + 1}\n  <<: *a${i}\n`)
  assert.match(mistakes(`k0: &a0 {x: 1}\n${steps.join('')}`).join(), /LOAD_DEPTH/)
})

test('a file in UTF-16 is named as such, whatever it holds', () => {
  const wide = (text: string, order: string) => Buffer.from(`${order}${text}`, 'utf16le').swap16().toString('utf8')
  const files = [
    { path: 'seeknal_project.yml', text: wide('name: p\n', '\ufeff') },
    { path: 'seeknal/a.yml', text: Buffer.from('\ufeffkind: a\n', 'utf16le').toString('utf8') },
    { path: 'seeknal/a.sql', text: Buffer.from('SELECT 1\n', 'utf16le').toString('utf8') },
  ]
  assert.equal(
    load(files, noCache).diagnostics.map(({ place, code }) => `${place.file} ${code}`),
    ['seeknal/a.sql LOAD_ENCODING', 'seeknal/a.yml LOAD_ENCODING', 'seeknal_project.yml LOAD_ENCODING'],
  )
})

test('a file that is not UTF-8 is refused at the byte; U+FFFD itself is a character like any other', () => {
  const text = 'kind: a\nsql: caf\ufffd\n'
  const found = (isUtf8: boolean) =>
    load([{ path: 'seeknal/a.yml', text, isUtf8 }], noCache).diagnostics.map(
      ({ place, code }) => `${place.line}:${place.column} ${code}`,
    )
  assert.ok(found(false).includes('2:9 LOAD_ENCODING'))
  assert.not.ok(found(true).some((line) => line.endsWith('LOAD_ENCODING')))
})

test('the character NUL is refused where it is, in any file and however it is written', () => {
  assert.equal(mistakes('kind: a\nsql: "SELECT \\0 1"\n'), ['2:6+13 LOAD_NUL'])
  for (const text of ['\0kind: a\n', '\ufeff\0\0kind: source\n', '\0'])
    assert.match(
      load([{ path: 'seeknal/a.yml', text }], noCache)
        .diagnostics.map(({ code }) => code)
        .join(),
      'LOAD_NUL',
      text,
    )
  const late = { path: 'seeknal/a.sql', text: `${'-- x\n'.repeat(400)}SELECT \0` }
  assert.ok(
    load([late], noCache).diagnostics.some(
      (d) => d.code === 'LOAD_NUL' && d.place.line === 401 && d.place.column === 8,
    ),
  )
})

test('documents that hold nothing are passed over, wherever they are', () => {
  const { nodes, diagnostics } = load(
    [{ path: 'seeknal/a.yml', text: '---\n---\nkind: a\n---\n# nothing\n---\nkind: b\n---\n' }],
    noCache,
  )
  assert.equal(
    nodes.map(({ value }) => value.kind),
    ['a', 'b'],
  )
  assert.not.ok(diagnostics.some((d) => d.place.file === 'seeknal/a.yml'))
  assert.equal(mistakes('kind: a\n--- ~\n'), ['2:5+1 LOAD_NOT_A_MAPPING'])
  const hints = (path: string) => load([{ path, text: '- 1\n' }], noCache).diagnostics.flatMap((d) => d.hints)
  assert.ok(hints('seeknal/common/a.yml').includes('Begin with `sources:`, `transformations:` or `rules:`.'))
  assert.ok(hints('seeknal/a.yml').includes('Begin with `kind:` and `name:`.'))
})

test('.sql files that nodes name are found in every form of YAML', () => {
  const named = (text: string) => namedSql({ path: 'seeknal/a.yml', text }, noCache)
  assert.equal(named('{kind: transform, file: a b.sql}\n'), ['a b.sql'])
  assert.equal(named('"file": >-\n  ./x.sql\n---\nfile: &f y.sql\n---\n? file\n: "z#.sql" # why\n'), [
    'x.sql',
    'y.sql',
    'z#.sql',
  ])
  assert.equal(named('transform: |\n  file: x.sql\n# file: y.sql\n'), [])
})

test('documents are taken out of a file without touching the others', () => {
  const text = '# head\nkind: a\nx: |\n  1\n---\n{kind: b}\n---\nkind: c # last\n'
  const kinds = (indexes: number[]) =>
    load([{ path: 'seeknal/a.yml', text: withoutDocuments(text, indexes) }], noCache).nodes.map(({ value }) => value)
  assert.equal(kinds([]), [{ kind: 'a', x: '1\n' }, { kind: 'b' }, { kind: 'c' }])
  assert.equal(kinds([1]), [{ kind: 'a', x: '1\n' }, { kind: 'c' }])
  assert.equal(kinds([0, 2]), [{ kind: 'b' }])
})

test.run()
