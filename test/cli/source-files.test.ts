// Which files a source reads, as its author meets it.

import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { cli, does, ends, rowsOf } from '../support/cli.ts'
import { Session } from '../support/duckdb.ts'
import { shop } from '../support/shop.ts'
import { suite } from '../support/suite.ts'
import { tempFolder, tempProject, writeFiles } from '../support/temp.ts'

const test = suite('cli/source-files')

const source = (path: string) => `kind: source\nname: customers\nsource: csv\ntable: ${path}\n`

test('A file out of the project, or one that is no data, is not even looked at', async () => {
  const folder = tempProject({ ...shop, 'profiles.yml': '# password_s3cr3t,b\n' })
  const outside = join(tempFolder('outside'), 'secret.csv')
  writeFileSync(outside, 'password_s3cr3t,b\n1,2\n')
  symlinkSync(outside, join(folder, 'data/link.csv'))
  symlinkSync(join(folder, 'profiles.yml'), join(folder, 'data/profile.csv'))
  for (const path of ['data/link.csv', 'data/profile.csv', 'data/[p]rofile.csv', 'data/*', 'profiles.yml', 'p*.yml']) {
    writeFileSync(join(folder, 'seeknal/sources/customers.yml'), source(`"${path}"`))
    for (const command of [['plan'], ['run'], ['lock', '--accept'], ['compile']]) {
      const { err, all } = await ends(2, folder, command)
      assert.match(err, /^✗ seeknal\/sources\/customers\.yml:4:[89]: /m, `${command} ${path}`)
      assert.not.match(all, /s3cr3t/)
      if (path === 'data/link.csv') assert.match(err, /leads out of the project through a link/)
    }
  }
  const lock = join(folder, 'seeknal.lock.json')
  assert.not.ok(existsSync(lock) && readFileSync(lock, 'utf8').includes('s3cr3t'))
})

test('A locked type stays while the data fits; --fresh asks the data alone', async () => {
  const folder = tempProject(shop)
  const types = () =>
    Object.fromEntries(
      JSON.parse(readFileSync(join(folder, 'seeknal.lock.json'), 'utf8')).sources['source.customers'].columns.map(
        (column: { name: string; type: string }) => [column.name, column.type],
      ),
    )
  writeFileSync(join(folder, 'data/customers.csv'), 'customer,country\na,1.5\n')
  await does(folder, ['lock', '--accept'])
  assert.is(types().country, 'DOUBLE')
  writeFileSync(join(folder, 'data/customers.csv'), 'customer,country\na,1\n')
  assert.match(await does(folder, ['lock']), /Nothing changed/)
  assert.match((await ends(1, folder, ['lock', '--fresh'])).out, /~ source\.customers\.country DOUBLE → BIGINT/)
  assert.is(types().country, 'DOUBLE')
  await does(folder, ['lock', '--accept'])
  assert.is(types().country, 'DOUBLE')
  await does(folder, ['lock', '--fresh', '--accept'])
  assert.is(types().country, 'BIGINT')
  assert.is(types().customer, 'VARCHAR')
})

test('Of a reader that was not edited, a plan says that what it reads changed, not its definition', async () => {
  const folder = tempProject(shop)
  await does(folder, ['run'])
  writeFileSync(join(folder, 'data/customers.csv'), 'customer,country,more\na,ID,1\nb,SG,2\n')
  await does(folder, ['lock', '--accept'])
  const plan = await does(folder, ['plan'])
  assert.match(plan, /source\.customers +execute +its definition changed\n/)
  assert.match(plan, /transform\.orders_full +execute +what it reads of source\.customers changed\n/)
})

