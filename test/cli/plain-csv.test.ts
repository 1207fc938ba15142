// CSV files without quotes: what DuckDB is told of them changes nothing of what it finds.

import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { isWithoutQuotes, NO_QUOTES } from '../../compiler/cli/plain-csv.ts'
import { readerCall, textLiteral } from '../../compiler/dialect/duckdb.ts'
import { observeFiles } from '../../runtime/engines/duckdb/observe.ts'
import { type Random, seeded } from '../support/random.ts'
import { suite } from '../support/suite.ts'
import { tempProject } from '../support/temp.ts'

const test = suite('csv without quotes')

const FILES = 40

test('A file without quotes has the columns that it has when nothing is told of it', async () => {
  const random = seeded(11)
  const names = Array.from({ length: FILES }, (_, i) => `data/f${i}.csv`)
  const root = tempProject(Object.fromEntries(names.map((name) => [name, fileText(random)])))
  const looks = (more: Readonly<Record<string, string>>) =>
    names.map((name) => ({
      call: readerCall({ format: 'csv', path: textLiteral(join(root, name)), options: more }),
      expected: {},
    }))
  assert.ok(isWithoutQuotes(root, names, {}))
  const told = await observeFiles(root, looks(NO_QUOTES))
  const found = await observeFiles(root, looks({}))
  assert.ok(found.filter(({ kind }) => kind === 'columns').length > FILES / 2)
  for (const [i, answer] of found.entries()) {
    // Words for what is wrong hold the options.
    if (answer.kind === 'error') assert.is(told[i]?.kind, 'error')
    else assert.equal(told[i], answer)
  }
})

/** Lines of every delimiter that DuckDB tries, some of them too short or too long, with notes and without a header. */
function fileText(random: Random): string {
  const delimiter = random.pick([',', ',', ';', '|', '\t', ' '])
  const values = [
    '1',
    '2.50',
    '2024-03-01',
    '01/02/2024',
    '10:01:11',
    'true',
    'NULL',
    '',
    'b c',
    'ü',
    '007',
    '#x',
    '1e5',
  ]
  const kinds = Array.from({ length: random.between(1, 4) }, () => random.between(0, values.length - 1))
  const lines = Array.from({ length: random.between(0, 40) }, () => {
    const row = kinds.map((kind) => values[random.chance(0.1) ? random.between(0, values.length - 1) : kind] ?? '')
    return [...row, ...(random.chance(0.05) ? ['z'] : [])].slice(random.chance(0.03) ? 1 : 0).join(delimiter)
  })
  const header = random.chance(0.7) ? [kinds.map((_, i) => `c${i}`).join(delimiter)] : []
  const note = random.chance(0.2) ? ['# of March', ''] : []
  return [...note, ...header, ...lines].join(random.pick(['\n', '\n', '\r\n']))
}

test('Nothing is told of a file in which something may be quoted', () => {
  const root = tempProject({
    'a.csv': 'id,name\n1,x\n',
    'quoted.csv': 'id,name\n1,"x"\n',
    'single.csv': "id,name\n1,'x'\n",
    'escaped.csv': 'id,name\n1,x\\,y\n',
    'a.csv.gz': 'id',
    'large.csv': 'id\n'.repeat(2_000_000),
  })
  const without = (...files: readonly string[]) => isWithoutQuotes(root, files, {})
  assert.ok(without('a.csv'))
  for (const file of ['quoted.csv', 'single.csv', 'escaped.csv', 'a.csv.gz', 'large.csv', 'none.csv'])
    assert.not.ok(without('a.csv', file), file)
  assert.ok(isWithoutQuotes(root, ['a.csv'], { delim: ';', header: true }))
  for (const option of ['quote', 'escape', 'encoding', 'compression', 'sample_size'])
    assert.not.ok(isWithoutQuotes(root, ['a.csv'], { [option]: '' }), option)
})

test.run()
