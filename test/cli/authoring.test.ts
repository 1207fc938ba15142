// init, draft, dry-run, apply: nothing of the user's is overwritten, drafts work unedited, nothing is written outside.

import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import * as assert from 'uvu/assert'
import { cli, does, ends } from '../support/cli.ts'
import { shop } from '../support/shop.ts'
import { suite } from '../support/suite.ts'
import { tempFolder, tempProject } from '../support/temp.ts'

const test = suite('cli/authoring')

test('init makes a project that validates once it has a node, and keeps what is there', async () => {
  const folder = tempFolder('fresh')
  writeFileSync(join(folder, 'profiles.yml'), 'connections: {pg: {password: secret}}\n')
  writeFileSync(join(folder, '.gitignore'), 'node_modules')
  await does(folder, ['init', '--description', 'x: "y" # z'])
  assert.match(readFileSync(join(folder, 'seeknal_project.yml'), 'utf8'), new RegExp(`name: "?${basename(folder)}"?\n`))
  assert.is(readFileSync(join(folder, '.gitignore'), 'utf8'), 'node_modules\ntarget/\n')
  await ends(2, folder, ['init'])
  await does(folder, ['init', '--force', '--name', '007'])
  assert.match(readFileSync(join(folder, 'seeknal_project.yml'), 'utf8'), /name: "007"/)
  assert.match(readFileSync(join(folder, 'profiles.yml'), 'utf8'), /secret/)
  assert.is(readFileSync(join(folder, '.gitignore'), 'utf8'), 'node_modules\ntarget/\n')
  await does(folder, ['draft', 'transform', 'first'])
  await does(folder, ['apply', 'draft_transform_first.yml'])
  await does(folder, ['validate'])
  await does(folder, ['run'])
})

test('Every draft passes dry-run unedited, in an empty project and in a full one', async () => {
  const empty = tempFolder('empty')
  await does(empty, ['init'])
  const full = tempProject(shop)
  await does(full, ['run'])
  for (const folder of [empty, full])
    for (const kind of ['source', 'transform']) {
      await does(folder, ['draft', kind, 'brand_new', '-d', "it's new: #1"])
      await does(folder, ['dry-run', `draft_${kind}_brand_new.yml`])
      await does(folder, ['apply', `draft_${kind}_brand_new.yml`])
      await does(folder, ['validate'])
    }
  await ends(2, full, ['draft', 'transfrom', 'x'])
  await ends(2, full, ['draft', 'transform', 'a-b'])
  await does(full, ['draft', 'source', 'orders'])
  assert.match(readFileSync(join(full, 'draft_source_orders.yml'), 'utf8'), /table: "data\/orders\.csv"/)
  assert.not.match(readFileSync(join(full, 'draft_source_orders.yml'), 'utf8'), /columns:/)
  await ends(2, full, ['draft', 'source', 'orders'])
})

test('dry-run shows ten rows of the draft over production or over the sources, and writes nothing', async () => {
  const folder = tempProject(shop)
  const draft =
    "kind: transform\nname: by_country\ninputs:\n  - ref: transform.orders_full\ntransform: |\n  SELECT country, SUM(amount) AS total FROM ref('transform.orders_full') GROUP BY ALL ORDER BY ALL\n"
  writeFileSync(join(folder, 'draft.yml'), draft)
  for (const when of ['before', 'after']) {
    assert.match(await does(folder, ['dry-run', 'draft.yml']), /ID {6}│ 15\.75\n SG {6}│ 20\.00/, when)
    if (when === 'before') assert.not.ok(existsSync(join(folder, 'target')))
    else assert.equal(readdirSync(join(folder, 'target/tmp')), [])
    await does(folder, ['run'])
  }
  assert.equal(JSON.parse(await does(folder, ['dry-run', 'draft.yml', '--json', '--limit', '1'])).first_rows, [
    { country: 'ID', total: '15.75' },
  ])
  assert.not.match(await does(folder, ['dry-run', 'draft.yml', '--schema-only']), /15\.75/)
  writeFileSync(join(folder, 'draft.yml'), draft.replace('SUM(amount)', 'SUM(amout)'))
  assert.match((await ends(2, folder, ['dry-run', 'draft.yml'])).err, /^✗ draft\.yml:6:\d+: .*amout/m)
})