test('Columns are not accepted while a source cannot be read, and are while a transform does not fit them', async () => {
  const folder = tempProject(shop)
  await does(folder, ['lock', '--accept'])
  const before = readFileSync(join(folder, 'seeknal.lock.json'), 'utf8')
  writeFileSync(join(folder, 'data/customers.csv'), 'customer,land\na,ID\n')
  writeFileSync(join(folder, 'data/orders.csv'), 'id,customer\n1,a\n')
  const { err } = await ends(2, folder, ['lock', '--accept'])
  assert.match(err, /orders\.yml:9:3: .*'amount'/)
  assert.not.match(err, /orders_full/)
  assert.is(readFileSync(join(folder, 'seeknal.lock.json'), 'utf8'), before)
  writeFileSync(join(folder, 'data/orders.csv'), shop['data/orders.csv'])
  assert.match(await does(folder, ['lock', '--accept']), /\+ source\.customers\.land/)
})

test('The folder of a project may have any name', async () => {
  const outer = tempFolder('folders')
  const orders = shop['seeknal/sources/orders.yml']
    .replace('data/orders.csv', 'data/ord*s.csv')
    .replace('tags: [raw]', 'params:\n  filename: true')
  const project = { ...shop, 'seeknal/sources/orders.yml': orders }
  const folder = join(outer, "a[b]*c? it's", 'shop')
  writeFiles(folder, project)
  // Another project, which the first one's name would find as a glob: nothing of it is read.
  const other = join(outer, "abZc! it's", 'shop')
  writeFiles(other, { ...project, 'data/orders.csv': 'id,customer,amount,day\n9,a,999.00,2026-03-01\n' })
  for (const at of [other, folder]) await does(at, ['run'])
  const daily = [
    ['2026-03-01', '30.50'],
    ['2026-03-02', '5.25'],
  ]
  assert.equal(await rowsOf(folder, 'SELECT * FROM transform_daily ORDER BY day'), daily)
  assert.equal(await rowsOf(folder, 'SELECT DISTINCT filename FROM source_orders'), [['data/orders.csv']])
  writeFileSync(
    join(folder, 'seeknal/transforms/daily.yml'),
    shop['seeknal/transforms/daily.yml'].replace('AS revenue', 'AS revenue, COUNT(*) AS n'),
  )
  for (const command of ['plan', 'apply']) await does(folder, ['env', command, 'dev'])
  assert.equal(await rowsOf(folder, 'SELECT day, revenue FROM transform_daily ORDER BY day', 'dev'), daily)
  assert.match(await does(folder, ['env', 'diff', 'dev']), /transform\.daily: 2 rows, \+ n BIGINT/)
  assert.match(await does(folder, ['inspect', 'source.orders']), /orders: 3 rows/)
  writeFileSync(join(folder, 'draft.yml'), orders.replace('name: orders', 'name: orders2'))
  assert.match(await does(folder, ['dry-run', 'draft.yml']), /3 rows in all/)
})

test('A path that names a folder, or nearly a file, says what was meant', async () => {
  const folder = tempProject({ ...shop, 'data/parts/1.csv': 'id\n1\n' })
  const said = async (path: string) => {
    writeFileSync(join(folder, 'seeknal/sources/customers.yml'), source(path))
    return (await ends(2, folder, ['validate'])).err
  }
  assert.match(
    await said('data/parts'),
    /hint: 'data\/parts' is a folder; 'data\/parts\/\*\.csv' names the files in it/,
  )
  execFileSync('mkfifo', [join(folder, 'data/pipe.csv')])
  assert.match(await said('data/pipe.csv'), /hint: 'data\/pipe\.csv' is a pipe, a socket or a device/)
  assert.match(await said('data/custmers.csv'), /hint: Did you mean 'data\/customers\.csv'\?/)
  assert.not.match(await said('elsewhere/customers.csv'), /Did you mean|is a folder/)
  assert.match(await said('[data/a.csv]'), /1 error;/)
})

