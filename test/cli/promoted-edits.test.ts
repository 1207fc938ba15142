// Edits of whole projects, taken all the way: production of the old project, then plan, apply and promote of the new one;
// every table is then what a production of the new project from scratch has, and nothing is left to do. Values are such
// that floating-point sums are exact. Nodes whose rows are no function of their inputs, and what reads them, are left out
// of the comparison and named. More random edits: `EDITS=200 SEED=7 node …`.

import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { isReproducible, type Manifest } from '../../runtime/contract/manifest.ts'
import { cli, does, records, rowsOf } from '../support/cli.ts'
import { editFiles, STALE } from '../support/edit-cases.ts'
import { fingerprinted, type MemoryProject, projectFiles } from '../support/memory-project.ts'
import { ProjectData } from '../support/project-data.ts'
import { Decisions } from '../support/random-expressions.ts'
import { editedSalts, randomProject } from '../support/random-projects.ts'
import { suite } from '../support/suite.ts'
import { removeFolder, tempFolder, writeFiles } from '../support/temp.ts'

const test = suite('cli/promoted edits')

const EDITS = Number(process.env.EDITS ?? 6)
const SEED = Number(process.env.SEED ?? 1)
const AT = ['--run-timestamp', '2020-02-15T08:00:00Z', '--run-id', 'a']

let opened: ProjectData | undefined
test.after(() => opened?.close())

/** With its sources in Parquet files. */
const inFiles = (project: MemoryProject): MemoryProject => ({
  ...project,
  nodes: Object.fromEntries(
    Object.entries(project.nodes).map(([id, node]) => [
      id,
      id.startsWith('source.') ? { ...node, source: 'parquet', table: `data/${id.slice(7)}.parquet` } : node,
    ]),
  ),
})

/** Writes a project and its data in place of what is there, but for target/. */
async function write(folder: string, project: MemoryProject): Promise<void> {
  opened ??= await ProjectData.open()
  rmSync(join(folder, 'seeknal'), { recursive: true, force: true })
  rmSync(join(folder, 'seeknal.lock.json'), { force: true })
  mkdirSync(join(folder, 'data'), { recursive: true })
  writeFiles(folder, Object.fromEntries(projectFiles(project).map(({ path, text }) => [path, text])))
  const { manifest } = await fingerprinted(project)
  for (const { id, columns, kind } of manifest.nodes)
    if (kind === 'source') await opened.write(id, columns ?? [], join(folder, `data/${id.slice(7)}.parquet`))
}

const readManifest = (folder: string): Manifest =>
  JSON.parse(readFileSync(join(folder, 'target/manifest.json'), 'utf8'))

/** Nodes whose rows two runs may make differently, and those that read them. */
function undetermined({ nodes }: Manifest): ReadonlySet<string> {
  const found = new Set(nodes.filter((node) => !isReproducible(node.reproducibility)).map((node) => node.id))
  for (let size = -1; size !== found.size; ) {
    size = found.size
    for (const { id, inputs } of nodes) if (inputs.some(({ ref }) => found.has(ref))) found.add(id)
  }
  return found
}

interface Taken {
  /** Tables that were compared. */
  readonly compared: readonly string[]
  readonly excluded: readonly string[]
}

interface Between {
  /** What the project is for a while, of which only some nodes run. */
  readonly project: MemoryProject
  readonly nodes: readonly string[]
}

/** Null when one of the projects has a query that fails on its data. */
async function takeThrough(
  name: string,
  before: MemoryProject,
  after: MemoryProject,
  between: Between | null = null,
): Promise<Taken | null> {
  const [edited, fresh] = [tempFolder('edited'), tempFolder('fresh')]
  const runs = async (folder: string, ...more: string[]) => (await cli(folder, ['run', ...AT, ...more])).code === 0
  try {
    await write(edited, before)
    if (!(await runs(edited))) return null
    await write(fresh, after)
    if (!(await runs(fresh))) return null
    if (between !== null) {
      await write(edited, between.project)
      if (!(await runs(edited, '--nodes', between.nodes.join()))) return null
    }
    await write(edited, after)
    await does(edited, ['env', 'plan', 'dev'])
    const applied = await cli(edited, ['env', 'apply', 'dev', ...AT])
    if (applied.code === 0) await does(edited, ['promote', 'dev', '--yes'])
    else assert.match(applied.all, 'no environment', name)
    // What the selection left and the plan does not read is still due.
    if (between !== null) await does(edited, ['run', ...AT])
    const nothing = [
      ['run', ...AT],
      ['env', 'plan', 'dev'],
    ]
    for (const command of nothing)
      assert.match(await does(edited, command), 'No changes detected', `${name}: ${command.join(' ')}`)
    return await compare(name, edited, fresh)
  } finally {
    for (const folder of [edited, fresh]) removeFolder(folder)
  }
}

async function compare(name: string, edited: string, fresh: string): Promise<Taken> {
  const manifest = readManifest(fresh)
  const ids = manifest.nodes.map((node) => node.id)
  assert.equal(
    readManifest(edited).nodes.map(({ id, columns }) => [id, columns]),
    manifest.nodes.map(({ id, columns }) => [id, columns]),
    `${name}: nodes and columns of production`,
  )
  const excluded = undetermined(manifest)
  const compared = ids.filter((id) => !excluded.has(id))
  for (const id of compared) {
    const [a, b] = [edited, fresh].map((f) => join(f, `target/intermediate/${id.replace('.', '_')}.parquet`))
    assert.is(await opened?.differenceOf(a ?? '', b ?? ''), 0, `${name}: rows of ${id} in production`)
  }
  return { compared, excluded: [...excluded] }
}