test('A draft cannot lead out of the project by its name, its kind or a link', async () => {
  const folder = tempProject(shop)
  const outside = tempFolder('outside')
  const apply = async (text: string) => {
    writeFileSync(join(folder, 'draft.yml'), text)
    return (await cli(folder, ['apply', 'draft.yml', '--force'])).code
  }
  const body = 'transform: SELECT 1 AS a\n'
  for (const name of ['../../x', '../x', '/tmp/x', 'a/b', 'a b', '', '123'])
    assert.is(await apply(`kind: transform\nname: ${JSON.stringify(name)}\n${body}`), 2, name)
  for (const kind of ['../../x', 'rule', 'transforms', ''])
    assert.is(await apply(`kind: ${JSON.stringify(kind)}\nname: x\n${body}`), 2, kind)
  assert.is(await apply(`name: x\n${body}`), 2)
  assert.is(await apply('kind: aggregation\nname: x\nfeatures:\n  - name: f\n'), 2)
  assert.ok(existsSync(join(folder, 'draft.yml')), 'a refused draft stays where it is')
  mkdirSync(join(folder, 'other'))
  symlinkSync(outside, join(folder, 'seeknal/linked'))
  assert.is(await apply(`kind: transform\nname: x\n${body}`), 2)
  assert.equal(readdirSync(outside), [])
})

test('apply moves a draft, tells the same from another text, and replaces where the node is', async () => {
  const folder = tempProject({
    ...shop,
    'seeknal/marts/top.yml': 'kind: transform\nname: top\ntransform: SELECT 1 AS a\n',
  })
  const draft = 'kind: transform\nname: top\ntransform: SELECT 1 AS a\n'
  const write = (text: string) => writeFileSync(join(folder, 'draft.yml'), text)
  write(draft)
  assert.match(await does(folder, ['apply', 'draft.yml']), /transform\.top unchanged: seeknal\/marts\/top\.yml/)
  assert.not.ok(existsSync(join(folder, 'draft.yml')))
  write(`${draft}materialization:\n  enabled: false\n`)
  assert.match((await ends(2, folder, ['apply', 'draft.yml'])).err, /exists already and is different/)
  assert.match(
    await does(folder, ['apply', 'draft.yml', '--force']),
    /transform\.top replaced: seeknal\/marts\/top\.yml/,
  )
  assert.match(readFileSync(join(folder, 'seeknal/marts/top.yml'), 'utf8'), /enabled: false/)
  write(
    'kind: transform\nname: fresh\ninputs:\n  - ref: transform.top\ntransform: SELECT a, a * 2 AS b FROM ref("transform.top")\n',
  )
  const out = await does(folder, ['apply', 'draft.yml'])
  assert.match(
    out,
    /fresh added: seeknal\/transforms\/fresh\.yml\n {2}reads: transform\.top\n {2}columns: a INTEGER, b INTEGER/,
  )
  assert.ok(statSync(join(folder, 'seeknal/transforms/fresh.yml')).isFile())
  await ends(2, folder, ['apply', 'nowhere.yml'])
})

test('Files that a link brings in from outside the project are refused, by name', async () => {
  const folder = tempProject(shop)
  const outside = tempProject({ 'secret.yml': 'kind: transform\nname: s\ntransform: SELECT 1\n' })
  symlinkSync(join(outside, 'secret.yml'), join(folder, 'seeknal/s.yml'))
  assert.match((await ends(2, folder, ['validate'])).err, /seeknal\/s\.yml.*leads out of the project/)
})

test('A link that leads nowhere is named: a node does not vanish silently', async () => {
  const folder = tempProject(shop)
  symlinkSync(join(folder, 'moved.yml'), join(folder, 'seeknal/s.yml'))
  assert.match((await ends(2, folder, ['validate'])).err, /seeknal\/s\.yml.*does not exist/)
})

test('The project is found from a folder inside it, and a .sql file that a node names is read', async () => {
  const folder = tempProject({
    ...shop,
    'sql/by_day.sql': "SELECT day FROM ref('source.orders')\n",
    'seeknal/transforms/by_day.yml':
      'kind: transform\nname: by_day\nfile: sql/by_day.sql\ninputs:\n  - ref: source.orders\n',
  })
  assert.match(await does(join(folder, 'seeknal/transforms'), ['validate']), /5 nodes/)
  writeFileSync(join(folder, 'sql/by_day.sql'), "SELECT dya FROM ref('source.orders')\n")
  assert.match((await ends(2, folder, ['validate'])).err, /sql\/by_day\.sql:1:8/)
  assert.match((await ends(2, tempFolder(), ['validate'])).err, /seeknal init/)
})