test('Columns that are not the same in all files, and names that SQL cannot hold, say what to do', async () => {
  const folder = tempProject({ ...shop, 'data/parts/1.csv': 'id,v\n1,2\n', 'data/parts/2.csv': 'id,w\n1,2\n' })
  const file = join(folder, 'seeknal/sources/customers.yml')
  writeFileSync(join(folder, 'seeknal/sources/parts.yml'), source('data/parts/*.csv').replace('customers', 'parts'))
  assert.match((await ends(1, folder, ['run'])).err, /hint: Where the files of a source .*union_by_name: true/)
  writeFiles(folder, { 'data/nul.csv': 'a\0b,c\n1,2\n' })
  writeFileSync(file, source('data/nul.csv'))
  assert.match((await ends(2, folder, ['validate'])).err, /customers\.yml:4:8: .*NUL.*BIND_SOURCE_UNREADABLE/)
})

test('An empty CSV file is no rows, also where it is the first of a glob; its columns are declared or locked', async () => {
  const folder = tempProject({
    ...shop,
    'data/parts/region=a/0.csv': '',
    'data/parts/region=a/1.csv': 'id,v\n1,x\n',
    'data/parts/region=b/2.csv': '\ufeff',
    'data/parts/region=b/3.csv': 'id,v\n2,y\n',
    'data/blank.csv': '',
  })
  const parts = join(folder, 'seeknal/sources/parts.yml')
  writeFileSync(
    parts,
    `${source('data/parts/*/*.csv').replace('customers', 'parts')}params: {filename: true, hive_partitioning: true}\n`,
  )
  const blank = join(folder, 'seeknal/sources/blank.yml')
  const blankText = source('data/blank.csv').replace('customers', 'blank')
  writeFileSync(blank, blankText)
  assert.match((await ends(2, folder, ['validate'])).err, /blank\.yml:4:8: .*is empty, so .*BIND_SOURCE_EMPTY/)
  writeFileSync(blank, `${blankText}columns:\n  id: BIGINT\n  'a "b': DECIMAL(9,2)\n`)
  await does(folder, ['run'])
  assert.equal(await rowsOf(folder, 'SELECT id, v, region, filename FROM source.parts ORDER BY id'), [
    ['1', 'x', 'a', 'data/parts/region=a/1.csv'],
    ['2', 'y', 'b', 'data/parts/region=b/3.csv'],
  ])
  assert.equal(await rowsOf(folder, 'SELECT count(*), count("a ""b") FROM source.blank'), [['0', '0']])
  writeFiles(folder, { 'data/parts/region=a/1.csv': '', 'data/parts/region=b/3.csv': '' })
  const again = await cli(folder, ['run'])
  assert.match(again.err, /parts\.yml:4:8: .*is empty and is read as no rows.*BIND_SOURCE_EMPTY/)
  assert.equal(await rowsOf(folder, 'SELECT count(*) FROM source.parts'), [['0']])
})

test('A CSV file of nothing but blank lines is no rows, unless each of them is one', async () => {
  const folder = tempProject({
    ...shop,
    'data/parts/0.csv': '\ufeff\n',
    'data/parts/1.csv': 'id,v\n1,x\n',
    'data/parts/2.csv': `  \r\n${'\n'.repeat(5000)}`,
    'data/lines/1.csv': 'a\n\nb\n',
    'data/lines/2.csv': '\n\n',
    'data/pairs/1.csv': '1,2\n',
    'data/pairs/2.csv': '\n',
    'data/blank.csv': '\n \n',
    'data/blank.json': '\n',
  })
  const node = (name: string, path: string, more = '', format = 'csv') =>
    writeFileSync(
      join(folder, `seeknal/sources/${name}.yml`),
      `kind: source\nname: ${name}\nsource: ${format}\ntable: ${path}\n${more}`,
    )
  node('parts', 'data/parts/*.csv', 'params: {filename: true}\n')
  node('lines', 'data/lines/*.csv', 'params: {header: false}\n')
  node('pairs', 'data/pairs/*.csv', 'params: {header: false}\n')
  node('blank', 'data/blank.csv')
  node('keys', 'data/blank.json', '', 'json')
  const { err } = await ends(2, folder, ['validate'])
  assert.match(err, /blank\.yml:4:8: .*holds nothing but blank lines, so .*BIND_SOURCE_EMPTY/)
  assert.match(err, /keys\.yml:4:8: .*holds nothing but blank lines, so .*BIND_SOURCE_EMPTY/)
  assert.match(err, /2 errors;/)
  rmSync(join(folder, 'seeknal/sources/keys.yml'))
  node('blank', 'data/blank.csv', 'columns: {id: BIGINT, v: VARCHAR}\n')
  await does(folder, ['run'])
  assert.equal(await rowsOf(folder, 'FROM source.parts'), [['1', 'x', 'data/parts/1.csv']])
  assert.equal(await rowsOf(folder, 'SELECT count(column0), count(*) FROM source.lines'), [['2', '5']])
  assert.equal(await rowsOf(folder, 'FROM source.pairs'), [['1', '2']])
  assert.equal(await rowsOf(folder, 'SELECT count(*) FROM source.blank'), [['0']])
})

