import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { CacheFile } from '../../compiler/cli/cache-file.ts'
import { createObserver } from '../../compiler/cli/observer.ts'
import { readProject } from '../../compiler/cli/project.ts'
import { ResultFiles } from '../../compiler/cli/result-files.ts'
import { isKnown, stamped } from '../../compiler/cli/text-cache.ts'
import type { CompileInput } from '../../compiler/compile.ts'
import { pastOf } from '../../compiler/past.ts'
import { type CompileCache, noDatabases } from '../../compiler/ports.ts'
import { manifestPart } from '../../compiler/recall/item-texts.ts'
import { type RecallInput, recallOrCompile } from '../../compiler/recall.ts'
import { prettyJson } from '../../runtime/contract/canonical-json.ts'
import { environmentName } from '../../runtime/contract/ids.ts'
import type { Manifest } from '../../runtime/contract/manifest.ts'
import { analysisEngine } from '../support/analysis.ts'
import { manifestOf } from '../support/compile.ts'
import { goldenCase, projectOf } from '../support/golden.ts'
import { suite } from '../support/suite.ts'
import { tempFolder, writeFiles } from '../support/temp.ts'

const test = suite('recall')

/** A cache that gives back what JSON keeps of a value. */
function memory(): CompileCache {
  const kept = new Map<string, string>()
  return {
    get: (key) => (kept.has(key) ? JSON.parse(kept.get(key) ?? '') : undefined),
    set: (key, value) => void kept.set(key, JSON.stringify(value)),
  }
}

/** Compiles the folder; also says whether the engine was asked, which every real compile of a changed file does. */
interface Caches {
  readonly cache: CompileCache
  readonly results: ResultFiles
}

const caches = (): Caches => ({ cache: memory(), results: new ResultFiles(tempFolder(), 'test') })

async function compile(
  folder: string,
  { cache, results }: Caches,
  { base = null, ...change }: Partial<CompileInput & RecallInput> = {},
) {
  const looked = new CacheFile(join(tempFolder(), 'cache'), 'test', 0)
  let asked = false
  const engine: CompileInput['engine'] = () => {
    asked = true
    return analysisEngine()
  }
  const observe = createObserver(folder, looked).observe
  const input = {
    files: readProject(folder, looked),
    environment: null,
    past: base && pastOf(base),
    params: {},
    engine,
    observe,
    ...noDatabases,
    cache,
    results,
    beginEngine: async () => {},
    acceptSources: false,
  }
  const compiled = await recallOrCompile({ ...input, ...change })
  results.save()
  return { compiled, asked }
}

const files = (bundle: { readonly files: ReadonlyMap<string, string> } | null) => [...(bundle?.files ?? [])].sort()

for (const name of ['shop', 'names', 'late-bound']) {
  test(`${name}: compiled again without a change, everything is the same and no engine starts`, async () => {
    const folder = projectOf(goldenCase(name))
    const base: Manifest = await manifestOf(folder)
    const cache = memory()
    const changes = [{ environment: environmentName('dev') ?? null, base }, { base }, {}]
    // Each with the change that leaves most to take over; what the others leave is the same everywhere.
    for (const change of name === 'shop' ? changes : changes.slice(0, 1)) {
      const kept = { cache, results: caches().results }
      const first = await compile(folder, kept, change)
      const again = await compile(folder, kept, change)
      assert.is(again.asked, false)
      assert.equal(files(again.compiled.bundle), files(first.compiled.bundle))
      assert.equal(JSON.parse(JSON.stringify(again.compiled)), JSON.parse(JSON.stringify(first.compiled)))
    }
  })
}

test('Another file, parameter, base or source is another compile', async () => {
  const folder = projectOf(goldenCase('shop'))
  const cache = caches()
  const first = await compile(folder, cache)
  const digest = async (change: Partial<CompileInput> = {}) =>
    (await compile(folder, cache, change)).compiled.bundle?.contract.digest
  assert.is(await digest(), first.compiled.bundle?.contract.digest)
  assert.is.not(await digest({ base: await manifestOf(folder) }), first.compiled.bundle?.contract.digest)
  assert.is(await digest(), first.compiled.bundle?.contract.digest)

  writeFileSync(
    join(folder, 'data/orders_updates.csv'),
    'order_id,customer_id,order_date,status,revenue,items,more\nA,B,2026-01-01,x,1.5,1,2\n',
  )
  const moved = await compile(folder, cache)
  assert.match(moved.compiled.bundle?.files.get('apply/source.orders_updates.sql') ?? '', 'more')

  appendFileSync(join(folder, 'seeknal/transforms/daily_revenue.yml'), 'tags: [mart]\n')
  const tagged = await compile(folder, cache)
  assert.equal(tagged.compiled.manifest?.nodes.find((node) => node.id === 'transform.daily_revenue')?.tags, ['mart'])
})