test('Files, links and names that cannot be are named as missing, never as a mistake of ours', async () => {
  const folder = tempProject({ ...shop, 'seeknal/a.yml': '' })
  symlinkSync('loop.csv', join(folder, 'data/loop.csv'))
  symlinkSync('turn', join(folder, 'seeknal/turn'))
  const long = 'a'.repeat(300)
  for (const table of ['data/loop.csv', `data/${long}.csv`, `data/${long}/*.csv`]) {
    writeFileSync(join(folder, 'seeknal/a.yml'), `kind: source\nname: a\nsource: csv\ntable: ${table}\n`)
    assert.match((await ends(2, folder, ['validate'])).err, /seeknal\/a\.yml:4:8: .*BIND_SOURCE_NOT_FOUND/)
  }
  writeFileSync(join(folder, 'seeknal/a.yml'), `kind: transform\nname: a\nfile: ${long}.sql\n`)
  assert.match((await ends(2, folder, ['validate'])).err, /VALIDATE_FILE_NOT_FOUND/)
  for (const bundle of [long, 'seeknal/turn']) await ends(2, folder, ['bundle', 'verify', bundle])
  await ends(2, folder, ['validate', '--project-path', long])
  symlinkSync('turn.yml', join(folder, 'seeknal/turn.yml'))
  assert.match((await ends(2, folder, ['validate'])).err, /seeknal\/turn\.yml.*does not exist/)
})

test('A file that is Latin-1 is refused at its first strange byte, as a node, as SQL and as a draft', async () => {
  const node = Buffer.from("kind: transform\nname: a\ntransform: SELECT 'caf\u00e9' AS a\n", 'latin1')
  const folder = tempProject(shop)
  writeFileSync(join(folder, 'draft.yml'), node)
  assert.match((await ends(2, folder, ['dry-run', 'draft.yml'])).err, /draft\.yml:3:23: .*LOAD_ENCODING/)
  writeFileSync(join(folder, 'seeknal/a.yml'), node)
  assert.match((await ends(2, folder, ['run'])).err, /seeknal\/a\.yml:3:23: .*LOAD_ENCODING/)
  writeFileSync(join(folder, 'seeknal/a.yml'), 'kind: transform\nname: a\nfile: a.sql\n')
  writeFileSync(join(folder, 'a.sql'), Buffer.from("SELECT\n  '\u00e9' AS a\n", 'latin1'))
  assert.match((await ends(2, folder, ['run'])).err, /a\.sql:2:4: .*LOAD_ENCODING/)
})

test('A draft of a node that shares its file is tried in place of it, and never replaces the others', async () => {
  const shared =
    'kind: transform\nname: one\ntransform: SELECT 1 AS a\n---\nkind: transform\nname: two\ninputs: [{ref: transform.one}]\ntransform: SELECT a FROM input_0\n'
  const folder = tempProject({ ...shop, 'seeknal/several.yml': shared })
  writeFileSync(join(folder, 'draft.yml'), 'kind: transform\nname: one\ntransform: SELECT 7 AS a\n')
  assert.match(await does(folder, ['dry-run', 'draft.yml']), /\n 7\n/)
  const { err } = await ends(2, folder, ['apply', 'draft.yml', '--force'])
  assert.match(err, /would replace seeknal\/several\.yml, which holds 'transform\.two' too/)
  assert.is(readFileSync(join(folder, 'seeknal/several.yml'), 'utf8'), shared)
  writeFileSync(join(folder, 'draft.yml'), 'kind: transform\nname: one\ntransform: SELECT 7 AS b\n')
  assert.match((await ends(2, folder, ['dry-run', 'draft.yml'])).err, /seeknal\/several\.yml:8:\d+: .*'a'/)
  writeFileSync(join(folder, 'seeknal/transforms/three.yml'), 'kind: transform\nname: four\ntransform: SELECT 1 AS a\n')
  writeFileSync(join(folder, 'draft.yml'), 'kind: transform\nname: three\ntransform: SELECT 1 AS a\n')
  assert.match((await ends(2, folder, ['apply', 'draft.yml', '--force'])).err, /holds 'transform\.four' too/)
})

test('A draft may name a .sql file that nothing else names', async () => {
  const folder = tempProject({ ...shop, 'sql/new.sql': 'SELECT 3 AS a\n' })
  writeFileSync(join(folder, 'draft.yml'), '{kind: transform, name: fresh, file: sql/new.sql}\n')
  assert.match(await does(folder, ['dry-run', 'draft.yml']), /\n 3\n/)
  await does(folder, ['apply', 'draft.yml'])
  assert.match(await does(folder, ['validate']), /valid/)
})

test.run()