/** `OF=traps` takes all edits of fixtures/edits/traps.txt through. */
const OF = process.env.OF ?? ''
const CASES =
  OF === '' ? STALE : editFiles().flatMap(({ path, cases }) => (path.includes(OF) ? cases.map((c) => c.name) : []))

for (const name of CASES)
  test(`After promotion of ${name}, production is what one from scratch is`, async () => {
    const edit = editFiles()
      .flatMap((file) => file.cases)
      .find((c) => c.name === name)
    assert.ok(edit, `there is an edit '${name}'`)
    const [before, after] = [inFiles(edit.before), inFiles(edit.after)]
    const isOfFiles = await Promise.all([before, after].map((p) => fingerprinted(p))).catch(() => null)
    if (isOfFiles === null && OF !== '') return
    const taken = await takeThrough(name, before, after)
    if (OF === '')
      assert.ok(taken?.compared.includes('transform.y'), `the reader is compared; left out: ${taken?.excluded.join()}`)
  })

/** Names tie for the best score of a team; `more` are columns beside the winner. */
const TIES = (more: string): Readonly<Record<string, string>> => ({
  'seeknal_project.yml': 'name: ties\nversion: "1.0.0"\n',
  'data/runs.csv': 'team,name,score\na,ann,3\na,bob,3\nb,cid,1\nb,dan,1\nb,eve,0\n',
  'seeknal/runs.yml': 'kind: source\nname: runs\nsource: csv\ntable: data/runs.csv\n',
  'seeknal/best.yml': `kind: transform\nname: best\ninputs: [{ref: source.runs}]\ntransform: |\n  SELECT team, arg_max(name, score) AS winner, count(*) AS n${more} FROM source.runs GROUP BY team\n`,
  'seeknal/winners.yml':
    'kind: transform\nname: winners\ninputs: [{ref: transform.best}]\ntransform: SELECT winner FROM transform.best\n',
  'seeknal/sizes.yml':
    'kind: transform\nname: sizes\ninputs: [{ref: transform.best}]\ntransform: SELECT sum(n) AS n FROM transform.best\n',
})

const READERS = ['transform.sizes', 'transform.winners']

test('Where rows tie, the rows that came out decide which readers run again', async () => {
  const folder = tempFolder('ties')
  writeFiles(folder, TIES(''))
  await does(folder, ['run', '--threads', '1'])
  assert.equal([...undetermined(readManifest(folder))].sort(), ['transform.best', ...READERS])
  const executedBy = async (more: string) => {
    writeFileSync(join(folder, 'seeknal/best.yml'), TIES(more)['seeknal/best.yml'] ?? '')
    const plan = JSON.parse(await does(folder, ['env', 'plan', 'dev', '--json']))
    assert.equal([plan.execute, plan.may_execute], [['transform.best'], READERS])
    const lines = records(await does(folder, ['env', 'apply', 'dev', '--threads', '1', '--json']))
    await does(folder, ['promote', 'dev', '--yes'])
    assert.match(await does(folder, ['run']), 'No changes detected')
    return lines.flatMap(({ node, status }) => (status === 'executed' ? [node] : []))
  }
  assert.equal(await executedBy(', max(score) AS top'), ['transform.best'])
  const [first] = await rowsOf(folder, "SELECT winner FROM transform_best WHERE team = 'a'")
  writeFileSync(join(folder, 'data/runs.csv'), 'team,name,score\na,bob,3\na,ann,3\nb,cid,1\nb,dan,1\nb,eve,0\n')
  await does(folder, ['run', '--nodes', 'source.runs'])
  assert.equal(await executedBy(', max(score) AS top, min(score) AS low'), ['transform.best', 'transform.winners'])
  const names = await rowsOf(folder, 'SELECT winner FROM transform_winners ORDER BY winner')
  assert.equal(names, [['bob'], ['cid']])
  assert.equal(first, ['ann'])
})

/** In every third project, another edit of which only one or two nodes have run. */
function betweenOf(seed: number): Between | null {
  const d = new Decisions(seed, new Map(), 'between')
  if (!d.chance('selection', 33)) return null
  const { paths } = randomProject(seed, new Map())
  const { project } = randomProject(seed, editedSalts(d, new Map(), paths))
  const ids = Object.keys(project.nodes)
  return { project: inFiles(project), nodes: [d.pick('one', ids), d.pick('two', ids)] }
}

test('After promotion of any edit of any project, production is what one from scratch is', async () => {
  let [edits, compared] = [0, 0]
  for (let seed = SEED * 7000; edits < EDITS; seed++) {
    const before = randomProject(seed, new Map())
    const after = randomProject(seed, editedSalts(new Decisions(seed, new Map(), 'edit'), new Map(), before.paths))
    const name = `seed ${seed}`
    const projects = [before, after].map(({ project }) => inFiles(project))
    if (JSON.stringify(projects[0]) === JSON.stringify(projects[1])) continue
    const understood = await Promise.all(projects.map((p) => fingerprinted(p))).catch(() => null)
    if (understood === null) continue
    const between = betweenOf(seed)
    if (between !== null && (await fingerprinted(between.project).catch(() => null)) === null) continue
    const taken = await takeThrough(name, projects[0] ?? { nodes: {} }, projects[1] ?? { nodes: {} }, between)
    if (taken === null) continue
    edits++
    compared += taken.compared.filter((id) => id.startsWith('transform.')).length
  }
  assert.ok(compared >= EDITS, `only ${compared} tables were compared`)
})

test.run()