test('Columns of later files, and keys of later rows, that are not read are named with their file', async () => {
  const some = '{"id": 1, "who": {"name": "a"}}\n'
  const folder = tempProject({
    ...shop,
    'data/c/1.csv': 'id,v\n1,2\n',
    'data/c/2.csv': 'v,id\n1,2\n',
    'data/c/3.csv': 'id,extra,v\n1,2,3\n',
    'data/c/4.csv': '\n',
    'data/j.jsonl': `${some.repeat(21_000)}{"id": 2, "late": true, "who": {"name": "b", "age": 3}}\n`,
  })
  const session = await Session.open()
  await session.rows(`COPY (SELECT 1 AS id) TO '${folder}/data/1.parquet'`)
  await session.rows(`COPY (SELECT 1 AS "More", 2 AS id) TO '${folder}/data/2.parquet'`)
  const node = (format: string, path: string, more = '') =>
    writeFileSync(
      join(folder, `seeknal/sources/${format}.yml`),
      `kind: source\nname: ${format}\nsource: ${format}\ntable: ${path}\n${more}`,
    )
  node('csv', 'data/c/*.csv')
  node('parquet', 'data/*.parquet')
  node('jsonl', 'data/j.jsonl')
  const { err } = await cli(folder, ['validate'])
  const said = [...err.matchAll(/(\w+)\.yml:4:8: (The column .*) \[BIND_SOURCE_COLUMN_UNREAD\]/g)].map(
    (m) => `${m[1]} ${m[2]}`,
  )
  assert.equal(said, [
    "csv The column 'extra' of 'data/c/3.csv' is not read: the first file does not have it.",
    "jsonl The column 'late' of 'data/j.jsonl' is not read: it is in none of the rows that were looked at.",
    "jsonl The column 'who.age' of 'data/j.jsonl' is not read: it is in none of the rows that were looked at.",
    "parquet The column 'More' of 'data/2.parquet' is not read: the first file does not have it.",
  ])
  node('csv', 'data/c/*.csv', 'params: {union_by_name: true}\n')
  node('parquet', 'data/*.parquet', 'params: {union_by_name: true}\n')
  node('jsonl', 'data/j.jsonl', 'params: {sample_size: -1}\n')
  assert.not.match((await cli(folder, ['validate'])).err, /UNREAD/)
})