test('A damaged result is compiled anew', async () => {
  const folder = projectOf(goldenCase('shop'))
  const kept = tempFolder()
  const caches = { cache: memory(), results: new ResultFiles(kept, 'test') }
  const first = await compile(folder, caches)
  const path = join(kept, 'compiled')
  const whole = readFileSync(path)
  for (const damaged of [whole.subarray(0, -1), whole.subarray(0, 40), Buffer.from(whole).fill(0, 5_000, 9_000)]) {
    writeFileSync(path, damaged)
    assert.equal(files((await compile(folder, caches)).compiled.bundle), files(first.compiled.bundle))
    assert.equal(readFileSync(path), whole)
  }
})

test('Files of readers are read again only when they see other columns', async () => {
  const folder = tempFolder()
  const query = (name: string, from: string, sql: string) =>
    JSON.stringify({ kind: 'transform', name, inputs: [{ ref: from }], transform: sql })
  writeFiles(folder, {
    'seeknal_project.yml': 'name: row\nversion: 1.0.0\n',
    'seeknal/s.yml': 'kind: source\nname: s\nsource: csv\ntable: s.csv\ncolumns: {k: INTEGER}\n',
    'seeknal/b.yml': query('b', 'transform.a', "SELECT * FROM ref('transform.a')"),
    'seeknal/c.yml': query('c', 'transform.b', "SELECT * FROM ref('transform.b')"),
    's.csv': 'k\n1\n',
  })
  const loaded = new Set<string>()
  const { cache, results } = caches()
  const told: CompileCache = {
    get(key) {
      if (key.startsWith('load/')) loaded.add(key)
      return cache.get(key)
    },
    set: cache.set,
  }
  const filesFor = async (item: string, base: Manifest | null = null): Promise<number> => {
    writeFileSync(join(folder, 'seeknal/a.yml'), query('a', 'source.s', `SELECT k, ${item} AS x FROM ref('source.s')`))
    loaded.clear()
    const { compiled } = await compile(folder, { cache: told, results }, { base })
    assert.equal(files(compiled.bundle), files((await compile(folder, caches(), { base })).compiled.bundle))
    return loaded.size
  }
  assert.is(await filesFor('k + 1'), 5)
  assert.is(await filesFor('k + 2'), 2)
  assert.is(await filesFor("'a'"), 4)
  assert.is(await filesFor("'b'"), 2)
  // Where only the past is another, any file does.
  const base = await manifestOf(folder)
  assert.is(await filesFor("'b'", base), 2)
  assert.is(await filesFor("'c'", base), 2)
  assert.is(await filesFor("'d'"), 2)
})

for (const hasPast of [false, true])
  test(`${hasPast ? 'Over' : 'Without'} a past, what is said of nodes that no edit reaches is not even parsed`, async () => {
    const folder = tempFolder()
    const query = (name: string, from: string, item: string) =>
      writeFiles(folder, {
        [`seeknal/${name}.yml`]: JSON.stringify({
          ...{ kind: 'transform', name, inputs: [{ ref: from }] },
          transform: `SELECT k, ${item} AS x FROM ref('${from}')`,
        }),
      })
    writeFiles(folder, {
      'seeknal_project.yml': 'name: row\nversion: 1.0.0\n',
      'seeknal/s.yml': 'kind: source\nname: s\nsource: csv\ntable: s.csv\ncolumns: {k: INTEGER}\n',
      's.csv': 'k\n1\n',
    })
    const readers = { a: 'source.s', b: 'transform.a', d: 'transform.b', x: 'source.s', y: 'transform.x' }
    for (const [name, from] of Object.entries(readers)) query(name, from, '1')
    const base = hasPast ? await manifestOf(folder) : null
    const { cache, results } = caches()
    await compile(folder, { cache, results }, { base })
    const marked = (text = '') => text.replace('"id": "transform.y",', '"id": "transform.y" no JSON,')
    const read = results.get.bind(results)
    results.get = async (slot) => {
      const kept = await read(slot)
      const manifest = marked(kept?.texts.get('manifest.json'))
      return kept && { ...kept, texts: new Map([...kept.texts, ['manifest.json', manifest]]) }
    }
    const past = base && { ...pastOf(base), text: marked(pastOf(base).text) }
    for (const item of ['2', '2 /* as before */', '3']) {
      query('a', 'source.s', item)
      const found = (await compile(folder, { cache, results }, { past })).compiled.bundle?.files
      const expected = (await compile(folder, caches(), { base })).compiled.bundle?.files
      assert.is(found?.get('manifest.json'), marked(expected?.get('manifest.json')))
      for (const path of ['apply.sql', 'diff.json', 'review.md']) assert.is(found?.get(path), expected?.get(path), path)
      results.get = read
    }
  })

/** A project of one source and these transforms of it, each compiled after its edit: as a compile of everything. */
async function follows(version: string, edits: readonly Readonly<Record<string, string>>[]): Promise<void> {
  const folder = tempFolder()
  writeFiles(folder, {
    'seeknal_project.yml': JSON.stringify({ name: 'row', version }),
    'seeknal/s.yml': 'kind: source\nname: s\nsource: csv\ntable: s.csv\ncolumns: {k: INTEGER}\n',
    's.csv': 'k\n1\n',
    't.csv': 'k\n1\n',
  })
  const kept = caches()
  for (const edit of edits) {
    writeFiles(folder, edit)
    const [found, expected] = [await compile(folder, kept), await compile(folder, caches())]
    assert.equal(files(found.compiled.bundle), files(expected.compiled.bundle))
    assert.equal(found.compiled.lock, expected.compiled.lock)
  }
}

const query = (name: string, sql: string): Readonly<Record<string, string>> => ({
  [`seeknal/${name}.yml`]: JSON.stringify({ kind: 'transform', name, inputs: [{ ref: 'source.s' }], transform: sql }),
})

test('A file is known by its stamp, also one whose text is not kept', async () => {
  const folder = tempFolder()
  const texts = { kept: 'kind: source\n', withheld: '# of postgres, password: see the wiki\n' }
  writeFiles(folder, { 'seeknal/kept.yml': texts.kept, 'seeknal/withheld.yml': texts.withheld })
  // Until then the file system's clock could give the same stamp to another text.
  await setTimeout(100)
  const cache = memory()
  const isNew = (name: string) => !isKnown(cache, stamped(folder, `seeknal/${name}.yml`))
  assert.equal([isNew('kept'), isNew('withheld')], [true, true])
  readProject(folder, cache)
  assert.equal([isNew('kept'), isNew('withheld')], [false, false])
  writeFiles(folder, { 'seeknal/withheld.yml': `${texts.withheld}\n` })
  assert.equal([isNew('kept'), isNew('withheld')], [false, true])
})

test('Of a manifest in any order a part is read', async () => {
  const manifest = await manifestOf(projectOf(goldenCase('names')))
  const ids = manifest.nodes.map((node) => node.id)
  for (const nodes of [manifest.nodes, manifest.nodes.toReversed(), []]) {
    const text = prettyJson({ ...manifest, nodes })
    for (const some of [ids, ids.slice(1, 2), [...ids.slice(-1), 'transform.nowhere', ...ids.slice(0, 1)], []]) {
      const expected = { ...manifest, nodes: nodes.filter(({ id }) => some.includes(id)) }
      assert.equal(manifestPart(text, some), JSON.parse(JSON.stringify(expected)))
    }
  }
})

test('A comment that names a parameter which another node reads is seen', async () => {
  const read = "getvariable('env.REGION')"
  const own = query('a', `SELECT k, coalesce(${read}, 'eu') AS r FROM ref('source.s')`)
  const other = (sql: string) => query('b', `SELECT k FROM ref('source.s')${sql}`)
  await follows('1.0.0', [{ ...own, ...other('') }, other(` -- ${read}`), other(' -- nothing'), other('')])
})

test('A version that holds the text of a step is no place of it', async () => {
  const folder = tempFolder()
  const source = (path: string) => ({
    'seeknal/s.yml': `kind: source\nname: s\nsource: csv\ntable: ${path}\ncolumns: {k: INTEGER}\n`,
  })
  writeFiles(folder, { 'seeknal_project.yml': 'name: row\nversion: 1.0.0\n', 's.csv': 'k\n1\n', ...source('s.csv') })
  const step = (await compile(folder, caches())).compiled.bundle?.files.get('apply/source.s.sql') ?? ''
  await follows(`1 ${step}`, [source('s.csv'), source('t.csv'), source('s.csv')])
})

test('A project that has only nodes of later kinds is compiled again', async () => {
  const folder = tempFolder()
  const kept = caches()
  writeFiles(folder, { 'seeknal_project.yml': 'name: row\nversion: 1.0.0\n' })
  for (const more of ['', 'owner: ann\n', 'owner: bob\n']) {
    writeFiles(folder, { 'seeknal/m.yml': `kind: metric\nname: m\n${more}` })
    assert.ok((await compile(folder, kept)).compiled.bundle)
  }
  writeFiles(folder, { 'seeknal/m.yml': 'kind: source\nname: m\nsource: csv\ntable: m.csv\ncolumns: {k: INTEGER}\n' })
  assert.is((await compile(folder, kept)).compiled.manifest?.nodes.length, 1)
})

test('A project with mistakes is compiled anew each time', async () => {
  const folder = projectOf(goldenCase('shop'))
  const cache = caches()
  appendFileSync(join(folder, 'seeknal/transforms/daily_revenue.yml'), 'nonsense: [\n')
  const first = await compile(folder, cache)
  assert.is(first.compiled.bundle, null)
  assert.equal((await compile(folder, cache)).compiled.diagnostics, first.compiled.diagnostics)
})

test.run()