test('What is not read is warned about until columns: names all that is, or the lock accepts it', async () => {
  const more = Array.from({ length: 7 }, (_, i) => `late${i}`)
  const folder = tempProject({
    ...shop,
    'data/c/1.csv': 'id,v\n1,2\n',
    'data/c/2.csv': `id,v,${more.join(',')}\n1,2${',3'.repeat(7)}\n`,
  })
  const node = (columns: string) =>
    writeFiles(folder, { 'seeknal/c.yml': `kind: source\nname: c\nsource: csv\ntable: data/c/*.csv\n${columns}` })
  const unread = async () =>
    [...(await ends(0, folder, ['validate'])).err.matchAll(/The column '(\w+)'.*UNREAD/g)].map((m) => m[1])
  node('')
  await does(folder, ['run'])
  assert.equal(await unread(), more.slice(0, 5))
  assert.match((await ends(0, folder, ['validate'])).err, /hint: 5 of 7 such columns/)
  node('columns: {id: BIGINT}\n')
  assert.is((await unread()).length, 5, 'a type of one column says nothing of the others')
  node('columns: {V: BIGINT, id: BIGINT}\n')
  assert.equal(await unread(), [])
  node('')
  const lock = join(folder, 'seeknal.lock.json')
  const before = readFileSync(lock, 'utf8')
  const shown = await ends(0, folder, ['lock'])
  assert.match(shown.out, /! source\.c: 'late0' of the data is not read/)
  assert.match(shown.err, /hint: Accept it with `seeknal lock --accept`/)
  const asked = JSON.parse((await ends(0, folder, ['lock', '--json'])).out)
  assert.equal([asked.accepted, asked.changes.length, asked.changes[0].kind], [false, 7, 'unread'])
  assert.is(readFileSync(lock, 'utf8'), before)
  await does(folder, ['lock', '--accept'])
  assert.equal(JSON.parse(readFileSync(lock, 'utf8')).sources['source.c'].unread, more)
  assert.equal(await unread(), [])
  assert.match(await does(folder, ['lock']), /Nothing changed/)
  await does(folder, ['run'])
  assert.equal(JSON.parse(readFileSync(lock, 'utf8')).sources['source.c'].unread, more, 'a run keeps it')
  writeFiles(folder, { 'data/c/3.csv': 'id,v,new\n1,2,3\n' })
  assert.equal(await unread(), ['new'])
})

test('A time with its zone that cannot be read fails its source, and never becomes NULL', async () => {
  const good = '1,2026-01-01 07:00:00+07\n'.repeat(60_000)
  const folder = tempProject({ ...shop, 'data/times.csv': `id,moment\n${good}2,\n` })
  writeFiles(folder, { 'seeknal/times.yml': source('data/times.csv').replace('customers', 'times') })
  await does(folder, ['run', '--nodes', 'source.times'])
  const [seen] = await rowsOf(
    folder,
    'SELECT typeof(any_value(moment)), count(moment), count(*), min(moment) FROM source.times',
  )
  assert.equal(seen, ['TIMESTAMP WITH TIME ZONE', '60000', '60001', '2026-01-01 00:00:00+00'])
  writeFiles(folder, { 'data/times.csv': `id,moment\n${good}2,soon\n` })
  assert.match((await ends(1, folder, ['run', '--nodes', 'source.times'])).err, /source\.times: .*"soon"/)
})

test('A message about data shows where it is wrong, not all of the data', async () => {
  const long = 'x'.repeat(100_000)
  const rows = Array.from({ length: 30_000 }, (_, i) => `${i},a\n`).join('')
  const folder = tempProject({
    'seeknal_project.yml': 'name: p\n',
    'data/wide.csv': `id,x\n2,${long.repeat(21)}\n`,
    'data/late.csv': `id,x\n${rows}nope,${long}\n`,
    'seeknal/wide.yml': 'kind: source\nname: wide\nsource: csv\ntable: data/wide.csv\n',
  })
  const { err } = await ends(2, folder, ['validate'])
  assert.match(err, /^✗ seeknal\/wide\.yml:4:8: .*CSV Error on Line: \d/m)
  assert.match(err, /max_line_size/)
  assert.not.match(err, /Auto-Detected|sample_size/)
  assert.ok(err.length < 2000, `${err.length} characters`)
  writeFileSync(
    join(folder, 'seeknal/wide.yml'),
    'kind: source\nname: late\nsource: csv\ntable: data/late.csv\ncolumns: {id: BIGINT, x: VARCHAR}\n',
  )
  const failed = await ends(1, folder, ['run', '--json'])
  assert.match(failed.err, /30002/)
  assert.match(failed.all, /… \(\d+ characters\)/)
  assert.ok(failed.all.length < 5000, `${failed.all.length} characters`)
})

test.run()
